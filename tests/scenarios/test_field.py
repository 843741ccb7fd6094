"""The field's worst failures, as users of comparable systems report them, each played out in virtual time."""

from __future__ import annotations

import anyio
import pytest
from tests.scenarios.harness import SLOTS, Business, Scene, exchange, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn
from offhook.errors import OverQuota, Unavailable
from offhook.testing.fakes import SttScript, TtsScript

pytestmark = pytest.mark.anyio


async def to_the_read_back(stage: Scene) -> None:
    """Up to where the agent has asked whether to book."""
    await greeted(stage)
    await exchange(stage, "I would like a booking please")
    await exchange(stage, "oh seven nine double one one two three four five six")
    await exchange(stage, "the first one please")


async def test_a_caller_is_answered_booked_told_and_the_line_closed() -> None:
    async with scene() as stage:
        await to_the_read_back(stage)
        await stage.line.say("yes please")
        with anyio.fail_after(30):
            await stage.done.wait()
        business = stage.business
    assert business.ran("book") == 1
    assert business.tools()[-1].args["phone"] == "+447911123456"
    assert business.ended.outcome == "booked"
    assert business.ended.reason == "finished"
    assert business.said()[-1].startswith("You are booked")


# 1. Agent goes mute for ever after a phantom or overlapping interruption (pipecat#4308, livekit/agents#3418)


@pytest.mark.parametrize("noise", [0.1, 0.4, 1.0, 3.0, 8.0])
async def test_1_a_phantom_interruption_never_leaves_the_agent_mute(noise: float) -> None:
    async with scene() as stage:
        await stage.line.agent_speaks()
        await anyio.sleep(0.4)
        await stage.line.say("", noise)
        await stage.line.agent_speaks(limit=12)
        await stage.line.agent_done()
        await exchange(stage, "how much is it")
        assert "sixty pounds" in stage.business.said()[-1]


async def test_1_a_deaf_recogniser_does_not_leave_dead_air() -> None:
    async with scene(stt=SttScript(deaf=True)) as stage:
        await greeted(stage)
        await stage.line.say("hello is anybody there at all")
        assert await stage.line.agent_speaks(limit=10) <= 8


async def test_1_words_that_the_recogniser_is_late_with_are_answered_and_not_taken_for_noise() -> None:
    async with scene(stt=SttScript(partial_every=60, final_delay=1.8)) as stage:
        await greeted(stage)
        await exchange(stage, "how much is it please tell me")
        assert "sixty pounds" in stage.business.said()[-1]
        assert len(stage.business.said()) == 2


async def test_1_silence_ends_with_a_goodbye_not_with_an_open_line() -> None:
    async with scene() as stage:
        with anyio.fail_after(90):
            await stage.done.wait()
        assert stage.business.ended.reason in {"idle", "finished"}
        assert len(stage.business.of(AgentTurn)) >= 3


# 2. Context holds words the caller never heard (pipecat#5426, #5605)


async def test_2_the_history_holds_what_was_played_and_no_more() -> None:
    async with scene() as stage:
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
        assert turn.heard != turn.text
        assert turn.stopped_ms is not None
        assert 0 < turn.stopped_ms <= 400
        assert [one.stopped_ms for one in stage.business.of(AgentTurn) if not one.interrupted] == [None] * (
            len(stage.business.of(AgentTurn)) - 1
        )
        assert abs(len(turn.heard.split()) - audible / 0.3) <= 1


async def test_2_yes_over_half_a_read_back_books_nothing() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "I would like a booking please")
        await exchange(stage, "oh seven nine double one one two three four five six")
        await stage.line.say("the first one please")
        await stage.line.agent_speaks()
        await anyio.sleep(0.7)
        await stage.line.say("yes yes go on then book it")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.business.ran("book") == 0
        await stage.line.say("yes")
        with anyio.fail_after(30):
            await stage.done.wait()
        assert stage.business.ran("book") == 1


