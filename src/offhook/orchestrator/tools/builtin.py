"""The built-in tools: what each does within the transactions of its request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from offhook.contracts.events import ToolAnswer
from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import live
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.bookings.slots import Span, label, slot_id
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By, Contact
from offhook.orchestrator.outgoing import lists
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tools import values

HOLD_S: Final = 300.0
"""Seconds that a caller may think about a time that is held for them."""
BOOKING_S: Final = 30.0
"""Seconds that a time is held while its booking is under way."""


@dataclass(frozen=True, slots=True)
class Work:
    """One request of a tool. ``caller`` is the line's number, if known."""

    scope: TenantScope
    given: Services
    agent: Agent
    by: By
    """The call."""
    caller: str
    args: dict[str, Any]
    now: datetime
    secret: str
    key: str = ""
    """The request's: the same when it is repeated."""

    @property
    def region(self) -> str:
        """Where numbers without a country code belong."""
        return self.agent.tenant.region

    def phone(self) -> str | None:
        """The number given, else that of the line."""
        return values.phone(self.args, self.region) or (
            values.phone({"phone": self.caller}, self.region) if self.caller.startswith("+") else None
        )


@dataclass(frozen=True, slots=True)
class Later:
    """A tool is not done yet: ``between`` is done within no transaction, and what it gives goes to ``then``, in the next one.

    ``answer`` is kept already, so that it is the request's answer if nothing comes of the rest.
    """

    between: Callable[[], Awaitable[Any]]
    then: Callable[[Work, Any], Awaitable[Made]]
    answer: ToolAnswer | None = None


Made: TypeAlias = "dict[str, Any] | ToolAnswer | Later"
"""Values, a failure that leaves something behind, or more to come."""
Tool: TypeAlias = Callable[[Work], Awaitable[Made]]


async def _contact(work: Work, name: str = "", address: str = "", email: str = "") -> Contact:
    """Whoever is on the line, completed by what was said."""
    name = name or values.person(work.args)
    return await crm.save_contact(work.scope, work.now, work.phone(), name=name, address=address, email=email)


async def free_slots(work: Work) -> dict[str, Any]:
    """``day``, ``urgency`` -> up to three ``slots``."""
    wish = values.when(work.args)
    zone = work.agent.zone
    near = datetime.combine(wish.day, wish.near).replace(tzinfo=zone) if wish.day and wish.near else None
    soon = values.text(work.args, "urgency", limit=64) in {"today", "now", "emergency", "urgent"}
    found = await bookings.free_slots(work.scope, work.agent, work.now, wish.day, wish.part, near, soon=soon, call=work.by.id)
    return {"slots": [_offer(work, span) for span in found]}


def _offer(work: Work, span: Span) -> dict[str, str]:
    zone = work.agent.zone
    return {
        "id": slot_id(work.secret, work.agent.tenant.id, span),
        "label": label(span.start, zone, work.now),
        "start": span.start.astimezone(zone).isoformat(),
    }


async def hold(work: Work) -> Made:
    """``slot`` -> ``until``: nobody else is given it for some minutes, or until the call books or holds another."""
    span = bookings.open_slot(work.secret, work.agent, values.slot(work.args), work.now)
    await bookings.hold(work.scope, work.given, span, work.by.id, seconds=HOLD_S)
    until = work.now + timedelta(seconds=HOLD_S)
    return {"until": until.astimezone(work.agent.zone).isoformat()}


