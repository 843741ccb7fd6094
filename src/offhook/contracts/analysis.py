"""What the pass after the call extracts: the structured result that a business reads first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from offhook.contracts.plan import Contract


class Contact(Contract):
    """Who called and how to reach them."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


class CallResult(Contract):
    """The result of one call, written once."""

    intent: str
    """What the caller wanted: a script's first choice, or ``enquiry`` when it never got so far."""
    job_type: str | None = None
    problem: str | None = None
    urgency: str | None = None
    contact: Contact = Contact()
    preferred_times: tuple[str, ...] = ()
    appointment: datetime | None = None
    outcome: str
    success: Literal["good", "neutral", "bad"]
    summary: str
    facts: dict[str, Any] = {}
