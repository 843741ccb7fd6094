"""People whom the engine rings itself, over a trunk: what they hear and do, and every race that ends with one talk or none."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.lowlevel
import httpx
import pytest
from tests.scenarios.harness import SCRIPT, Business, Line, Scene, greeted, plan_of, scene

from offhook.contracts.events import RecordingReady, TransferAttempted, TransferEnded, TransferStarted
from offhook.contracts.transfer import Outcome, Ring, Told, TransferAnswer, TransferTurn, Tried
from offhook.engine.scopes import Work
from offhook.engine.second_leg import Outside
from offhook.errors import NotReached, TransferFailed
from offhook.ports.transport import HoldIn
from offhook.testing.fakes import Mouthpiece

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
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
NAMES = ("Sam", "Kim")


class Telephone(Line):
    """A person's, which rings. Set ``lifts`` to have it answered; ``why`` where it is not."""

    def __init__(self, why: str = "") -> None:
        super().__init__(Mouthpiece())
        self.lifts = anyio.Event()
        self.why = why
        self.up = anyio.Event()

    async def reached(self, timeout: float) -> None:
        if self.why:
            raise NotReached(self.why, 486, "not reached")
        with anyio.move_on_after(timeout) as scope:
            await self.lifts.wait()
        if scope.cancelled_caught:
            raise NotReached("no_answer", 0, "nobody answered in time")
        self._begin = anyio.current_time()
        self.up.set()

    async def asked(self) -> None:
        """Hear who rings and what is to be pressed, to its end."""
        await self.up.wait()
        await self.agent_speaks()
        await self.agent_done(quiet=0.3)

    async def run(self) -> None:
        await self.up.wait()
        await super().run()


@dataclass
class Trunk:
    """The line by which they are rung."""

    group: anyio.abc.TaskGroup
    telephones: list[Telephone]
    rung: list[str] = field(default_factory=list)
    over: int = 0

    async def dial(self, trunk: str, to: str, caller_id: str = "") -> Telephone:
        self.rung.append(to)
        return self.telephones[len(self.rung) - 1]

    def gone(self, leg: Telephone) -> None:
        self.over += 1

    def start(self, work: Work, name: str) -> None:
        self.group.start_soon(work, name=name)


class Board(Business):
    """The other end of transfers, which decides as the orchestrator does."""

    def __init__(self, refer: bool = False, warm: bool = True) -> None:
        super().__init__()
        self.state: Any = "trying"
        self.reason = ""
        self.tried: list[Tried] = []
        self.told: list[Told] = []
        self.version = 1
        self.deaf: Callable[[Told | None], bool] = lambda _: False
        """Whether a request of this content never arrives."""
        self.slow: anyio.Event | None = None
        """What the answer to a yes waits for."""
        self._refer, self._warm = refer, warm

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/v1/transfers"):
            return await super().__call__(request)
        body = json.loads(request.content)
        turn = TransferTurn.model_validate(body) if request.url.path != "/v1/transfers" else TransferTurn(call="c1")
        if self.deaf(turn.told):
            raise httpx.ConnectError("nobody answers", request=request)
        if turn.told is not None:
            self.told.append(turn.told)
            self._take(turn.told)
        if turn.cancel and self.state in {"trying", "bridging"}:
            self._end("failed" if self.state == "bridging" else "cancelled", "cancelled")
        elif self.state == "trying" and not (self.tried and self.tried[-1].outcome in {"ringing", "asked"}):
            self._next()
        answer = self._answer()
        if turn.told is not None and turn.told.keys == "1" and self.slow is not None:
            await self.slow.wait()
        return httpx.Response(200, content=answer.model_dump_json())

    def _take(self, told: Told) -> None:
        current = self.tried[-1]
        if told.what in {"together", "lost", "apart"}:
            if self.state == "bridging":
                self.state = "failed" if told.what == "lost" else "done"
        elif self.state == "trying" and told.place == len(self.tried) - 1 and current.outcome in {"ringing", "asked"}:
            outcomes: dict[str, Outcome] = {"busy": "busy", "no_answer": "no_answer", "failed": "failed", "silent": "unaccepted"}
            takes = told.keys == "1" or (told.what == "answered" and not self._warm)
            if takes:
                self.state = "bridging"
            self._outcome("accepted" if takes else outcomes.get(told.what, "asked" if told.what == "answered" else "refused"))

    def _outcome(self, outcome: Outcome) -> None:
        self.tried[-1] = Tried(name=self.tried[-1].name, outcome=outcome)

    def _next(self) -> None:
        if len(self.tried) == len(NAMES):
            self._end("failed", "failed")
        else:
            self.tried.append(Tried(name=NAMES[len(self.tried)], outcome="ringing"))

    def _end(self, state: str, outcome: Outcome) -> None:
        self.state = state
        if self.tried and self.tried[-1].outcome in {"ringing", "asked"}:
            self._outcome(outcome)

    def _answer(self) -> TransferAnswer:
        self.version += 1
        ring = None
        if self.tried and self.state in {"trying", "bridging"}:
            words = {"brief": "A call from Ann.", "choice": "To take the call press one."} if self._warm else {}
            lines = {
                "turned_down": "All right.",
                "unanswered": "It goes on.",
                "not_needed": "Not needed now.",
                "lost": "It was lost, sorry.",
            }
            ring = Ring(place=len(self.tried) - 1, trunk="one", to=f"+{len(self.tried)}", refer=self._refer, **words, **lines)
        return TransferAnswer(id="t1", state=self.state, version=self.version, reason=self.reason, tried=tuple(self.tried), ring=ring)


