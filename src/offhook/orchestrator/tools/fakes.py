"""What the built-in tools answer in a test: as they would, but nothing is looked up and nothing is done.

Free slots come from the agent's hours and diary as if nobody had booked; bookings succeed; look-ups find nothing. Arguments are read as
the tools read them, so that a script which sends the wrong ones sees ``rejected``. A test may give answers of its own, by the script's
name of the tool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from offhook.contracts.events import ToolAnswer
from offhook.errors import Invalid
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import slots
from offhook.orchestrator.tools import values

_LETTERS: Final = "HJKLMRWXY"
_ANY: Final = "a test needs no secret: nothing can be booked with its slots"


@dataclass(frozen=True, slots=True)
class Fake:
    """One request of a tool in a test."""

    agent: Agent
    caller: str
    args: Mapping[str, Any]
    key: str
    now: datetime

    def phone(self) -> str | None:
        """The number given, else that of the line."""
        return values.phone(self.args, self.agent.tenant.region) or self.caller or None


def _free_slots(work: Fake) -> dict[str, Any]:
    agent, zone = work.agent, work.agent.zone
    wish = values.when(work.args)
    near = datetime.combine(wish.day, wish.near).replace(tzinfo=zone) if wish.day and wish.near else None
    soon = values.text(work.args, "urgency", limit=64) in {"today", "now", "emergency", "urgent"}
    found = list(slots.possible(agent.tenant.diary, agent.calendar, zone, work.now, (), wish.day))
    if wish.part is not None:
        found = slots.in_part(found, zone, wish.part)
    return {"slots": [_offer(work, span) for span in slots.spread(found, zone, soon=soon, near=near)]}


def _offer(work: Fake, span: slots.Span) -> dict[str, str]:
    zone = work.agent.zone
    return {
        "id": slots.slot_id(_ANY, work.agent.tenant.id, span),
        "label": slots.label(span.start, zone, work.now),
        "start": span.start.astimezone(zone).isoformat(),
    }


def _hold(work: Fake) -> dict[str, Any]:
    values.slot(work.args)
    return {"until": (work.now + timedelta(minutes=5)).astimezone(work.agent.zone).isoformat()}


def _book(work: Fake) -> dict[str, Any]:
    slot = values.slot(work.args)
    _contact(work)
    values.text(work.args, "problem")
    span = slots.read_slot(_ANY, work.agent.tenant.id, slot)
    when = {"when": span.start.astimezone(work.agent.zone).isoformat()} if span else {}
    return {"ref": _ref(work.key), "id": f"test-{_digest(work.key)[:16]}", **when}


def _move_booking(work: Fake) -> dict[str, Any]:
    values.slot(work.args)
    return {"ref": _ref(values.text(work.args, "id", limit=64))}


def _cancel_booking(work: Fake) -> dict[str, Any]:
    return {"ref": _ref(values.text(work.args, "id", limit=64))}


def _find_booking(work: Fake) -> dict[str, Any]:
    work.phone()
    return {"found": False}


def _contact(work: Fake) -> dict[str, Any]:
    work.phone()
    values.person(work.args)
    values.address(work.args)
    values.text(work.args, "email", limit=254)
    return {}


def _save_lead(work: Fake) -> dict[str, Any]:
    values.text(work.args, "problem")
    return _contact(work)


def _save_message(work: Fake) -> dict[str, Any]:
    values.text(work.args, "note")
    return _contact(work)


def _save_callback(work: Fake) -> dict[str, Any]:
    values.moment(work.args, work.agent.zone)
    return _save_message(work)


def _stop_calls(work: Fake) -> dict[str, Any]:
    if work.phone() is None:
        raise Invalid("no number to stop calling")
    return {}


Faked: TypeAlias = Callable[[Fake], dict[str, Any]]
FAKES: Final[dict[str, Faked]] = {
    "free_slots": _free_slots,
    "find_booking": _find_booking,
    "hold": _hold,
    "book": _book,
    "move_booking": _move_booking,
    "cancel_booking": _cancel_booking,
    "save_lead": _save_lead,
    "save_message": _save_message,
    "save_callback": _save_callback,
    "stop_calls": _stop_calls,
}
"""By the built-in name; every built-in tool has one."""


@dataclass(slots=True)
class Faking:
    """The tools of one test. ``answers`` are the test's own, by the script's names, one a run, the last again and again.

    ``used`` counts the runs of those, and is all that a test needs to remember between two requests.
    """

    agent: Agent
    caller: str
    now: datetime
    answers: Mapping[str, Sequence[ToolAnswer]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def __call__(self, tool: str, args: Mapping[str, Any], key: str) -> ToolAnswer:
        """What the tool (the script's name for it) answers."""
        if own := self.answers.get(tool):
            run = self.used.get(tool, 0)
            self.used[tool] = run + 1
            return own[min(run, len(own) - 1)]
        fake = FAKES.get(self.agent.tools.get(tool, tool))
        if fake is None:
            return ToolAnswer(error="rejected")
        try:
            return ToolAnswer(values=fake(Fake(self.agent, self.caller, args, key, self.now)))
        except Invalid:
            return ToolAnswer(error="rejected")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _ref(text: str) -> str:
    """A reference as a booking has one: the same for the same work."""
    number = int(_digest(text)[:12], 16)
    return f"{_LETTERS[number % len(_LETTERS)]}{number // len(_LETTERS) % 9 + 1}{number // (9 * len(_LETTERS)) % 9 + 1}"
