"""A language model follows the script on a live call, in virtual time: interruptions, faults, speculation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import SCRIPT, SLOTS, Business, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn, Usage
from offhook.engine.history import CUT
from offhook.engine.trace import read_trace
from offhook.errors import OverQuota, ProviderError, Unavailable
from offhook.ports.llm import LlmRequest, ToolCall
from offhook.testing.fakes import FakeLlm, LlmScript, SttScript, TtsScript

pytestmark = pytest.mark.anyio
ODD = "my neighbour said you folk could maybe sort out something for me"
"""What the rules do not understand."""
BOOKING = json.dumps(
    {
        "acts": [{"set": "need", "option": "booking", "quote": "sort out something for me"}],
        "say": "Of course. It is nice that they think of us. We are glad to be of help to you both.",
    }
)
SAY_ONLY = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them. I am happy to hear it from you."})
MODEL: dict[str, Any] = {"endpoint": None, "llm": ("fake",)}


def with_model(**changes: Any) -> Any:
    return plan_of(models=MODEL, **changes)


def last(request: LlmRequest) -> str:
    return request.messages[-1].text


async def test_rules_first_and_the_model_only_for_what_they_do_not_explain() -> None:
    llm = FakeLlm(LlmScript(BOOKING))
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert len(llm.asked) == 1
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert len(llm.asked) == 1
    turns = stage.business.of(AgentTurn)
    assert turns[1].heard.startswith("Of course. It is nice")
    assert turns[1].heard.endswith("What is the best number for you?")
    assert [turn.by for turn in turns[:3]] == ["", "model", "rules"]
    assert llm.warmed == 1
    [usage] = stage.business.of(Usage)
    assert usage.llm_input_tokens > 100
    assert usage.llm_output_tokens > 20
    assert usage.providers["llm"] == "fake"


async def test_words_are_spoken_while_more_of_them_come() -> None:
    llm = FakeLlm(LlmScript(BOOKING, per_token=0.02))
    async with scene(with_model(turn={"endpointing": {"eager": 1.0}}), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        assert llm.open == 1
        await stage.line.agent_done()
        assert llm.open == 0
    turn = stage.business.of(AgentTurn)[1]
    assert turn.heard == turn.text
    assert turn.ladder.first_token is not None
    assert turn.ladder.total is not None


async def test_an_interruption_in_the_middle_of_a_models_reply_leaves_what_was_heard() -> None:
    llm = FakeLlm(LlmScript(BOOKING))
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        begun = stage.line.now()
        await anyio.sleep(1.5)
        await stage.line.say("wait a bit I wonder about something quite different really")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        turn = stage.business.of(AgentTurn)[1]
        assert turn.interrupted
        assert turn.text.startswith(turn.heard)
        audible = sum(stage.line.heard[round(begun * 50) - 1 : round((begun + 3) * 50)]) * 0.02
        assert abs(len(turn.heard.split()) - audible / 0.3) <= 1
        history = [message.text for message in llm.asked[1].messages if turn.heard in message.text]
        assert len(history) == 1
        assert CUT in history[0]
        assert not any("glad to be of help" in message.text for message in llm.asked[1].messages)
        assert any(message.role == "user" and ODD in message.text for message in llm.asked[1].messages[:-1])


NICE = "It is good to hear that they think so well of our work."
FIRM = "That is about 45 pounds on Friday."


async def told(answer: str, *, pieces: bool, **changes: Any) -> tuple[Any, list[str]]:
    """A model's answer by a voice that takes pieces of sentences, or not; the turn, and what the voice was asked to say."""
    llm = FakeLlm(LlmScript(answer))
    async with scene(with_model(**changes), llm=llm, tts=TtsScript(first_byte=0.09, pieces=pieces)) as stage:
        await greeted(stage)
        asked = len(stage.tts.said)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    return stage.business.of(AgentTurn)[1], stage.tts.said[asked:]


async def test_a_sentences_first_words_are_synthesised_before_it_is_known_and_heard_once_it_is() -> None:
    plan: dict[str, Any] = {"turn": {"endpointing": {"eager": 1.0}}}
    held, said = await told(NICE, pieces=True, **plan)
    whole, alone = await told(NICE, pieces=False, **plan)
    assert said[:2] == ["It is good ", "to hear that they think so well of our work."]
    assert alone[0] == NICE
    assert held.heard == whole.heard == f"{NICE} How can I help?"
    assert held.ladder.total <= whole.ladder.total - 80


@pytest.mark.parametrize("answer", [FIRM, NICE, "", "Is it good to hear?", "Thank you so much for that, we are.", "It is good", BOOKING])
@pytest.mark.parametrize("acts", [False, True])
async def test_what_is_heard_is_the_same_whether_or_not_the_voice_had_words_that_were_not_sure(answer: str, acts: bool) -> None:
    if acts and answer != BOOKING:
        answer = json.dumps({"acts": [{"act": "chitchat"}], "say": answer})
    held, _ = await told(answer, pieces=True)
    whole, _ = await told(answer, pieces=False)
    assert (held.text, held.heard) == (whole.text, whole.heard)
    assert held.ladder.total <= whole.ladder.total + 1