@dataclass
class Stage:
    scene: Scene
    board: Board
    trunk: Trunk
    sam: Telephone
    kim: Telephone

    @property
    def line(self) -> Line:
        return self.scene.line

    def outcomes(self) -> list[str]:
        return [one.outcome for one in self.board.of(TransferAttempted)]

    async def over(self) -> None:
        with anyio.fail_after(30):
            await self.scene.done.wait()

    async def left(self, count: int) -> None:
        """Until so many second legs are over."""
        with anyio.fail_after(30):
            while self.trunk.over < count:
                await anyio.sleep(0.02)

    async def hear_each_other(self) -> None:
        """What each says is heard by the other, and by nobody before."""
        for one, other in ((self.line, self.sam), (self.sam, self.line)):
            begun = len(other.heard)
            await one.say("", 0.4)
            with anyio.fail_after(5):
                while sum(other.heard[begun:]) < 18:
                    await anyio.sleep(0.02)
            await other.agent_done(quiet=0.2)


def impatient(stage: Scene) -> None:
    """Nobody is waited for on hold for longer than 20 s."""
    object.__setattr__(stage.call._parts, "hold_s", 20.0)


@asynccontextmanager
async def putting(
    board: Board | None = None, sam: Telephone | None = None, kim: Telephone | None = None, plan: Any = PLAN, line_of: Any = Line
) -> AsyncIterator[Stage]:
    """Somebody has asked for a person, and Sam's telephone rings."""
    board = board or Board()
    async with anyio.create_task_group() as group:
        async with scene(plan, board, line_of=line_of) as stage:
            trunk = Trunk(group, [sam or Telephone(), kim or Telephone()])
            stage.call._parts.lines.sip = cast("Outside", trunk)
            await greeted(stage)
            await stage.line.say("can I speak to a person please")
            with anyio.fail_after(20):
                while not board.of(TransferStarted) or not trunk.rung:
                    await anyio.sleep(0.02)
            yield Stage(stage, board, trunk, *trunk.telephones)
        group.cancel_scope.cancel()
    for telephone in trunk.telephones:  # one that never rang was never read
        telephone._send.close()
        telephone._events.close()


async def test_a_person_hears_who_rings_takes_the_call_by_a_key_and_both_hear_each_other() -> None:
    async with putting() as stage:
        await stage.line.agent_done()
        stage.sam.lifts.set()
        await stage.sam.asked()
        assert not stage.scene.done.is_set()
        stage.sam.press("1")
        await anyio.sleep(0.2)
        await stage.hear_each_other()
        stage.line.press("5")
        stage.sam.press("9")
        await anyio.sleep(0.1)
        assert (stage.sam.sent_keys, stage.line.sent_keys) == ("5", "9")
        await stage.sam.hang_up()
        await stage.over()
        await stage.left(1)
    assert stage.board.ended.reason == "transferred"
    [ended] = stage.board.of(TransferEnded)
    assert (ended.outcome, ended.name) == ("taken", "Sam")
    assert stage.outcomes() == ["accepted"]
    assert [one.what for one in stage.board.told] == ["answered", "said", "together", "apart"]
    assert stage.board.ended.at_ms > ended.at_ms
    assert stage.board.of(RecordingReady) == []


