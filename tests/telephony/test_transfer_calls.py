"""Whole calls that are put through: the real engine and orchestrator at a simulated carrier, with a scripted caller on the line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from tests.scenarios.harness import SCRIPT, Business, Line, Scene, greeted, scene
from tests.telephony.exchanges import KINDS
from tests.telephony.figures import figure
from tests.telephony.switchboard import KIM, SAM, Board, answers, on_a_board

from offhook.contracts.events import AnyEvent, RecordingReady, TransferEnded, TransferStarted
from offhook.contracts.plan import CallPlan
from offhook.core.audio.format import MULAW_8K
from offhook.testing.carriers.exchange import Call, Person
from offhook.testing.fakes import Mouthpiece

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
TARGETS: dict[str, Any] = {"office": {"number": SAM, "people": [{"name": "Kim", "number": KIM}], "ring_s": 20}}
WITH_PEOPLE: dict[str, Any] = {
    **SCRIPT,
    "universals": {"human": "connect"},
    "states": {
        **SCRIPT["states"],
        "connect": {"say": "I am putting you through to the office.", "transfer": "office", "if_fails": "message", "end": "transferred"},
    },
    "given": {**SCRIPT["given"], "office": "phone"},
    "outcomes": {**SCRIPT["outcomes"], "transferred": "good"},
}


class Onward(Business):
    """Hands the engine's requests on to the orchestrator, signed as its engine would."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path.startswith("/v1/transfers"):
            return await self._board.house.post(request.url.path, body)
        return httpx.Response(200, json={"values": {}})


@asynccontextmanager
async def on_the_line(board: Board) -> AsyncIterator[tuple[Call, Scene]]:
    """Somebody has rung and is with the agent. Their media ends as the carrier's does: when it goes on with another document."""
    stages: list[Scene] = []
    up, gone = anyio.Event(), anyio.Event()

    async def media(call: Call, _: str, parameters: Mapping[str, str]) -> None:
        board.tokens[call.sid] = parameters["token"]
        over = anyio.Event()
        board.media.append(over)
        board.carrier._tell()
        try:
            await up.wait()
            await stages[0].line.ended.wait()
        finally:
            if stages:
                await stages[0].line.hang_up()

    board.carrier.media = media
    caller = board.carrier.ring("+442079460000", "+447700900123")
    await board.carrier.until(lambda: board.media)
    token = board.tokens[caller.sid]
    asked = {"call": "c1", "transport": board.kind, "token": token, "carrier_call": caller.sid}
    plan = CallPlan.model_validate((await board.house.post("/v1/plans", asked)).json())
    tools = {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in WITH_PEOPLE["tools"].items()}
    changes = {"script": WITH_PEOPLE, "tools": tools, "models": {"endpoint": None}, "lines": {}, "record_after": (), "record": False}
    plan = CallPlan.model_validate({**plan.model_dump(), **changes})

    def line_of(mouthpiece: Mouthpiece) -> Line:
        line = Line(mouthpiece)
        assert line.format_in is MULAW_8K
        return line

    async with scene(plan, Onward(board), line_of=line_of) as stage:
        stages.append(stage)
        up.set()
        yield caller, stage
    gone.set()


async def _asks_for_a_person(stage: Scene) -> None:
    await greeted(stage)
    await stage.line.say("can I speak to a person please")
    with anyio.fail_after(150):
        while not stage.business.of(TransferStarted):
            await anyio.sleep(0.05)


async def _keep(board: Board, events: list[AnyEvent]) -> None:
    """The orchestrator is told what the engine told."""
    for event in events:
        answer = await board.house.post("/v1/events", json.loads(event.model_dump_json()) | {"ref": "harbour/front-desk"})
        assert answer.status_code in {200, 202}, answer.text


@pytest.mark.parametrize("kind", KINDS)
@on_a_board(TARGETS)
async def test_a_caller_asks_for_a_person_and_is_with_them(board: Board, kind: str) -> None:
    board.carrier.people |= {SAM: Person("busy"), KIM: answers("1")}
    async with on_the_line(board) as (caller, stage):
        await _asks_for_a_person(stage)
        await board.bridged(KIM)
        with anyio.fail_after(150):
            await stage.done.wait()
    business = stage.business
    assert business.ended.reason == "transferred"
    [ended] = business.of(TransferEnded)
    assert (ended.outcome, ended.name) == ("taken", "Kim")
    kim = await board.carrier.leg_to(KIM)
    assert any("can I speak to a person" in line for line in kim.heard)
    assert caller.alive
    assert {"caller", KIM} in board.together()
    await _keep(board, business.events)
    detail = (await board.house.get("/calls/c1")).json()
    assert [one["type"] for one in detail["transfers"]] == [
        "transfer.started",
        "transfer.attempted",
        "transfer.attempted",
        "transfer.ended",
    ]
    assert SAM not in json.dumps(detail["transfers"])
    # Nothing is heard by the engine once they have left it: what it recorded, had it, ends there.
    assert business.ended.at_ms >= ended.at_ms
    assert business.of(RecordingReady) == []
    board.carrier.hang_up(caller)
    await kim.over.wait()
    figure(f"{kind}: a caller put through to the second of two people: {ended.seconds:.1f} s, bridged once, both legs over together")


@on_a_board(TARGETS)
async def test_nobody_takes_the_call_and_the_agent_goes_on_with_it(board: Board) -> None:
    board.carrier.people |= {SAM: answers("2"), KIM: answers(None)}
    async with on_the_line(board) as (caller, stage):
        await _asks_for_a_person(stage)
        with anyio.fail_after(150):
            while not any("What shall I tell the team?" in said for said in stage.business.said()):
                await anyio.sleep(0.05)
        assert caller.alive
        assert not caller.conference
    assert [one.outcome for one in stage.business.of(TransferEnded)] == ["failed"]
    assert stage.business.ended.reason == "hangup"


@on_a_board(TARGETS)
async def test_a_caller_who_hangs_up_while_somebody_is_rung_ends_it_all(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=anyio.Event())
    async with on_the_line(board) as (caller, stage):
        await _asks_for_a_person(stage)
        await board.carrier.until(lambda: board.rung(SAM))
        board.carrier.hang_up(caller)
        with anyio.fail_after(150):
            await stage.done.wait()
    sam = next(one for one in board.carrier.calls.values() if one.to == SAM)
    await sam.over.wait()
    assert stage.business.ended.reason == "hangup"
    assert [one.outcome for one in stage.business.of(TransferEnded)] == ["hangup"]


@on_a_board(TARGETS)
async def test_a_caller_who_takes_it_back_in_words_is_still_with_the_agent(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=anyio.Event())
    async with on_the_line(board) as (caller, stage):
        await _asks_for_a_person(stage)
        await board.carrier.until(lambda: board.rung(SAM))
        await stage.line.agent_done()
        await stage.line.say("oh never mind then")
        sam = next(one for one in board.carrier.calls.values() if one.to == SAM)
        with anyio.fail_after(150):
            await sam.over.wait()
            while not any(said.startswith("All right, I am still here.") for said in stage.business.said()):
                await anyio.sleep(0.05)
        assert caller.alive
    assert [one.outcome for one in stage.business.of(TransferEnded)] == ["cancelled"]
