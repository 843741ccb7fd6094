"""Routes of the diary."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.auth.access import ID, TenantAccess, TenantDoor, before_tenant, in_tenant
from offhook.orchestrator.bookings import desk, live, ops
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.bookings.outside.schemas import Copy
from offhook.orchestrator.bookings.schemas import (
    Appointment,
    AppointmentChange,
    AppointmentDetail,
    Moment,
    NewAppointment,
    SlotView,
    Staff,
    Status,
)
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once, takes_key
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["appointments"])
Reading = Annotated[TenantAccess, in_tenant("appointments.read")]
Writing = Annotated[TenantAccess, in_tenant("appointments.write")]
Door = Annotated[TenantDoor, before_tenant("appointments.write")]
"""Before the transaction: the tenant's other calendars are asked first."""
AppointmentId = Annotated[str, Path(pattern=ID)]
ConnectionId = Annotated[str, Path(pattern=ID)]
AgentId = Annotated[str, Path(pattern=ID)]
Since = Annotated[Moment | None, Query(alias="from", description="Begins then or later.")]
Until = Annotated[Moment | None, Query(alias="to", description="Begins before then.")]
Order = Annotated[Literal["latest", "soonest"], Query(description="The end of the diary from which the list is read.")]
PROBLEM: dict[str, Any] = {"model": Problem}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 412: PROBLEM, 428: PROBLEM}


@router.get("/appointments")
async def list_appointments(
    access: Reading,
    part: PageQuery,
    since: Since = None,
    until: Until = None,
    staff: Annotated[Staff | None, Query()] = None,
    status: Status | None = None,
    order: Order = "latest",
) -> Page[Appointment]:
    """The tenant's diary: all of it, or what begins in a window of time."""
    wanted: dict[str, Any] = {"since": since, "until": until, "staff": staff, "status": status, "soonest": order == "soonest"}
    filters = {"list": "appointments", "tenant": access.scope.tenant, **wanted}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, part.limit + 1, after, **wanted)
    return page(rows, part.limit, access.given, filters, lambda one: (one.starts_at, one.id))


@router.get("/appointments/{appointment}", responses={404: PROBLEM})
async def show_appointment(appointment: AppointmentId, access: Reading, response: Response) -> AppointmentDetail:
    """An appointment and all that was done to it; its ETag is needed to change it."""
    found = await ops.show(access.scope, appointment)
    response.headers["ETag"] = etag(found.appointment.revision)
    return found


@router.get("/agents/{agent}/slots", responses={404: PROBLEM})
async def list_slots(
    agent: AgentId,
    access: Reading,
    since: Annotated[Moment, Query(alias="from", description="From when on.")],
    until: Annotated[Moment, Query(alias="to", description="Until when; at most 62 days later.")],
    staff: Annotated[Staff | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 100,
) -> list[SlotView]:
    """Visits that an agent could offer to a caller now: in its opening hours, at the tenant's notice, with somebody free."""
    return await ops.slots_between(access.scope, access.given, await agents.live(access.scope, agent), since, until, staff, limit)


@router.post("/appointments", status_code=201, responses={404: PROBLEM, 409: PROBLEM})
@takes_key
async def create_appointment(body: NewAppointment, door: Door) -> Appointment:
    """Book a visit for a contact. A time that is taken, here or in another calendar of the tenant's, is refused, whoever else is just
    booking it.
    """
    wanted = body.model_dump(mode="json", exclude_none=True, exclude={"contact_id"})
    async with live.looked(door.given, door.tenant, wanted) as held, door.enter() as access:
        return await _create(body, held, access=access)


@once
async def _create(body: NewAppointment, held: str, access: TenantAccess) -> Appointment:
    tenant, contact = await tenants.get(access.scope), await crm.contact(access.scope, body.contact_id)
    made = await ops.create(access.scope, access.given, _by(access), tenant, contact, body, held=held)
    await access.audit("appointment.created", made.id, {"starts_at": made.starts_at.isoformat(), "staff": made.staff})
    return made


@router.patch("/appointments/{appointment}", responses=CHANGING)
async def change_appointment(
    appointment: AppointmentId, body: AppointmentChange, door: Door, request: Request, response: Response, _: IfMatch = None
) -> Appointment:
    """Move an appointment, or change what is noted of it. It is moved in the tenant's other calendars too."""
    wanted = body.model_dump(mode="json", exclude_unset=True)
    async with live.looked(door.given, door.tenant, wanted, appointment), door.enter() as access:
        old = await ops.locked(access.scope, appointment)
        match(request, old.revision)
        new = await ops.change(access.scope, access.given, _by(access), await tenants.get(access.scope), old, body)
        await access.audit("appointment.changed", new.id, desk.noted(old, new, body.model_fields_set))
    response.headers["ETag"] = etag(new.revision)
    return new


@router.post("/appointments/{appointment}/cancel", responses=CHANGING)
@once
async def cancel_appointment(
    appointment: AppointmentId, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> Appointment:
    """Cancel an appointment: its time is free again, and it stays in the diary as cancelled. Harmless when it is cancelled already."""
    old = await ops.locked(access.scope, appointment)
    match(request, old.revision)
    new = await ops.cancel(access.scope, access.given, _by(access), old.id)
    if new != old:
        await access.audit("appointment.cancelled", new.id)
    response.headers["ETag"] = etag(new.revision)
    return new


@router.get("/appointments/{appointment}/copies", responses={404: PROBLEM})
async def list_appointment_copies(appointment: AppointmentId, access: Reading) -> list[Copy]:
    """An appointment in other systems: whether it is written there, and what stands in the way."""
    found = await ops.show(access.scope, appointment)
    return await outside.of(access.scope, found.appointment.id)


@router.post("/appointments/{appointment}/copies/{connection}/again", responses={404: PROBLEM})
@once
async def write_appointment_again(appointment: AppointmentId, connection: ConnectionId, access: Writing) -> Copy:
    """Have an appointment written to a system that did not take it, now."""
    found = await ops.show(access.scope, appointment)
    copy = await outside.again(access.scope, access.given, found.appointment.id, connection)
    await access.audit("appointment.written_again", found.appointment.id, {"connection": connection})
    return copy


def _by(access: TenantAccess) -> By:
    return By(kind=access.principal.kind, id=access.principal.id)


routers: tuple[APIRouter, ...] = (router,)
