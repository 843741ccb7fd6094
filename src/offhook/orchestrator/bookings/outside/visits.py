"""Visits as other systems have them: written there after the booking, moved and taken out with it.

What is to be written is always the newest revision of the visit, so a move that overtakes the first write is right too. One writer at a
time has a visit of a connection, by a lease; each write has a key, so that one which is repeated, since its answer was lost or its worker
died, makes nothing twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import anyio

from offhook.adapters import model
from offhook.adapters.port import Adapter
from offhook.errors import (
    AdapterConflict,
    AdapterError,
    AdapterNotFound,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
    NotFound,
)
from offhook.orchestrator.bookings.outside.places import resources
from offhook.orchestrator.bookings.outside.repo import Copies, Due
from offhook.orchestrator.bookings.outside.schemas import Copy
from offhook.orchestrator.bookings.outside.tables import CopyRow
from offhook.orchestrator.bookings.repo import AppointmentRepo
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

WRITE: Final = "write_visit"
"""Name of the job that writes one visit to one system."""
LEASE: Final = timedelta(seconds=120)
LONGEST_S: Final = 90.0
"""Seconds that one write may take; the lease outlasts it."""
AT_ONCE: Final = timedelta(seconds=10)
"""So long a job leaves a visit to whoever has just booked it and writes it at once."""
GIVEN_UP: Final = timedelta(hours=72)
"""A visit that a system has not taken for so long waits for a person."""
FIRST: Final = timedelta(seconds=30)
PATIENCE: Final = timedelta(hours=2)
"""The longest pause between two attempts."""
BATCH: Final = 500
Outcome: TypeAlias = Literal["written", "gone", "waiting", "failed", "conflict", "nothing"]
"""``conflict``: the system refused the time. ``nothing``: there was nothing to do, or somebody else is doing it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be said to a system."""

    key: str
    external: str
    revision: int
    tried: int
    """The first revision that was sent and whose answer never came; 0 for none."""
    attempt: int
    lease: str
    wanted: model.Appointment | None
    """None for a visit that is to be taken out."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What came of it."""

    ref: model.Ref | None = None
    error: AdapterError | None = None
    clash: str = ""


async def of(scope: TenantScope, appointment: str) -> list[Copy]:
    """A visit as other systems have it."""
    return await Copies(scope).of(appointment)


async def record(scope: TenantScope, appointment: str, connection: str, ref: model.Ref, key: str, *, revision: int | None = None) -> None:
    """Keep that a system has a visit, written by whoever calls; it follows the visit from now on. ``revision``: of what was written."""
    visit = await AppointmentRepo(scope).find(appointment)
    if visit is None:
        raise NotFound("no such appointment")
    written = visit.revision if revision is None else revision
    fields: dict[str, Any] = {"external_id": ref.id, "url": ref.url, "write_key": key, "revision": written, "error": ""}
    if written == visit.revision and visit.status == "booked":
        fields |= {"state": "written", "starts_at": visit.starts_at, "ends_at": visit.ends_at, "written_at": visit.updated_at}
    else:  # it has been moved or cancelled since
        fields |= {"state": "waiting", "next_at": visit.updated_at, "waiting_since": visit.updated_at}
    await Copies(scope).put(visit.id, connection, **fields)


async def queue(scope: TenantScope, given: Services, visit: Appointment, *, at_once: bool = False, apart_from: str = "") -> list[str]:
    """Have a visit written to the calendars that it belongs in and to wherever it is already; their connections.

    ``at_once``: whoever calls writes it as soon as this transaction is committed, and a job does only if that fails. ``apart_from``: the
    connection that the change came from.
    """
    now, repo = given.clock(), Copies(scope)
    there = {one.connection_id: one for one in await repo.of(visit.id)}
    wanted = {one.id for one in await _calendars(scope, visit.staff)} if visit.status == "booked" else set()
    found = sorted((wanted | {each for each, one in there.items() if one.state != "gone"}) - {apart_from})
    for connection in found:
        old = there.get(connection)
        fields: dict[str, Any] = {"state": "waiting", "next_at": now + AT_ONCE if at_once else now, "attempts": 0, "waiting_since": now}
        if old is None or old.state == "gone":
            # A visit that was taken out and comes back is another record there.
            again = f"/{visit.revision}" if old else ""
            fields |= {"write_key": f"visit/{visit.id}/{connection}{again}", "external_id": "", "url": "", "tried": 0, "revision": 0}
        fields |= {"clash": "", "clash_at": None, "error": ""}
        await (repo.put if old is None else repo.set)(visit.id, connection, **fields)
        if not at_once:
            await _defer(scope, given, visit.id, connection)
    return found