# 3. "mm-hmm", a cough or television kills the answer (livekit/agents#6033, bolna#223)


@pytest.mark.parametrize(("sound", "seconds"), [("", 0.3), ("mm-hm", 0.4), ("okay", 0.4), ("right yeah", 0.6)])
async def test_3_a_cough_or_a_backchannel_loses_nothing_of_the_answer(sound: str, seconds: float) -> None:
    async with scene() as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        first = len(stage.line.heard)
        await anyio.sleep(1.0)
        await stage.line.say(sound, seconds)
        await stage.line.agent_speaks(limit=3)
        await stage.line.agent_done(quiet=1.5)
        turn = stage.business.of(AgentTurn)[1]
        assert not turn.interrupted
        assert turn.heard == turn.text
        # What was cleared at the carrier has come again: at most a frame is lost between its clock and ours.
        assert len(stage.line.clears) == 1
        frames = sum(stage.line.heard[first - 1 :])
        assert len(turn.text.split()) * 15 - 1 <= frames <= len(turn.text.split()) * 15


async def test_3_a_sentence_over_the_answer_stops_it_every_time() -> None:
    for delay in (0.3, 0.9, 1.7, 2.6):
        async with scene() as stage:
            await greeted(stage)
            await stage.line.say("how much is it")
            await stage.line.agent_speaks()
            await anyio.sleep(delay)
            await stage.line.say("no wait I want to leave a message")
            await stage.line.agent_speaks()
            await stage.line.agent_done()
            assert stage.business.of(AgentTurn)[1].interrupted, delay
            assert "tell the team" in stage.business.said()[-1]


# 4. A discarded generation's tool still runs (pipecat#4997, livekit/agents#5924)


async def test_4_a_reply_that_is_thrown_away_runs_no_tool() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "a message please")
        await stage.line.say("please ring me back.")
        await anyio.sleep(0.24)
        await stage.line.say("about the boiler in the kitchen it is leaking.")
        with anyio.fail_after(30):
            await stage.done.wait()
        assert stage.business.ran("save_message") == 1
        [(_, _, args)] = [run for run in stage.business.runs if run[0] == "save_message"]
        assert "boiler" in args["note"]


# 5. Tool results lost or stuck when interrupted (livekit/agents#3702, pipecat#5779)


async def test_5_a_booking_survives_the_caller_talking_over_it_and_is_made_once() -> None:
    business = Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}, delay={"book": 2.0})
    async with scene(business=business) as stage:
        await to_the_read_back(stage)
        await stage.line.say("yes please")
        await anyio.sleep(0.8)
        await stage.line.say("are you still there")
        with anyio.fail_after(40):
            await stage.done.wait()
    assert business.ran("book") == 1
    assert business.ended.outcome == "booked"
    assert any("You are booked" in said for said in business.said())


async def test_5_a_tool_that_never_answers_is_not_waited_for_for_ever() -> None:
    business = Business({"free_slots": [SLOTS]}, delay={"book": 3_600})
    async with scene(business=business) as stage:
        await to_the_read_back(stage)
        await stage.line.say("yes please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert business.said()[-1] == "One moment."
        assert await stage.line.agent_speaks(limit=6) <= 5
        assert business.tools()[-1].error == "timeout"
        await stage.line.agent_done()
        assert "tell the team" in business.said()[-1]


async def test_5_a_caller_who_hangs_up_while_it_books_is_still_booked() -> None:
    business = Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}, delay={"book": 0.5})
    async with scene(business=business) as stage:
        await to_the_read_back(stage)
        await stage.line.say("yes please")
        while not business.ran("book"):
            await anyio.sleep(0.02)
        await stage.line.hang_up()
        with anyio.fail_after(15):
            await stage.done.wait()
    assert business.ran("book") == 1
    assert business.tools()[-1].error is None
    assert business.ended.reason == "hangup"


# 6. Cut off while dictating a phone number (kyutai-labs/unmute#130, livekit/agents#382)


