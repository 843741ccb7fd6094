"""When the tenant's other calendars are busy, from what is known of them here. No system is asked while anybody waits.

A job asks them every few minutes. Where one cannot be asked, what is known of it still counts, however old.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from procrastinate.exceptions import AlreadyEnqueued

from offhook.adapters.model import Busy
from offhook.adapters.modules import found as adapters
from offhook.errors import AdapterError, NotFound
from offhook.orchestrator.bookings.outside.places import every, resources, without
from offhook.orchestrator.bookings.outside.repo import BusyTimes, Due
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

REFRESH: Final = "refresh_busy_times"
"""Name of the job that asks one connection's calendars."""
EVERY: Final = timedelta(minutes=5)
STALE: Final = timedelta(minutes=20)
"""What is older than this is said to be."""
PATIENCE: Final = timedelta(hours=1)
"""The longest pause between two questions to a system that does not answer."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Time that somebody is not free, and whose calendar says so."""

    span: Span
    title: str
    """The system's name."""


async def asked(scope: TenantScope) -> list[Connection]:
    """Connections whose calendars count."""
    return [one for one in await connections.active(scope, capability="find_availability") if one.chosen]


async def times(scope: TenantScope, staff: Iterable[str], start: datetime, end: datetime) -> list[Elsewhere]:
    """When these are busy outside."""
    known = await asked(scope)
    if not known:
        return []
    repo, by_id = BusyTimes(scope), {one.id: one for one in known}
    foreign = await repo.foreign(list(by_id), start, end)
    if not foreign:
        return []
    ours: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    for connection, resource, begins, ends in await repo.ours(list(by_id), start, end):
        ours.setdefault((connection, resource), []).append((begins, ends))
    names, found = list(dict.fromkeys(staff)), []
    for connection, busy in foreign:
        chosen, title = by_id[connection].chosen, by_id[connection].title
        whole = Span(busy.start, busy.end, "")
        # An entry without an id may be the sum of several, ours among them.
        left = [whole] if busy.id else without(whole, ours.get((connection, busy.resource), ()))
        for name in names:
            if busy.resource in resources(chosen, name):
                found += [Elsewhere(Span(one.start, one.end, name), title) for one in left]
    return found


async def taken(scope: TenantScope, span: Span) -> str:
    """The system in whose calendar this time is taken; empty for none."""
    for one in await times(scope, [span.staff], span.start, span.end):
        if one.span.start < span.end and span.start < one.span.end:
            return one.title
    return ""


async def freshness(scope: TenantScope, now: datetime) -> dict[str, bool]:
    """Whether what is known of each connection's calendars is new enough."""
    states = await BusyTimes(scope).states()
    return {one.id: (at := states.get(one.id)) is not None and now - at <= STALE for one in await asked(scope)}


async def keep(scope: TenantScope, connection: str, names: Sequence[str], start: datetime, end: datetime, busy: Sequence[Busy]) -> None:
    """Take what a system has just said of a stretch of time."""
    await BusyTimes(scope).replace(connection, names, start, end, busy)


async def refresh(given: Services, tenant: str, connection: str) -> bool:
    """Ask a connection's calendars for all of the time that is offered; False where they could not be asked."""
    async with given.database.tenant(tenant) as scope:
        diary = (await tenants.get(scope)).diary
        mine = next((one for one in await asked(scope) if one.id == connection), None)
        now = given.clock()
        names = every(mine.chosen, diary.staff) if mine else ()
        if mine is None or not names:
            await _forget(scope, connection, now)
            return False
    until = now + timedelta(days=diary.horizon_days + 2)
    try:
        async with opened(given, tenant, connection) as link:
            busy = await link.adapter.find_availability(names, now, until)
    except NotFound:
        return False
    except AdapterError as error:
        await _failed(given, tenant, connection, error)
        return False
    async with given.database.tenant(tenant) as scope:
        repo = BusyTimes(scope)
        state = await repo.state(connection)
        if state is None or state.fetched_at is None or state.fetched_at <= now:
            await repo.replace(connection, names, now, until, busy)
            await repo.forget(connection, names, now)
            due = given.clock() + EVERY + _stagger(connection)
            await repo.put_state(connection, fetched_at=now, known_until=until, next_at=due, failures=0)
    return True


async def soon(scope: TenantScope, given: Services, connection: str) -> None:
    """Have a connection's calendars asked once this transaction is committed: something has changed there."""
    lock = f"{REFRESH}/{scope.tenant}/{connection}"
    try:
        async with scope.session.begin_nested():  # asked for its connection inside: a savepoint is made only when somebody does
            job = given.queue.configure_task(REFRESH, connection=await raw_connection(scope.session), queueing_lock=lock)
            await job.defer_async(tenant=scope.tenant, connection=connection)
    except AlreadyEnqueued:
        return


async def due(given: Services) -> list[tuple[str, str]]:
    """Tenant and connection of all that are to be asked now."""
    now = given.clock()
    async with given.database.platform() as scope:
        known, at = await connections.working(scope), await Due(scope).asked()
    modules = adapters()
    able = {name for name, one in modules.items() if "find_availability" in one.manifest.capabilities}
    return [(tenant, each) for tenant, each, adapter in known if adapter in able and at.get((tenant, each), now) <= now]


async def _forget(scope: TenantScope, connection: str, now: datetime) -> None:
    """A connection that counts for nobody (any more): nothing is known of it, and it is asked seldom whether that has changed."""
    if any(one.id == connection for one in await connections.every(scope)):
        repo = BusyTimes(scope)
        await repo.forget(connection, (), now)
        await repo.put_state(connection, fetched_at=None, next_at=now + EVERY, failures=0)


async def _failed(given: Services, tenant: str, connection: str, error: AdapterError) -> None:
    async with given.database.tenant(tenant) as scope:
        repo, now = BusyTimes(scope), given.clock()
        state = await repo.state(connection)
        count = (state.failures if state else 0) + 1
        wait = min(timedelta(minutes=2 ** min(count, 10)), PATIENCE)
        if error.retry.after:
            wait = max(wait, timedelta(seconds=error.retry.after))
        await repo.put_state(connection, next_at=now + wait, failures=count)
    log.info("a calendar could not be asked: what is known of it still counts", extra={"connection": connection, "failures": count})


def _stagger(connection: str) -> timedelta:
    """Up to a minute, always the same for a connection: not all are asked in the same second."""
    return timedelta(seconds=hashlib.sha256(connection.encode()).digest()[0] % 60)
