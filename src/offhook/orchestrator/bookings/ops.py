"""The built-in calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from offhook.errors import Invalid, NotFound
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import slots
from offhook.orchestrator.bookings.repo import AppointmentRepo
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.bookings.slots import Part, Span
from offhook.orchestrator.scope import TenantScope


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


def open_slot(secret: str, agent: Agent, id: str, now: datetime) -> Span:
    """The visit that a slot id of ours names; Invalid for any other, or one that has passed or whose staff have left."""
    span = slots.read_slot(secret, agent.tenant.id, id)
    if span is None or span.start <= now or span.staff not in agent.tenant.diary.staff:
        raise Invalid("this is not a slot that can be booked")
    return span


async def book(
    scope: TenantScope, span: Span, *, customer: str, call: str, name: str, address: str, problem: str, extras: dict[str, Any]
) -> Appointment:
    """Book it, or Conflict."""
    return await AppointmentRepo(scope).add(
        span, customer_id=customer, call_id=call, name=name, address=address, problem=problem, extras=extras
    )


async def move(scope: TenantScope, id: str, span: Span) -> Appointment:
    """Move it; Conflict, NotFound."""
    return _there(await AppointmentRepo(scope).move(id, span))


async def cancel(scope: TenantScope, id: str) -> Appointment:
    """Cancel it; NotFound."""
    return _there(await AppointmentRepo(scope).cancel(id))


async def next_of(scope: TenantScope, customer: str, now: datetime) -> Appointment | None:
    """A customer's next visit."""
    return await AppointmentRepo(scope).next_of(customer, now)


async def made_in(scope: TenantScope, call: str) -> list[Appointment]:
    """What a call booked."""
    return await AppointmentRepo(scope).latest(call)


async def latest(scope: TenantScope, limit: int) -> list[Appointment]:
    """The diary, latest first."""
    return await AppointmentRepo(scope).latest(limit=limit)


async def forget_call(scope: TenantScope, call: str) -> None:
    """A call is being deleted: what it booked stays, without saying by which call."""
    await AppointmentRepo(scope).forget_call(call)


def _there(found: Appointment | None) -> Appointment:
    if found is None:
        raise NotFound("no such appointment")
    return found
