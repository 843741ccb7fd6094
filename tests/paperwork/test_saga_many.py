"""Two hundred calls into two systems that fail at random, by workers that are stopped at random: everything is there once."""

from __future__ import annotations

import collections
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from tests.e2e.business import House, open_house
from tests.paperwork.figures import figure
from tests.paperwork.left import Left, Rang, connect, due, finish, phone, put, states, told

from offhook.adapters import http
from offhook.adapters.model import RecordKind
from offhook.orchestrator.calls import intake
from offhook.orchestrator.paperwork import jobs
from offhook.orchestrator.systems import Systems
from offhook.testing.business.base import Simulator
from offhook.testing.business.fergus import Fergus
from offhook.testing.business.servicem8 import ServiceM8

pytestmark = pytest.mark.paperwork
CALLS, CALLERS, SEED = 200, 60, 6
CHANCE = 0.12
AT_ONCE = 8
STOPPED = 0.03
KINDS: tuple[RecordKind, ...] = ("customer", "lead", "job", "appointment", "note")


@pytest.fixture
def systems() -> dict[str, Simulator]:
    return {"crm/servicem8": ServiceM8(), "crm/fergus": Fergus()}


@pytest.fixture
async def shop(
    database_url: str, owner_url: str, tmp_path: Path, systems: dict[str, Simulator], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    # What passes in real time does not: the pauses between requests, and the systems' paces, by which this would take an hour.
    monkeypatch.setattr(http, "TRIES", 1)
    monkeypatch.setattr(Systems, "pacer", lambda *_: http.Pacer((), lambda: 0.0))
    transports = {name: one.transport() for name, one in systems.items()}
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports=transports, paperwork_lease_s=30.0) as house:
        yield house


def calls_of(dice: random.Random) -> list[Rang]:
    """Half of them book; some callers ring many times."""
    lefts: list[Left] = ["booking", "lead"]
    callers = [*range(CALLERS), *(dice.randrange(CALLERS) for _ in range(CALLS - CALLERS))]
    dice.shuffle(callers)
    return [Rang(f"call_{at}", phone(caller), lefts[at % 2]) for at, caller in enumerate(callers)]


@pytest.mark.timeout(900)
async def test_everything_is_there_once(shop: House, systems: dict[str, Simulator]) -> None:
    dice = random.Random(SEED)
    await connect(shop, "crm/servicem8", key=ServiceM8.KEY)
    await connect(shop, "crm/fergus", key="key")
    await shop.look("update connection set chosen = cast(:c as jsonb) where adapter = 'crm/fergus'", c='{"staff/sam": ["1000001"]}')
    chosen = f'{{"staff/sam": ["{ServiceM8.STAFF[0]}"]}}'
    await shop.look("update connection set chosen = cast(:c as jsonb) where adapter = 'crm/servicem8'", c=chosen)
    calls = calls_of(dice)
    await put(shop, calls)
    await finish(shop, calls)
    for one in calls[:20]:  # the job that writes results comes again
        assert not await intake.finish(shop.services, "harbour", one.id)
    for number, system in enumerate(systems.values()):
        system.faults.chance, system.faults.seed = CHANCE, SEED + number
    stopped = looks = 0
    while set(await states(shop)) & {"waiting", "held"}:
        found = await due(shop)
        if not found:
            shop.now[0] += timedelta(minutes=10)
            continue
        # Jobs come more than once, in any order; workers are told to stop in the middle of whatever they do.
        several = [one for one in found for _ in range(dice.choice((1, 1, 2, 3)))]
        dice.shuffle(several)
        looks += len(several)
        stopped += await crew(shop, several, dice)
        # Where a stopped worker could not even give its lease back, its caller's calls wait until that is over.
        shop.now[0] += timedelta(seconds=1)
        assert shop.now[0].year == 2026, await states(shop)
    faults = sum(one.faults.count for one in systems.values())
    booked = sum(one.left == "booking" for one in calls)
    wanted = {"customer": CALLERS, "lead": CALLS - booked, "job": booked, "appointment": booked, "note": CALLS}
    for name, system in systems.items():
        assert {kind: system.count(kind) for kind in KINDS} == wanted, name
    assert await states(shop) == {"done": 2 * CALLS}
    assert await told(shop, "crm.sync.failed") == []
    assert collections.Counter(one["call_id"] for one in await told(shop, "call.analyzed")) == {one.id: 1 for one in calls}
    rows = await shop.look(
        "select connection_id, count(*), count(distinct record_id), sum(attempts) from paperwork_step where step <> 'customer'"
        " and connection_id <> '' and state = 'done' group by connection_id"
    )
    assert all(row[1] == row[2] for row in rows)
    assert faults > 200
    assert stopped > 3
    figure(
        f"saga: {CALLS} calls of {CALLERS} callers into {len(systems)} systems, {faults} faults, {looks} jobs, {stopped} stopped:"
        f" in each {wanted['customer']} customers, {wanted['lead']} leads, {wanted['job']} jobs, {wanted['appointment']} visits,"
        f" {wanted['note']} notes; 0 written twice, 0 missing"
    )


async def crew(shop: House, found: list[tuple[str, str, str]], dice: random.Random) -> int:
    """Workers at these jobs, so many at once, some of whom are told to stop; how many were."""
    room, stopped = anyio.CapacityLimiter(AT_ONCE), 0

    async def one(job: tuple[str, str, str]) -> None:
        nonlocal stopped
        async with room:
            with anyio.move_on_after(dice.uniform(0.0, 0.5) if dice.random() < STOPPED else 60) as patience:
                await jobs.work(shop.services, *job, draw=dice.random)
            stopped += patience.cancelled_caught

    async with anyio.create_task_group() as group:
        for job in found:
            group.start_soon(one, job)
    return stopped
