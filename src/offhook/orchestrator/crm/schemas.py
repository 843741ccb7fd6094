"""Contacts, leads and messages as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

LeadStatus: TypeAlias = Literal["new", "callback", "booked", "contacted", "won", "lost"]
"""``new``, ``callback`` (wants to be rung) and ``booked`` come from the call; the others from the team, and no call takes them back."""
BY_TEAM: frozenset[str] = frozenset({"contacted", "won", "lost"})
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Place = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
Note = Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[^\x00]*$")]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^$|^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")]
Phone = Annotated[str, StringConstraints(min_length=2, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
RecordId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class By(BaseModel):
    """Who does something: a call of this id, or whoever asked the API. Nobody outside hears of what a test call does."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["call", "person", "key", "operator"]
    id: str
    test: bool = False


class Record(BaseModel):
    """Base: frozen, read from a row."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Contact(Record):
    """Somebody known to the tenant, mostly by phone number."""

    id: str
    phone: str | None
    name: str
    address: str
    email: str
    no_calls: bool
    note: str
    revision: int
    created_at: datetime
    updated_at: datetime


class Lead(Record):
    """A job that may come, or came, of a call."""

    id: str
    contact_id: str
    call_id: str
    status: LeadStatus
    problem: str
    extras: dict[str, Any]
    note: str
    assigned: str
    revision: int
    created_at: datetime
    updated_at: datetime


class Message(Record):
    """For the team."""

    id: str
    contact_id: str
    call_id: str
    kind: str
    note: str
    due: datetime | None
    created_at: datetime


class Callback(Record):
    """Somebody who was told in a call that somebody rings them back. ``due`` is when, where that was said."""

    call_id: str
    contact_id: str
    at: datetime
    due: datetime | None
    about: str


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewContact(Body):
    """A contact to be made; a phone number without a country code belongs to the tenant's region."""

    phone: Phone | None = None
    name: Line = ""
    address: Place = ""
    email: Email = ""
    no_calls: bool = False
    """Never to be rung."""
    note: Note = ""


class ContactChange(Body):
    """What is left out stays as it is."""

    phone: Phone | None = None
    """Another main number. The one before stays this contact's, too."""
    name: Line | None = None
    address: Place | None = None
    email: Email | None = None
    no_calls: bool | None = None
    note: Note | None = None


class Merge(Body):
    """Which contact is the same person: everything of theirs comes here, and they are gone."""

    other: RecordId


class LeadChange(Body):
    """What is left out stays as it is."""

    status: Literal["new", "contacted", "won", "lost"] | None = None
    note: Note | None = None
    assigned: Line | None = None
    """Who of the team looks after it."""
