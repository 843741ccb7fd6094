"""Values of the orchestrator's interface. Made by ``scripts/client.py``; do not edit."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from offhook.client.base import Model


class Appointment(Model):
    """A visit."""

    address: str
    call_id: str
    customer_id: str
    ends_at: dt.datetime
    extras: dict[str, Any]
    id: str
    name: str
    problem: str
    ref: str
    staff: str
    starts_at: dt.datetime
    status: str


class Call(Model):
    """A call's record."""

    agent_id: str
    caller: str
    carrier_call: str
    did: str
    ended_at: dt.datetime | None
    id: str
    outcome: str | None
    planned_at: dt.datetime
    reason: str | None
    seconds: float | None
    started_at: dt.datetime | None
    state: str
    transport: str


class CallDetail(Model):
    """A call with all that came of it. ``events`` are whole and in order; ``missing`` counts those that never came."""

    appointments: list[Appointment]
    call: Call
    ended: dict[str, Any] | None
    lead: Lead | None
    messages: list[Message]
    missing: int
    recording: dict[str, Any] | None
    result: CallResult | None
    tools: list[dict[str, Any]]
    turns: list[dict[str, Any]]
    usage: dict[str, Any] | None


class CallResult(Model):
    """The result of one call, written once."""

    appointment: dt.datetime | None = None
    contact: Contact | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    intent: str
    job_type: str | None = None
    outcome: str
    preferred_times: list[str] = Field(default_factory=list)
    problem: str | None = None
    success: Literal["good", "neutral", "bad"]
    summary: str
    urgency: str | None = None


class Contact(Model):
    """Who called and how to reach them."""

    address: str | None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None


class Lead(Model):
    """A job that may come, or came, of a call."""

    call_id: str
    customer_id: str
    extras: dict[str, Any]
    id: str
    problem: str
    status: str


class Message(Model):
    """For the team."""

    call_id: str
    customer_id: str
    due: dt.datetime | None
    id: str
    kind: str
    note: str
