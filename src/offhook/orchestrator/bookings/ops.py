"""The built-in calendar: what calls and the team do with it. Every change is written down, and told to the tenant's webhooks once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import slots
from offhook.orchestrator.bookings.outside import busy as outside
from offhook.orchestrator.bookings.outside import visits
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
    call: str = "",
) -> list[Span]:
    """At most three visits to offer to a call."""
    diary, zone = agent.tenant.diary, agent.zone
    busy = await _busy(scope, diary, now, call)
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
    busy = await _busy(scope, diary, now)
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


async def _busy(scope: TenantScope, diary: Diary, now: datetime, call: str = "") -> list[Span]:
    """When the staff are not free: here, and in the other calendars that the tenant has connected, as far as is known."""
    until = now + timedelta(days=diary.horizon_days + 2)
    elsewhere = await outside.times(scope, diary.staff, now, until)
    return [*await AppointmentRepo(scope).busy(now, until, now, call), *(one.span for one in elsewhere)]


async def free(scope: TenantScope, span: Span) -> None:
    """Conflict where another calendar has something at that time, as far as is known."""
    if title := await outside.taken(scope, span):
        raise Conflict(f"{TAKEN} in {title}")


async def hold(scope: TenantScope, given: Services, span: Span, call: str, *, seconds: float, key: str = "") -> str:
    """Keep a time for a call, so that nobody else is given it meanwhile; the hold's id. Conflict.

    ``key`` is that of the tool request which is about to book it: when it is repeated it finds its hold again. Without one the call's
    other holds end.
    """
    repo, now = AppointmentRepo(scope), given.clock()
    until = now + timedelta(seconds=seconds)
    await repo.alone()
    await repo.let_go(before=now)
    await free(scope, span)
    mine = await repo.held(span, call, key)
    if mine is not None:
        await repo.extend(mine, until, key)
        return mine
    if not key:
        await repo.let_go(call=call)
    return await repo.hold(span, now, until, call, key)


async def let_go(scope: TenantScope, held: str) -> None:
    """Hold a time no longer."""
    repo = AppointmentRepo(scope)
    await repo.alone()
    await repo.let_go(id=held)


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
    held: str = "",
    at_once: bool = False,
) -> Appointment:
    """Book it, or Conflict. ``held``: the hold that it takes the place of. ``at_once``: whoever calls writes it outside itself."""
    repo, now = AppointmentRepo(scope), given.clock()
    await repo.alone()
    await free(scope, span)
    fields: dict[str, Any] = {"contact_id": contact, "call_id": by.id if by.kind == "call" else None, "name": name, "address": address}
    fields |= {"problem": problem, "extras": extras or {}}
    made = await repo.book_held(held, now, **fields) if held else None
    if made is None:
        made = await repo.add(span, now, **fields)
    await _changed(scope, given, by, "created", None, made, at_once=at_once)
    return made


async def create(
    scope: TenantScope, given: Services, by: By, tenant: Tenant, contact: Contact, new: NewAppointment, *, held: str = ""
) -> Appointment:
    """Book what somebody of the team wants; Invalid says which field is wrong, Conflict that the time is taken.

    The team may book outside opening hours and at short notice; nobody can book a time twice.
    ``held``: the hold that it takes the place of.
    """
    now = given.clock()
    fields: dict[str, Any] = {
        "contact": contact.id,
        "name": new.name or contact.name,
        "address": new.address or contact.address,
        "problem": new.problem,
    }
    if new.slot is not None:
        span = _open(given.settings.secret.get_secret_value(), tenant, new.slot, now)
        return await book(scope, given, by, span, **fields, held=held)
    if new.starts_at is None:  # the schema sees to it
        raise Invalid("an appointment needs a time", faults=(Fault("starts_at", "missing"),))
    start = new.starts_at
    end = start + timedelta(minutes=new.minutes or tenant.diary.visit_minutes)
    if not tenant.diary.staff:
        raise Invalid("nobody of the business makes visits", faults=(Fault("staff", "the tenant's diary names nobody"),))
    await AppointmentRepo(scope).alone()
    for staff in [new.staff] if new.staff else tenant.diary.staff:
        span = _allowed(Span(start, end, staff), tenant.diary, now)
        if not await _taken(scope, span, now, held):
            return await book(scope, given, by, span, **fields, held=held)
    raise Conflict(await _why(scope, start, end, [new.staff] if new.staff else tenant.diary.staff, held))


async def _taken(scope: TenantScope, span: Span, now: datetime, held: str) -> bool:
    repo = AppointmentRepo(scope)
    await repo.let_go(before=now)
    return await repo.taken(span, apart_from=held) or bool(await outside.taken(scope, span))


async def _why(scope: TenantScope, start: datetime, end: datetime, staff: Iterable[str], held: str) -> str:
    """Which calendar says that nobody is free, where it is not our own."""
    for one in staff:
        span = Span(start, end, one)
        title = await outside.taken(scope, span)
        if title and not await AppointmentRepo(scope).taken(span, apart_from=held):
            return f"{TAKEN} in {title}"
    return TAKEN


def wanted(given: Services, tenant: Tenant, fields: Mapping[str, Any], old: Appointment | None = None) -> list[Span]:
    """The times that these fields of a new visit, or of a change of ``old``, may come to; Invalid, ValidationError."""
    now, diary = given.clock(), tenant.diary
    if old is None:
        new = NewAppointment.model_validate({"contact_id": "any", **fields})
        if new.slot is not None:
            return [_open(given.settings.secret.get_secret_value(), tenant, new.slot, now)]
        if new.starts_at is None:
            return []
        end = new.starts_at + timedelta(minutes=new.minutes or diary.visit_minutes)
        return [_allowed(Span(new.starts_at, end, one), diary, now) for one in ([new.staff] if new.staff else diary.staff)]
    changes = AppointmentChange.model_validate(fields)
    span = _moved(given, tenant, old, changes, now)
    return [span] if span and span != Span(old.starts_at, old.ends_at, old.staff) else []


def _moved(given: Services, tenant: Tenant, old: Appointment, changes: AppointmentChange, now: datetime) -> Span | None:
    """Where a change moves it to; None where it moves nothing."""
    if changes.slot is not None:
        return _open(given.settings.secret.get_secret_value(), tenant, changes.slot, now)
    if changes.model_fields_set & {"starts_at", "minutes", "staff"}:
        start = changes.starts_at or old.starts_at
        length = timedelta(minutes=changes.minutes) if changes.minutes else old.ends_at - old.starts_at
        return _allowed(Span(start, start + length, changes.staff or old.staff), tenant.diary, now)
    return None


def _allowed(span: Span, diary: Diary, now: datetime) -> Span:
    if span.start <= now:
        raise Invalid("an appointment lies ahead", faults=(Fault("starts_at", "has passed"),))
    if span.staff not in diary.staff:
        raise Invalid("there is no such member of staff", faults=(Fault("staff", f"one of {', '.join(diary.staff) or 'nobody'}"),))
    return span


async def move(
    scope: TenantScope, given: Services, by: By, id: str, span: Span, *, at_once: bool = False, apart_from: str = ""
) -> Appointment:
    """Move it, by id or ref; Conflict, NotFound. ``apart_from``: the connection that it was moved in."""
    repo = AppointmentRepo(scope)
    await repo.alone()
    old = await repo.find(id, lock=True)
    if old is None or old.status != "booked":
        raise NotFound("no such appointment")
    place = {"starts_at": span.start, "ends_at": span.end, "staff": span.staff}
    return await _set(scope, given, by, old, place, at_once=at_once, apart_from=apart_from)


async def cancel(scope: TenantScope, given: Services, by: By, id: str, *, apart_from: str = "") -> Appointment:
    """Cancel it, by id or ref; harmless when it is cancelled already; NotFound."""
    old = await locked(scope, id)
    if old.status == "cancelled":
        return old
    new = await AppointmentRepo(scope).change(old.id, given.clock(), {"status": "cancelled"})
    await _changed(scope, given, by, "cancelled", old, new, apart_from=apart_from)
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
    span = _moved(given, tenant, old, changes, given.clock())
    if span is None:
        return await _set(scope, given, by, old, fields) if fields else old
    return await _set(scope, given, by, old, {**fields, "starts_at": span.start, "ends_at": span.end, "staff": span.staff})


async def _set(
    scope: TenantScope,
    given: Services,
    by: By,
    old: Appointment,
    fields: dict[str, Any],
    *,
    at_once: bool = False,
    apart_from: str = "",
) -> Appointment:
    fields = {name: value for name, value in fields.items() if value != getattr(old, name) or name in _PLACE}
    if all(value == getattr(old, name) for name, value in fields.items()):
        return old
    moved = any(fields.get(name, getattr(old, name)) != getattr(old, name) for name in _PLACE)
    if moved and not apart_from:  # whoever moved it in another calendar has seen what stands there
        await free(scope, Span(fields["starts_at"], fields["ends_at"], fields["staff"]))
    new = await AppointmentRepo(scope).change(old.id, given.clock(), fields)
    await _changed(scope, given, by, "moved" if moved else "changed", old, new, at_once=at_once, apart_from=apart_from)
    return new


async def _changed(
    scope: TenantScope,
    given: Services,
    by: By,
    kind: Literal["created", "moved", "changed", "cancelled"],
    old: Appointment | None,
    new: Appointment,
    *,
    at_once: bool = False,
    apart_from: str = "",
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
    await visits.queue(scope, given, new, at_once=at_once, apart_from=apart_from)
    told = new.model_dump(mode="json", include={"call_id", "contact_id", "ref", *place, "revision"})
    data = {"appointment_id": new.id, **told, "by": by.kind} | ({"before": before} if old else {})
    # All events of one appointment have one subject, so that they come in order whoever changes it.
    await hooks.publish(scope, given, TYPES[kind], data, subject=new.call_id or new.id)


async def locked(scope: TenantScope, id: str) -> Appointment:
    """An appointment that nobody else changes until the transaction ends; NotFound."""
    repo = AppointmentRepo(scope)
    await repo.alone()
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
