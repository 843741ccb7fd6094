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


class Evidence(Contract):
    """Where a value comes from: the turn that says it, in whose words. Without a turn it was known before the call, or keyed in."""

    by: Literal["script", "rules", "model"]
    """The script asked for it and confirmed it; rules read it in what was said; a language model did, and the words are there."""
    turn: int | None = None
    speaker: Literal["caller", "agent"] = "caller"
    """An agent's words count where the caller let them stand."""
    at_ms: int | None = None
    quote: str = ""


class CallResult(Contract):
    """The result of one call, written once. What has no evidence is not there: nothing is guessed."""

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
    """The script's other slots, and the fields that the agent's configuration defines (``extract``)."""
    sentiment: Literal["positive", "neutral", "negative"] | None = None
    evidence: dict[str, Evidence] = {}
    """By the place of the value in this document: ``contact.name``, ``facts.boiler_make``, ``preferred_times.0``."""
    by: Literal["rules", "model"] = "rules"
    """Who read what the script had not asked for."""
    model: str = ""
    """The language model that did."""
    fallback: str = ""
    """Why the rules read it although there is a model."""