async def test_the_caller_hangs_up_and_the_person_s_leg_is_over_too() -> None:
    async with putting() as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        await anyio.sleep(0.5)
        await stage.line.hang_up()
        await stage.over()
        await stage.left(1)
        assert stage.sam.ended.is_set()
    assert stage.board.ended.reason == "transferred"


@pytest.mark.parametrize(
    ("sam", "outcome"),
    [("busy", "busy"), ("failed", "failed"), ("rings", "no_answer"), ("2", "refused"), ("", "unaccepted"), ("gone", "refused")],
)
async def test_who_does_not_take_the_call_is_followed_by_the_next(sam: str, outcome: str) -> None:
    rings = Telephone(sam if sam in {"busy", "failed"} else "")
    async with putting(sam=rings) as stage:
        if sam in {"2", "", "gone"}:
            stage.sam.lifts.set()
            await stage.sam.asked()
            if sam == "gone":
                await stage.sam.hang_up()
            else:
                stage.sam.press(sam)
        with anyio.fail_after(60):
            while len(stage.trunk.rung) < 2:
                await anyio.sleep(0.1)
        stage.kim.lifts.set()
        await stage.kim.asked()
        stage.kim.press("1")
        await anyio.sleep(0.5)
        await stage.left(1)
        assert stage.sam.ended.is_set()
        assert not stage.kim.ended.is_set()
        await stage.kim.hang_up()
        await stage.over()
    assert stage.outcomes() == [outcome, "accepted"]
    assert stage.board.ended.reason == "transferred"


async def test_a_voicemail_that_never_presses_brings_the_caller_back_to_the_agent() -> None:
    async with putting(kim=Telephone("busy")) as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        await stage.left(2)
        await stage.line.agent_speaks(20)
        await stage.line.agent_done()
        await stage.line.say("please ring me about the boiler")
        await stage.over()
    assert stage.outcomes() == ["unaccepted", "busy"]
    assert "What shall I tell the team?" in stage.board.said()
    assert stage.board.ran("save_message") == 1
    assert [one.outcome for one in stage.board.of(TransferEnded)] == ["failed"]


async def test_without_an_announcement_whoever_answers_has_the_caller() -> None:
    async with putting(Board(warm=False)) as stage:
        await stage.line.agent_done()
        stage.sam.lifts.set()
        await anyio.sleep(0.3)
        assert not any(stage.sam.heard)
        await stage.hear_each_other()
    assert [one.what for one in stage.board.told][:2] == ["answered", "together"]


async def test_the_caller_hangs_up_while_the_person_says_yes() -> None:
    board = Board()
    board.slow = anyio.Event()
    async with putting(board) as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        with anyio.fail_after(5):
            while board.state != "bridging":
                await anyio.sleep(0.01)
        await stage.line.hang_up()
        await anyio.lowlevel.checkpoint()
        board.slow.set()
        await stage.sam.agent_speaks()
        await stage.over()
        await stage.left(1)
    assert board.state == "failed"
    assert board.ended.reason == "hangup"
    assert [one.outcome for one in board.of(TransferEnded)] == ["hangup"]


async def test_the_caller_takes_it_back_while_the_person_says_yes() -> None:
    board = Board()
    board.slow = anyio.Event()
    async with putting(board) as stage:
        await stage.line.agent_done()
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        with anyio.fail_after(5):
            while board.state != "bridging":
                await anyio.sleep(0.01)
        stage.line.press("#")
        await stage.line.agent_speaks()
        board.slow.set()
        await stage.left(1)
        assert not stage.scene.done.is_set()
        assert stage.scene.call._together is None
    assert board.state == "failed"
    assert [one.outcome for one in board.of(TransferEnded)] == ["cancelled"]


@pytest.mark.parametrize("steps", [0, 3, 8, 20])
async def test_yes_and_goodbye_at_once_is_one_talk_or_none(steps: int) -> None:
    """The caller hangs up so many passes of the loop after the person's yes."""
    async with putting() as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        await stage.line.hang_up()
        await stage.over()
        await stage.left(1)
        assert stage.sam.ended.is_set()
    taken = stage.board.of(TransferEnded)[0].outcome == "taken"
    assert taken == ("together" in {one.what for one in stage.board.told} or "apart" in {one.what for one in stage.board.told})
    assert stage.board.ended.reason == ("transferred" if taken else "hangup")
    assert stage.board.state in ({"done"} if taken else {"failed", "cancelled"})


