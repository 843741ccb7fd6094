"""Workers are real processes, killed with SIGKILL in the middle of whatever they do. Nothing is written twice, nothing is missing."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from anyio.streams.text import TextReceiveStream, TextSendStream
from tests.e2e.business import MASTER_KEY, SECRET, House, open_house
from tests.paperwork.figures import figure
from tests.paperwork.left import Left, Rang, connect, finish, phone, put, states

from offhook.adapters.model import RecordKind
from offhook.orchestrator.paperwork import ops
from offhook.testing.business.base import Simulator
from offhook.testing.business.fergus import Fergus
from offhook.testing.business.serve import served
from offhook.testing.business.servicem8 import ServiceM8

pytestmark = pytest.mark.paperwork
CALLS, CALLERS, KILLS, SEED = 10, 6, 8, 9
LEASE_S = 1.0
KINDS: tuple[RecordKind, ...] = ("customer", "lead", "job", "appointment", "note")
NURSERY = """
import os, signal, sys
from offhook.adapters.modules import found
from offhook.cli import worker
found()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0), os.dup2(nothing, 1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        worker.main()
        os._exit(0)
    print(child, flush=True)
"""
"""Makes workers of a process that has imported everything: a start takes seconds otherwise."""


class Nursery:
    """Starts workers."""

    def __init__(self, process: anyio.abc.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from, self._rest = TextSendStream(process.stdin), TextReceiveStream(process.stdout), ""
        self.alive: int | None = None

    async def line(self) -> str:
        while "\n" not in self._rest:
            self._rest += await self._from.receive()
        found, _, self._rest = self._rest.partition("\n")
        return found

    async def worker(self) -> None:
        """One more."""
        await self._to.send("one\n")
        self.alive = int(await self.line())

    def kill(self) -> None:
        """The worker that was started last."""
        if self.alive is not None:
            os.kill(self.alive, signal.SIGKILL)
        self.alive = None


@asynccontextmanager
async def nursery(env: dict[str, str]) -> AsyncIterator[Nursery]:
    async with await anyio.open_process([sys.executable, "-c", NURSERY], env=env, stderr=None) as process:
        made = Nursery(process)
        try:
            assert await made.line() == "ready"
            yield made
        finally:
            made.kill()
            process.kill()


@pytest.fixture
async def shop(database_url: str, owner_url: str, tmp_path: Path, origins: dict[str, str]) -> AsyncIterator[House]:
    async with open_house(database_url, tmp_path, owner_url=owner_url, vendor_origins=origins) as house:
        yield house


@pytest.fixture
def systems() -> dict[str, Simulator]:
    return {"crm/servicem8": ServiceM8(), "crm/fergus": Fergus()}


@pytest.fixture
async def origins(systems: dict[str, Simulator]) -> AsyncIterator[dict[str, str]]:
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(served(one)) for name, one in systems.items()}


@pytest.mark.timeout(200)
async def test_killed_at_any_point(shop: House, systems: dict[str, Simulator], origins: dict[str, str], database_url: str) -> None:
    dice = random.Random(SEED)
    await connect(shop, "crm/servicem8", key=ServiceM8.KEY)
    await connect(shop, "crm/fergus", key="key")
    for adapter, resource in (("crm/servicem8", ServiceM8.STAFF[0]), ("crm/fergus", "1000001")):
        chosen = json.dumps({"staff/sam": [resource]})
        await shop.look("update connection set chosen = cast(:c as jsonb) where adapter = :adapter", c=chosen, adapter=adapter)
    shop.now[0] = datetime.now(UTC) - timedelta(minutes=1)  # the workers go by the wall's clock
    lefts: list[Left] = ["booking", "lead"]
    calls = [Rang(f"call_{at}", phone(at % CALLERS), lefts[at % 2]) for at in range(CALLS)]
    await put(shop, calls)
    await finish(shop, calls)
    env = {
        "PATH": os.environ["PATH"],
        "OFFHOOK_DATABASE_URL": database_url,
        "OFFHOOK_ORCHESTRATOR_SECRET": SECRET,
        "OFFHOOK_ORCHESTRATOR_MASTER_KEYS": json.dumps([MASTER_KEY]),
        "OFFHOOK_ORCHESTRATOR_VENDOR_ORIGINS": json.dumps(origins),
        "OFFHOOK_ORCHESTRATOR_STALLED_S": "1",
        "OFFHOOK_ORCHESTRATOR_PAPERWORK_LEASE_S": str(LEASE_S),
    }

    def seen() -> int:
        return sum(len(one.log) for one in systems.values())

    async def over() -> bool:
        return not set(await states(shop)) & {"waiting", "held"}

    kills = begun = 0
    async with nursery(env) as made:
        while not await over():
            before, wanted = seen(), dice.randint(1, 6)
            await made.worker()
            while not await over() and (kills >= KILLS or seen() - before < wanted):
                shop.now[0] = datetime.now(UTC)
                await ops.sweep(shop.services)  # as the clock does once a minute
                await anyio.sleep(0.05 if kills < KILLS else 0.3)
            await anyio.sleep(dice.random() * 0.02)
            made.kill()
            kills += 1
            begun += len(await shop.look("select 1 from paperwork_step where state = 'running'"))
    booked = sum(one.left == "booking" for one in calls)
    wanted_there = {"customer": CALLERS, "lead": CALLS - booked, "job": booked, "appointment": booked, "note": CALLS}
    for name, system in systems.items():
        assert {kind: system.count(kind) for kind in KINDS} == wanted_there, name
    assert await states(shop) == {"done": 2 * CALLS}
    assert kills > 5
    assert begun > 0
    figure(
        f"saga: {kills} worker processes killed with SIGKILL, {begun} steps begun at that moment:"
        f" {CALLS} calls in {len(systems)} systems, 0 written twice, 0 missing"
    )