async def again(scope: TenantScope, given: Services, appointment: str, connection: str) -> Copy:
    """Try once more what was given up; NotFound."""
    now, repo = given.clock(), Copies(scope)
    row = await repo.row(appointment, connection)
    if row is None:
        raise NotFound("this visit is not in that system")
    if row.state in {"failed", "waiting"}:
        await repo.set(appointment, connection, state="waiting", next_at=now, waiting_since=now, attempts=0, clash="", clash_at=None)
        await _defer(scope, given, appointment, connection)
    return next(one for one in await repo.of(appointment) if one.connection_id == connection)


async def resume(scope: TenantScope, given: Services, connection: str) -> int:
    """Try all that waits for a connection which works again, or was given up meanwhile; how many."""
    return await Copies(scope).wake(connection, given.clock())


async def clashes(scope: TenantScope, since: datetime, now: datetime, limit: int) -> list[Copy]:
    """Visits ahead that something in another system stands against."""
    return await Copies(scope).clashes(since, now, limit)


async def due(given: Services) -> list[tuple[str, str, str]]:
    """Tenant, visit and connection of all that is to be written now."""
    async with given.database.platform() as scope:
        return await Due(scope).writes(given.clock(), BATCH)


async def write(
    given: Services, tenant: str, appointment: str, connection: str, *, within: float = LONGEST_S, live: bool = False, call: str = ""
) -> Outcome:
    """Bring one system up to the visit's newest revision. ``live``: a caller waits for it, at most ``within`` seconds.

    No transaction is open while the system is talked to. Whatever goes wrong is kept with the visit and tried again.
    """
    outcome: Outcome = "nothing"
    for _ in range(5):
        async with given.database.tenant(tenant) as scope:
            task = await _take(scope, given, appointment, connection, early=live)
        if task is None:
            return outcome
        said = await _say(given, tenant, connection, task, within, live=live, call=call)
        async with given.database.tenant(tenant) as scope:
            outcome, newer = await _settle(scope, given, appointment, connection, task, said, live=live)
        if not newer:
            break
    return outcome


async def _calendars(scope: TenantScope, staff: str) -> list[Connection]:
    known = await connections.active(scope, kind="calendar", capability="create_appointment")
    return [one for one in known if resources(one.chosen, staff)]


async def _defer(scope: TenantScope, given: Services, appointment: str, connection: str) -> None:
    job = given.queue.configure_task(WRITE, connection=await raw_connection(scope.session))
    await job.defer_async(tenant=scope.tenant, appointment=appointment, connection=connection)


