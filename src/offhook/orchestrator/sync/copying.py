"""Reading what changed in a business system, page by page: what a page brings and how far it reads are one transaction.

A worker that dies in between reads the same page again, which changes nothing. One worker reads a connection at a time, by a lease.
"""

from __future__ import annotations

import logging
import secrets
import zlib
from datetime import datetime, timedelta
from typing import Final

from offhook.adapters.model import Appointment, Change, Changes, Customer, Job
from offhook.errors import AdapterError, NotFound
from offhook.orchestrator.bookings.outside import busy
from offhook.orchestrator.bookings.outside.changes import changed, gone
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync.repo import SyncRepo, Table
from offhook.orchestrator.sync.tables import OutsideCustomerRow, OutsideJobRow, OutsideVisitRow

EVERY: Final = timedelta(minutes=5)
"""Between two readings of a connection."""
IDLE: Final = timedelta(hours=1)
"""Until a connection that is not active is looked at again."""
LONGEST_PAUSE: Final = timedelta(hours=1)
LEASE: Final = timedelta(minutes=2)
"""More than one page can take."""
PAGES: Final = 200
"""Pages in a row; then others have their turn."""
log = logging.getLogger(__name__)


async def run(given: Services, tenant: str, connection: str) -> int:
    """Read what changed; how many changes there were. Does nothing where another worker is at it, or the connection is gone."""
    runner = secrets.token_hex(8)
    if not await _take(given, tenant, connection, runner):
        return 0
    count = 0
    try:
        for _ in range(PAGES):
            found, more = await _page(given, tenant, connection, runner)
            count += found
            if not more:
                break
    except AdapterError as error:
        log.warning("a business system could not be read: %s", error.public, extra={"tenant": tenant, "connection": connection})
        await _pause(given, tenant, connection, runner, error)
    except NotFound:  # disconnected meanwhile: its copies went with it
        pass
    return count


async def _take(given: Services, tenant: str, connection: str, runner: str) -> bool:
    async with given.database.tenant(tenant) as scope:
        repo, now = SyncRepo(scope, connection), given.clock()
        state = await repo.lock()
        if state is None or (state.leased_until is not None and state.leased_until > now):
            return False
        able = await connections.active(scope, capability="changes_since")
        if connection not in {one.id for one in able}:
            await repo.put(due_at=now + IDLE)
            return False
        await repo.put(runner=runner, leased_until=now + LEASE)
        return True


async def _page(given: Services, tenant: str, connection: str, runner: str) -> tuple[int, bool]:
    async with given.database.tenant(tenant) as scope:
        state = await SyncRepo(scope, connection).state()
        if state is None or state.runner != runner:
            return 0, False
        cursor = state.cursor
    async with opened(given, tenant, connection) as system:
        changes = await system.adapter.changes_since(cursor)
    async with given.database.tenant(tenant) as scope:
        repo, now = SyncRepo(scope, connection), given.clock()
        state = await repo.lock()
        if state is None or state.runner != runner or state.cursor != cursor:
            return 0, False  # another took over
        begins = not cursor or (changes.whole and not state.whole)
        lap, whole = state.lap + (1 if begins else 0), state.whole or begins
        await _apply(given, scope, repo, system.connection, changes, now, lap)
        if not changes.more and whole:
            for one in await repo.not_seen(lap):
                await gone(scope, given, system.connection, one)
        if any(one.kind == "appointment" for one in changes.items):
            await busy.soon(scope, given, connection)
        done = {"runner": None, "leased_until": None, "synced_at": now, "due_at": now + _every(connection), "failures": 0, "whole": False}
        on = {"leased_until": now + LEASE, "whole": whole}
        await repo.put(cursor=changes.cursor, lap=lap, **(on if changes.more else done))
        if not changes.more:
            await connections.synced(scope, given, connection)
    return len(changes.items), changes.more


async def _apply(
    given: Services, scope: TenantScope, repo: SyncRepo, connection: Connection, changes: Changes, now: datetime, lap: int
) -> None:
    people = [one.record for one in changes.items if isinstance(one.record, Customer) and not one.gone]
    await repo.customers(people, now, lap)
    for change in changes.items:
        record = change.record
        if change.gone or record is None:
            await _gone(given, scope, repo, connection, change)
        elif isinstance(record, Job):
            await repo.job(record, now, lap)
        elif isinstance(record, Appointment):
            if change.id != record.id:
                await repo.gone(OutsideVisitRow, change.id)
            await repo.visit(record, now, lap)
            await changed(scope, given, connection, record, change.id)


async def _gone(given: Services, scope: TenantScope, repo: SyncRepo, connection: Connection, change: Change) -> None:
    tables: dict[str, Table] = {"customer": OutsideCustomerRow, "job": OutsideJobRow, "appointment": OutsideVisitRow}
    await repo.gone(tables[change.kind], change.id)
    if change.kind == "appointment":
        await gone(scope, given, connection, change.id)


def _every(connection: str) -> timedelta:
    """All connections of a tenant are not read at the same moment."""
    return EVERY + timedelta(seconds=zlib.crc32(connection.encode()) % 60)


async def _pause(given: Services, tenant: str, connection: str, runner: str, error: AdapterError) -> None:
    async with given.database.tenant(tenant) as scope:
        repo, now = SyncRepo(scope, connection), given.clock()
        state = await repo.lock()
        if state is None or state.runner != runner:
            return
        wait = min(LONGEST_PAUSE, EVERY * 2 ** min(state.failures, 10))
        wait = max(wait, timedelta(seconds=min(error.retry.after or 0.0, LONGEST_PAUSE.total_seconds())))
        await repo.put(runner=None, leased_until=None, failures=state.failures + 1, due_at=now + wait)
