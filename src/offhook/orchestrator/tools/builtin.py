"""The built-in tools: what each does within the transaction of its request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from offhook.errors import NotFound
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import Span, label, slot_id
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By, Contact
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tools import values


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

    @property
    def region(self) -> str:
        """Where numbers without a country code belong."""
        return self.agent.tenant.region

    def phone(self) -> str | None:
        """The number given, else that of the line."""
        return values.phone(self.args, self.region) or (
            values.phone({"phone": self.caller}, self.region) if self.caller.startswith("+") else None
        )


Tool: TypeAlias = Callable[[Work], Awaitable[dict[str, Any]]]


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
    found = await bookings.free_slots(work.scope, work.agent, work.now, wish.day, wish.part, near, soon=soon)
    return {"slots": [_offer(work, span) for span in found]}


def _offer(work: Work, span: Span) -> dict[str, str]:
    zone = work.agent.zone
    return {
        "id": slot_id(work.secret, work.agent.tenant.id, span),
        "label": label(span.start, zone, work.now),
        "start": span.start.astimezone(zone).isoformat(),
    }


async def book(work: Work) -> dict[str, Any]:
    """``slot``, ``name``, ``phone``, ``address``, ``problem`` -> ``ref``. Saves the contact and the lead with it."""
    args = work.args
    span = bookings.open_slot(work.secret, work.agent, values.slot(args), work.now)
    name, address, problem = values.person(args), values.address(args), values.text(args, "problem")
    extras = values.rest(args, "slot", "name", "phone", "address", "problem", "email")
    contact = await _contact(work, name=name, address=address, email=values.text(args, "email", limit=254))
    made = await bookings.book(
        work.scope, work.given, work.by, span, contact=contact.id, name=name, address=address, problem=problem, extras=extras
    )
    await crm.save_lead(work.scope, work.given, work.by, contact.id, status="booked", problem=problem, extras=extras)
    return {"ref": made.ref, "id": made.id, "when": span.start.astimezone(work.agent.zone).isoformat()}


async def move_booking(work: Work) -> dict[str, Any]:
    """``id``, ``slot`` -> ``ref``."""
    span = bookings.open_slot(work.secret, work.agent, values.slot(work.args), work.now)
    moved = await bookings.move(work.scope, work.given, work.by, values.text(work.args, "id", limit=64), span)
    return {"ref": moved.ref}


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
    await crm.add_message(work.scope, work.now, contact.id, work.by.id, kind="stop")
    return {}


TOOLS: Final[dict[str, tuple[Literal["read", "write"], Tool]]] = {
    "free_slots": ("read", free_slots),
    "find_booking": ("read", find_booking),
    "book": ("write", book),
    "move_booking": ("write", move_booking),
    "cancel_booking": ("write", cancel_booking),
    "save_lead": ("write", save_lead),
    "save_message": ("write", save_message),
    "save_callback": ("write", save_callback),
    "stop_calls": ("write", stop_calls),
}
