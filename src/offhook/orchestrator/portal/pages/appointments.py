"""One visit: what is known of it, moving and cancelling it, and booking a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import Conflict, Fault, Invalid, NotFound, NotPermitted, PreconditionFailed
from offhook.orchestrator.agents.ops import reading as agents
from offhook.orchestrator.auth.access import ID, TenantAccess, TenantDoor, before_tenant, in_tenant
from offhook.orchestrator.bookings import desk, live, ops
from offhook.orchestrator.bookings.desk import ForWhom
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.bookings.schemas import Appointment, AppointmentChange, AppointmentDetail
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By, Contact
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.pages.diary import FIRST, LAST, answering, source
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import Local, _
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Tenant

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("appointments.read")]
Writing = Annotated[TenantAccess, in_tenant("appointments.write")]
Door = Annotated[TenantDoor, before_tenant("appointments.write")]
"""Before the transaction: the tenant's other calendars are asked first."""
AppointmentId = Annotated[str, Path(pattern=ID)]
ConnectionId = Annotated[str, Path(pattern=ID)]
OFFERED: Final = 9
"""Free times that are offered."""
AHEAD: Final = timedelta(days=14)
FOUND: Final = 6
"""People that a search for one shows."""
FIELDS: Final = {"contact_id": "contact", "starts_at": "time", "slot": "slot", "staff": "staff", "minutes": "minutes"}
"""Where a fault of the schema is said."""
KINDS: Final[Mapping[str, str]] = {"created": "Booked", "moved": "Moved", "changed": "Changed", "cancelled": "Cancelled"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A free time."""

    id: str
    label: str
    staff: str


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to a visit, when and by whom."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """The visit in another system: what it is called, what is wrong, how it stands; ``again``: it can be tried once more."""

    connection: str
    name: str
    why: str
    said: str
    url: str
    again: bool


@router.get("/t/{tenant}/diary/new", response_class=HTMLResponse)
async def new_appointment_page(
    request: Request,
    frame: Framed,
    access: Writing,
    on: Annotated[date | None, Query(ge=FIRST, le=LAST)] = None,
    contact: Annotated[str | None, Query(pattern=ID)] = None,
    who: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """For whom and when."""
    return await _new(request, frame, access, Typed(), on, contact, who)


@router.post("/t/{tenant}/diary/new", response_class=HTMLResponse)
async def book_appointment(request: Request, frame: Framed, door: Door, fields: Posted) -> Response:
    """Book it."""
    wanted = await _wanted(door, fields)
    async with live.looked(door.given, door.tenant, wanted) as held, door.enter() as access:
        return await _book(request, frame, access, fields, held)


@router.post("/t/{tenant}/diary/{appointment}/copies/{connection}/again", response_class=HTMLResponse)
async def write_again(access: Writing, appointment: AppointmentId, connection: ConnectionId, _fields: Posted) -> Response:
    """Have it written once more to a system that has not taken it."""
    visit = (await ops.show(access.scope, appointment)).appointment
    await outside.again(access.scope, access.given, visit.id, connection)
    await access.audit("appointment.written_again", visit.id, {"connection": connection})
    return onward(f"/t/{access.scope.tenant}/diary/{visit.id}", "saved")


async def _book(request: Request, frame: Frame, access: TenantAccess, fields: Mapping[str, str], held: str) -> Response:
    if "contacts.write" not in access.may:
        raise NotPermitted("this needs the permission contacts.write")
    _shell, local, tenant = await tenant_shell(access, frame.brand, "diary")
    contact = fields.get("contact") or None
    try:
        who = ForWhom(contact=contact, **{name: fields.get(name, "") for name in ("phone", "name", "address")})
        new = {"problem": fields.get("problem", ""), **_when(fields, local)}
        made = await desk.book(access.scope, access.given, _by(access), tenant, who, new, held)
    except (Invalid, Conflict, NotFound, ValidationError) as error:
        typed = refused(fields, error, FIELDS)
        return await _new(request, frame, access, typed, _date(fields.get("on", "")), contact, "")
    await access.audit("appointment.created", made.id, {"starts_at": made.starts_at.isoformat(), "staff": made.staff})
    return onward(f"/t/{tenant.id}/diary/{made.id}", "booked")


@router.get("/t/{tenant}/diary/{appointment}", response_class=HTMLResponse)
async def appointment_page(request: Request, frame: Framed, access: Reading, appointment: AppointmentId) -> HTMLResponse:
    """A visit with its history, and the call that made it."""
    return await _show(request, frame, access, appointment, Typed())


@router.post("/t/{tenant}/diary/{appointment}", response_class=HTMLResponse)
async def change_appointment(request: Request, frame: Framed, door: Door, appointment: AppointmentId, fields: Posted) -> Response:
    """Move it, or change what is noted of it."""
    wanted = await _wanted(door, fields, appointment)
    async with live.looked(door.given, door.tenant, wanted, appointment), door.enter() as access:
        return await _change(request, frame, access, appointment, fields)


async def _wanted(door: TenantDoor, fields: Mapping[str, str], appointment: str = "") -> dict[str, Any]:
    """The time that a form names, for the other calendars to be asked. What is wrong with the form, it is told afterwards."""
    if appointment and "slot" not in fields:
        return {}
    async with door.enter() as access:
        tenant = await tenants.get(access.scope)
        local = Local(tenant.zone, tenant.region, access.given.clock())
        try:
            old = (await ops.show(access.scope, appointment)).appointment if appointment else None
            return _when(fields, local, old)
        except (Invalid, NotFound):
            return {}


async def _change(request: Request, frame: Frame, access: TenantAccess, appointment: str, fields: Mapping[str, str]) -> Response:
    _shell, local, tenant = await tenant_shell(access, frame.brand, "diary")
    old = await ops.locked(access.scope, appointment)
    try:
        _match(fields, old)
        wanted = {name: fields[name] for name in ("name", "address", "problem") if name in fields}
        wanted |= _when(fields, local, old) if "slot" in fields else {}
        changes = AppointmentChange.model_validate(wanted)
        new = await ops.change(access.scope, access.given, _by(access), tenant, old, changes)
    except (Invalid, Conflict, PreconditionFailed, ValidationError) as error:
        return await _show(request, frame, access, old.id, refused(fields, error, FIELDS))
    await access.audit("appointment.changed", new.id, desk.noted(old, new, changes.model_fields_set))
    moved = (old.starts_at, old.staff) != (new.starts_at, new.staff)
    return onward(f"/t/{tenant.id}/diary/{new.id}", "moved" if moved else "saved")


@router.post("/t/{tenant}/diary/{appointment}/cancel", response_class=HTMLResponse)
async def cancel_appointment(request: Request, frame: Framed, access: Writing, appointment: AppointmentId, fields: Posted) -> Response:
    """Cancel it; its time is free again."""
    old = await ops.locked(access.scope, appointment)
    try:
        _match(fields, old)
    except PreconditionFailed as error:
        return await _show(request, frame, access, old.id, refused(fields, error))
    new = await ops.cancel(access.scope, access.given, _by(access), old.id)
    if new != old:
        await access.audit("appointment.cancelled", new.id)
    return onward(f"/t/{access.scope.tenant}/diary/{new.id}", "cancelled")


async def _new(
    request: Request, frame: Frame, access: TenantAccess, typed: Typed, on: date | None, contact: str | None, who: str
) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "diary")
    day = max(on or local.today, local.today)
    known = await _contact(access, contact)
    found: list[Contact] = []
    if who.strip() and "contacts.read" in access.may:
        found = await contacts.page(access.scope, who.replace("\0", "").strip(), FOUND, None)
    free = await _free(access, local, local.begin(day))
    return portal(request).page(
        request,
        frame,
        "pages/appointment_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/diary",
        typed=typed,
        free=free,
        chosen=typed.value("slot", free[0].id if free else ""),
        staff=_staff(tenant),
        minutes=tenant.diary.visit_minutes,
        day=day,
        contact=known,
        who=who,
        found=found,
    )


async def _show(request: Request, frame: Frame, access: TenantAccess, id: str, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "diary")
    detail = await ops.show(access.scope, id)
    visit = detail.appointment
    may = "appointments.write" in access.may and visit.status == "booked"
    begin = local.begin(max(local.today, local.day_of(visit.starts_at)))
    made = next((one.by_kind for one in detail.history if one.kind == "created"), None)
    return portal(request).page(
        request,
        frame,
        "pages/appointment.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}",
        visit=visit,
        contact=await _contact(access, visit.contact_id),
        phone=await _phone(access, visit),
        source=source(made, visit.call_id),
        history=_history(detail, local),
        copies=await _copies(access, visit.id),
        typed=typed,
        free=await _free(access, local, begin) if may else [],
        staff=_staff(tenant),
        here=visit.starts_at.astimezone(local.zone),
        minutes=int((visit.ends_at - visit.starts_at) / timedelta(minutes=1)),
        may=access.may,
        changing=may,
    )


async def _copies(access: TenantAccess, id: str) -> list[Written]:
    """The visit in other systems."""
    found = await outside.of(access.scope, id)
    names = {one.id: one.title for one in await connections.every(access.scope)} if found else {}
    said = {"waiting": _("Still to be written"), "written": _("Written"), "failed": _("Not written"), "gone": _("Taken out")}
    made = []
    for one in found:
        name, why = names.get(one.connection_id, ""), one.clash or one.error
        made.append(Written(one.connection_id, name, why, said[one.state], one.url, again=one.state == "failed"))
    return made


async def _contact(access: TenantAccess, id: str | None) -> Contact | None:
    if id is None or "contacts.read" not in access.may:
        return None
    return (await crm.some(access.scope, {id})).get(id)


async def _phone(access: TenantAccess, visit: Appointment) -> str | None:
    found = await _contact(access, visit.contact_id)
    return found.phone if found else None


async def _free(access: TenantAccess, local: Local, since: datetime) -> list[Slot]:
    """Times that the agent would offer too, the earliest first."""
    for one in await answering(access.scope):
        try:
            agent = await agents.live(access.scope, one)
        except NotFound:
            continue
        found = await ops.slots_between(access.scope, access.given, agent, since, since + AHEAD, None, OFFERED)
        return [Slot(each.id, f"{local.day(each.starts_at)}, {local.clock(each.starts_at)}", each.staff) for each in found]
    return []


def _staff(tenant: Tenant) -> list[tuple[str, str]]:
    return [("", _("Whoever is free")), *((one, one) for one in tenant.diary.staff)]


def _when(fields: Mapping[str, str], local: Local, old: Appointment | None = None) -> dict[str, Any]:
    """The time that a form names: a free one, or any other. Invalid says which field is wrong."""
    if fields.get("slot"):
        here = old.starts_at.astimezone(local.zone) if old else None
        untouched = (here.date().isoformat(), here.strftime("%H:%M")) if here else (fields.get("on", ""), "")
        if (fields.get("on", ""), fields.get("time", "")) != untouched:
            raise Invalid("when it is to be", faults=(Fault("slot", "choose a free time or type another, not both"),))
        return {"slot": fields["slot"]}
    day, clock = _date(fields.get("on", "")), _time(fields.get("time", ""))
    faults = [Fault("on", "a day such as 2026-11-26")] if day is None else []
    faults += [Fault("time", "a time such as 14:30")] if clock is None else []
    minutes = fields.get("minutes", "").strip()
    faults += [Fault("minutes", "a number of minutes")] if minutes and not (minutes.isascii() and minutes.isdigit()) else []
    if day is None or clock is None or faults:
        raise Invalid("when it is to be", faults=tuple(faults))
    start = datetime.combine(day, clock, local.zone)
    if start.astimezone(UTC).astimezone(local.zone).replace(tzinfo=None) != start.replace(tzinfo=None):
        raise Invalid("when it is to be", faults=(Fault("time", "the clocks skip this time on that day: use one an hour later"),))
    found: dict[str, Any] = {"starts_at": start}
    found |= {"minutes": minutes} if minutes else {}
    return found | ({"staff": fields["staff"]} if fields.get("staff") else {})


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _match(fields: Mapping[str, str], old: Appointment) -> None:
    if fields.get("revision") != str(old.revision):
        raise PreconditionFailed("somebody has changed this in the meantime: it is shown as it is now")


def _by(access: TenantAccess) -> By:
    return By(kind=access.principal.kind, id=access.principal.id)


def _history(detail: AppointmentDetail, local: Local) -> list[Done]:
    found = []
    for one in reversed(detail.history):
        _icon, who = source(one.by_kind, None)
        kind = _(KINDS[one.kind])
        text = _("{what} by {who}").format(what=kind, who=who.lower() if one.by_kind == "key" else _("the {who}").format(who=who.lower()))
        if one.kind in {"created", "moved"} and (start := one.after.get("starts_at")):
            at = datetime.fromisoformat(start)
            text = _("{text}: {day}, {time}, {staff}").format(
                text=text, day=local.day(at), time=local.clock(at), staff=one.after.get("staff", "")
            )
        found.append(Done(one.at, text))
    return found
