"""A house whose tenants' webhooks may lead to loopback, and days that go by without waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.e2e.business import House, open_house

from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.catalogue import EventType
from offhook.orchestrator.hooks.jobs import wake_due
from offhook.orchestrator.hooks.pump import Pump
from offhook.orchestrator.hooks.queue import Queues
from offhook.orchestrator.hooks.schedule import DELAYS

TIMEOUT_S = 15.0
"""Nothing times out because a machine is busy; tests of timeouts set their own."""
HOURS = [one.total_seconds() / 3600 for one in DELAYS]


def in_order(numbers: list[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


@dataclass(slots=True)
class Hooks:
    """``n`` numbers the events that are published, so that their order can be seen where they arrive."""

    house: House
    pump: Pump
    n: int = 0

    async def add(self, url: str, *, tenant: str = "harbour", **fields: object) -> dict[str, Any]:
        """An endpoint, with its secret."""
        answer = await self.house.ask("POST", "/webhooks", {"url": url, **fields}, tenant=tenant)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def publish(self, subject: str = "", *, type: EventType = "call.ended", tenant: str = "harbour", count: int = 1) -> list[str]:
        """Events of a subject, each in a transaction of its own; their ids."""
        made = []
        for _ in range(count):
            self.n += 1
            async with self.house.services.database.tenant(tenant) as scope:
                made.append(await ops.publish(scope, self.house.services, type, {"call_id": subject, "n": self.n}, subject=subject))
        return made

    async def deliver(self) -> None:
        """What the worker does now: every queue that has something due."""
        async with self.house.services.database.platform() as scope:
            due = await Queues(scope).due(self.house.now[0])
        for tenant, endpoint in due:
            await self.pump.work(tenant, endpoint)

    async def later(self, **time: float) -> None:
        """That much later, and what is due then is sent."""
        self.house.now[0] += timedelta(**time)
        await self.deliver()

    async def by_jobs(self, done: Any) -> None:
        """A worker, with the queue's own jobs, until ``await done()``."""
        await wake_due(self.house.services)
        await self.house.work_until(done)

    async def show(self, id: str, tenant: str = "harbour") -> dict[str, Any]:
        """An endpoint."""
        found: dict[str, Any] = (await self.house.get(f"/webhooks/{id}", tenant)).json()
        return found

    async def deliveries(self, id: str, query: str = "") -> list[dict[str, Any]]:
        """Deliveries of an endpoint, the oldest first."""
        found, cursor = [], ""
        while True:
            part = (await self.house.get(f"/webhooks/{id}/deliveries?limit=200{query}{cursor}")).json()
            found += part["data"]
            if part["next_cursor"] is None:
                return found[::-1]
            cursor = f"&cursor={part['next_cursor']}"

    async def attempts(self, id: str, event: str) -> list[dict[str, Any]]:
        """What was tried to send this event."""
        [one] = [each for each in await self.deliveries(id) if each["event_id"] == event]
        answer = await self.house.get(f"/webhooks/{id}/deliveries/{one['id']}")
        found: list[dict[str, Any]] = answer.json()["attempts"]
        assert len(found) == one["attempts"]
        return found


@asynccontextmanager
async def hooked(database_url: str, owner_url: str, folder: Path, **settings: Any) -> AsyncIterator[Hooks]:
    """A house with its webhooks."""
    open_here: dict[str, Any] = {
        "webhook_http": True,
        "webhook_ports": (),
        "webhook_networks": ("127.0.0.0/8",),
        "webhook_timeout_s": TIMEOUT_S,
    }
    async with open_house(database_url, folder, owner_url=owner_url, **(open_here | settings)) as house:
        yield Hooks(house, Pump(house.services, draw=lambda: 0.0))
