"""Calls replayed with other values of turn-taking: what is the same, what comes sooner, and who is cut off."""

from __future__ import annotations

import pytest
from tests.traces import Spoken, trace

from offhook.authoring.retime import Recorded, Timing, recorded, timing
from offhook.contracts.plan import EndpointingPlan, TurnPlan
from offhook.core.time import MS
from offhook.errors import ConfigError


def heard(*spoken: Spoken, plan: TurnPlan | None = None, making: int = 300, talking: int = 900) -> Recorded:
    return recorded(trace("c1", spoken, plan, making=making, talking=talking).decode().splitlines(), "c1")


def at(plan: TurnPlan, *calls: Recorded) -> Timing:
    return timing(calls, plan)


def waits(**values: int) -> TurnPlan:
    return TurnPlan(endpointing=EndpointingPlan(**values))


QUICK = waits(sure_ms=100, probable_ms=100, likely_ms=100, unsure_ms=100, incomplete_ms=100)
SLOW = waits(sure_ms=2_600, probable_ms=2_700, likely_ms=2_800, unsure_ms=2_900, incomplete_ms=3_000)


def test_its_own_values_give_the_waits_that_were_recorded() -> None:
    call = heard(
        Spoken(3_000, 4_000, "a booking please", 0.88), Spoken(8_000, 9_000, "half past two", 0.7), Spoken(12_000, 13_000, "yes", 0.95)
    )
    waited = sorted(pause.waited / MS for pause in call.pauses if pause.waited is not None)
    assert len(waited) == 3
    found = at(TurnPlan(), call)
    assert (found.reply_ms, found.replies) == (waited[1], 3)
    assert (found.cut, found.hello, found.stopped) == ((), (), ())


def test_shorter_waits_bring_the_reply_sooner_but_not_before_it_is_made() -> None:
    call = heard(Spoken(3_000, 4_000, "half past two", 0.7), making=300)
    # 700 ms after the last sound, of which the reply, begun with the final words at 120 ms, had been ready since 420 ms.
    assert at(TurnPlan(), call).reply_ms == 700
    assert at(waits(likely_ms=500, probable_ms=480), call).reply_ms == 500
    assert at(QUICK, call).reply_ms == 420
    assert at(SLOW, call).reply_ms == 2_800
    late = heard(Spoken(3_000, 4_000, "half past two", 0.7), making=900)
    assert at(TurnPlan(), late).reply_ms == 1_020
    # Where nothing is prepared ahead, the reply begins to be made with the decision.
    assert at(TurnPlan(ahead=False), late).reply_ms == 1_600


def test_a_caller_who_only_paused_is_cut_off_by_a_shorter_wait() -> None:
    call = heard(Spoken(3_000, 4_000, "my number is", 0.1), Spoken(5_200, 6_400, "four two seven", 0.9))
    found = at(TurnPlan(), call)
    assert (found.cut, found.replies) == ((), 1)
    quick = at(QUICK, call)
    assert [(one.call, one.second) for one in quick.cut] == [("c1", 4.0)]


def test_one_who_was_cut_off_would_have_been_heard_out_by_a_longer_wait() -> None:
    call = heard(Spoken(3_000, 4_000, "my number is", 0.9), Spoken(4_700, 6_000, "four two seven", 0.9), talking=2_000)
    plan = waits(sure_ms=560)
    spoken_over = heard(Spoken(3_000, 4_000, "my number is", 0.9), Spoken(4_700, 6_000, "four two seven", 0.9), plan=plan)
    assert len(at(plan, spoken_over).cut) == 1
    assert at(SLOW, spoken_over).cut == ()
    assert len(at(QUICK, call).cut) == 1
    # Words that come when the agent has been heard for a while may be an answer to it: they tell nothing of a pause.
    answer = heard(Spoken(3_000, 4_000, "a booking", 0.9), Spoken(4_900, 6_000, "no wait stop", 0.9), talking=2_000)
    assert at(QUICK, answer).cut == at(TurnPlan(), answer).cut == ()


@pytest.mark.parametrize("words", ["hello", "Hello? Hello?", "are you there", "hello are you still there"])
def test_who_asks_whether_anybody_is_there_would_not_have_had_to(words: str) -> None:
    call = heard(Spoken(3_000, 4_000, "half past two", 0.7), Spoken(6_000, 6_600, words, 0.9), plan=SLOW)
    slow = at(SLOW, call)
    assert ([one.second for one in slow.hello], slow.cut) == ([4.0], ())
    quick = at(TurnPlan(), call)
    assert (quick.hello, quick.cut, quick.replies) == ((), (), 2)
    assert at(SLOW, heard(Spoken(3_000, 4_000, "half past two", 0.7), Spoken(6_000, 6_600, "hello kitty", 0.9), plan=SLOW)).hello == ()


def test_a_sound_that_means_nothing_stops_it_or_not() -> None:
    long = heard(Spoken(1_000, 2_600, "mm-hm"), talking=3_000)
    assert [one.second for one in at(TurnPlan(confirm_ms=600), long).stopped] == [1.06]
    assert at(TurnPlan(confirm_ms=1_500), long).stopped == ()
    assert at(TurnPlan(), heard(Spoken(1_000, 1_500, "mm-hm"), talking=3_000)).stopped == ()
    # One with a meaning is meant to stop it.
    assert at(TurnPlan(), heard(Spoken(1_000, 2_600, "no that is not it"), talking=3_000)).stopped == ()


def test_what_is_no_trace_is_refused() -> None:
    with pytest.raises(ConfigError):
        recorded(["{}"], "c1")


def test_nothing_comes_of_calls_without_words() -> None:
    found = at(TurnPlan(), recorded(trace("c1", [Spoken(3_000, 3_200, "", 0.0)]).decode().splitlines(), "c1"))
    assert (found.reply_ms, found.replies, found.cut) == (None, 0, ())
    assert timing([], TurnPlan()).reply_ms is None
