"""Fixed phrases that need no voice, what bridges a silence, and a call whose every voice is down."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import SCRIPT, SLOTS, Business, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn
from offhook.engine.phrases import Phrases
from offhook.errors import Unavailable
from offhook.testing.fakes import FakeLlm, LlmScript, TtsScript

pytestmark = pytest.mark.anyio
ODD = "my neighbour said you folk could maybe sort out something for me"
KIND = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them."})
MODEL: dict[str, Any] = {"endpoint": None, "llm": ("fake",)}


async def made(phrases: Phrases, count: int = 25) -> None:
    """Wait until the phrases are there."""
    with anyio.fail_after(600):
        while phrases.counts["made"] < count:
            await anyio.sleep(0.5)


async def test_what_was_kept_for_one_call_is_said_in_the_next_without_a_voice() -> None:
    phrases = Phrases()
    async with scene(phrases=phrases) as stage:
        await greeted(stage)
        await made(phrases)
    async with scene(phrases=phrases, tts=TtsScript(stall=True)) as stage:
        assert await stage.line.agent_speaks() <= 0.05
        await stage.line.agent_done()
        assert stage.business.said() == ["Harbour Plumbing, hello. How can I help?"]
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.business.said()[-1].startswith("A visit is sixty pounds")
        assert not any("sixty" in text or "Harbour" in text for text in stage.tts.said)
    turn = stage.business.of(AgentTurn)[1]
    assert turn.ladder.tts == 0
    assert turn.ladder.total == turn.ladder.endpoint + turn.ladder.playout


async def test_an_interruption_in_a_kept_phrase_has_its_heard_words() -> None:
    phrases = Phrases()
    async with scene(phrases=phrases) as stage:
        await greeted(stage)
        await made(phrases)
    async with scene(phrases=phrases) as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        begun = stage.line.now()
        await anyio.sleep(1.0)
        await stage.line.say("stop I want a booking")
        await stage.line.agent_done()
        turn = next(turn for turn in stage.business.of(AgentTurn) if turn.interrupted)
        audible = sum(stage.line.heard[round(begun * 50) - 1 : round((begun + 3) * 50)]) * 0.02
        assert turn.text.startswith(turn.heard)
        assert abs(len(turn.heard.split()) - audible / 0.3) <= 1


async def with_fillers(llm: FakeLlm, **changes: Any) -> tuple[Phrases, Any]:
    phrases = Phrases()
    plan = plan_of(models=MODEL, **changes)
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        await made(phrases)
    return phrases, plan


async def test_17_a_late_model_is_bridged_once_and_the_filler_is_neither_answer_nor_history() -> None:
    """pipecat#5311 (field 17): a filler is not the answer, and its time is not the answer's."""
    llm = FakeLlm(LlmScript(KIND, first_token=1.0))
    phrases, plan = await with_fillers(llm)
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        for words in (ODD, "they said that it was rather good what you did there"):
            await stage.line.say(words)
            await stage.line.agent_speaks(limit=4)
            await stage.line.agent_done(quiet=1.5)
        turns = stage.business.of(AgentTurn)[1:]
    assert stage.counters["fillers"] == 2
    assert turns[0].text.startswith("One moment. That is kind")
    assert turns[1].text.startswith("Let me see. That is kind")
    for turn in turns:
        assert turn.heard == turn.text
        assert turn.ladder.total - turn.ladder.endpoint > 1_000
    assert not any("One moment" in message.text for message in llm.asked[-1].messages if message.role == "assistant")


async def test_an_answer_in_time_is_not_bridged() -> None:
    llm = FakeLlm(LlmScript(KIND, first_token=0.2))
    phrases, plan = await with_fillers(llm)
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert stage.counters["fillers"] == 0
    assert stage.business.said()[1].startswith("That is kind")


async def test_a_filler_is_never_said_over_the_caller() -> None:
    llm = FakeLlm(LlmScript(KIND, first_token=1.1))
    phrases, plan = await with_fillers(llm, turn={"endpointing": {"eager": 1.0}})
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await anyio.sleep(1.75)
        assert stage.line.silent_for(1.5)
        begun = stage.line.now()
        await stage.line.say("and they also told me something about the garden at the back", 4.0)
        assert not any(stage.line.heard[round(begun * 50) + 15 :])


async def test_an_opener_is_said_at_once_and_is_part_of_the_answer() -> None:
    llm = FakeLlm(LlmScript(KIND, first_token=0.6))
    phrases, plan = await with_fillers(llm, openers={"on": True})
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        for words in (ODD, "they said that it was rather good what you did there"):
            await stage.line.say(words)
            await stage.line.agent_speaks(limit=4)
            await stage.line.agent_done(quiet=1.5)
        turns = stage.business.of(AgentTurn)[1:]
    openers = [turn.text.split(" That is kind")[0] for turn in turns]
    assert all(opener in plan.openers.lines for opener in openers)
    assert openers[0] != openers[1]
    for turn in turns:
        assert turn.ladder.total - turn.ladder.endpoint <= 60
    assert stage.counters["openers"] == 2
    assert any(message.text.startswith(openers[0]) for message in llm.asked[-1].messages if message.role == "assistant")


