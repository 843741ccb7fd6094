"""What was changed in another system: our visits that were moved or deleted there are moved or cancelled here.

What we wrote ourselves comes back as a change too; it is known by where it is. Whoever changed a visit last wins: while something of ours
is still to be written there, what is there is old.
"""

from __future__ import annotations

from typing import Any, Final

from offhook.adapters import model
from offhook.errors import Conflict
from offhook.orchestrator.bookings import ops
from offhook.orchestrator.bookings.outside import visits
from offhook.orchestrator.bookings.outside.places import by_staff, whose
from offhook.orchestrator.bookings.outside.repo import Copies
from offhook.orchestrator.bookings.outside.tables import CopyRow
from offhook.orchestrator.bookings.repo import AppointmentRepo
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

SYSTEM: Final = By(kind="operator", id="system")
"""Who is said to have made a change that came from another system."""


async def changed(scope: TenantScope, given: Services, connection: Connection, there: model.Appointment, known_as: str = "") -> bool:
    """Follow a visit as it is there now; True where that changed one of ours. An entry that is no visit of ours is none of our business.

    ``known_as``: the id that it had before it was dragged into another calendar.
    """
    if there.cancelled:
        return await gone(scope, given, connection, known_as or there.id)
    found = await _ours(scope, connection, known_as or there.id)
    if found is None:
        return False
    row, visit = found
    if row.external_id != there.id:
        await Copies(scope).set(visit.id, connection.id, external_id=there.id)
    if row.state != "written" or visit.status != "booked" or _as_written(row, there):
        return False
    now, span = given.clock(), await _span(scope, connection, visit, there)
    if span == Span(visit.starts_at, visit.ends_at, visit.staff):
        await _followed(scope, visit, connection, there)
        return False
    if there.updated_at and row.written_at and there.updated_at <= row.written_at and await _was_there(scope, visit, span):
        return False  # from before our own last write
    if span.start <= now < visit.starts_at:
        await visits.clash(scope, given, visit, connection.id, f"it was moved to a time that has passed in {connection.title}")
        return False
    try:
        async with scope.session.begin_nested():
            moved = await ops.move(scope, given, SYSTEM, visit.id, span, apart_from=connection.id)
    except Conflict:
        await visits.clash(scope, given, visit, connection.id, f"it was moved to a time that is taken here in {connection.title}")
        return False
    await _followed(scope, moved, connection, there)
    return True


async def gone(scope: TenantScope, given: Services, connection: Connection, external: str) -> bool:
    """An entry was deleted there; True where that cancelled a visit of ours."""
    found = await _ours(scope, connection, external)
    if found is None:
        return False
    row, visit = found
    if row.state != "written":
        return False
    await Copies(scope).set(visit.id, connection.id, state="gone", next_at=None, clash="", clash_at=None)
    if visit.status != "booked" or visit.ends_at <= given.clock():
        return False
    await ops.cancel(scope, given, SYSTEM, visit.id, apart_from=connection.id)
    return True


async def _ours(scope: TenantScope, connection: Connection, external: str) -> tuple[CopyRow, Appointment] | None:
    """The diary is locked first, as by everybody who changes a visit."""
    await AppointmentRepo(scope).alone()
    row = await Copies(scope).by_external(connection.id, external) if external else None
    visit = await AppointmentRepo(scope).find(row.appointment_id, lock=True) if row else None
    return (row, visit) if row and visit else None


def _as_written(row: CopyRow, there: model.Appointment) -> bool:
    same = (row.starts_at, row.ends_at) == (there.start, there.end)
    return same and (not row.resource or not there.resource or row.resource == there.resource)


async def _span(scope: TenantScope, connection: Connection, visit: Appointment, there: model.Appointment) -> Span:
    """Where it is now, and whose: as before where the calendar does not say."""
    staff: str | None = None
    if there.resource and by_staff(connection.chosen):
        staff = whose(connection.chosen, there.resource, (await tenants.get(scope)).diary.staff)
    return Span(there.start, there.end, staff or visit.staff)


async def _was_there(scope: TenantScope, visit: Appointment, span: Span) -> bool:
    """Whether we had the visit there before."""
    place = {"starts_at": span.start.isoformat(), "ends_at": span.end.isoformat(), "staff": span.staff}
    for one in await AppointmentRepo(scope).history(visit.id):
        before = {name: str(one.before.get(name, "")).replace("Z", "+00:00") for name in place}
        if before == place:
            return True
    return False


async def _followed(scope: TenantScope, visit: Appointment, connection: Connection, there: model.Appointment) -> None:
    """The system has this revision: nothing is to be written there."""
    fields: dict[str, Any] = {"revision": visit.revision, "starts_at": there.start, "ends_at": there.end, "clash": "", "clash_at": None}
    fields |= {"resource": there.resource} if there.resource else {}
    await Copies(scope).set(visit.id, connection.id, **fields)
