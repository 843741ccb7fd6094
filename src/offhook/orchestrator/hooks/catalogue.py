"""The types of events that tenants can have sent: what each says and what its ``data`` holds.

``data`` may gain fields at any time; those named here stay. Times are ISO 8601 in UTC, numbers of phones E.164, ids those of the API.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

EventType = Literal[
    "call.started",
    "call.ended",
    "call.transferred",
    "call.transcribed",
    "call.analyzed",
    "lead.created",
    "appointment.created",
    "appointment.changed",
    "appointment.cancelled",
    "appointment.clash",
    "crm.sync.failed",
    "usage.threshold",
    "connection.expired",
    "outgoing.suspended",
    "webhook.disabled",
    "test",
]


class Data(BaseModel):
    """Base of what an event holds."""

    model_config = ConfigDict(extra="allow")


class CallData(Data):
    """A call."""

    call_id: str
    agent_id: str | None = None
    agent_version: int | None = None
    caller: str | None = None
    did: str | None = None
    transport: str | None = None
    started_at: datetime | None = None


class EndedData(CallData):
    """A call that has ended."""

    ended_at: datetime | None = None
    seconds: float | None = None
    reason: str | None = None
    outcome: str | None = None


class TransferredData(CallData):
    """A caller who was to be put through to a person."""

    target: str | None = None
    """The agent's name for whom."""
    outcome: Literal["taken", "failed", "cancelled", "hangup"] | None = None
    """``cancelled``: the caller took it back; ``hangup``: they hung up meanwhile."""
    to: str | None = None
    """Who took the call, by name."""
    reason: str | None = None
    seconds: float | None = None
    """From the beginning of the attempt."""


class TranscribedData(CallData):
    """What was said, turn by turn."""

    turns: list[dict[str, Any]] | None = None


class AnalyzedData(CallData):
    """What came of a call."""

    result: dict[str, Any] | None = None


class LeadData(Data):
    """Somebody who wants something."""

    lead_id: str
    call_id: str | None = None
    contact_id: str | None = None
    status: str | None = None
    created_at: datetime | None = None


class AppointmentData(Data):
    """A visit."""

    appointment_id: str
    call_id: str | None = None
    contact_id: str | None = None
    ref: str | None = None
    staff: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: str | None = None
    revision: int | None = None
    by: str | None = None
    """Who did it: the agent in a call, a person, an API key."""
    changed: list[str] | None = None
    """Other fields that have changed, by name only."""
    before: dict[str, Any] | None = None
    """Of a change, what it was before."""


class ClashData(AppointmentData):
    """A visit, and what stands against it in another calendar."""

    connection_id: str | None = None
    problem: str | None = None
    """In a sentence."""


class SyncFailedData(Data):
    """A record that a business system did not take."""

    connection_id: str | None = None
    adapter: str | None = None
    """Which system, as ``crm/servicem8``."""
    call_id: str | None = None
    step: str | None = None
    """What was to be written: customer, lead, job, appointment, note."""
    error: str | None = None
    """Why not, in words."""


class ThresholdData(Data):
    """A limit on usage that is near or reached."""

    kind: str
    used: float
    limit: float


class ConnectionData(Data):
    """A link to a business system whose authorisation has ended."""

    connection_id: str
    provider: str | None = None


class SuspendedData(Data):
    """Calls out that are no longer placed."""

    reason: str
    """In a sentence."""
    at: datetime


class DisabledData(Data):
    """An endpoint that gets no events any more."""

    webhook_id: str
    url: str
    reason: Literal["failing", "gone"]
    failing_since: datetime | None = None
    waiting: int


class TestData(Data):
    """Nothing but a greeting."""

    message: str
    webhook_id: str


@dataclass(frozen=True, slots=True)
class Described:
    """A type of event."""

    description: str
    data: type[Data]
    example: dict[str, Any]


EXAMPLE_AT: Final = datetime(2026, 11, 23, 7, 2, 5, tzinfo=UTC)
_CALL: Final = {
    "call_id": "call_01KAQ8T5Z0M1R2C3D4E5F6G7H8",
    "agent_id": "agt_01KAQ8T5Z0M1R2C3D4E5F6G7H8",
    "caller": "+447700900123",
    "did": "+442079460000",
    "started_at": "2026-11-23T07:00:00Z",
}
_APPOINTMENT: Final = {
    "appointment_id": "apt_01KAQ8T5Z0M1R2C3D4E5F6G7H8",
    "call_id": _CALL["call_id"],
    "starts_at": "2026-11-24T09:00:00Z",
    "ends_at": "2026-11-24T10:00:00Z",
}

