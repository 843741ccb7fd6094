"""A recogniser that decides on turns itself (eager end, resumption, end), on a whole call."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from tests.scenarios.harness import greeted, plan_of, scene

from offhook.contracts.events import AgentTurn, Usage
from offhook.core.turn import effects as fx
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import initial
from offhook.core.turn.step import step
from offhook.engine.speculation import ENOUGH
from offhook.engine.trace import read_trace
from offhook.testing.fakes import FakeLlm, LlmScript, SttScript

pytestmark = pytest.mark.anyio


def flux() -> SttScript:
    """A recogniser as quick as Flux says that it is."""
    return SttScript(final_delay=0.0, eager=0.11, ends=0.26)


async def test_the_recognisers_end_is_the_turns_and_the_reply_was_prepared_by_then() -> None:
    async with scene(stt=flux()) as stage:
        await greeted(stage)
        await stage.line.say("tell me how much it is with the pipe and")
        assert await stage.line.agent_speaks() < 0.4
        await stage.line.agent_done()
    turn = stage.business.of(AgentTurn)[1]
    assert "sixty pounds" in turn.heard
    assert 225 <= turn.ladder.endpoint <= 300
    assert turn.ladder.total - turn.ladder.endpoint <= 40
    assert stage.counters["speculation_committed"] == 1


async def test_words_that_have_settled_are_answered_before_the_recogniser_says_that_it_may_be_the_end() -> None:
    llm = FakeLlm(LlmScript("Sure. We can look into that for you today."))
    stt = SttScript(final_delay=0.0, partial_delay=0.0, eager=0.11, ends=0.26, known=0.2)
    async with scene(plan_of(models={"endpoint": None, "llm": ("fake",)}), stt=stt, llm=llm) as stage:
        await greeted(stage)
        await stage.line.say("my neighbour said you folk could maybe sort out something for me")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert len(llm.asked) == 1
    ladder = stage.business.of(AgentTurn)[1].ladder
    # The model has been asked within two of the detector's windows after the last word, not 110 ms after it.
    assert ladder.total <= 64 + 200 + 13 + 50 + 25
    assert stage.counters["speculation_committed"] == 1
    assert stage.counters["speculation_aborted"] == 0


async def test_a_caller_who_goes_on_after_words_that_had_settled_is_heard_out_and_nothing_came_of_them() -> None:
    llm = FakeLlm(LlmScript("Sure. We can look into that for you today."))
    stt = SttScript(final_delay=0.0, partial_delay=0.0, eager=0.11, ends=0.26, known=0.2)
    async with scene(plan_of(models={"endpoint": None, "llm": ("fake",)}), stt=stt, llm=llm) as stage:
        await greeted(stage)
        await stage.line.say("my neighbour said you folk could maybe sort out something for me")
        await anyio.sleep(0.08)
        assert llm.open == 1
        await stage.line.say("and for the whole street")
        await anyio.sleep(0.05)
        assert not any(stage.line.heard[-40:])
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert stage.business.caller() == ["my neighbour said you folk could maybe sort out something for me and for the whole street"]
    assert stage.counters["speculation_aborted"] == 1
    assert stage.counters["speculation_committed"] == 1
    [usage] = stage.business.of(Usage)
    assert usage.llm_wasted_tokens > 0
    assert len(stage.business.of(AgentTurn)) == 2


async def test_a_turn_is_answered_once_ahead_because_words_have_settled_and_the_eager_end_counts_as_before() -> None:
    llm = FakeLlm(LlmScript("Sure. We can look into that for you today."))
    stt = SttScript(final_delay=0.0, partial_delay=0.0, eager=0.11, ends=0.26, known=0.2)
    async with scene(plan_of(models={"endpoint": None, "llm": ("fake",)}), stt=stt, llm=llm) as stage:
        await greeted(stage)
        for words in (
            "my neighbour said you folk could maybe sort out something",
            "and for the whole street it would be",
            "good for all of us",
        ):
            await stage.line.say(words)
            await anyio.sleep(0.09)
        assert len(llm.asked) == 1, "not again before the eager end"
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert len(llm.asked) == 2
    assert stage.counters["speculation_committed"] == 1


async def test_where_words_that_settle_are_mostly_not_the_end_only_that_is_given_up() -> None:
    llm = FakeLlm(LlmScript("Sure. We can look into that for you today."))
    stt = SttScript(final_delay=0.0, partial_delay=0.0, eager=0.11, ends=0.26, known=0.2)
    async with scene(plan_of(models={"endpoint": None, "llm": ("fake",)}), stt=stt, llm=llm) as stage:
        await greeted(stage)
        answering = stage.call._talk.answering
        for _ in range(ENOUGH):
            answering._speculation.ended(answering._early, committed=False, tokens=10)
        await stage.line.say("my neighbour said you folk could maybe sort out something for me")
        await anyio.sleep(0.09)
        assert not llm.asked
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert stage.counters["speculation_committed"] == 1
    assert stage.business.of(AgentTurn)[1].ladder.total <= 110 + 200 + 13 + 50 + 45


async def test_a_caller_who_goes_on_after_the_eager_end_is_heard_out() -> None:
    async with scene(stt=flux()) as stage:
        await greeted(stage)
        await stage.line.say("I would like to know")
        await anyio.sleep(0.2)
        await stage.line.say("how much it is")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert stage.business.caller() == ["I would like to know how much it is"]
    assert stage.counters["speculation_aborted"] >= 1
    assert len(stage.business.of(AgentTurn)) == 2


async def test_the_agent_is_held_by_the_detector_and_not_by_the_recogniser() -> None:
    async with scene(stt=flux()) as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await anyio.sleep(1.0)
        begun = stage.line.now()
        await stage.line.say("stop I want a booking")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.business.of(AgentTurn)[1].interrupted
        quiet = next(at for at in range(round(begun * 50), len(stage.line.heard)) if not any(stage.line.heard[at : at + 5]))
        assert quiet / 50 - begun <= 0.3
        assert stage.business.said()[-1].endswith("What is the best number for you?")


async def test_a_recogniser_whose_end_never_comes_is_not_waited_for_for_ever() -> None:
    async with scene(stt=SttScript(final_delay=0.0, eager=0.11, ends=60)) as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        assert 1.0 < await stage.line.agent_speaks() < 1.5
        await stage.line.agent_done()
    assert "sixty pounds" in stage.business.said()[-1]


async def test_the_engine_decides_where_the_plan_says_so() -> None:
    async with scene(plan_of(turn={"endpointing": {"vendor_ms": 0}}), stt=SttScript(final_delay=0.0, eager=0.11, ends=60)) as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        assert await stage.line.agent_speaks() < 0.8
        await stage.line.agent_done()
    assert "sixty pounds" in stage.business.said()[-1]


async def test_an_answer_that_leaves_nothing_open_is_answered_within_a_fifth_of_a_second_where_the_engine_decides() -> None:
    async with scene(plan_of(turn={"endpointing": {"vendor_ms": 0}}), stt=flux()) as stage:
        await greeted(stage)
        await stage.line.say("a message please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    ladder = stage.business.of(AgentTurn)[1].ladder
    assert ladder.total <= 200
    assert stage.counters["speculation_committed"] == 1


async def test_a_cough_over_the_agent_stops_nothing() -> None:
    async with scene(stt=flux()) as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await anyio.sleep(1.0)
        await stage.line.say("", 0.3)
        await stage.line.agent_speaks(limit=3)
        await stage.line.agent_done(quiet=1.5)
        turn = stage.business.of(AgentTurn)[1]
        assert not turn.interrupted
        assert turn.heard == turn.text


async def test_a_replay_decides_as_the_call_did(tmp_path: Path) -> None:
    async with scene(stt=flux(), traces=tmp_path) as stage:
        await greeted(stage)
        for words in ("I would like to know", "how much it is", "a message please"):
            await stage.line.say(words)
            await stage.line.agent_speaks()
            await stage.line.agent_done()
        state = stage.call.driver.state
    head, events = read_trace(tmp_path / "calls" / "c1" / "trace.jsonl")
    policy, again, committed = TurnPolicy.of(head["policy"]), initial(), 0
    for event in events:
        outcome = step(again, event, policy)
        assert not any(isinstance(effect, fx.Ignored) and "stale" in effect.reason for effect in outcome.effects)
        committed += sum(isinstance(effect, fx.CommitTurn) for effect in outcome.effects)
        again = outcome.state
    assert committed == len(stage.business.of(AgentTurn))
    assert again.next_turn == state.next_turn