async def _take(scope: TenantScope, given: Services, appointment: str, connection: str, *, early: bool) -> _Task | None:
    """Lease it; None if nothing is due, or somebody else has it."""
    repo, now = Copies(scope), given.clock()
    row = await repo.row(appointment, connection)
    if row is None or row.state != "waiting" or (row.leased_until is not None and row.leased_until > now):
        return None
    if not early and row.next_at is not None and row.next_at > now:
        return None
    visit = await AppointmentRepo(scope).find(appointment)
    link = next((one for one in await connections.every(scope) if one.id == connection), None)
    if visit is None or link is None:
        await repo.set(appointment, connection, state="gone", next_at=None)
        return None
    mine = resources(link.chosen, visit.staff)
    place = mine[0] if mine else row.resource if link.kind == "crm" else ""
    there = bool(row.external_id or row.tried)
    out = visit.status != "booked" or (link.kind == "calendar" and not mine)
    if out and not there:
        await repo.set(appointment, connection, state="gone", next_at=None, revision=visit.revision)
        return None
    fields: dict[str, Any] = {"lease": new_id("lease", now), "leased_until": now + LEASE, "attempts": row.attempts + 1}
    if not row.external_id:
        fields["tried"] = row.tried or visit.revision
    wanted = None
    if not out:
        wanted = await _as_there(scope, given, visit, place)
        fields |= {"resource": place, "starts_at": visit.starts_at, "ends_at": visit.ends_at}
    task = _Task(row.write_key, row.external_id, visit.revision, row.tried, row.attempts + 1, fields["lease"], wanted)
    if out and not row.external_id:
        # It may be there by an answer that was lost: it is made once more by its key, and what that finds is taken out.
        wanted = await _as_there(scope, given, visit, row.resource)
        task = _Task(row.write_key, "", visit.revision, -1, row.attempts + 1, fields["lease"], wanted)
    await repo.set(appointment, connection, **fields)
    return task


async def _as_there(scope: TenantScope, given: Services, visit: Appointment, resource: str) -> model.Appointment:
    """What another system is told of a visit."""
    contact = (await crm.some(scope, {visit.contact_id})).get(visit.contact_id) if visit.contact_id else None
    phone = (contact.phone if contact else None) or ""
    person = model.Customer(
        name=visit.name or (contact.name if contact else ""),
        phones=(phone,) if phone else (),
        email=(contact.email if contact else "") or "",
        address=visit.address,
    )
    about = visit.problem.strip().splitlines()[0][:80] if visit.problem.strip() else ""
    at = f"{given.settings.portal}/t/{scope.tenant}"
    link = f"{at}/calls/{visit.call_id}" if visit.call_id else f"{at}/diary/{visit.id}"
    lines = [visit.problem.strip(), f"Reference {visit.ref}", link]
    return model.Appointment(
        resource,
        visit.starts_at,
        visit.ends_at,
        title=": ".join(part for part in (person.name or "Visit", about) if part),
        description="\n".join(line for line in lines if line),
        address=visit.address,
        person=person,
    )


async def _say(given: Services, tenant: str, connection: str, task: _Task, within: float, *, live: bool, call: str) -> _Said:
    """Tell the system."""
    adapter = ""
    try:
        with anyio.move_on_after(within):
            async with opened(given, tenant, connection, priority="live" if live else "work", call=call) as link:
                adapter = link.connection.adapter
                return await _written(link.adapter, task, look=task.attempt > 1 and "find_availability" in link.manifest.capabilities)
    except AdapterError as error:
        return _Said(error=error)
    except NotFound:
        return _Said(error=AdapterUnauthorized(adapter, "this connection is no more"))
    return _Said(error=AdapterUnavailable(adapter, "the system takes too long"))


async def _written(adapter: Adapter, task: _Task, *, look: bool) -> _Said:
    wanted = task.wanted
    if wanted is None:
        await adapter.cancel(f"{task.key}/cancel", task.external)
        return _Said()
    if task.tried < 0:
        made = await adapter.create_appointment(task.key, wanted)
        await adapter.cancel(f"{task.key}/cancel", made.id)
        return _Said()
    if task.external:
        try:
            ref = await adapter.reschedule(f"{task.key}/{task.revision}", task.external, wanted)
        except AdapterNotFound:  # deleted there, and changed here since: here is newer
            ref = await adapter.create_appointment(f"{task.key}/{task.revision}", wanted)
    else:
        ref = await adapter.create_appointment(task.key, wanted)
        if task.tried and task.tried != task.revision:  # what the lost answer told of may be an older one
            ref = await adapter.reschedule(f"{task.key}/{task.revision}", ref.id, wanted)
    return _Said(ref, clash=await _beside(adapter, wanted, ref.id) if look else "")


async def _beside(adapter: Adapter, wanted: model.Appointment, mine: str) -> str:
    """What was entered there while the visit could not be written."""
    try:
        busy = await adapter.find_availability((wanted.resource,), wanted.start, wanted.end)
    except AdapterError:
        return ""
    other = [one for one in busy if one.id and one.id != mine and one.start < wanted.end and one.end > wanted.start]
    return "the calendar has another entry at that time" if other else ""


