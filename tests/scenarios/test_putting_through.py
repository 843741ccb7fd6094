"""A caller is put through by whoever made the plan: what they hear meanwhile, and what follows, in virtual time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.scenarios.harness import SCRIPT, Business, Scene, exchange, greeted, plan_of, scene

from offhook.contracts.events import RecordingReady, TransferAttempted, TransferEnded, TransferStarted
from offhook.contracts.transfer import TransferAnswer, TransferRequest, TransferTurn, Tried
from offhook.core.turn import events as ev

pytestmark = pytest.mark.anyio

WITH_PEOPLE: dict[str, Any] = {
    **SCRIPT,
    "universals": {"human": "connect"},
    "states": {
        **SCRIPT["states"],
        "connect": {"say": "I am putting you through to Sam.", "transfer": "staff", "if_fails": "message", "end": "transferred"},
    },
    "given": {**SCRIPT["given"], "staff": "phone"},
    "outcomes": {**SCRIPT["outcomes"], "transferred": "good"},
}
PLAN = plan_of(WITH_PEOPLE, transfer_to={"staff": "+442079460001"}, transfers_url="http://127.0.0.1:1/v1/transfers")


class Switchboard(Business):
    """The other end of transfers: rings until told how it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = TransferAnswer(id="t1", state="trying", tried=(Tried(name="Sam", outcome="ringing"),))
        self.asked: list[TransferRequest] = []
        self.cancels = 0
        self.deaf = False
        self.too_late = False
        self._news = anyio.Event()

    def now(self, state: Any, *tried: Tried, reason: str = "") -> None:
        """This is how it stands."""
        self.answer = TransferAnswer(id="t1", state=state, version=self.answer.version + 1, reason=reason, tried=tried)
        self._news.set()
        self._news = anyio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/v1/transfers"):
            return await super().__call__(request)
        if self.deaf:
            raise httpx.ConnectError("nobody answers", request=request)
        if request.url.path == "/v1/transfers":
            self.asked.append(TransferRequest.model_validate_json(request.content))
            return self._told()
        turn = TransferTurn.model_validate(json.loads(request.content))
        if turn.cancel:
            self.cancels += 1
            if self.answer.state == "trying":
                self.now("done" if self.too_late else "cancelled", Tried(name="Sam", outcome="accepted" if self.too_late else "cancelled"))
        elif turn.after >= self.answer.version:
            with anyio.move_on_after(5):
                await self._news.wait()
        return self._told()

    def _told(self) -> httpx.Response:
        return httpx.Response(200, content=self.answer.model_dump_json())


async def _asked_for_sam(stage: Scene) -> None:
    await greeted(stage)
    await exchange(stage, "can I speak to a person please")
    with anyio.fail_after(10):
        while not stage.business.of(TransferStarted):
            await anyio.sleep(0.1)


async def test_the_caller_is_told_and_is_with_the_person_when_they_have_taken_the_call() -> None:
    board = Switchboard()
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        await stage.line.agent_speaks(limit=12)
        await stage.line.agent_done()
        board.now("done", Tried(name="Sam", outcome="accepted", seconds=9.0))
        with anyio.fail_after(10):
            await stage.done.wait()
    assert board.said()[1:] == ["I am putting you through to Sam.", PLAN.lines.still_trying]
    assert board.ended.reason == "transferred"
    [ended] = board.of(TransferEnded)
    assert (ended.outcome, ended.name) == ("taken", "Sam")
    assert [one.outcome for one in board.of(TransferAttempted)] == ["accepted"]
    assert stage.line.transferred == []
    assert "person" in board.asked[0].brief.words


async def test_nothing_is_recorded_once_a_person_has_the_caller_and_the_record_says_when(tmp_path: Path) -> None:
    """telephony.md 5.15: a recording must provably stop before the hand-over."""
    board = Switchboard()
    plan = PLAN.model_copy(update={"record": True})
    async with scene(plan, board, traces=tmp_path) as stage:
        await _asked_for_sam(stage)
        await stage.line.agent_done()
        async with anyio.create_task_group() as group:
            group.start_soon(stage.line.say, "and while I wait I tell you that my boiler has been leaking since this morning " * 3)
            await anyio.sleep(1.0)  # in mid-sentence: there is more to record than is recorded
            board.now("done", Tried(name="Sam", outcome="accepted", seconds=9.0))
        with anyio.fail_after(60):
            await stage.done.wait()
    [recording], [ended] = board.of(RecordingReady), board.of(TransferEnded)
    assert recording.handed_ms is not None
    assert abs(recording.handed_ms - ended.at_ms) <= 20
    assert board.ended.at_ms >= recording.handed_ms
    assert recording.seconds * 1000 <= recording.handed_ms + 20