async def test_no_opener_where_the_answer_is_there_already_nor_to_a_goodbye() -> None:
    llm = FakeLlm(LlmScript(KIND, first_token=0.02, per_token=0.001))
    phrases, plan = await with_fillers(llm, openers={"on": True})
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        await stage.line.say("goodbye")
        with anyio.fail_after(20):
            await stage.done.wait()
    assert stage.counters["openers"] == 0


async def test_a_tool_that_is_slow_is_bridged_by_its_filler_once() -> None:
    phrases = Phrases()
    business = Business({"free_slots": [SLOTS]}, delay={"free_slots": 3.0})
    async with scene(business=business, phrases=phrases) as stage:
        await greeted(stage)
        await made(phrases)
        await stage.line.say("I would like a booking please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say("oh seven nine double one one two three four five six")
        await stage.line.agent_speaks()
        await stage.line.agent_done(quiet=2.5)
    assert [said for said in business.said() if "look" in said] == ["Let me look."]
    assert stage.counters["fillers"] == 1


async def test_a_voice_that_hangs_in_the_middle_is_given_up() -> None:
    """What was played is progress, that something was played once is not."""
    async with scene() as stage:
        await greeted(stage)
        hung = anyio.Event()
        speak = stage.call._talk.mouth.voice.speak

        async def hanging(clauses: Any) -> Any:
            async for speech in speak(clauses):
                yield speech
                hung.set()
                await anyio.sleep_forever()

        stage.call._talk.mouth.voice.speak = hanging  # type: ignore[method-assign]
        await stage.line.say("how much is it")
        await hung.wait()
        await stage.line.agent_speaks()
        await stage.line.agent_done(quiet=2)
        assert await stage.line.agent_speaks(limit=6) < 6
        await stage.line.agent_done()
        # And it is another voice by now: what is said next is said whole.
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.business.said()[-1].startswith("A visit is sixty pounds")
        assert stage.call.failures["tts Timeout"] == 1


async def test_when_every_voice_is_down_kept_phrases_and_the_script_go_on() -> None:
    script = {
        **SCRIPT,
        "universals": {"human": "connect"},
        "states": {
            **SCRIPT["states"],
            "connect": {"say": "I am putting you through.", "transfer": "staff", "if_fails": "message", "end": "transferred"},
        },
        "given": {**SCRIPT["given"], "staff": "phone"},
        "outcomes": {**SCRIPT["outcomes"], "transferred": "good"},
        "slots": {**SCRIPT["slots"], "more": {"type": "yes_no", "ask": "Anything else?"}},
    }
    script["states"]["message"] = {"collect": ["more", "note"], "do": "save_message", "next": "bye"}
    plan = plan_of(script, transfer_to={"staff": "+442079460001"})
    phrases = Phrases()
    async with scene(plan, phrases=phrases) as stage:
        await greeted(stage)
        await made(phrases, 20)
    async with scene(plan, phrases=phrases) as stage:
        await greeted(stage)
        await stage.line.say("I would like a booking please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        stage.tts.broken = Unavailable
        await stage.line.say("oh seven nine double one one two three four five six")
        begun = stage.line.now()
        await stage.line.agent_speaks(limit=5)
        assert stage.line.now() - begun < 4
        with anyio.fail_after(20):
            while not stage.line.transferred:
                await anyio.sleep(0.1)
    assert stage.business.said()[-1] == "I am putting you through."
    assert stage.counters["handed over without a voice"] == 1


async def test_while_another_voice_is_sought_the_caller_hears_something_short() -> None:
    phrases = Phrases()
    async with scene(plan_of(fillers={"after_ms": 0}), phrases=phrases) as stage:
        await greeted(stage)
        await made(phrases, 20)
        for words in ("I would like a booking please", "oh seven nine double one one two three four five six"):
            await stage.line.say(words)
            await stage.line.agent_speaks()
            await stage.line.agent_done()

        async def mute(clauses: Any) -> Any:
            async for clause in clauses:
                await anyio.sleep_forever()
                yield clause

        async def away(*_: Any) -> Any:
            await anyio.sleep_forever()

        stage.call._talk.mouth.voice.speak = mute  # type: ignore[method-assign]
        stage.tts.open = away  # type: ignore[method-assign, assignment]
        await stage.line.say("the first one please")
        assert await stage.line.agent_speaks(limit=5) < 3.8
        await stage.line.agent_done(quiet=1.5)
        assert stage.business.said()[-1].startswith("One moment.")
    assert stage.counters["handed over without a voice"] == 1