async def test_6_a_number_dictated_with_pauses_is_heard_out_and_then_answered_soon() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "I would like a booking please")
        for group in ("oh seven nine", "double one one"):
            await stage.line.say(group, 1.2)
            await anyio.sleep(1.4)
            assert stage.line.silent_for(1.3), group
        await stage.line.say("two three four five six", 1.6)
        assert await stage.line.agent_speaks() <= 0.7
        assert stage.business.caller()[-1] == "oh seven nine double one one two three four five six"


# 8. Memory grows until the pod dies (pipecat#3116, aplisay/llm-agent#285)


async def test_8_a_call_leaves_nothing_behind() -> None:
    for hang_up_after in (0.0, 0.02, 0.3, 1.0, 2.2, 3.1, 4.0):
        async with scene() as stage:
            await anyio.sleep(hang_up_after)
            await stage.line.hang_up()
            with anyio.fail_after(15):
                await stage.done.wait()
            report = stage.call.scope_report
            assert report is not None
            assert report.turns_opened == report.turns_closed
            assert report.overruns == 0
            assert all(session.closed for session in stage.stt.opened)
            assert stage.business.ended.reason == "hangup"


# 18. Line stays open after the agent hangs up (dograh#627)


async def test_18_the_line_is_closed_when_the_goodbye_has_been_heard() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "a message please")
        await stage.line.say("please ring me back about the boiler.")
        await stage.line.agent_speaks()
        with anyio.fail_after(30):
            await stage.line.ended.wait()
        last_sound = max(i for i, audible in enumerate(stage.line.heard) if audible) * 0.02
        assert stage.line.now() - last_sound <= 1.0
        assert stage.business.said()[-1].endswith("Goodbye.")


async def test_18_a_caller_who_talks_over_the_goodbye_has_the_conversation_back() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "a message please")
        await stage.line.say("please ring me back about the boiler.")
        await stage.line.agent_speaks()
        await anyio.sleep(0.3)
        await stage.line.say("oh sorry how much is it")
        await stage.line.agent_speaks()
        with anyio.fail_after(30):
            await stage.done.wait()
        business = stage.business
    assert "sixty pounds" in business.said()[-1]
    assert business.said()[-1].endswith("Goodbye.")
    assert business.ran("save_message") == 1
    assert business.ended.outcome == "message"


async def test_18_thanks_over_the_goodbye_ends_the_call_all_the_same() -> None:
    async with scene() as stage:
        await to_the_read_back(stage)
        await stage.line.say("yes please")
        await stage.line.agent_speaks()
        await anyio.sleep(0.5)
        await stage.line.say("that is all thank you")
        with anyio.fail_after(30):
            await stage.done.wait()
        business = stage.business
    assert business.ran("book") == 1
    assert business.ended.outcome == "booked"
    assert business.ended.reason == "finished"
    assert "mute_replies" not in business.ended.counters


# 21. Audio already sent to the carrier is not cleared (openai/openai-agents-js#1173)


async def test_21_barge_in_clears_the_carrier_and_silence_follows_within_a_frame() -> None:
    async with scene() as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await anyio.sleep(0.8)
        await stage.line.say("no wait I want to leave a message")
        # At the first sound; when it is known to be more than that there is nothing left to clear.
        (held,) = stage.line.clears
        frame = round(held * 50)
        assert not any(stage.line.heard[frame + 1 : frame + 60])
        assert stage.line.most_ahead <= 0.121


@pytest.mark.parametrize(("can_clear", "most"), [(True, 100), (False, 260)])
async def test_21_the_held_agent_really_stops_at_once(can_clear: bool, most: int) -> None:
    """From the first sound over the agent to silence: the detector's two windows, and what is ahead (120 ms) where it cannot be cleared."""
    async with scene() as stage:
        stage.line.can_clear = can_clear
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await anyio.sleep(0.8)
        begun = len(stage.line.heard)
        await stage.line.say("no wait I want to leave a message")
        audible = [i - begun for i in range(begun, len(stage.line.heard)) if stage.line.heard[i]]
        assert max(audible[: audible.index(max(audible)) + 1]) * 20 <= most


