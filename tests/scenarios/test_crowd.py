"""Callers by the thousand in virtual time: what holds for every call, and the same effects with speculation and without."""

from __future__ import annotations

import os
from collections.abc import Callable

import anyio
import pytest
from tests.scenarios.crowd import Figures, LawBroken, check, compare, crowd, play
from tests.scenarios.harness import plan_of, scene

from offhook.core.audio.playout import Playout
from offhook.engine.call import Call
from offhook.engine.history import CUT
from offhook.engine.phrases import Phrases
from offhook.engine.reply import Reply
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeLlm, LlmScript

SHORT = range(0, 20, 4)
FOUND = (43, 56, 87, 137, 4037)
"""Seeds that have found faults of the engine."""
SHARDS, OF = 20, 500
FIRST = int(os.environ.get("OFFHOOK_CROWD_FIRST", "1000"))
"""The first seed of the many; another night may take others."""


def fine(figures: Figures) -> None:
    """Every law held; enough of it was worth looking at."""
    print(figures)  # noqa: T201 - the figures are what is wanted
    pairs = figures.counts["calls"] // 2
    assert not figures.broken, "\n".join(figures.broken)
    assert figures.exact >= 0.99
    assert figures.other_words == 0
    assert figures.counts["pairs the same throughout"] >= 0.75 * pairs
    assert figures.counts["speculation_committed"] > pairs
    assert figures.counts["speculation_aborted"] > 0
    assert figures.counts["effects compared"] > 0


@pytest.mark.parametrize("first", SHORT)
def test_a_crowd(first: int) -> None:
    figures = crowd(range(first, first + SHORT.step))
    print(figures)  # noqa: T201
    assert not figures.broken, "\n".join(figures.broken)


@pytest.mark.parametrize("seed", FOUND)
def test_what_crowds_have_found(seed: int) -> None:
    calls = [play(seed, ahead=ahead) for ahead in (True, False)]
    for played in calls:
        check(played)
    compare(calls[0], calls[1])


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_ten_thousand_calls(shard: int) -> None:
    """10,000 seeds, each with speculation and without."""
    begin = FIRST + shard * OF
    fine(crowd(range(begin, begin + OF)))


def test_a_call_is_the_same_whenever_it_is_played() -> None:
    first, again = (play(3, ahead=True) for _ in range(2))
    assert first.log == again.log
    assert first.line.heard == again.line.heard


def accepts_at_once(patch: pytest.MonkeyPatch) -> None:
    """A muted reply counts as if it were real."""

    def accept(reply: Reply) -> None:
        if reply.proposal is not None and not reply.accepted_already:
            reply.accepted_already = True
            reply.accepted(reply)

    patch.setattr(Reply, "_accept", accept)


def remembers_what_was_meant(patch: pytest.MonkeyPatch) -> None:
    """The history has what was to be said."""
    patch.setattr(Reply, "kept", lambda reply, _heard: reply.words)


def goes_on_talking(patch: pytest.MonkeyPatch) -> None:
    """Nothing stops for a caller before it is sure what they want."""
    patch.setattr(Playout, "hold", lambda _playout: None)


def hears_a_second_more(patch: pytest.MonkeyPatch) -> None:
    """What was heard is counted wrongly."""
    clear = Playout.clear
    patch.setattr(Playout, "clear", lambda playout, at, turn=None: clear(playout, at, turn) + 8_000)


def does_everything_twice(patch: pytest.MonkeyPatch) -> None:
    """Work is asked for again."""
    launch = Call._launch
    patch.setattr(Call, "_launch", lambda call, runs: launch(call, runs + runs))


@pytest.mark.parametrize(
    ("broken", "seed", "found"),
    [
        (accepts_at_once, 1, "with words that the caller's turns do not have"),
        (remembers_what_was_meant, 4, "the model was told that the agent had said"),
        (goes_on_talking, 2, "the agent goes on over the caller"),
        (hears_a_second_more, 4, "the model was told that the agent had said"),
        (does_everything_twice, 0, "was asked for 2 times"),
    ],
)
def test_an_engine_that_breaks_a_law_is_found_out(
    broken: Callable[[pytest.MonkeyPatch], None], seed: int, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    with pytest.raises(LawBroken, match=found):
        check(play(seed, ahead=True))


def test_a_difference_is_told_with_the_seed() -> None:
    on, off = (play(2, ahead=ahead) for ahead in (True, False))
    off.log[:] = [*on.log]
    assert off.ended is not None
    assert on.ended is not None
    off.ended = on.ended.model_copy(update={"outcome": "another"})
    with pytest.raises(LawBroken, match="seed 2"):
        compare(on, off)
    on.problems.append("something")
    with pytest.raises(LawBroken, match=r"python -m tests\.scenarios\.crowd 2"):
        check(on)


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


@pytest.mark.anyio
async def test_words_whose_answer_was_only_bridged_go_on_with_the_next_ones() -> None:
    """A filler or opener is audible before a model has answered; a caller who goes on then has not been answered."""
    llm = FakeLlm(LlmScript('{"acts": [{"act": "chitchat"}], "say": "I see."}', first_token=0.9))
    plan = plan_of(models={"endpoint": None, "llm": ("fake",)}, openers={"on": True})
    async with scene(plan, llm=llm, phrases=Phrases()) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await anyio.sleep(3)
        await stage.line.say("my neighbour said that you folk are rather good")
        await stage.line.agent_speaks()
        await stage.line.say("and so I wonder about the price of it all really")
        await stage.line.agent_speaks()
        await stage.line.agent_done(quiet=1.5)
        assert stage.business.caller() == [
            "my neighbour said that you folk are rather good and so I wonder about the price of it all really"
        ]
        told = [(message.role, message.text.replace(CUT, "").strip()) for message in llm.asked[-1].messages[:-1]]
        assert not any(role == "user" and "neighbour" in text for role, text in told)


@pytest.mark.anyio
async def test_the_callers_words_come_before_their_answer_whatever_bridged_the_silence() -> None:
    llm = FakeLlm(LlmScript('{"acts": [{"act": "chitchat"}], "say": "I see."}', first_token=0.4))
    plan = plan_of(models={"endpoint": None, "llm": ("fake",)}, openers={"on": True})
    async with scene(plan, llm=llm, phrases=Phrases()) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await anyio.sleep(3)
        for text in ("my neighbour said that you folk are rather good", "well their house is a very old one you know"):
            await stage.line.say(text)
            await stage.line.agent_speaks()
            await stage.line.agent_done(quiet=1.5)
        kinds = [event.type for event in stage.business.events if event.type in {"turn.caller", "turn.agent"}]
        assert kinds == ["turn.agent", "turn.caller", "turn.agent", "turn.caller", "turn.agent"]
        roles = [message.role for message in llm.asked[-1].messages if message.role != "system"]
        assert roles == ["assistant", "user", "assistant", "user"]
    assert stage.counters["openers"] == 2
