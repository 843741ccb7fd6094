"""Calendars of the tenant's staff at simulators, connected as their owners would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.e2e.business import House

from offhook.adapters.model import Account
from offhook.adapters.modules import found
from offhook.orchestrator.bookings.outside import jobs, visits
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.connections.tokens import Granted

STAFF = ("tom", "priya")


@dataclass(frozen=True, slots=True)
class Linked:
    """A connection of the house."""

    house: House
    id: str

    async def shown(self) -> Connection:
        async with self.house.services.database.tenant("harbour") as scope:
            return await connections.show(scope, self.id)

    async def refresh(self) -> bool:
        """Ask its calendars, as the job does."""
        return await outside.refresh(self.house.services, "harbour", self.id)


async def link(house: House, adapter: str, account: str, chosen: Mapping[str, str]) -> Linked:
    """Connect an account by OAuth, as if its owner had consented, and choose a calendar for each of the staff."""
    given, module = house.services, found()[adapter]
    proven = connections.Proven(module, "oauth", {}, Account(account, account))
    async with given.database.tenant("harbour") as scope:
        made, _ = await connections.keep_proven(scope, given, proven, granted=Granted(f"access-{account}", f"refresh-{account}", None, ""))
    offered = await connections.choices(given, "harbour", made.id)
    async with given.database.tenant("harbour") as scope:
        await connections.choose(scope, given, made, {f"staff/{name}": [each] for name, each in chosen.items()}, offered)
    linked = Linked(house, made.id)
    assert await linked.refresh()
    return linked


async def settle(house: House) -> None:
    """Do all that is due, as workers do, until nothing is."""
    for _ in range(20):
        due = await visits.due(house.services)
        if not due:
            return
        for tenant, appointment, connection in due:
            await visits.write(house.services, tenant, appointment, connection)
    raise AssertionError("something is always due")


async def wake(house: House) -> int:
    """What the job of every minute does."""
    return await jobs.wake(house.services)