async def _settle(
    scope: TenantScope, given: Services, appointment: str, connection: str, task: _Task, said: _Said, *, live: bool
) -> tuple[Outcome, bool]:
    """Keep what came of it; whether there is a newer revision to write."""
    repo, now = Copies(scope), given.clock()
    row = await repo.row(appointment, connection)
    visit = await AppointmentRepo(scope).find(appointment)
    if row is None or visit is None or row.lease != task.lease:
        return "nothing", False
    free: dict[str, Any] = {"lease": "", "leased_until": None}
    if said.error is not None:
        outcome, fields = _trouble(row, task, said.error, now, live=live)
        await repo.set(appointment, connection, **free, **fields)
        if outcome in {"failed", "conflict"} and not live:
            await _give_up(scope, given, visit, connection, said.error, now)
        return outcome, False
    newer = visit.revision != task.revision
    fields = {"state": "waiting" if newer else "written", "error": "", "attempts": 0, "next_at": now if newer else None, "tried": 0}
    if said.ref is None:
        fields |= {"external_id": "", "url": "", "revision": task.revision} | ({} if newer else {"state": "gone"})
    else:
        fields |= {"external_id": said.ref.id, "url": said.ref.url, "revision": task.revision, "written_at": now}
    await repo.set(appointment, connection, **free, **fields)
    if said.clash and not newer:
        await clash(scope, given, visit, connection, said.clash)
    return ("gone" if said.ref is None else "written"), newer


def _trouble(row: CopyRow, task: _Task, error: AdapterError, now: datetime, *, live: bool) -> tuple[Outcome, dict[str, Any]]:
    """What becomes of a write that failed."""
    since = row.waiting_since or now
    fields: dict[str, Any] = {"error": error.public}
    if not task.tried and not isinstance(error, AdapterUnavailable):
        fields["tried"] = 0  # the system said that it did nothing
    if isinstance(error, AdapterConflict):
        return "conflict", fields | {"state": "failed", "next_at": None}
    if isinstance(error, AdapterRejected | AdapterNotFound) or now - since >= GIVEN_UP:
        return "failed", fields | {"state": "failed", "next_at": None}
    wait = min(FIRST * 2 ** min(row.attempts - 1, 12), PATIENCE)
    if live:
        wait = timedelta(0)
    if isinstance(error, AdapterUnauthorized):
        wait = PATIENCE  # ``resume`` comes first, where somebody connects it again
    if error.retry.after:
        wait = max(wait, timedelta(seconds=error.retry.after))
    return "waiting", fields | {"state": "waiting", "next_at": min(now + wait, since + GIVEN_UP)}


async def _give_up(scope: TenantScope, given: Services, visit: Appointment, connection: str, error: AdapterError, now: datetime) -> None:
    if isinstance(error, AdapterConflict):
        await clash(scope, given, visit, connection, "the calendar refused the time")
        return
    log.warning("a visit was not written to another system, and is not tried again", extra={"connection": connection})
    data = {"connection_id": connection, "call_id": visit.call_id, "appointment_id": visit.id, "error": error.public}
    await hooks.publish(scope, given, "crm.sync.failed", data, subject=visit.call_id or visit.id)
    await Copies(scope).set(visit.id, connection, clash=error.public, clash_at=now)


async def clash(scope: TenantScope, given: Services, visit: Appointment, connection: str, why: str) -> None:
    """Somebody has to look: the visit stands here, and something in another system stands against it."""
    now = given.clock()
    await Copies(scope).set(visit.id, connection, clash=why, clash_at=now)
    told = visit.model_dump(mode="json", include={"call_id", "contact_id", "ref", "staff", "starts_at", "ends_at", "status", "revision"})
    data = {"appointment_id": visit.id, **told, "connection_id": connection, "problem": why}
    await hooks.publish(scope, given, "appointment.clash", data, subject=visit.call_id or visit.id)
