"""The built-in calendar: what calls and the team do with it. Every change is written down, and told to the tenant's webhooks once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import slots
from offhook.orchestrator.bookings.repo import TAKEN, AppointmentRepo
from offhook.orchestrator.bookings.schemas import Appointment, AppointmentChange, AppointmentDetail, NewAppointment, SlotView, Status
from offhook.orchestrator.bookings.slots import Part, Span
from offhook.orchestrator.crm.schemas import By, Contact
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.hooks.catalogue import EventType
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants.schemas import Diary, Tenant

LONGEST: Final = timedelta(days=62)
"""The longest window in which slots are looked for."""
TYPES: Final[dict[str, EventType]] = {
    "created": "appointment.created",
    "moved": "appointment.changed",
    "changed": "appointment.changed",
    "cancelled": "appointment.cancelled",
}
_PLACE: Final = ("starts_at", "ends_at", "staff")


async def free_slots(
    scope: TenantScope,
    agent: Agent,
    now: datetime,
    day: date | None = None,
    part: Part | None = None,
    near: datetime | None = None,
    *,
    soon: bool = False,
) -> list[Span]:
    """At most three visits to offer."""
    diary, zone = agent.tenant.diary, agent.zone
    busy = await AppointmentRepo(scope).busy(now, now + timedelta(days=diary.horizon_days + 2))
    found = list(slots.possible(diary, agent.calendar, zone, now, busy, day))
    if part is not None:
        found = slots.in_part(found, zone, part)
    return slots.spread(found, zone, soon=soon, near=near)


async def slots_between(
    scope: TenantScope, given: Services, agent: Agent, since: datetime, until: datetime, staff: str | None, limit: int
) -> list[SlotView]:
    """All visits that can be booked in a window, the earliest first; those of one member of staff, if one is named."""
    if not since < until <= since + LONGEST:
        raise Invalid("not a window of time", faults=(Fault("query.to", f"after from, by at most {LONGEST.days} days"),))
    diary, zone, now = agent.tenant.diary, agent.zone, given.clock()
    if staff is not None:
        diary = diary.model_copy(update={"staff": tuple(one for one in diary.staff if one == staff)})
    busy = await AppointmentRepo(scope).busy(now, now + timedelta(days=diary.horizon_days + 2))
    secret = given.settings.secret.get_secret_value()
    found: list[SlotView] = []
    for span in slots.possible(diary, agent.calendar, zone, now, busy):
        if len(found) == limit or span.start >= until:
            break
        if span.start >= since:
            view = {"id": slots.slot_id(secret, scope.tenant, span), "label": slots.label(span.start, zone, now)}
            found.append(SlotView(**view, starts_at=span.start, ends_at=span.end, staff=span.staff))
    return found


def open_slot(secret: str, agent: Agent, id: str, now: datetime) -> Span:
    """The visit that a slot id of ours names; Invalid for any other, or one that has passed or whose staff have left."""
    return _open(secret, agent.tenant, id, now)


def _open(secret: str, tenant: Tenant, id: str, now: datetime) -> Span:
    span = slots.read_slot(secret, tenant.id, id)
    if span is None or span.start <= now or span.staff not in tenant.diary.staff:
        raise Invalid("this is not a slot that can be booked", faults=(Fault("slot", "not a slot that can be booked"),))
    return span


async def book(
    scope: TenantScope,
    given: Services,
    by: By,
    span: Span,
    *,
    contact: str,
    name: str,
    address: str,
    problem: str,
    extras: dict[str, Any] | None = None,
) -> Appointment:
    """Book it, or Conflict."""
    repo, now = AppointmentRepo(scope), given.clock()
    await repo.hold()
    fields = {"contact_id": contact, "call_id": by.id if by.kind == "call" else None, "name": name, "address": address}
    made = await repo.add(span, now, **fields, problem=problem, extras=extras or {})
    await _changed(scope, given, by, "created", None, made)
    return made


async def create(scope: TenantScope, given: Services, by: By, tenant: Tenant, contact: Contact, new: NewAppointment) -> Appointment:
    """Book what somebody of the team wants; Invalid says which field is wrong, Conflict that the time is taken.

    The team may book outside opening hours and at short notice; nobody can book a time twice.
    """
    now = given.clock()
    fields: dict[str, Any] = {
        "contact": contact.id,
        "name": new.name or contact.name,
        "address": new.address or contact.address,
        "problem": new.problem,
    }
    if new.slot is not None:
        return await book(scope, given, by, _open(given.settings.secret.get_secret_value(), tenant, new.slot, now), **fields)
    if new.starts_at is None:  # the schema sees to it
        raise Invalid("an appointment needs a time", faults=(Fault("starts_at", "missing"),))
    start = new.starts_at
    end = start + timedelta(minutes=new.minutes or tenant.diary.visit_minutes)
    if not tenant.diary.staff:
        raise Invalid("nobody of the business makes visits", faults=(Fault("staff", "the tenant's diary names nobody"),))
    await AppointmentRepo(scope).hold()
    for staff in [new.staff] if new.staff else tenant.diary.staff:
        span = _allowed(Span(start, end, staff), tenant.diary, now)
        if not await AppointmentRepo(scope).taken(span):
            return await book(scope, given, by, span, **fields)
    raise Conflict(TAKEN)


def _allowed(span: Span, diary: Diary, now: datetime) -> Span:
    if span.start <= now:
        raise Invalid("an appointment lies ahead", faults=(Fault("starts_at", "has passed"),))
    if span.staff not in diary.staff:
        raise Invalid("there is no such member of staff", faults=(Fault("staff", f"one of {', '.join(diary.staff) or 'nobody'}"),))
    return span


async def move(scope: TenantScope, given: Services, by: By, id: str, span: Span) -> Appointment:
    """Move it, by id or ref; Conflict, NotFound."""
    repo = AppointmentRepo(scope)
    await repo.hold()
    old = await repo.find(id, lock=True)
    if old is None or old.status != "booked":
        raise NotFound("no such appointment")
    return await _set(scope, given, by, old, {"starts_at": span.start, "ends_at": span.end, "staff": span.staff})


async def cancel(scope: TenantScope, given: Services, by: By, id: str) -> Appointment:
    """Cancel it, by id or ref; harmless when it is cancelled already; NotFound."""
    old = await locked(scope, id)
    if old.status == "cancelled":
        return old
    new = await AppointmentRepo(scope).change(old.id, given.clock(), {"status": "cancelled"})
    await _changed(scope, given, by, "cancelled", old, new)
    return new


async def change(scope: TenantScope, given: Services, by: By, tenant: Tenant, old: Appointment, changes: AppointmentChange) -> Appointment:
    """Change what is given of an appointment that is ``locked``; Invalid, Conflict."""
    wanted = changes.model_dump(exclude_unset=True)
    faults = tuple(Fault(name, "this cannot be empty") for name, value in wanted.items() if value is None)
    if faults:
        raise Invalid("leave out what is to stay as it is", faults=faults)
    if old.status != "booked":
        raise Conflict("the appointment is cancelled")
    fields: dict[str, Any] = {name: wanted[name] for name in ("name", "address", "problem") if name in wanted}
    now = given.clock()
    if changes.slot is not None:
        span = _open(given.settings.secret.get_secret_value(), tenant, changes.slot, now)
    elif wanted.keys() & {"starts_at", "minutes", "staff"}:
        start = changes.starts_at or old.starts_at
        length = timedelta(minutes=changes.minutes) if changes.minutes else old.ends_at - old.starts_at
        span = _allowed(Span(start, start + length, changes.staff or old.staff), tenant.diary, now)
    else:
        return await _set(scope, given, by, old, fields) if fields else old
    return await _set(scope, given, by, old, {**fields, "starts_at": span.start, "ends_at": span.end, "staff": span.staff})


async def _set(scope: TenantScope, given: Services, by: By, old: Appointment, fields: dict[str, Any]) -> Appointment:
    fields = {name: value for name, value in fields.items() if value != getattr(old, name) or name in _PLACE}
    if all(value == getattr(old, name) for name, value in fields.items()):
        return old
    new = await AppointmentRepo(scope).change(old.id, given.clock(), fields)
    await _changed(scope, given, by, "moved" if any(getattr(new, name) != getattr(old, name) for name in _PLACE) else "changed", old, new)
    return new


async def _changed(
    scope: TenantScope,
    given: Services,
    by: By,
    kind: Literal["created", "moved", "changed", "cancelled"],
    old: Appointment | None,
    new: Appointment,
) -> None:
    """Write it down, and tell whoever the tenant wants told. Nobody outside hears of a test call."""
    now, place = given.clock(), new.model_dump(mode="json", include={*_PLACE, "status"})
    before = old.model_dump(mode="json", include=set(place)) if old else {}
    if old:
        changed = sorted(name for name in ("name", "address", "problem") if getattr(old, name) != getattr(new, name))
        place |= {"changed": changed} if changed else {}
    await AppointmentRepo(scope).write(new, now, kind, by, before, place)
    if by.test:
        return
    told = new.model_dump(mode="json", include={"call_id", "contact_id", "ref", *place, "revision"})
    data = {"appointment_id": new.id, **told, "by": by.kind} | ({"before": before} if old else {})
    # All events of one appointment have one subject, so that they come in order whoever changes it.
    await hooks.publish(scope, given, TYPES[kind], data, subject=new.call_id or new.id)


async def locked(scope: TenantScope, id: str) -> Appointment:
    """An appointment that nobody else changes until the transaction ends; NotFound."""
    repo = AppointmentRepo(scope)
    await repo.hold()
    found = await repo.find(id, lock=True)
    if found is None:
        raise NotFound("no such appointment")
    return found


async def show(scope: TenantScope, id: str) -> AppointmentDetail:
    """An appointment with its history; NotFound."""
    repo = AppointmentRepo(scope)
    found = await repo.find(id)
    if found is None:
        raise NotFound("no such appointment")
    return AppointmentDetail(appointment=found, history=await repo.history(found.id))


async def page(
    scope: TenantScope,
    limit: int,
    after: tuple[datetime, str] | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    staff: str | None = None,
    status: Status | None = None,
    soonest: bool = False,
) -> list[Appointment]:
    """The diary."""
    return await AppointmentRepo(scope).page(limit, after, since=since, until=until, staff=staff, status=status, soonest=soonest)


async def next_of(scope: TenantScope, contact: str, now: datetime) -> Appointment | None:
    """A contact's next visit."""
    return await AppointmentRepo(scope).next_of(contact, now)


async def made_in(scope: TenantScope, call: str) -> list[Appointment]:
    """What a call booked."""
    return await AppointmentRepo(scope).of_call(call)


async def of_contact(scope: TenantScope, contact: str, limit: int) -> list[Appointment]:
    """A contact's visits, the latest first."""
    return await AppointmentRepo(scope).of_contact(contact, limit)


async def move_contact(scope: TenantScope, old: str, new: str, now: datetime) -> None:
    """Two contacts are one: the visits of the old one are the new one's."""
    await AppointmentRepo(scope).move_contact(old, new, now)


async def forget_contact(scope: TenantScope, contact: str, now: datetime) -> None:
    """Take what is personal out of a contact's visits."""
    await AppointmentRepo(scope).forget_contact(contact, now)


async def forget_call(scope: TenantScope, call: str) -> None:
    """A call was deleted: its visits no longer say which it was."""
    await AppointmentRepo(scope).forget_call(call)
