"""The last look before a booking: the calendars that it concerns are asked all at once, within a moment, with no transaction open.

What they say is kept as what is known of them, so that there is one rule for what is free (``ops.free``). Where one does not answer in
time, what was known before decides.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
from pydantic import ValidationError

from offhook.adapters.model import Busy
from offhook.errors import AdapterError, Conflict, Invalid, NotFound
from offhook.orchestrator.bookings import ops
from offhook.orchestrator.bookings.outside import busy, visits
from offhook.orchestrator.bookings.outside.places import every
from offhook.orchestrator.bookings.repo import AppointmentRepo
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

LOOK_S: Final = 1.5
"""Seconds that all calendars together may take to say whether a time is free."""
WRITE_S: Final = 2.0
"""Seconds that writing a visit may take while the caller waits; beyond it a job goes on."""
HOLD_S: Final = 30.0
"""Seconds that a time is held while somebody of the team books it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Concerned:
    """Calendars of one connection that say whether a time is free."""

    connection: str
    resources: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Seen:
    """What they said; None where they did not answer."""

    asked: Concerned
    busy: tuple[Busy, ...] | None


async def concerned(scope: TenantScope, spans: Sequence[Span]) -> list[Concerned]:
    """Which calendars are to be asked about these times."""
    if not spans:
        return []
    start, end = min(one.start for one in spans), max(one.end for one in spans)
    names = list(dict.fromkeys(one.staff for one in spans))
    known = [(one.id, every(one.chosen, names)) for one in await busy.asked(scope)]
    return [Concerned(connection, mine, Span(start, end, names[0])) for connection, mine in known if mine]


async def ask(given: Services, tenant: str, calendars: Sequence[Concerned], *, call: str = "") -> list[Seen]:
    """Ask them all. Within no transaction."""
    found: dict[str, tuple[Busy, ...]] = {}

    async def one(each: Concerned) -> None:
        try:
            async with opened(given, tenant, each.connection, priority="live", call=call) as link:
                found[each.connection] = await link.adapter.find_availability(each.resources, each.span.start, each.span.end)
        except (AdapterError, NotFound) as error:
            log.info("a calendar did not say whether a time is free: %s", error.public, extra={"connection": each.connection})

    with anyio.move_on_after(LOOK_S):
        async with anyio.create_task_group() as group:
            for each in calendars:
                group.start_soon(one, each)
    late = [each.connection for each in calendars if each.connection not in found]
    if late:
        log.warning("what was known of calendars decides: they did not answer in time", extra={"connections": late})
    return [Seen(each, found.get(each.connection)) for each in calendars]


async def keep(scope: TenantScope, seen: Sequence[Seen]) -> None:
    """Take what they said as what is known."""
    for one in seen:
        if one.busy is not None:
            await busy.keep(scope, one.asked.connection, one.asked.resources, one.asked.span.start, one.asked.span.end, one.busy)


async def write(given: Services, tenant: str, appointment: str, connections: Sequence[str], *, call: str) -> list[visits.Outcome]:
    """Write a visit to these at once, as far as there is time. Within no transaction."""
    found: list[visits.Outcome] = []

    async def one(connection: str) -> None:
        found.append(await visits.write(given, tenant, appointment, connection, within=WRITE_S, live=True, call=call))

    async with anyio.create_task_group() as group:
        for connection in connections:
            group.start_soon(one, connection)
    return found


@asynccontextmanager
async def looked(given: Services, tenant: str, wanted: dict[str, Any], appointment: str = "") -> AsyncIterator[str]:
    """Before somebody of the team books (or moves an ``appointment``): have the calendars say whether what they want is free.

    The one time that they want is held meanwhile, as for a call; the hold's id goes to the booking, and ends with the block. What is asked
    for wrongly, or taken, is left to the booking itself, which says what is wrong with it.
    """
    held = await _look(given, tenant, wanted, appointment)
    try:
        yield held
    finally:
        if held:
            with anyio.CancelScope(shield=True):
                async with given.database.tenant(tenant) as scope:
                    await ops.let_go(scope, held)


async def _look(given: Services, tenant: str, wanted: dict[str, Any], appointment: str) -> str:
    async with given.database.tenant(tenant) as scope:
        if not wanted or not await busy.asked(scope):
            return ""
        try:
            spans = await _spans(scope, given, wanted, appointment)
            calendars = await concerned(scope, spans)
            if not calendars:
                return ""
            once = new_id("look", given.clock())
            held = await ops.hold(scope, given, spans[0], once, seconds=HOLD_S) if len(spans) == 1 and not appointment else ""
        except (Invalid, NotFound, Conflict, ValidationError):
            return ""
    seen = await ask(given, tenant, calendars)
    async with given.database.tenant(tenant) as scope:
        await keep(scope, seen)
    return held


async def _spans(scope: TenantScope, given: Services, wanted: dict[str, Any], appointment: str) -> list[Span]:
    """The times that may be booked by what is wanted, but for those that are taken here anyway."""
    tenant, repo = await tenants.get(scope), AppointmentRepo(scope)
    old = await repo.find(appointment) if appointment else None
    spans = ops.wanted(given, tenant, wanted, old)
    return [one for one in spans if not await repo.taken(one, apart_from=old.id if old else "")]
