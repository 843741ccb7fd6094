"""A business whose callers are put through, at a carrier: an orchestrator, people with telephones, and what an engine asks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import httpx
from tests.e2e.business import CALLER, DID, House, open_house
from tests.telephony.exchanges import PUBLIC, carried

from offhook.contracts.transfer import TransferAnswer
from offhook.testing.carriers.exchange import Call, Exchange, Person

SAM, KIM, LEE = "+442079460101", "+442079460102", "+442079460103"
AGENT = "/agents/front-desk"


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The carrier's REST API, where answers can be lost and requests fail."""

    inner: httpx.AsyncBaseTransport
    lose: dict[str, int] = field(default_factory=dict)
    """By a piece of the request's body: how many of its answers are lost."""
    fail: dict[str, int] = field(default_factory=dict)
    """Likewise: how many requests never arrive."""
    hold: dict[str, anyio.Event] = field(default_factory=dict)
    """Likewise: what the answer waits for."""
    held: anyio.Event = field(default_factory=anyio.Event)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = (await request.aread()).decode()
        for piece, left in self.fail.items():
            if piece in body and left > 0:
                self.fail[piece] = left - 1
                raise httpx.ConnectError("nobody answers", request=request)
        answer = await self.inner.handle_async_request(request)
        for piece, event in self.hold.items():
            if piece in body:
                self.held.set()
                await event.wait()
        for piece, left in self.lose.items():
            if piece in body and left > 0:
                self.lose[piece] = left - 1
                raise httpx.ReadTimeout("the answer was lost", request=request)
        return answer


@dataclass
class Board:
    """See above. ``caller`` is the call that is up, once ``rings`` has been."""

    house: House
    carrier: Exchange
    wire: Wire
    kind: str = "twilio"
    media: list[anyio.Event] = field(default_factory=list)
    """Of each call: set by a test to end its media as an engine does."""

    async def ring(self, id: str = "c1") -> Call:
        """Somebody rings; an engine has them."""
        caller = self.carrier.ring(DID, CALLER)
        count = len(self.media)
        await self.carrier.until(lambda: len(self.media) > count)
        token = self.tokens[caller.sid]
        plan = await self.house.post("/v1/plans", {"call": id, "transport": self.kind, "token": token, "carrier_call": caller.sid})
        assert plan.status_code == 200, plan.text
        assert plan.json()["transfers_url"].endswith("/v1/transfers")
        return caller

    tokens: dict[str, str] = field(default_factory=dict)

    async def begin(self, call: str = "c1", key: str = "k1", target: str = "office", **brief: Any) -> TransferAnswer:
        """An engine wants the caller put through."""
        body = {"call": call, "ref": "harbour/front-desk", "target": target, "key": key, "brief": brief}
        answer = await self.house.post("/v1/transfers", body)
        assert answer.status_code == 200, answer.text
        return TransferAnswer.model_validate(answer.json())

    async def turn(self, known: TransferAnswer, *, cancel: bool = False, call: str = "c1") -> TransferAnswer:
        """It asks for news, or ends it."""
        body = {"call": call, "ref": "harbour/front-desk", "after": known.version, "cancel": cancel}
        answer = await self.house.post(f"/v1/transfers/{known.id}", body)
        assert answer.status_code == 200, answer.text
        return TransferAnswer.model_validate(answer.json())

    async def until(self, known: TransferAnswer, *states: str, tried: str = "", call: str = "c1") -> TransferAnswer:
        """It asks until it stands so, or the last one who was rung does."""
        with anyio.fail_after(150):
            while known.state not in states and not (tried and known.tried and known.tried[-1].outcome == tried):
                known = await self.turn(known, call=call)
        return known

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.house.now[0] += timedelta(seconds=seconds)

    def together(self) -> list[set[str]]:
        """Who has met whom: the rooms with both a caller and a person, by whom they belong to."""
        return [{one.to if one.direction != "inbound" else "caller" for one in room.members} for room in self.carrier.conferences.values()]

    def rung(self, number: str) -> int:
        """How often this telephone rang."""
        return sum(one.to == number for one in self.carrier.calls.values())

    async def bridged(self, number: str) -> None:
        """Caller and person are in one room."""
        await self.carrier.until(lambda: {"caller", number} in self.together())


@asynccontextmanager
async def open_board(database_url: str, targets: Mapping[str, Any], kind: str = "twilio") -> AsyncIterator[Board]:
    """``targets`` are the agent's."""
    line = carried(kind)
    carrier = line.exchange
    wire = Wire(carrier.transport())
    async with open_house(database_url, public_url=PUBLIC, transports={f"carrier/{kind}": wire}, end_grace_s=0.0) as house:
        board = Board(house, carrier, wire, kind)
        carrier.web, carrier.clock = house.http, lambda: house.now[0]
        line.add_number(DID)
        made = await house.ask("POST", "/carrier-accounts", line.account)
        number = (await house.get("/numbers")).json()["data"][0]["id"]
        moved = await house.ask("PATCH", f"/numbers/{number}", {"carrier_account_id": made.json()["id"]}, If_Match="*")
        assert moved.status_code == 200, moved.text
        draft = await house.ask("PATCH", f"{AGENT}/draft", {"transfer": dict(targets)}, If_Match="*")
        assert draft.status_code == 200, draft.text
        live = await house.ask("POST", f"{AGENT}/publish", {}, If_Match=draft.headers["etag"])
        assert live.status_code in {200, 201}, live.text

        async def media(call: Call, _: str, parameters: Mapping[str, str]) -> None:
            board.tokens[call.sid] = parameters["token"]
            over = anyio.Event()
            board.media.append(over)
            carrier._tell()
            await over.wait()

        carrier.media = media
        async with carrier.running():
            yield board
        assert carrier.problems == []


def answers(*inputs: str | None, **more: Any) -> Person:
    """Somebody who answers and gives these to what they are asked."""
    return Person("answer", inputs=inputs, **more)


def on_a_board(targets: Mapping[str, Any]) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """A test with a board of its own, as ``board``; at the carrier that it names as ``kind``.

    No fixture: what goes on at the carrier must be over before the test is.
    """

    def made(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(test)
        async def run(database_url: str, **others: Any) -> None:
            async with open_board(database_url, targets, others.get("kind", "twilio")) as board:
                await test(board=board, **others)

        wanted = inspect.signature(test)
        url = inspect.Parameter("database_url", inspect.Parameter.KEYWORD_ONLY, annotation=str)
        others = [one for name, one in wanted.parameters.items() if name != "board"]
        run.__signature__ = wanted.replace(parameters=[*others, url])  # type: ignore[attr-defined]
        return run

    return made