async def test_words_that_are_not_said_after_all_are_dropped_unheard() -> None:
    turn, said = await told(FIRM, pieces=True)
    assert said[0] == "That is about "
    assert turn.heard == "How can I help?"


async def test_a_caller_who_hangs_up_while_words_are_held_has_heard_none_of_them() -> None:
    llm = FakeLlm(LlmScript("It is good to hear that they", hang=True, fail_after=8))
    async with scene(with_model(), llm=llm, tts=TtsScript(first_byte=0.01, pieces=True)) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        with anyio.fail_after(5):
            while "It is good " not in stage.tts.said:
                await anyio.sleep(0.02)
        await anyio.sleep(0.3)
        assert stage.line.silent_for(0.3)
    assert len(stage.business.of(AgentTurn)) == 1


async def test_the_question_that_was_not_heard_is_asked_again() -> None:
    llm = FakeLlm(LlmScript(BOOKING))
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await anyio.sleep(0.9)
        llm.script.answer = SAY_ONLY
        await stage.line.say("they have such a lovely garden you know it is")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert "What is the best number for you?" in stage.business.said()[-1]


@pytest.mark.parametrize(
    "script",
    [
        LlmScript(hang=True),
        LlmScript(BOOKING, hang=True, fail_after=3),
        LlmScript(BOOKING, fail=Unavailable),
        LlmScript(BOOKING, fail=OverQuota, fail_after=5),
        LlmScript(BOOKING, fail=ProviderError, fail_after=12),
        LlmScript(BOOKING[:40]),
        LlmScript('{"acts": [{"act": "set", "slot"'),
        LlmScript(""),
        LlmScript("\x00\x01 garbage {{{"),
        LlmScript('{"acts": [{"act": "book_it_all"}], "say": "Booked."}'),
        LlmScript(BOOKING, first_token=30),
    ],
)
async def test_a_model_that_fails_is_no_silence(script: LlmScript) -> None:
    """Something sensible within 1.5 s of the decision that the caller's turn is over, and the call goes on."""
    llm = FakeLlm(script)
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks(limit=4)
        await stage.line.agent_done()
        turn = stage.business.of(AgentTurn)[1]
        assert turn.ladder.total is not None
        assert turn.ladder.endpoint is not None
        assert turn.ladder.total - turn.ladder.endpoint <= 1_500
        assert "{" not in turn.heard
        assert "garbage" not in turn.heard
        assert "Booked" not in turn.heard
        assert turn.heard == turn.text
        assert turn.heard
        assert llm.open == 0
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert "sixty pounds" in stage.business.said()[-1]
    assert stage.counters["mute_replies"] == 0


