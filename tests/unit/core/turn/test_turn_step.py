"""The table of turn-taking, row by row, and what else callers do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.core.time import MS, ms
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import Held, Phase, Preparing, Quiet, Silent, Speaking, Talking, Trailing, TurnState, initial
from offhook.core.turn.step import deadline, step
from offhook.core.turn.user import effective

POLICY = TurnPolicy()


class Line:
    """A call under test: times in ms, ticks only where asked for."""

    def __init__(self, policy: TurnPolicy = POLICY) -> None:
        self.policy = policy
        self.state: TurnState = initial()
        self.now = 0
        self.feed(ev.Answered(0))

    def feed(self, event: ev.Event) -> tuple[fx.Effect, ...]:
        outcome = step(self.state, event, self.policy)
        self.state = outcome.state
        self.now = max(self.now, event.at)
        return outcome.effects

    @property
    def turn(self) -> int:
        assert self.state.open_turn is not None
        return self.state.open_turn

    def tick(self) -> tuple[fx.Effect, ...]:
        due = deadline(self.state)
        assert due is not None
        return self.feed(ev.Tick(due))

    def start(self, after: int = 100) -> tuple[fx.Effect, ...]:
        at = self.now + after * MS
        return self.feed(ev.SpeechStarted(at, at))

    def stop(self, after: int = 300) -> tuple[fx.Effect, ...]:
        at = self.now + after * MS
        return self.feed(ev.SpeechStopped(at, at))

    def final(self, text: str, score: float = 0.95, segment: int = 0, after: int = 10) -> tuple[fx.Effect, ...]:
        return self.feed(ev.Final(self.now + after * MS, segment, text, score))

    def partial(self, text: str, segment: int = 0) -> tuple[fx.Effect, ...]:
        return self.feed(ev.Partial(self.now + 10 * MS, segment, text, 0.5))

    def audio(self) -> tuple[fx.Effect, ...]:
        return self.feed(ev.ReplyAudio(self.now + 10 * MS, self.turn))

    def heard(self) -> tuple[fx.Effect, ...]:
        return self.feed(ev.Drained(self.now + 500 * MS, self.turn))

    def greeted(self) -> Line:
        self.audio()
        self.heard()
        return self

    def asked(self, text: str = "book a visit") -> Line:
        self.start()
        self.stop()
        self.final(text)
        self.tick()
        return self

    def talking(self) -> Line:
        self.audio()
        return self


def _kinds(effects: tuple[fx.Effect, ...]) -> list[type]:
    return [type(effect) for effect in effects]


def _phase(line: Line) -> Phase:
    return line.state.phase


def test_a_pause_is_held_and_its_words_are_joined() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    line.final("my number is", score=0.1)
    assert line.start() == ()
    assert isinstance(line.state.user, Speaking)
    line.stop()
    line.final("five five", segment=1)
    assert line.state.text == "my number is five five"
    assert fx.PromoteTurn(2) in line.tick()


def test_an_eager_score_opens_a_muted_turn_and_the_deadline_promotes_it() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    assert line.final("book a visit") == (fx.OpenTurn(2, "book a visit", True, "speech"),)
    assert line.audio() == ()
    assert line.tick() == (fx.PromoteTurn(2), fx.Listen())
    assert isinstance(line.state.agent, Talking)


def test_an_unlikely_end_opens_the_turn_only_at_the_deadline() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    stopped = line.now
    assert line.final("my number is", score=0.1) == ()
    assert deadline(line.state) == stopped + POLICY.endpointing.incomplete_ms
    assert line.tick() == (fx.OpenTurn(2, "my number is", False, "speech"),)


def test_other_words_replace_the_muted_turn() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    line.final("book a visit")
    assert line.final("book two visits") == (fx.CancelTurn(2, fx.Why.SUPERSEDED), fx.OpenTurn(3, "book two visits", True, "speech"))


def test_a_caller_who_goes_on_takes_the_prepared_reply_back() -> None:
    line = Line().greeted().asked()
    assert line.start() == (fx.CancelTurn(2, fx.Why.RESUMED),)
    assert line.state.text == "book a visit"


def test_words_that_come_late_replace_the_reply_until_it_is_audible() -> None:
    line = Line().greeted().asked()
    assert line.final("book a visit today") == (fx.CancelTurn(2, fx.Why.RESUMED), fx.OpenTurn(3, "book a visit today", False, "speech"))
    assert line.audio() == (fx.Listen(),)


def test_words_that_are_heard_anew_from_the_beginning_do_not_open_the_reply_again_and_again() -> None:
    line = Line().greeted().asked("a visit on Friday afternoon")
    for text in ("a", "a visit", "A visit on", "a visit on Friday afternoon"):
        assert line.partial(text) == (fx.Ignored("late words"),)
    assert line.partial("a visit on Friday afternoon please") == (
        fx.CancelTurn(2, fx.Why.RESUMED),
        fx.OpenTurn(3, "a visit on Friday afternoon please", False, "speech"),
    )
    assert line.final("a visit on Friday") == (fx.CancelTurn(3, fx.Why.RESUMED), fx.OpenTurn(4, "a visit on Friday", False, "speech"))


def test_work_that_cannot_be_taken_back_keeps_its_turn_when_the_caller_speaks() -> None:
    line = Line().greeted().asked()
    assert line.feed(ev.Taken(line.now, 2)) == (fx.Listen(),)
    assert line.start() == (fx.HoldPlayout(2),)
    assert isinstance(line.state.agent, Held)
    line.stop()
    assert fx.ResumePlayout(2) in line.final("mm-hm")


def test_speech_over_the_agent_holds_in_the_same_step() -> None:
    line = Line().greeted().asked().talking()
    assert line.start() == (fx.HoldPlayout(2),)
    assert line.state.agent == Held(Talking(2, line.state.agent.before.until), line.now + POLICY.confirm_ms)  # type: ignore[union-attr]


def test_a_sentence_over_the_agent_stops_it() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    assert line.partial("no wait") == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))
    assert isinstance(line.state.user, Speaking)
    assert line.state.text == "no wait"


@pytest.mark.parametrize("text", ["mm-hm", "Okay.", "", "yeah yeah"])
def test_a_backchannel_resumes_from_the_held_sample(text: str) -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    assert line.final(text) == (fx.ResumePlayout(2), fx.Listen())
    assert isinstance(line.state.agent, Talking)
    assert isinstance(line.state.user, Silent)


def test_one_real_word_after_the_stop_is_a_barge_in_and_is_answered() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    effects = line.final("Tuesday")
    assert effects == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN), fx.OpenTurn(3, "Tuesday", True, "speech"))
    assert fx.PromoteTurn(3) in line.tick()


def test_a_noise_without_words_resumes_once_it_has_stopped() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    assert line.tick() == (fx.ResumePlayout(2),)
    assert line.final("") == (fx.Listen(),)
    assert line.state.user == Silent()


@pytest.mark.parametrize("words", ["stop", "no I want something else"])
def test_words_that_the_recogniser_owes_are_not_dropped_when_the_agent_goes_on(words: str) -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    assert line.tick() == (fx.ResumePlayout(2),)
    effects = line.final(words, after=400)
    assert effects[:2] == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))
    opened = next((effect for effect in (*effects, *line.tick()) if isinstance(effect, fx.OpenTurn)), None)
    assert opened is not None
    assert opened.text == words


def test_a_backchannel_that_the_recogniser_owes_stops_nothing() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    line.tick()
    assert line.final("mm-hm", after=400) == (fx.Listen(),)
    assert isinstance(line.state.agent, Talking)


def test_a_recogniser_that_never_says_what_it_was_is_not_waited_for_for_ever() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    line.tick()
    assert line.tick() == (fx.Listen(),)
    assert line.state.user == Silent()


def test_words_that_are_owed_are_waited_for_as_long_when_their_recogniser_is_lost() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    stopped = line.now
    line.tick()
    line.feed(ev.Behind(stopped + 1_500 * MS))
    assert isinstance(line.state.user, Trailing)
    assert line.state.user.until == stopped + POLICY.words_ms
    assert line.final("stop", after=600)[:2] == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))


def test_while_words_are_owed_the_agent_still_gives_way_at_once() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    line.tick()
    assert line.start() == (fx.HoldPlayout(2),)


def test_words_that_are_owed_when_the_reply_ends_are_the_callers_turn() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.stop()
    line.tick()
    assert fx.CommitTurn(2) in line.feed(ev.Drained(line.now + 10 * MS, 2))
    effects = (*line.final("and on Sundays", after=50), *line.tick())
    assert any(isinstance(effect, fx.OpenTurn) and effect.text == "and on Sundays" for effect in effects)


@pytest.mark.parametrize("held", [True, False])
def test_late_words_of_a_caller_who_spoke_over_the_last_of_a_reply_are_answered(held: bool) -> None:
    """As late as after any other turn, whether the agent was still held for them or had gone on (crowd seed 43929)."""
    line = Line().greeted().asked().talking()
    line.start()
    if not held:
        line.tick()
        assert line.tick() == (fx.ResumePlayout(2),)
    line.stop()
    stopped = line.now
    assert fx.CommitTurn(2) in line.feed(ev.Drained(stopped + 100 * MS, 2))
    assert deadline(line.state) == stopped + POLICY.words_ms
    effects = (*line.final("and on Sundays", after=2_800), *line.tick())
    assert any(isinstance(effect, fx.OpenTurn) and effect.text == "and on Sundays" for effect in effects)


def test_what_a_tool_has_to_say_is_not_lost_to_a_backchannel_that_is_owed() -> None:
    line = Line().greeted()
    line.feed(ev.ToolStarted(line.now, 1))
    line.feed(ev.ToolDone(line.now + 10 * MS, 1))
    turn = line.turn
    line.start()
    line.stop()
    assert line.tick() == (fx.ResumePlayout(turn),)
    assert line.final("mm-hm") == (fx.Listen(),)
    assert isinstance(line.state.agent, Preparing)


def test_a_recogniser_that_decides_on_turns_is_waited_for() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted()
    line.start()
    line.stop()
    line.final("book a visit")
    due = deadline(line.state)
    assert due == line.now - 10 * MS + POLICY.endpointing.vendor_ms
    assert line.feed(ev.TurnEnding(line.now + 100 * MS, sure=True)) == (fx.PromoteTurn(2),)


def test_an_eager_end_prepares_a_reply_and_a_resumption_drops_it() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted()
    line.start()
    line.stop()
    line.final("I would like", score=0.1)
    assert line.feed(ev.TurnEnding(line.now, sure=False)) == (fx.OpenTurn(2, "I would like", True, "speech"),)
    assert line.start() == (fx.CancelTurn(2, fx.Why.RESUMED),)
    line.stop()
    line.final("I would like a visit")
    assert line.feed(ev.TurnEnding(line.now, sure=True))[-1] == fx.PromoteTurn(3)


def test_words_that_settle_in_a_pause_are_answered_ahead_and_more_of_them_drop_that() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted()
    line.start()
    line.partial("book a visit")
    assert line.feed(ev.Settled(line.now)) == (fx.OpenTurn(2, "book a visit", True, "speech"),)
    assert isinstance(line.state.user, Speaking)
    assert line.partial("book a visit") == ()
    assert line.partial("book a visit for my") == (fx.CancelTurn(2, fx.Why.SUPERSEDED),)
    assert line.feed(ev.Settled(line.now)) == (fx.OpenTurn(3, "book a visit for my", True, "speech"),)
    line.stop()
    assert fx.PromoteTurn(3) in line.feed(ev.TurnEnding(line.now, sure=True))


def test_words_that_settle_are_not_answered_ahead_where_they_are_no_turn_or_nothing_is() -> None:
    line = Line().greeted()
    assert _kinds(line.feed(ev.Settled(line.now))) == [fx.Ignored]
    line.start()
    assert _kinds(line.feed(ev.Settled(line.now))) == [fx.Ignored]
    line.feed(ev.Partial(line.now, 0, "my number is", 0.1))
    assert _kinds(line.feed(ev.Settled(line.now))) == [fx.Ignored]
    for policy in (replace(POLICY, ahead=False), replace(POLICY, endpointing=replace(POLICY.endpointing, eager=1.0))):
        line = Line(policy).greeted()
        line.start()
        line.feed(ev.Partial(line.now, 0, "book a visit", 0.95))
        assert _kinds(line.feed(ev.Settled(line.now))) == [fx.Ignored]


def lost_after_words(text: str = "book a visit", score: float = 0.95) -> Line:
    """A caller who has stopped, and words of theirs that are not final, when the recogniser is lost."""
    line = Line().greeted()
    line.start()
    line.feed(ev.Partial(line.now, 0, text, score))
    line.stop()
    return line


def until(line: Line) -> int:
    """How long after the caller stopped the turn is over, in ms."""
    assert isinstance(line.state.user, Trailing)
    return (line.state.user.until - line.state.user.stopped) // MS


def test_a_turn_is_not_over_while_another_recogniser_is_told_what_the_lost_one_heard() -> None:
    line = lost_after_words()
    assert until(line) == 1_500
    line.feed(ev.Behind(line.now + 200 * MS))
    assert until(line) == 2_200
    line.feed(ev.Behind(line.now + 500 * MS))
    assert until(line) == 2_700
    assert fx.OpenTurn(3, "book a visit for my boiler", False, "speech") in line.final("book a visit for my boiler", after=100)
    assert line.state.behind is None


def test_words_of_another_recogniser_are_all_that_is_waited_for() -> None:
    line = lost_after_words()
    line.feed(ev.Behind(line.now + 200 * MS))
    line.feed(ev.Partial(line.now + 500 * MS, 0, "book a visit for my boiler", 0.95))
    assert until(line) == POLICY.final_ms // MS
    assert fx.OpenTurn(3, "book a visit for my boiler", False, "speech") in line.final("book a visit for my boiler", after=900)


def test_a_recogniser_that_never_comes_is_not_waited_for_longer_than_words_are() -> None:
    line = lost_after_words(score=0.5)
    for _ in range(3):
        line.feed(ev.Behind(line.now + 900 * MS))
    assert until(line) == POLICY.words_ms // MS
    assert fx.OpenTurn(2, "book a visit", False, "speech") in line.tick()


def test_a_recogniser_lost_in_speech_is_waited_for_after_it() -> None:
    line = Line().greeted()
    line.start()
    line.feed(ev.Partial(line.now, 0, "book a visit", 0.95))
    line.feed(ev.Behind(line.now))
    line.stop(after=200)
    assert until(line) == 1_800
    line.start()
    line.stop()
    assert until(line) == 1_500


def test_a_lost_recogniser_owes_nothing_where_nobody_has_spoken() -> None:
    line = Line().greeted()
    assert _kinds(line.feed(ev.Behind(line.now))) == [fx.Ignored]


def test_words_that_are_final_are_not_all_where_their_recogniser_is_lost_and_owes_some() -> None:
    """Those before a pause were; the ones after it come from whoever is told it all anew (crowd seed 46307)."""
    line = Line().greeted()
    line.start()
    line.stop()
    line.final("oh seven nine one one two", score=0.8)
    lost = line.now
    line.feed(ev.Behind(lost))
    due = deadline(line.state)
    assert due is not None
    assert due >= lost + POLICY.behind_ms
    effects = line.final("oh seven nine one one two three four five six", score=0.95, after=700)
    assert effects[-1] == fx.OpenTurn(3, "oh seven nine one one two three four five six", False, "speech")


def test_an_acoustic_opinion_counts_more_than_words_that_settle() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    line.partial("book a visit")
    line.feed(ev.ShiftScored(line.now, 0.1))
    assert _kinds(line.feed(ev.Settled(line.now))) == [fx.Ignored]
    line.feed(ev.ShiftScored(line.now, 0.9))
    assert line.feed(ev.Settled(line.now)) == (fx.OpenTurn(2, "book a visit", True, "speech"),)


def test_a_backchannel_that_was_final_before_the_detector_heard_its_end_is_none_of_the_callers_turns() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted().asked().talking()
    line.start()
    line.final("mm-hm", score=0.45)
    line.stop(after=20)
    line.feed(ev.TurnEnding(line.now + 100 * MS, sure=True))
    assert isinstance(line.state.agent, Talking)
    assert line.state.user == Silent()
    line.heard()
    assert line.state.open_turn is None
    assert line.state.text == ""


def test_a_word_over_the_agent_that_was_final_before_the_detector_heard_its_end_is_answered_at_the_recognisers_end() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted().asked().talking()
    line.start()
    line.final("stop", score=0.9)
    line.stop(after=20)
    effects = line.feed(ev.TurnEnding(line.now + 100 * MS, sure=True))
    assert fx.CancelTurn(2, fx.Why.BARGE_IN) in effects
    assert any(isinstance(effect, fx.OpenTurn | fx.PromoteTurn) for effect in effects)
    assert isinstance(line.state.agent, Preparing)
    assert not line.state.agent.speculative


def test_the_engines_wait_counts_from_the_last_sample_also_where_the_recogniser_was_quicker_than_the_detector() -> None:
    policy = replace(POLICY, vendor_ends=True, endpointing=replace(POLICY.endpointing, vendor_ms=0))
    line = Line(policy).greeted()
    line.start()
    line.partial("yes please")
    last = line.now + 500 * MS
    assert line.feed(ev.Final(last + 100 * MS, 0, "yes please", 0.95)) == (fx.OpenTurn(2, "yes please", True, "speech"),)
    assert line.feed(ev.TurnEnding(last + 100 * MS, sure=False)) == ()
    assert line.feed(ev.SpeechStopped(last + 120 * MS, last)) == ()
    assert deadline(line.state) == last + policy.endpointing.wait(0.95)
    assert line.feed(ev.SpeechStopped(last + 121 * MS, last + 50 * MS)) == (fx.Ignored("not speaking"),)
    assert line.tick() == (fx.PromoteTurn(2),)


def test_a_recognisers_end_beats_a_detector_that_hears_a_noise() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted()
    line.start()
    line.partial("book a visit")
    assert line.feed(ev.TurnEnding(line.now, sure=True)) == (fx.OpenTurn(2, "book a visit", False, "speech"),)
    assert line.state.user == Silent()


def test_without_the_recognisers_end_the_engines_own_wait_decides() -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted()
    line.start()
    line.stop()
    line.final("book a visit")
    assert line.tick() == (fx.PromoteTurn(2),)


@pytest.mark.parametrize("sure", [True, False])
def test_an_end_of_a_turn_without_words_or_over_the_agent_means_nothing(sure: bool) -> None:
    line = Line(replace(POLICY, vendor_ends=True)).greeted()
    assert _kinds(line.feed(ev.TurnEnding(line.now, sure))) == [fx.Ignored]
    line.start()
    line.stop()
    assert _kinds(line.feed(ev.TurnEnding(line.now, sure))) == [fx.Ignored]
    line = Line(replace(POLICY, vendor_ends=True)).greeted().asked().talking()
    line.start()
    line.partial("yes")
    assert _kinds(line.feed(ev.TurnEnding(line.now, sure))) == [fx.Ignored]


def test_a_noise_that_goes_on_is_waited_for_twice() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    assert line.tick() == ()
    assert line.tick() == (fx.ResumePlayout(2),)
    assert isinstance(line.state.agent, Talking)
    assert line.partial("turn it down") == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))


def test_a_noise_that_comes_and_goes_cannot_hold_the_agent_for_ever() -> None:
    line = Line().greeted().asked().talking()
    begin = line.now
    audible: list[int] = []
    held_again = 0
    for burst in range(60):
        for event in (ev.SpeechStarted, ev.SpeechStopped):
            at = begin + ms(burst * 500 + (300 if event is ev.SpeechStopped else 0))
            while (due := deadline(line.state)) is not None and due <= at:
                effects = line.feed(ev.Tick(due))
                audible += [due - begin for effect in effects if isinstance(effect, fx.ResumePlayout)]
            held_again += fx.HoldPlayout(2) in line.feed(event(at, at))
            line.feed(ev.Played(at, line.turn, 160))
    assert len(audible) == 1
    assert audible[0] <= 4 * POLICY.confirm_ms
    assert held_again == 1
    assert line.partial("turn it down please") == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))


def test_after_a_noise_has_been_away_the_agent_gives_way_at_once_again() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.tick()
    line.tick()
    line.feed(ev.Played(line.now, 2, 160))
    line.stop()
    line.tick()
    assert isinstance(line.state.user, Silent)
    assert line.start() == (fx.HoldPlayout(2),)


def test_a_caller_who_was_taken_for_a_noise_and_speaks_up_again_after_a_pause_is_given_way_to() -> None:
    """Their words may be late, or their recogniser mute (crowd seeds 43929 and 44582)."""
    line = Line().greeted().asked().talking()
    line.start()
    line.tick()
    assert line.tick() == (fx.ResumePlayout(2),)
    line.stop(after=200)
    assert line.start(after=340) == ()
    line.stop(after=200)
    assert line.start(after=360) == (fx.HoldPlayout(2),)
    assert line.partial("turn it down please") == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))


@pytest.mark.parametrize("text", ["Yes.", "okay", "that's right"])
def test_a_yes_over_the_last_of_a_question_is_its_answer(text: str) -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    assert line.final(text) == (fx.ResumePlayout(2),)
    assert line.feed(ev.Drained(line.now + 300 * MS, 2)) == (fx.CommitTurn(2),)
    assert line.tick() == (fx.OpenTurn(3, text, False, "speech"),)


def test_a_yes_in_the_middle_of_a_reply_is_dropped_after_a_while() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("yes")
    assert deadline(line.state) == line.now + POLICY.answer_ms
    assert line.tick() == (fx.Listen(),)
    assert line.state.segments == ()
    assert line.feed(ev.Drained(line.now, 2)) == (fx.CommitTurn(2),)
    assert isinstance(line.state.user, Silent)


def test_words_that_follow_a_kept_yes_are_joined_to_it() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("yes")
    assert line.start() == (fx.HoldPlayout(2),)
    assert line.partial("but not on Tuesday", segment=1) == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))
    assert line.state.text == "yes but not on Tuesday"


def test_a_kept_yes_whose_words_are_corrected_stays_until_the_reply_is_heard() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("yes")
    assert line.final("yes okay") == ()
    line.feed(ev.Drained(line.now, 2))
    assert line.tick() == (fx.OpenTurn(3, "yes okay", False, "speech"),)


def test_a_kept_yes_to_a_goodbye_opens_nothing() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("thanks")
    line.feed(ev.Drained(line.now, 2))
    assert line.feed(ev.Command(line.now, "end")) == (fx.End("finished"),)


def test_a_reply_heard_to_its_end_is_committed() -> None:
    line = Line().greeted().asked().talking()
    assert line.heard() == (fx.CommitTurn(2),)
    assert isinstance(line.state.agent, Quiet)


def test_a_stall_is_apologised_for_and_a_second_one_ends_the_call() -> None:
    line = Line().greeted().asked()
    assert line.tick() == (fx.CancelTurn(2, fx.Why.STALLED), fx.Listen(), fx.Prompt(3, fx.Line.FALLBACK))
    assert line.tick() == (fx.CancelTurn(3, fx.Why.STALLED), fx.Listen(), fx.Prompt(4, fx.Line.FAILED))
    line.audio()
    assert line.heard() == (fx.CommitTurn(4), fx.End("failed"))


def test_answers_that_fail_in_a_row_end_the_call_though_the_fallback_line_is_heard_between_them() -> None:
    line = Line().greeted().asked()
    assert fx.Prompt(3, fx.Line.FALLBACK) in line.feed(ev.ReplyFailed(line.now, 2, "Timeout"))
    line.greeted()
    line.asked("book a visit please")
    assert fx.Prompt(5, fx.Line.FAILED) in line.feed(ev.ReplyFailed(line.now, 4, "Timeout"))
    assert _phase(line) is Phase.CLOSING


@pytest.mark.parametrize("before", [True, False])
def test_an_answer_that_breaks_off_while_the_caller_coughs_is_followed_by_something(before: bool) -> None:
    line = Line().greeted().asked().talking()
    line.start()
    if before:
        line.stop()
    assert fx.CancelTurn(2, fx.Why.FAILED) in line.feed(ev.ReplyFailed(line.now + 50 * MS, 2, "BadOutput"))
    if not before:
        line.stop()
    assert line.tick() == (fx.Listen(), fx.Prompt(3, fx.Line.FALLBACK, ""))


def test_a_sound_over_the_agent_gives_an_answer_that_has_stalled_no_more_time_than_it_took() -> None:
    line = Line().greeted().asked().talking()
    assert isinstance(line.state.agent, Talking)
    due = line.state.agent.until
    line.start(after=1_000)
    begun = line.now
    line.stop()
    line.final("mm-hm")
    assert isinstance(line.state.agent, Talking)
    assert line.state.agent.until == due + line.now - begun < line.now + POLICY.stalled_ms


def test_an_answer_that_is_heard_forgives_the_failure_before_it() -> None:
    line = Line().greeted().asked()
    line.feed(ev.ReplyFailed(line.now, 2, "Timeout"))
    line.greeted().asked().greeted().asked()
    assert fx.Prompt(6, fx.Line.FALLBACK) in line.feed(ev.ReplyFailed(line.now, 5, "Timeout"))


def test_results_of_an_old_turn_are_counted_and_nothing_else() -> None:
    line = Line().greeted().asked()
    for event in (ev.ReplyAudio(line.now, 1), ev.ReplyDone(line.now, 1), ev.Drained(line.now, 7), ev.ReplyFailed(line.now, 1, "Timeout")):
        before = line.state
        assert line.feed(event) == (fx.Ignored("stale turn"),)
        assert line.state == before


def test_a_hangup_flushes_cancels_and_ends() -> None:
    line = Line().greeted().asked().talking()
    assert line.feed(ev.Hangup(line.now)) == (fx.Flush(2), fx.CancelTurn(2, fx.Why.HANGUP), fx.End("hangup"))
    assert line.start() == (fx.Ignored("the call has ended"),)


def test_idleness_is_asked_about_and_then_ends_in_a_goodbye_that_a_caller_can_interrupt() -> None:
    line = Line().greeted()
    for turn in (2, 3):
        assert line.tick() == (fx.Prompt(turn, fx.Line.STILL_THERE),)
        line.greeted()
    assert line.tick() == (fx.Prompt(4, fx.Line.GOODBYE),)
    assert _phase(line) is Phase.CLOSING
    line.audio()
    line.start()
    assert line.partial("sorry wait please") == (fx.Flush(4), fx.CancelTurn(4, fx.Why.BARGE_IN))
    assert _phase(line) is Phase.LIVE
    assert line.state.idle_prompts == 0


def test_a_goodbye_that_is_heard_ends_the_call() -> None:
    line = Line(TurnPolicy(idle_prompts=0)).greeted()
    line.tick()
    line.audio()
    assert line.heard() == (fx.CommitTurn(2), fx.End("idle"))


def test_the_longest_call_ends_with_its_line() -> None:
    line = Line(TurnPolicy(max_call_ms=ms(5_000))).greeted()
    assert fx.Prompt(2, fx.Line.LIMIT) in line.tick()
    line.audio()
    assert line.heard() == (fx.CommitTurn(2), fx.End("limit"))


def test_the_longest_turn_is_answered_though_the_caller_goes_on() -> None:
    line = Line(TurnPolicy(max_turn_ms=ms(3_000))).greeted()
    line.start()
    line.partial("and then and then")
    assert line.tick() == (fx.OpenTurn(2, "and then and then", False, "speech"),)
    assert isinstance(line.state.user, Silent)


def test_keys_are_gathered_until_a_pause_or_a_hash() -> None:
    line = Line().greeted()
    line.feed(ev.Dtmf(line.now, "1"))
    line.feed(ev.Dtmf(line.now + ms(100), "2"))
    assert line.tick() == (fx.OpenTurn(2, "12", False, "keys"),)
    line.audio()
    effects = line.feed(ev.Dtmf(line.now, "#"))
    assert effects == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN), fx.Listen(), fx.OpenTurn(3, "#", False, "keys"))


def test_keys_that_are_due_while_the_caller_speaks_are_answered_after_that() -> None:
    line = Line().greeted()
    line.feed(ev.Dtmf(line.now, "1"))
    line.start()
    at = line.state.digits_until
    assert at is not None
    assert line.feed(ev.Tick(at)) == (fx.OpenTurn(2, "1", False, "keys"), fx.HoldPlayout(2))
    line.feed(ev.ReplyAudio(at, 2))
    assert isinstance(line.state.agent, Held)


def test_keys_are_not_lost_to_words_that_are_said_with_them() -> None:
    line = Line().greeted()
    line.feed(ev.Dtmf(line.now, "1"))
    line.start()
    line.stop()
    line.final("my number is", score=0.1)
    at = line.state.digits_until
    assert at is not None
    assert line.feed(ev.Tick(at)) == (fx.Listen(), fx.OpenTurn(2, "1", False, "keys"))
    assert isinstance(line.state.user, Silent)


def test_keys_that_never_end_are_taken_after_the_longest_number() -> None:
    line = Line().greeted()
    effects: tuple[fx.Effect, ...] = ()
    pressed = 0
    while not any(isinstance(effect, fx.OpenTurn) for effect in effects):
        pressed += 1
        effects = line.feed(ev.Dtmf(line.now + 10 * MS, "7"))
    assert pressed == 32
    assert effects[-1] == fx.OpenTurn(2, "7" * 32, False, "keys")


def test_a_muted_turn_cannot_use_up_the_words() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    line.final("book a visit")
    assert line.feed(ev.Taken(line.now, 2)) == (fx.Ignored("a muted turn has no effects"),)
    assert line.state.text == "book a visit"


def test_a_line_to_say_waits_for_both_floors() -> None:
    line = Line().greeted().asked().talking()
    assert line.feed(ev.Command(line.now, "say", "one moment")) == ()
    assert line.heard() == (fx.CommitTurn(2), fx.Prompt(3, fx.Line.SAY, "one moment"))


def test_who_is_hushed_loses_the_floor_and_what_waits_is_not_said() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.Command(line.now, "say", "one moment"))
    line.start()
    effects = line.feed(ev.Command(line.now, "hush"))
    assert [type(one) for one in effects] == [fx.Flush, fx.CancelTurn, fx.Listen]
    assert (line.state.user, line.state.agent, line.state.says, line.state.text) == (Silent(), Quiet(), (), "")
    assert line.feed(ev.Command(line.now, "say", "please ring us back")) == (fx.Prompt(3, fx.Line.SAY, "please ring us back"),)


def test_an_end_waits_for_the_reply_to_be_heard() -> None:
    line = Line().greeted().asked().talking()
    assert line.feed(ev.Command(line.now, "end")) == ()
    assert line.heard() == (fx.CommitTurn(2), fx.End("finished"))


def test_a_transfer_leaves_the_caller_the_floor_and_is_answered_when_it_fails() -> None:
    line = Line().greeted()
    assert line.feed(ev.Command(line.now, "transfer", "desk")) == (fx.Transfer("desk"),)
    line.start()
    line.partial("never mind")
    line.stop(after=500)
    line.final("never mind")
    assert [type(effect) for effect in line.tick()] == [fx.OpenTurn]
    assert line.feed(ev.Transferred(line.now, ok=False)) == ()
    assert line.feed(ev.ReplyDone(line.now, 2)) == (fx.Listen(), fx.CommitTurn(2), fx.OpenTurn(3, "", False, "tool"))


def test_a_transfer_that_fails_while_nobody_speaks_is_told_at_once() -> None:
    line = Line().greeted()
    line.feed(ev.Command(line.now, "transfer", "desk"))
    assert line.feed(ev.Transferred(line.now, ok=False)) == (fx.OpenTurn(2, "", False, "transfer"),)


def test_a_transfer_that_fails_while_the_caller_speaks_waits_for_them() -> None:
    line = Line().greeted()
    line.feed(ev.Command(line.now, "transfer", "desk"))
    line.start()
    assert line.feed(ev.Transferred(line.now, ok=False)) == ()
    line.stop(after=200)
    assert line.tick() == (fx.Listen(), fx.OpenTurn(2, "", False, "tool"))


def test_the_agent_says_lines_and_keys_count_during_a_transfer() -> None:
    line = Line().greeted()
    line.feed(ev.Command(line.now, "transfer", "desk"))
    assert line.feed(ev.Command(line.now, "say", "still trying")) == (fx.Prompt(2, fx.Line.SAY, "still trying"),)
    assert line.feed(ev.Dtmf(line.now, "#")) == (fx.CancelTurn(2, fx.Why.SUPERSEDED), fx.Listen(), fx.OpenTurn(3, "#", False, "keys"))


def test_a_line_that_breaks_during_a_transfer_neither_ends_the_call_nor_the_transfer() -> None:
    line = Line().greeted()
    line.feed(ev.Command(line.now, "transfer", "desk"))
    for turn in (2, 3, 4):
        assert line.feed(ev.Command(line.now, "say", "still trying")) == (fx.Prompt(turn, fx.Line.SAY, "still trying"),)
        assert line.feed(ev.ReplyFailed(line.now, turn, "Timeout")) == (fx.CancelTurn(turn, fx.Why.FAILED), fx.Listen())
    assert line.state.phase is Phase.TRANSFERRING


def test_a_transfer_ends_by_itself_whatever_nobody_says() -> None:
    line = Line().greeted()
    line.feed(ev.Command(line.now, "transfer", "desk"))
    assert deadline(line.state) == line.now + POLICY.transfer_ms
    assert line.tick() == (fx.OpenTurn(2, "", False, "transfer"),)
    assert line.state.phase is Phase.LIVE


def test_a_transfer_that_works_ends_the_call() -> None:
    line = Line().greeted()
    line.feed(ev.Command(line.now, "transfer", "desk"))
    assert line.feed(ev.Transferred(line.now, ok=True)) == (fx.End("transferred"),)


def test_a_tool_that_answers_while_the_caller_speaks_waits_for_the_caller() -> None:
    line = Line().greeted()
    line.feed(ev.ToolStarted(line.now, 1))
    line.start()
    assert line.feed(ev.ToolDone(line.now, 1)) == ()
    line.stop(after=200)
    assert line.tick() == (fx.Listen(), fx.OpenTurn(2, "", False, "tool"))


def test_a_tool_that_answers_while_the_agent_speaks_is_told_after_that() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ToolStarted(line.now, 1))
    assert line.feed(ev.ToolDone(line.now, 1)) == ()
    assert line.heard() == (fx.CommitTurn(2), fx.OpenTurn(3, "", False, "tool"))


def test_a_tool_that_never_answers_is_given_up() -> None:
    line = Line().greeted()
    line.feed(ev.ToolStarted(line.now, 1))
    due = line.now + POLICY.tool_ms
    assert deadline(line.state) == due
    assert line.tick() == (fx.OpenTurn(2, "", False, "tool"),)
    assert line.feed(ev.ToolDone(due, 1)) == (fx.Ignored("no such tool"),)


def test_speech_without_words_is_answered_with_the_fallback_line_only_if_it_was_long() -> None:
    for length, expected in ((300, [fx.Listen]), (1_500, [fx.Listen, fx.Prompt])):
        line = Line().greeted()
        line.start()
        line.stop(after=length)
        assert isinstance(line.state.user, Trailing)
        assert _kinds(line.tick()) == expected


def test_a_reply_without_sound_is_over_when_it_is_done() -> None:
    line = Line().greeted().asked()
    assert isinstance(line.state.agent, Preparing)
    assert line.feed(ev.ReplyDone(line.now, 2)) == (fx.Listen(), fx.CommitTurn(2))


def test_the_wait_counts_from_the_last_sample_of_speech_and_not_from_its_detection() -> None:
    line = Line().greeted()
    line.start()
    stopped = line.now + ms(500)
    line.feed(ev.SpeechStopped(stopped + ms(96), stopped))
    line.final("my number is", score=0.1)
    assert deadline(line.state) == stopped + POLICY.endpointing.incomplete_ms


def test_words_that_may_still_change_are_waited_for() -> None:
    line = Line().greeted()
    line.start()
    line.feed(ev.Partial(line.now, 0, "book a visit", 0.95))
    line.stop()
    assert deadline(line.state) == line.now + POLICY.final_ms


def test_the_last_word_of_a_recogniser_that_takes_a_second_for_it_is_waited_for() -> None:
    """On a busy machine: "My name is James Wil" sounds complete, and was taken for all of it."""
    line = Line().greeted()
    line.start()
    line.feed(ev.Partial(line.now, 0, "my name is james wil", 0.95))
    line.stop()
    assert line.feed(ev.Tick(line.now + 1_000 * MS)) == ()
    effects = line.final("my name is james wilson", score=0.95)
    assert effects[-1] == fx.OpenTurn(3, "my name is james wilson", False, "speech")


def test_words_whose_wait_is_over_already_shift_at_once() -> None:
    line = Line().greeted()
    line.start()
    line.stop()
    assert line.final("book a visit", after=900) == (fx.OpenTurn(2, "book a visit", False, "speech"),)
    assert isinstance(line.state.user, Silent)


def test_the_hint_alone_is_never_sure_and_never_completes_a_number() -> None:
    limits = POLICY.endpointing
    for hint in (0.0, 0.2, 0.5, 0.8, 1.0):
        for score in (0.0, 0.1, limits.unsure - 0.01):
            assert effective(score, hint, limits) == score
        for score in (limits.unsure, limits.likely, limits.sure - 0.01):
            assert limits.unsure <= effective(score, hint, limits) < limits.sure
        assert effective(limits.sure, hint, limits) == limits.sure


def test_a_hint_moves_the_deadline_only_while_a_shift_is_open() -> None:
    line = Line().greeted()
    assert line.feed(ev.ShiftScored(line.now, 1.0)) == (fx.Ignored("no shift is open"),)
    line.start()
    line.stop()
    line.final("I have a leak", score=0.5)
    before = deadline(line.state)
    line.feed(ev.ShiftScored(line.now, 1.0))
    after = deadline(line.state)
    assert before is not None
    assert after is not None
    assert after < before


def test_a_sound_with_a_word_that_outlasts_the_hold_is_a_barge_in() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    assert line.partial("actually") == ()
    assert line.tick() == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))
    assert isinstance(line.state.user, Speaking)


def test_backchannels_that_outlast_two_holds_are_a_barge_in() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    line.partial("yes yes okay")
    assert line.tick() == ()
    assert line.tick() == (fx.Flush(2), fx.CancelTurn(2, fx.Why.BARGE_IN))


def test_a_hold_that_began_anew_too_often_is_not_lengthened_by_stops() -> None:
    line = Line().greeted().asked().talking()
    line.start()
    for _ in range(2):
        line.stop(after=100)
        line.start(after=100)
    assert isinstance(line.state.agent, Held)
    end = line.state.agent.until
    line.stop(after=590)
    assert isinstance(line.state.agent, Held)
    assert line.state.agent.until == end
    assert line.tick() == (fx.ResumePlayout(2),)


def test_keys_before_anything_is_audible_supersede_the_reply() -> None:
    line = Line().greeted().asked()
    assert line.feed(ev.Dtmf(line.now, "1")) == (fx.CancelTurn(2, fx.Why.SUPERSEDED), fx.Listen())


def test_late_words_leave_a_reply_alone_whose_work_has_begun() -> None:
    line = Line().greeted().asked()
    line.feed(ev.Taken(line.now, 2))
    assert line.final("book a visit today") == (fx.Ignored("late words"),)
    assert line.turn == 2


def test_only_a_few_lines_wait_to_be_said() -> None:
    line = Line().greeted().asked().talking()
    for count in range(5):
        assert line.feed(ev.Command(line.now, "say", f"line {count}")) == ()
    assert line.feed(ev.Command(line.now, "say", "line 5")) == (fx.Ignored("too many lines are waiting"),)


def test_a_fallback_line_held_before_it_is_audible_does_not_forgive_either() -> None:
    line = Line().greeted().asked()
    line.feed(ev.ReplyFailed(line.now, 2, "Timeout"))
    line.start()
    line.feed(ev.ReplyAudio(line.now, 3))
    line.stop()
    assert fx.ResumePlayout(3) in line.final("mm-hm")
    line.heard()
    line.asked("book a visit please")
    assert fx.Prompt(5, fx.Line.FAILED) in line.feed(ev.ReplyFailed(line.now, 4, "Timeout"))


def test_a_kept_yes_that_turns_out_to_be_nothing_is_let_go() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("yes")
    assert line.final("...") == (fx.Listen(),)
    assert line.feed(ev.Drained(line.now, 2)) == (fx.CommitTurn(2),)
    assert isinstance(line.state.user, Silent)


def test_a_yes_is_kept_anew_after_every_hold() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("yes")
    line.start()
    assert isinstance(line.state.agent, Held)
    assert isinstance(line.state.agent.before, Talking)
    assert line.state.agent.before.kept is None


def test_a_kept_yes_is_answered_without_another_wait() -> None:
    line = Line().greeted().asked().talking()
    line.feed(ev.ReplyDone(line.now, 2))
    line.start()
    line.stop()
    line.final("yes")
    line.feed(ev.Drained(line.now + 200 * MS, 2))
    assert deadline(line.state) == line.now


def test_complete_words_are_answered_ahead_and_more_of_them_drop_that() -> None:
    line = Line().greeted()
    line.start()
    assert line.feed(ev.Partial(line.now, 0, "book a visit", 0.95)) == (fx.OpenTurn(2, "book a visit", True, "speech"),)
    assert line.feed(ev.Partial(line.now, 0, "Book a visit.", 0.95)) == ()
    assert line.feed(ev.Partial(line.now, 0, "book a visit for", 0.1)) == (fx.CancelTurn(2, fx.Why.SUPERSEDED),)
    assert line.feed(ev.Partial(line.now, 0, "book a visit for Tuesday", 0.95))[-1] == fx.OpenTurn(
        3, "book a visit for Tuesday", True, "speech"
    )
    line.stop()
    line.final("book a visit for Tuesday")
    assert line.tick() == (fx.PromoteTurn(3),)


def test_nothing_is_prepared_ahead_while_a_tool_runs_or_words_are_incomplete() -> None:
    line = Line().greeted()
    line.start()
    assert line.feed(ev.Partial(line.now, 0, "book a visit", 0.7)) == ()
    line.feed(ev.ToolStarted(line.now, 1))
    assert line.feed(ev.Partial(line.now, 0, "book a visit", 0.95)) == ()
    line.stop()
    assert line.final("book a visit") == ()