async def book(work: Work) -> Made:
    """``slot``, ``name``, ``phone``, ``address``, ``problem`` -> ``ref``. Saves the contact and the lead with it.

    The time is held; the calendars that it concerns are asked once more; it is booked; it is written there. Whatever of it fails, the
    caller hears that the time is taken while they are on the line.
    """
    args = work.args
    span = bookings.open_slot(work.secret, work.agent, values.slot(args), work.now)
    wanted = Wanted(span, values.person(args), values.address(args), values.text(args, "problem"), values.text(args, "email", limit=254))
    work.phone()
    calendars = await live.concerned(work.scope, [span])
    if not calendars:
        return await _booked(work, wanted, "")
    held = await bookings.hold(work.scope, work.given, span, work.by.id, seconds=BOOKING_S, key=work.key)

    async def then(work: Work, seen: list[live.Seen]) -> Made:
        await live.keep(work.scope, seen)
        try:
            async with work.scope.session.begin_nested():
                return await _booked(work, wanted, held)
        except Conflict:
            await bookings.let_go(work.scope, held)
            return ToolAnswer(error="conflict")

    return Later(partial(live.ask, work.given, work.scope.tenant, calendars, call=work.by.id), then)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit that a caller wants."""

    span: Span
    name: str
    address: str
    problem: str
    email: str


async def _booked(work: Work, wanted: Wanted, held: str) -> Made:
    extras = values.rest(work.args, "slot", "name", "phone", "address", "problem", "email")
    contact = await _contact(work, name=wanted.name, address=wanted.address, email=wanted.email)
    about: dict[str, Any] = {"name": wanted.name, "address": wanted.address, "problem": wanted.problem, "extras": extras}
    made = await bookings.book(work.scope, work.given, work.by, wanted.span, contact=contact.id, **about, held=held, at_once=True)
    await crm.save_lead(work.scope, work.given, work.by, contact.id, status="booked", problem=wanted.problem, extras=extras)
    answer = {"ref": made.ref, "id": made.id, "when": wanted.span.start.astimezone(work.agent.zone).isoformat()}

    async def undo(work: Work) -> None:
        await bookings.cancel(work.scope, work.given, work.by, made.id)
        await crm.unbooked(work.scope, work.now, work.by.id)

    return await _written(work, made.id, answer, undo)


async def _written(work: Work, id: str, answer: dict[str, Any], undo: Callable[[Work], Awaitable[None]]) -> Made:
    """Have it written to the other calendars while the caller waits a moment; one that refuses the time undoes it."""
    waiting = [one.connection_id for one in await outside.of(work.scope, id) if one.state == "waiting"]
    if not waiting:
        return answer

    async def then(work: Work, outcomes: list[str]) -> Made:
        if "conflict" not in outcomes:
            return answer
        await undo(work)
        return ToolAnswer(error="conflict")

    write = partial(live.write, work.given, work.scope.tenant, id, waiting, call=work.by.id)
    return Later(write, then, ToolAnswer(values=answer))


async def move_booking(work: Work) -> Made:
    """``id``, ``slot`` -> ``ref``. Another calendar that has something then, or refuses it, leaves it where it was."""
    span = bookings.open_slot(work.secret, work.agent, values.slot(work.args), work.now)
    which = values.text(work.args, "id", limit=64)
    calendars = await live.concerned(work.scope, [span])
    if not calendars:
        return await _moved(work, which, span)

    async def then(work: Work, seen: list[live.Seen]) -> Made:
        await live.keep(work.scope, seen)
        try:
            async with work.scope.session.begin_nested():
                return await _moved(work, which, span)
        except Conflict:
            return ToolAnswer(error="conflict")

    return Later(partial(live.ask, work.given, work.scope.tenant, calendars, call=work.by.id), then)


async def _moved(work: Work, id: str, span: Span) -> Made:
    old = await bookings.locked(work.scope, id)
    moved = await bookings.move(work.scope, work.given, work.by, old.id, span, at_once=True)
    before = Span(old.starts_at, old.ends_at, old.staff)

    async def undo(work: Work) -> None:
        await bookings.move(work.scope, work.given, work.by, old.id, before)

    return await _written(work, moved.id, {"ref": moved.ref}, undo)


async def cancel_booking(work: Work) -> dict[str, Any]:
    """``id`` -> ``ref``."""
    cancelled = await bookings.cancel(work.scope, work.given, work.by, values.text(work.args, "id", limit=64))
    return {"ref": cancelled.ref}


async def find_booking(work: Work) -> dict[str, Any]:
    """``phone`` -> ``found``, and ``id`` and ``when`` of the next visit."""
    phone = work.phone()
    contact = await crm.find_contact(work.scope, phone) if phone else None
    found = await bookings.next_of(work.scope, contact.id, work.now) if contact else None
    if found is None:
        return {"found": False}
    return {"found": True, "id": found.id, "when": found.starts_at.astimezone(work.agent.zone).isoformat()}


async def save_lead(work: Work) -> dict[str, Any]:
    """Whatever is known of a job that was not booked."""
    args = work.args
    contact = await _contact(work, address=values.address(args), email=values.text(args, "email", limit=254))
    extras = values.rest(args, "name", "phone", "address", "problem", "email")
    await crm.save_lead(work.scope, work.given, work.by, contact.id, problem=values.text(args, "problem"), extras=extras)
    return {}


async def save_message(work: Work) -> dict[str, Any]:
    """``name``, ``phone``, ``note``."""
    contact = await _contact(work)
    await crm.add_message(work.scope, work.now, contact.id, work.by.id, kind="message", note=values.text(work.args, "note"))
    return {}


async def save_callback(work: Work) -> dict[str, Any]:
    """``at``, ``phone``: ring again then."""
    contact = await _contact(work)
    due = values.moment(work.args, work.agent.zone)
    await crm.add_message(work.scope, work.now, contact.id, work.by.id, kind="callback", note=values.text(work.args, "note"), due=due)
    await crm.save_lead(work.scope, work.given, work.by, contact.id, status="callback")
    return {}


async def stop_calls(work: Work) -> dict[str, Any]:
    """``phone``: never ring again."""
    if work.phone() is None:
        raise NotFound("no number to stop calling")
    contact = await crm.save_contact(work.scope, work.now, work.phone())
    await crm.stop_calls(work.scope, work.now, contact.id)
    if contact.phone is not None and not work.by.test:
        await lists.bar(work.scope, contact.phone, "asked for in a call", f"call/{work.by.id}", work.now)
    await crm.add_message(work.scope, work.now, contact.id, work.by.id, kind="stop")
    return {}


TOOLS: Final[dict[str, tuple[Literal["read", "write"], Tool]]] = {
    "free_slots": ("read", free_slots),
    "find_booking": ("read", find_booking),
    "hold": ("write", hold),
    "book": ("write", book),
    "move_booking": ("write", move_booking),
    "cancel_booking": ("write", cancel_booking),
    "save_lead": ("write", save_lead),
    "save_message": ("write", save_message),
    "save_callback": ("write", save_callback),
    "stop_calls": ("write", stop_calls),
}
