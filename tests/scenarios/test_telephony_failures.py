"""Failures of telephone lines that other systems had in production, each played out in virtual time and named after its number.

The numbers are those of the list in docs/topics/telephony-failures.md, which says where the ones are that need a real network.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.scenarios.harness import FRAME, SCRIPT, Line, Scene, exchange, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn
from offhook.core.turn import events as ev
from offhook.orchestrator.carriers import dialects
from offhook.orchestrator.carriers.steps import Connect, Dial, HangUp, Record, Say, Step, Talk
from offhook.ports.transport import MediaIn
from offhook.testing.fakes import Mouthpiece

pytestmark = pytest.mark.anyio
TWIML = [talk for talk in dialects.TALKS.values() if talk.media == "application/xml"]


def gaps(heard: list[bool]) -> list[int]:
    """Lengths, in frames, of the silences within a reply."""
    first, last = heard.index(True), len(heard) - 1 - heard[::-1].index(True)
    found, run = [], 0
    for loud in heard[first : last + 1]:
        if loud and run:
            found.append(run)
        run = 0 if loud else run + 1
    return found


class Burst(Line):
    """A line whose caller's media stands still for a while, and comes all at once."""

    def __init__(self, mouthpiece: Mouthpiece, stall: float = 0.6) -> None:
        super().__init__(mouthpiece)
        self.stall = round(stall * 50)
        self.late: list[MediaIn] = []
        self.stalls: Callable[[int], bool] = lambda _: False

    def _put(self, event: Any) -> None:
        if isinstance(event, MediaIn) and self.stalls(event.start // FRAME):
            self.late.append(event)
            return
        if isinstance(event, MediaIn) and self.late:
            late, self.late = self.late, []
            for each in late:
                super()._put(each)
        super()._put(event)


async def test_1_barge_in_silences_what_the_carrier_has_although_the_voice_is_done() -> None:
    """cloudflare/agents#2261, elizaOS/eliza#19407: nothing looked active any more, and seconds were still to be heard."""
    async with scene() as stage:
        await greeted(stage)
        await stage.line.say("how much is it")
        await stage.line.agent_speaks()
        await anyio.sleep(2.5)
        # The fake voice is faster than speech: all of the reply has been made for a while.
        assert stage.tts.said[-1]
        await stage.line.say("no wait I want to leave a message")
        frame = round(stage.line.clears[-1] * 50)
        assert not any(stage.line.heard[frame + 1 : frame + 40])
        turn = next(turn for turn in stage.business.of(AgentTurn) if turn.interrupted)
        assert turn.unheard_ms > 0


async def test_2_a_reply_has_no_gap() -> None:
    """pipecat#3315: 100 to 350 ms from how somebody slept between frames."""
    async with scene() as stage:
        await greeted(stage)
        begin = len(stage.line.heard)
        await exchange(stage, "how much is it")
        assert gaps(stage.line.heard[begin:]) == []


async def test_3_several_calls_of_one_process_speak_at_once_without_a_gap() -> None:
    """pipecat#3092."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(scene())
        stages = [first, *[await stack.enter_async_context(scene(beside=first)) for _ in range(5)]]

        async def talk(stage: Scene) -> None:
            await greeted(stage)
            begin = len(stage.line.heard)
            await exchange(stage, "how much is it")
            assert gaps(stage.line.heard[begin:]) == []

        async with anyio.create_task_group() as group:
            for stage in stages:
                group.start_soon(talk, stage)
        assert all("sixty pounds" in stage.business.said()[-1] for stage in stages)


@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.5])
async def test_4_media_that_comes_late_in_bursts_is_no_end_of_a_turn_and_makes_no_lead(seconds: float) -> None:
    """pipecat#3222, #2551: chunks up to 600 ms late. It stalls where the words so far would do for a turn."""

    def line(mouthpiece: Mouthpiece) -> Line:
        made = Burst(mouthpiece)
        made.stalls = lambda frame: stalled and frame < until
        return made

    stalled, until = False, 0
    async with scene(line_of=line) as stage:
        await greeted(stage)
        words = "please tell me how much is it to have somebody come out to us"
        async with anyio.create_task_group() as group:
            group.start_soon(stage.line.say, words)
            await anyio.sleep(7.6 * 0.33)  # "please tell me how much is it"
            stalled, until = True, round((stage.line.now() + seconds) * 50)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.business.caller() == [words]
        assert stage.line.most_ahead <= 0.4


@pytest.mark.parametrize("talk", TWIML, ids=lambda talk: talk.kind)
def test_5_a_document_has_the_two_way_stream_and_never_the_listening_one(talk: Talk) -> None:
    """pipecat#2157: no sound, by <Start> in place of <Connect>."""
    steps = [Connect("wss://h/media", "https://h/after", "t", "+442079460000", "+447700900123", "CA1")]
    document = talk.document(steps).decode()
    assert "<Start" not in document
    assert ("<Connect" in document) or ('bidirectional="true"' in document)


@pytest.mark.parametrize("talk", dialects.TALKS.values(), ids=lambda talk: talk.kind)
def test_6_no_document_leaves_a_caller_in_silence_after_the_end(talk: Talk) -> None:
    """dograh#627: a <Pause> after <Connect> kept the line open."""
    everything: list[Step] = [
        Connect("wss://h/media", "https://h/after", "t", "+442079460000", "+447700900123", "CA1"),
        Dial("+441134960001"),
        Say("Goodbye.", "en-GB"),
        Record("https://h/message", 60),
        HangUp(),
    ]
    for steps in (everything, everything[1:], everything[-1:]):
        document = talk.document(steps).decode().lower()
        assert "pause" not in document
        assert "<wait" not in document
    ended = talk.document([HangUp()]).decode()
    assert ended == "[]" if talk.media == "application/json" else "<Hangup" in ended


async def test_7_what_is_said_to_a_call_that_is_over_is_dropped() -> None:
    """pipecat#1511, #2145: sends and hang-ups of calls that were gone."""
    async with scene() as stage:
        await greeted(stage)
        await stage.line.hang_up()
        with anyio.fail_after(10):
            await stage.done.wait()
        told, heard, dropped = list(stage.business.events), len(stage.line.heard), stage.call.driver.ignored.copy()
        stage.call.driver.feed(ev.Command(stage.call.clock.now(), "say", "anybody there?"))
        stage.call.driver.feed(ev.Hangup(stage.call.clock.now()))
        stage.call.stop()
        await stage.line.end()
        await stage.line.end()
        await anyio.sleep(1)
        assert stage.business.events == told
        assert not any(stage.line.heard[heard:])
        assert stage.call.driver.ignored - dropped == {"the call has ended": 2}
    assert stage.business.ended.reason == "hangup"


@pytest.mark.parametrize("words", [0.1, 0.7, 1.4])
async def test_8_a_caller_who_drops_in_mid_speech_ends_the_call_and_all_that_it_had_open(words: float) -> None:
    """pipecat#3179, #4409: pipelines that never ended, provider sockets that stayed open."""
    async with scene() as stage:
        await greeted(stage)
        async with anyio.create_task_group() as group:
            group.start_soon(stage.line.say, "I would like to book somebody for")
            await anyio.sleep(words)
            stage.line.drop()
            begun = anyio.current_time()
            with anyio.fail_after(15):
                await stage.done.wait()
            assert anyio.current_time() - begun < 3
        report = stage.call.scope_report
        assert report is not None
        assert report.turns_opened == report.turns_closed
        assert all(session.closed for session in stage.stt.opened)


async def test_9_many_calls_leave_neither_tasks_nor_calls_behind() -> None:
    """aplisay/llm-agent#285: long-lived workers that leak."""
    kept: list[int] = []
    for round_ in range(4):
        for _ in range(4 if round_ == 0 else 16):
            async with scene() as stage:
                await anyio.sleep(0.1)
                await stage.line.hang_up()
                with anyio.fail_after(15):
                    await stage.done.wait()
        del stage
        await anyio.lowlevel.checkpoint()
        gc.collect()
        kept.append(sum(type(each).__name__ in {"Call", "Talk", "Hearing", "Recorder", "Task"} for each in gc.get_objects()))
    assert kept[-1] <= kept[1], kept


async def test_13_a_transfer_that_nobody_takes_gives_the_caller_back_and_frees_what_it_had() -> None:
    """dograh#737, #756: slots that leaked on calls that nobody answered. Places of numbers: tests/e2e/test_numbers_placement.py."""
    script = {
        **SCRIPT,
        "given": {**SCRIPT["given"], "staff": "phone"},
        "universals": {"human": "connect"},
        "states": {
            **SCRIPT["states"],
            "connect": {"say": "I am putting you through.", "transfer": "staff", "if_fails": "message", "end": "transferred"},
        },
        "outcomes": {**SCRIPT["outcomes"], "transferred": "good"},
    }
    async with scene(plan_of(script, transfer_to={"staff": "+442079460001"})) as stage:
        stage.line.refuse_transfer = True
        await greeted(stage)
        await exchange(stage, "can I speak to a person")
        await stage.line.agent_done(quiet=1.0)
        assert "tell the team" in stage.business.said()[-1]
        await stage.line.say("please ring me about the boiler")
        with anyio.fail_after(30):
            await stage.done.wait()
    assert stage.business.ended.outcome == "message"
    report = stage.call.scope_report
    assert report is not None
    assert report.turns_opened == report.turns_closed


async def test_14_a_line_without_media_is_ended_by_its_limits_and_no_sooner() -> None:
    """14, livekit/sip#812, dograh#283: a caller of whom nothing is heard is spoken to, and the call comes to its end."""

    class Mute(Line):
        def _put(self, event: Any) -> None:
            if not isinstance(event, MediaIn):
                super()._put(event)

    async with scene(line_of=Mute) as stage:
        assert await stage.line.agent_speaks() < 2
        with anyio.fail_after(120):
            await stage.done.wait()
    assert stage.business.ended.reason in {"idle", "finished"}


# The field's list, 20: barge-in breaks call control (jambonz-feature-server#961, #676, #714, #767)


async def test_field_20_barge_in_works_again_and_again_and_drops_all_that_was_queued() -> None:
    over = (
        ("how much is it", "no wait I would like a booking please"),
        ("oh seven nine double one one two three four five six", "the second one please"),
        ("", "no I mean the first one please"),
    )
    async with scene() as stage:
        await greeted(stage)
        for words, interruption in over:
            if words:
                await stage.line.say(words)
                await stage.line.agent_speaks()
            await anyio.sleep(0.8)
            before = len(stage.line.clears)
            await stage.line.say(interruption)
            assert len(stage.line.clears) > before
            frame = round(stage.line.clears[-1] * 50)
            assert not any(stage.line.heard[frame + 1 :])
            await stage.line.agent_speaks()
            if not interruption.startswith("the second"):
                # The third breaks into the answer to the second.
                await stage.line.agent_done()
        assert [turn.interrupted for turn in stage.business.of(AgentTurn)].count(True) == len(over)
        assert stage.business.said()[-1].endswith("Shall I book it?")