# A line that never just dies


async def test_a_voice_that_breaks_is_replaced_and_the_caller_hears_something() -> None:
    async with scene(tts=TtsScript(fail_clause=0)) as stage:
        assert await stage.line.agent_speaks(limit=3) <= 2
        await stage.line.agent_done()
        await exchange(stage, "how much is it")
        assert "sixty pounds" in stage.business.said()[-1]
    assert stage.business.ended.counters["tts/fake Unavailable"] == 1


async def test_a_voice_that_stalls_is_given_up() -> None:
    async with scene(tts=TtsScript(stall=True)) as stage:
        await anyio.sleep(1)
        stage.tts.script.stall = False
        assert await stage.line.agent_speaks(limit=8) <= 5


async def test_a_voice_that_never_works_ends_the_call_instead_of_leaving_silence() -> None:
    class Broken(TtsScript):
        pass

    async with scene(tts=TtsScript(stall=True)) as stage:
        with anyio.fail_after(60):
            await stage.done.wait()
    assert stage.business.ended.reason == "failed"


async def test_noise_instead_of_speech_from_a_voice_is_never_heard() -> None:
    async with scene(tts=TtsScript(garbage=b"RIFF\x00\x00\x00\x00WAVE")) as stage:
        await anyio.sleep(2)
        assert stage.line.silent_for(2)
        assert any("FormatError" in name or "tts" in name for name in stage.call.failures)


async def test_a_recogniser_that_dies_in_mid_call_is_replaced() -> None:
    async with scene(stt=SttScript(fail_after=4.0)) as stage:
        await greeted(stage)
        await anyio.sleep(max(0.0, 4.5 - stage.line.now()))
        await exchange(stage, "how much is it")
        assert "sixty pounds" in stage.business.said()[-1]
        assert len(stage.stt.opened) == 2
    assert stage.business.ended.counters["stt/fake Unavailable"] == 1


async def test_the_longest_call_has_an_end() -> None:
    plan = plan_of(turn={"max_call_ms": 20_000})
    async with scene(plan) as stage:
        with anyio.fail_after(40):
            await stage.done.wait()
    assert stage.business.ended.reason == "limit"


async def test_keys_work_where_speech_does_not() -> None:
    async with scene(stt=SttScript(deaf=True)) as stage:
        await greeted(stage)
        stage.line.press("1")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        stage.line.press("07911123456#")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.counters["agent_turns"] >= 3
        assert any(event.tool == "free_slots" for event in stage.business.tools())


async def test_a_lost_connection_ends_the_call() -> None:
    async with scene() as stage:
        await greeted(stage)
        stage.line.drop()
        with anyio.fail_after(5):
            await stage.done.wait()
    assert stage.business.ended.reason == "hangup"
    assert stage.business.ended.counters["media_lost"] == 1


def test_quota_errors_ask_for_a_pause() -> None:
    assert OverQuota("x", "y").retry.after == 1.0
    assert Unavailable("x", "y").retry.after == 0.0


async def test_a_fault_in_one_calls_code_ends_that_call_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene() as stage:
        await greeted(stage)

        def broken(_now: int) -> bytes:
            raise KeyError("a fault of ours")

        with monkeypatch.context() as patch:
            patch.setattr(stage.call._mouth.playout, "tick", broken)
            with anyio.fail_after(5):
                await stage.done.wait()
        assert stage.business.ended.reason == "failed"
        assert stage.business.ended.counters["crash KeyError"] == 1
        assert stage.call._parts.wheel.stats()["ticks"] > 0
        before = stage.call._parts.wheel.ticks
        await anyio.sleep(1)
        assert stage.call._parts.wheel.ticks - before in {49, 50}