async def test_nobody_takes_the_call_and_the_script_goes_on_with_what_it_knows() -> None:
    board = Switchboard()
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        board.now("failed", Tried(name="Sam", outcome="no_answer", seconds=20.0), reason="nobody")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say("please ring me about the boiler")
        with anyio.fail_after(20):
            await stage.done.wait()
    assert "What shall I tell the team?" in board.said()
    assert board.of(TransferEnded)[0].reason == "nobody"
    assert board.ran("save_message") == 1


@pytest.mark.parametrize("how", ["words", "key"])
async def test_a_caller_takes_it_back_and_is_still_with_the_agent(how: str) -> None:
    board = Switchboard()
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        if how == "words":
            await stage.line.say("oh never mind then")
        else:
            stage.line.press("#")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert not stage.done.is_set()
    assert board.said()[-1].startswith(PLAN.lines.staying)
    assert board.cancels == 1
    assert [one.outcome for one in board.of(TransferEnded)] == ["cancelled"]


async def test_a_caller_who_takes_it_back_too_late_is_with_the_person() -> None:
    board = Switchboard()
    board.too_late = True
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        await stage.line.say("oh never mind then")
        with anyio.fail_after(10):
            await stage.done.wait()
    assert board.ended.reason == "transferred"


async def test_what_else_the_caller_says_is_answered_and_ends_nothing() -> None:
    board = Switchboard()
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        await exchange(stage, "is anybody there")
        assert board.cancels == 0
        board.now("done", Tried(name="Sam", outcome="accepted"))
        with anyio.fail_after(10):
            await stage.done.wait()
    assert board.said()[-1] == PLAN.lines.still_trying


@pytest.mark.parametrize(("late", "reason"), [(False, "hangup"), (True, "transferred")])
async def test_the_media_ends_first_and_the_other_side_says_why(late: bool, reason: str) -> None:
    board = Switchboard()
    board.too_late = late
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        await stage.line.hang_up()
        with anyio.fail_after(20):
            await stage.done.wait()
    assert board.ended.reason == reason
    assert board.cancels == 1
    assert [one.outcome for one in board.of(TransferEnded)] == ["taken" if late else "hangup"]


async def test_a_caller_breaks_into_the_words_and_is_put_through_all_the_same() -> None:
    board = Switchboard()
    async with scene(PLAN, board) as stage:
        await greeted(stage)
        await stage.line.say("can I speak to a person please")
        await stage.line.agent_speaks()
        await anyio.sleep(0.5)
        await stage.line.say("yes that would be very good of you")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert len(board.asked) == 1
        board.now("done", Tried(name="Sam", outcome="accepted"))
        with anyio.fail_after(10):
            await stage.done.wait()
    assert board.ended.reason == "transferred"


async def test_nobody_who_could_put_them_through_answers_and_they_are_told() -> None:
    board = Switchboard()
    board.deaf = True
    async with scene(PLAN, board) as stage:
        await _asked_for_sam(stage)
        begun = stage.line.now()
        while "What shall I tell the team?" not in board.said():
            await stage.line.agent_speaks(limit=30)
            await stage.line.agent_done()
        assert stage.line.now() - begun < 30
    assert board.of(TransferEnded)[0].reason == "unreachable"


async def test_another_place_than_a_carrier_is_told_by_the_transport() -> None:
    board = Switchboard()
    board.answer = TransferAnswer(id="t1", state="failed", reason="elsewhere")
    async with scene(PLAN, board) as stage:
        await greeted(stage)
        await stage.line.say("can I speak to a person please")
        with anyio.fail_after(20):
            await stage.done.wait()
    assert stage.line.transferred == ["+442079460001"]
    assert board.ended.reason == "transferred"


async def test_a_transfer_that_was_commanded_is_announced_and_its_failure_told() -> None:
    board = Switchboard()
    async with scene(PLAN, board) as stage:
        await greeted(stage)
        stage.call.driver.feed(ev.Command(stage.call.clock.now(), "transfer", "staff"))
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        board.now("failed", Tried(name="Sam", outcome="busy"), reason="nobody")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    assert board.said()[-2:] == [PLAN.lines.putting_through, PLAN.lines.not_through]
