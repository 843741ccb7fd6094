"""A contact with all that hangs on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.calls.schemas import Call
from offhook.orchestrator.crm.schemas import Contact, Lead, Message


class ContactDetail(BaseModel):
    """A contact with all its numbers, and the newest calls, visits, leads and messages, the latest first; messages in order."""

    model_config = ConfigDict(frozen=True)

    contact: Contact
    phones: list[str]
    calls: list[Call]
    appointments: list[Appointment]
    leads: list[Lead]
    messages: list[Message]