async def test_a_model_that_stops_in_the_middle_of_its_words_is_finished_by_the_script() -> None:
    until = BOOKING.index("It is nice") + 20
    llm = FakeLlm(LlmScript(BOOKING, hang=True, fail_after=until // 4))
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await stage.line.agent_done(quiet=2)
        assert stage.business.said()[1] == "Of course. What is the best number for you?"


async def test_4_a_tool_of_a_reply_that_is_thrown_away_never_runs() -> None:
    """pipecat#4997, livekit/agents#5924: what a cancelled generation proposed."""
    acts = {"acts": [{"act": "set", "slot": "note", "quote": "please ring me back"}], "say": "I shall pass it on."}
    llm = FakeLlm(LlmScript(json.dumps(acts), first_token=0.05, tools=(ToolCall("1", "save_message", "{}"),)))
    odd_note = "well you see it is like this, is it not, could you please ring me back"
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say("a message please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say(odd_note)
        await anyio.sleep(0.24)
        llm.script.answer = json.dumps({"acts": [{"act": "set", "slot": "note", "quote": "the kitchen"}], "say": None})
        await stage.line.say("about the boiler that leaks all over the kitchen, is that all right with you")
        with anyio.fail_after(30):
            await stage.done.wait()
        assert stage.business.ran("save_message") == 1
        [(_, _, args)] = [run for run in stage.business.runs if run[0] == "save_message"]
        assert "kitchen" in args["note"]


async def test_7_many_calls_of_one_process_do_not_share_a_turn() -> None:
    """pipecat#3378: what one call's model says is said in no other."""
    heard: list[list[str]] = []

    async def one(number: int) -> None:
        answer = json.dumps({"acts": [{"act": "chitchat"}], "say": f"That is kind of {'abcdefgh'[number] * 5} I think."})
        async with scene(with_model(), llm=FakeLlm(LlmScript(answer))) as stage:
            await greeted(stage)
            await stage.line.say(ODD)
            await stage.line.agent_speaks()
            await stage.line.agent_done()
            heard.append(stage.business.said())

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(one, number)
    assert sorted(said[1].split()[4] for said in heard) == sorted("abcdefgh"[n] * 5 for n in range(8))


async def test_14_speculation_that_is_thrown_away_is_counted_in_tokens() -> None:
    """livekit/agents#4219: speculation silently doubles the bill."""
    llm = FakeLlm(LlmScript(SAY_ONLY, first_token=0.6))
    plan = with_model(turn={"endpointing": {"eager": 0.0, "sure_ms": 900, "probable_ms": 900, "likely_ms": 900, "unsure_ms": 900}})
    async with scene(plan, llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await anyio.sleep(0.4)
        await stage.line.say("and the folk next door as well have told me so")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert len(llm.asked) == 2
    assert stage.counters["speculation_aborted"] == 1
    assert stage.counters["speculation_committed"] == 1
    [usage] = stage.business.of(Usage)
    assert 0 < usage.llm_wasted_tokens < usage.llm_input_tokens + usage.llm_output_tokens
    assert len([turn for turn in stage.business.of(AgentTurn) if turn.by == "model"]) == 1


async def test_a_speculative_reply_is_muted_and_moves_nothing_until_the_turn_is_decided() -> None:
    llm = FakeLlm(LlmScript(BOOKING, first_token=0.05, per_token=0.001))
    wait = {"endpointing": {"eager": 0.0, "sure_ms": 1_500, "probable_ms": 1_500, "likely_ms": 1_500, "unsure_ms": 1_500}}
    async with scene(with_model(turn=wait), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await anyio.sleep(1.2)
        assert llm.whole == 1
        assert stage.line.silent_for(1.0)
        assert stage.call.dialogue.slots() == {}
        waited = await stage.line.agent_speaks()
        assert waited < 0.6
        assert stage.call.dialogue.slots()["need"]["value"] == "booking"


async def test_5_a_booking_survives_a_model_that_is_talked_over_and_is_made_once() -> None:
    """livekit/agents#3702, pipecat#5779: results lost or stuck when interrupted."""
    business = Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}, delay={"book": 2.0})
    llm = FakeLlm(LlmScript(SAY_ONLY))
    async with scene(with_model(), business, llm=llm) as stage:
        await greeted(stage)
        for words in ("I would like a booking please", "oh seven nine double one one two three four five six", "the first one please"):
            await stage.line.say(words)
            await stage.line.agent_speaks()
            await stage.line.agent_done()
        await stage.line.say("yes please")
        await anyio.sleep(0.5)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await anyio.sleep(0.4)
        await stage.line.say("and another thing that I wanted to tell you about them")
        with anyio.fail_after(60):
            await stage.done.wait()
    assert business.ran("book") == 1
    assert business.ended.outcome == "booked"
    assert any("You are booked" in said for said in business.said())


async def test_5_a_tool_result_that_comes_with_the_callers_words_reaches_the_model() -> None:
    business = Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}, delay={"free_slots": 0.5})
    llm = FakeLlm(LlmScript(SAY_ONLY))
    async with scene(with_model(), business, llm=llm) as stage:
        await greeted(stage)
        await stage.line.say("I would like a booking please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say("oh seven nine double one one two three four five six")
        await anyio.sleep(0.5)
        await stage.line.say("my neighbour told me that you folk are quick about it really")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.agent_done()
        said = " ".join(stage.business.said())
        assert "Tuesday at nine" in said


async def test_16_a_fallback_is_a_whole_answer_and_is_told_as_one() -> None:
    """livekit/agents#1207: fallback loops, lost acts. The rules take the same words in the same state."""
    llm = FakeLlm(LlmScript(fail=Unavailable))
    async with scene(with_model(), llm=llm) as stage:
        await greeted(stage)
        await stage.line.say("a booking please, my neighbour told me that you are rather good at it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert len(llm.asked) == 2  # once more, since the connection may have been an old one
        turn = stage.business.of(AgentTurn)[1]
        assert turn.by == "rules"
        assert turn.heard == "What is the best number for you?"
        assert stage.call.dialogue.slots()["need"]["value"] == "booking"
    assert stage.counters["model_failed"] == 1


async def test_who_answered_and_why_is_in_the_trace(tmp_path: Path) -> None:
    illegal = json.dumps({"acts": [{"act": "set", "slot": "note", "quote": "sort out something"}], "say": "Fine."})
    llm = FakeLlm(LlmScript(illegal))
    async with scene(with_model(), llm=llm, traces=tmp_path) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    lines = [json.loads(line) for line in (tmp_path / "calls" / "c1" / "trace.jsonl").read_text().splitlines()[1:]]
    notes = [line[3] for line in lines if line[0] == "Note"]
    [note] = [note for note in notes if "model" in note]
    assert note["by"] == "rules"
    assert any("refused" in one for one in note["notes"])
    _, events = read_trace(tmp_path / "calls" / "c1" / "trace.jsonl")
    assert len(list(events)) == len(lines) - len(notes)


async def test_a_recogniser_that_is_slow_with_its_final_does_not_ask_twice() -> None:
    llm = FakeLlm(LlmScript(BOOKING))
    async with scene(with_model(), llm=llm, stt=SttScript(final_delay=0.4)) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert len(llm.asked) == 1


async def test_without_a_model_the_plan_works_by_the_rules() -> None:
    async with scene(with_model()) as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert "sixty pounds" in stage.business.said()[-1]
    assert stage.call.failures["no language model"] == 1
    assert SCRIPT["id"] == "front-desk"
