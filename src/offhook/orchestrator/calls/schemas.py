"""Calls as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from offhook.contracts.analysis import CallResult
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.crm.schemas import Lead, Message


class Call(BaseModel):
    """A call's record."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    agent_id: str
    transport: str
    carrier_call: str
    did: str
    caller: str
    state: str
    planned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    outcome: str | None
    seconds: float | None
    test: bool
    agent_version: int | None
    summary: str
    recorded: bool
    at: datetime


class CallDetail(BaseModel):
    """A call with all that came of it. ``events`` are whole and in order; ``missing`` counts those that never came."""

    model_config = ConfigDict(frozen=True)

    call: Call
    turns: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    recording: dict[str, Any] | None
    usage: dict[str, Any] | None
    ended: dict[str, Any] | None
    result: CallResult | None
    missing: int
    appointments: list[Appointment]
    lead: Lead | None
    messages: list[Message]


class Accepted(BaseModel):
    """An event was taken; ``duplicate`` when it had been before."""

    duplicate: bool = False
