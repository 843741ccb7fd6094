"""Two hundred calls whose workers are killed at any moment and whose requests to the carrier are lost: nobody is rung twice."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from tests.telephony.figures import figure
from tests.telephony.placing import Desk, open_desk

from offhook.orchestrator.outgoing import ops, states
from offhook.orchestrator.outgoing.schemas import NewOutgoing
from offhook.testing.carriers.exchange import Person

pytestmark = pytest.mark.telephony
CALLS, WORKERS, ROUNDS = 200, 8, 20
OPEN: dict[str, Any] = {"at_once": 1_000, "per_minute": 1_000, "minutes_per_hour": 60_000, "spend_per_hour": 1_000_000}


@pytest.fixture
async def desk(database_url: str, owner_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url, owner_url) as desk:
        yield desk


at_work: ContextVar[bool] = ContextVar("at_work", default=False)
"""Whether this is a worker's: webhooks are another process's, which lives on."""


class Killed(BaseException):
    """The worker's process is gone: nothing of what it was about to do is done."""


class Lossy(httpx.AsyncBaseTransport):
    """The way to the carrier: requests are lost before they arrive, or their answers are, and sometimes the worker with them."""

    def __init__(self, inner: httpx.AsyncBaseTransport, seed: int) -> None:
        self._inner = inner
        self.draw = random.Random(seed)
        self.lost: Counter[str] = Counter()
        self.whole = False

    def kill(self, where: str) -> None:
        """Perhaps."""
        if at_work.get() and not self.whole and self.draw.random() < 0.15:
            self.lost[f"worker {where}"] += 1
            raise Killed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.kill("before it asked")
        chance = 1.0 if self.whole else self.draw.random()
        if chance < 0.15:
            self.lost["request"] += 1
            raise httpx.ConnectError("lost", request=request)
        mine = at_work.set(False)
        try:
            answer = await self._inner.handle_async_request(request)
        finally:
            at_work.reset(mine)
        self.kill("before it was answered")
        if chance < 0.4:
            self.lost["answer"] += 1
            await answer.aclose()
            raise httpx.ReadError("lost", request=request)
        return answer


async def silent(*_: object) -> None:
    """Media that ends at once: what is said is other tests'."""


@pytest.mark.timeout(300)
async def test_of_two_hundred_calls_none_rings_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    systems = desk.house.services.systems
    lossy = Lossy(desk.carrier.transport(), 7)
    monkeypatch.setitem(systems._transports, "carrier/twilio", lossy)
    rings = states.rings

    async def rings_or_dies(*values: Any) -> None:
        await rings(*values)
        lossy.kill("before it wrote the answer down")

    monkeypatch.setattr(states, "rings", rings_or_dies)
    await desk.put("/call-limits", **OPEN)
    await desk.put("/outgoing-settings", consent_for=[])
    await desk.house.look("update tenant set max_calls = 1000")
    numbers = [f"+44{2_000 + at}600000" for at in range(CALLS)]
    desk.carrier.media = silent
    desk.carrier.people |= {number: Person(stays=False) for number in numbers}
    async with desk.house.services.database.tenant("harbour") as scope:
        made = [await ops.create(scope, desk.house.services, NewOutgoing(to=number, agent_id="front-desk"), "test") for number in numbers]
    assert {one.state for one in made} == {"waiting"}

    async def worker(work: Iterator[str]) -> None:
        at_work.set(True)
        for id in work:  # noqa: A001 - a call's
            with contextlib.suppress(Killed):
                await desk.dial(id)

    left = [one.id for one in made]
    for at in range(ROUNDS):
        lossy.whole = at >= 4
        work = iter(left)
        async with anyio.create_task_group() as group:
            for _ in range(WORKERS):
                group.start_soon(worker, work)
        await desk.quiet()
        desk.house.now[0] += timedelta(seconds=61)
        async with desk.house.services.database.tenant("harbour") as scope:
            now = [await ops.show(scope, one.id) for one in made]
        left = [one.id for one in now if one.ended_at is None]
        if not left:
            break
    rung = Counter(one.to for one in desk.carrier.calls.values() if one.direction == "outbound-api")
    assert Counter(one.state for one in now) == {"done": CALLS}
    assert set(rung.values()) == {1}
    assert len(rung) == CALLS
    killed = {where: count for where, count in lossy.lost.items() if where.startswith("worker")}
    assert len(killed) == 3
    assert min(lossy.lost["request"], lossy.lost["answer"]) > 0
    figure(
        f"outgoing calls: of {CALLS}, with {sum(killed.values())} workers killed at 3 places, {lossy.lost['request']} requests and"
        f" {lossy.lost['answer']} answers lost, {len(rung)} were rung once and {sum(count > 1 for count in rung.values())} twice"
    )