async def test_a_caller_who_hangs_up_while_it_rings_rings_nobody_any_longer() -> None:
    async with putting() as stage:
        await stage.line.hang_up()
        await stage.over()
        await stage.left(1)
        assert stage.sam.ended.is_set()
        stage.sam.lifts.set()
        await anyio.sleep(1)
        assert not any(stage.sam.heard)
    assert stage.board.state == "cancelled"


async def test_the_orchestrator_is_lost_at_the_yes_and_the_caller_stays_with_the_agent() -> None:
    board = Board()
    board.deaf = lambda told: told is None or told.what == "said"
    lost, board.deaf = board.deaf, lambda _: False
    async with putting(board) as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        board.deaf = lost
        stage.sam.press("1")
        await stage.left(1)
        await stage.line.agent_speaks(20)
        assert not stage.scene.done.is_set()
    assert [one.outcome for one in board.of(TransferEnded)] == ["failed"]


class Referring(Line):
    """A caller's leg whose trunk takes both over, or will not."""

    refuses = False
    asked_to = 0

    async def attended(self, other: Telephone) -> None:
        self.asked_to += 1
        await anyio.sleep(1)
        if self.refuses:
            raise TransferFailed("the trunk did not transfer the call: status 603")
        await other.hang_up()
        await anyio.sleep(0.5)


async def test_a_trunk_that_takes_both_over_is_told_to_and_our_legs_are_over() -> None:
    async with putting(Board(refer=True), line_of=Referring) as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        await stage.over()
        await stage.left(1)
        assert isinstance(stage.line, Referring)
        assert stage.line.asked_to == 1
    assert stage.board.ended.reason == "transferred"


async def test_a_trunk_that_declines_has_them_talk_through_us_without_a_gap() -> None:
    async with putting(Board(refer=True), line_of=Referring) as stage:
        assert isinstance(stage.line, Referring)
        stage.line.refuses = True
        await stage.line.agent_done()
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        await anyio.sleep(0.1)
        await stage.hear_each_other()  # while it is asked
        await anyio.sleep(1)
        await stage.hear_each_other()
        assert stage.line.asked_to == 1
        assert not stage.scene.done.is_set()


async def test_a_talk_ends_with_the_longest_time_of_the_call() -> None:
    short = PLAN.model_copy(update={"turn": PLAN.turn.model_copy(update={"max_call_ms": 30_000})})
    async with putting(plan=short) as stage:
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        with anyio.fail_after(40):
            await stage.scene.done.wait()
        await stage.left(1)
    assert stage.board.ended.reason == "transferred"
    assert 29 < stage.board.ended.seconds < 32


@pytest.mark.parametrize("who", ["the caller", "the person"])
async def test_a_hold_without_end_ends_the_talk(who: str) -> None:
    async with putting() as stage:
        impatient(stage.scene)
        stage.sam.lifts.set()
        await stage.sam.asked()
        stage.sam.press("1")
        await anyio.sleep(0.5)
        begun = anyio.current_time()
        (stage.line if who == "the caller" else stage.sam)._put(HoldIn(on=True))
        with anyio.fail_after(40):
            await stage.scene.done.wait()
        assert 19 < anyio.current_time() - begun < 26
        await stage.left(1)
    assert stage.board.ended.reason == "held"


async def test_a_caller_on_hold_without_end_is_not_waited_for() -> None:
    async with scene(PLAN, board := Board()) as stage:
        await greeted(stage)
        impatient(stage)
        begun = anyio.current_time()
        stage.line.hold(True)
        with anyio.fail_after(40):
            await stage.done.wait()
        assert 19 < anyio.current_time() - begun < 26
    assert board.ended.reason == "held"


async def test_a_caller_who_comes_back_from_hold_in_time_is_still_there() -> None:
    async with scene(PLAN, Board()) as stage:
        await greeted(stage)
        impatient(stage)
        stage.line.hold(True)
        await anyio.sleep(15)
        stage.line.hold(False)
        await anyio.sleep(3)
        stage.line.hold(True)
        await anyio.sleep(15)
        stage.line.hold(False)
        await anyio.sleep(1)
        assert not stage.done.is_set()