TYPES: Final[dict[EventType, Described]] = {
    "call.started": Described("A call was answered.", CallData, _CALL),
    "call.ended": Described(
        "A call is over.",
        EndedData,
        _CALL | {"ended_at": "2026-11-23T07:02:05Z", "seconds": 125.0, "reason": "caller_hung_up", "outcome": "booked"},
    ),
    "call.transferred": Described(
        "A caller was put through to a person, or was not after all.",
        TransferredData,
        _CALL | {"target": "office", "outcome": "taken", "to": "Sam", "reason": "", "seconds": 14.2},
    ),
    "call.transcribed": Described(
        "What was said in a call is whole.", TranscribedData, _CALL | {"turns": [{"who": "caller", "text": "My boiler leaks."}]}
    ),
    "call.analyzed": Described("What came of a call has been worked out.", AnalyzedData, _CALL | {"result": {"outcome": "booked"}}),
    "lead.created": Described(
        "Somebody wants something and has left their details.",
        LeadData,
        {"lead_id": "lead_01KAQ8T5Z0M1R2C3D4E5F6G7H8", "call_id": _CALL["call_id"]},
    ),
    "appointment.created": Described("A visit was booked.", AppointmentData, _APPOINTMENT | {"status": "booked"}),
    "appointment.changed": Described("A visit was moved or changed.", AppointmentData, _APPOINTMENT | {"status": "booked"}),
    "appointment.cancelled": Described("A visit was cancelled.", AppointmentData, _APPOINTMENT | {"status": "cancelled"}),
    "appointment.clash": Described(
        "A visit clashes with something in another calendar, and somebody has to decide.",
        ClashData,
        _APPOINTMENT
        | {
            "status": "booked",
            "connection_id": "con_01KAQ8T5Z0M1R2C3D4E5F6G7H8",
            "problem": "the calendar has another entry at that time",
        },
    ),
    "crm.sync.failed": Described(
        "A record could not be written to a business system, and is not tried again.",
        SyncFailedData,
        {
            "connection_id": "con_01KAQ8T5Z0M1R2C3D4E5F6G7H8",
            "adapter": "crm/servicem8",
            "call_id": _CALL["call_id"],
            "step": "job",
            "error": "the system refused what it was sent (400)",
        },
    ),
    "usage.threshold": Described(
        "Usage comes near a limit or has reached it.", ThresholdData, {"kind": "minutes", "used": 800.0, "limit": 1000.0}
    ),
    "connection.expired": Described(
        "A link to a business system must be authorised again.",
        ConnectionData,
        {"connection_id": "con_01KAQ8T5Z0M1R2C3D4E5F6G7H8", "provider": "xero"},
    ),
    "outgoing.suspended": Described(
        "No more calls are placed and nobody is put through until somebody resumes it.",
        SuspendedData,
        {"reason": "far more calls than usual to numbers that begin with +442079: 12 in an hour", "at": "2026-11-23T07:00:00Z"},
    ),
    "webhook.disabled": Described(
        "An endpoint was disabled: nothing but failures for days, or it answered 410. Its events wait.",
        DisabledData,
        {
            "webhook_id": "whk_01KAQ8T5Z0M1R2C3D4E5F6G7H8",
            "url": "https://example.com/hook",
            "reason": "failing",
            "failing_since": "2026-11-18T07:00:00Z",
            "waiting": 12,
        },
    ),
    "test": Described(
        "A test that somebody asked for.", TestData, {"message": "It works.", "webhook_id": "whk_01KAQ8T5Z0M1R2C3D4E5F6G7H8"}
    ),
}


def envelope(id: str, type: str, at: datetime, tenant: str, data: dict[str, Any]) -> dict[str, Any]:
    """What is sent of an event."""
    return {"id": id, "type": type, "timestamp": at.isoformat().replace("+00:00", "Z"), "tenant": tenant, "data": data}


def written(id: str, type: str, at: datetime, tenant: str, data: dict[str, Any]) -> bytes:
    """The same as the bytes that are signed and sent."""
    return json.dumps(envelope(id, type, at, tenant, data), ensure_ascii=False, separators=(",", ":")).encode()
