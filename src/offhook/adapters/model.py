"""What calls and business systems tell each other, in one form for all systems.

Ids are the system's own. Times are aware, in UTC. Phone numbers are E.164 where they could be read, else as the system has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

Extras: TypeAlias = Mapping[str, Any]
RecordKind: TypeAlias = Literal["customer", "lead", "job", "appointment", "note"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A record of the system: what a write made or found. ``url`` opens it in the system's own pages, where it has such."""

    kind: RecordKind
    id: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody the business knows. ``id`` is empty for one who is to be made."""

    id: str = ""
    name: str = ""
    phones: tuple[str, ...] = ()
    email: str = ""
    address: str = ""
    company: str = ""
    url: str = ""
    updated_at: datetime | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lead:
    """A job that may come. ``fields``: of the system's own, by name, as the tenant mapped them."""

    customer: str
    title: str
    description: str = ""
    address: str = ""
    urgency: str = ""
    source: str = "phone"
    person: Customer | None = None
    """Who asks, for systems whose leads hold it themselves."""
    fields: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Work for a customer. ``id`` is empty for one that is to be made."""

    customer: str
    title: str
    description: str = ""
    address: str = ""
    id: str = ""
    status: str = ""
    open: bool = True
    url: str = ""
    person: Customer | None = None
    updated_at: datetime | None = None
    fields: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Busy:
    """Time in which a calendar or member of staff of the system is not free. ``id``: the entry's, so that our own is known."""

    resource: str
    start: datetime
    end: datetime
    id: str = ""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A visit. ``resource`` is the calendar or member of staff in the system; ``id`` is empty for one that is to be made."""

    resource: str
    start: datetime
    end: datetime
    title: str = ""
    description: str = ""
    address: str = ""
    customer: str = ""
    job: str = ""
    id: str = ""
    url: str = ""
    cancelled: bool = False
    person: Customer | None = None
    updated_at: datetime | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept with a customer, lead or job: the call's summary, with a link to its record."""

    about: Ref
    text: str
    link: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's own unit, and the ISO 4217 code."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a system knows of one customer that helps in a call."""

    customer: Customer
    jobs: tuple[Job, ...] = ()
    """Open ones, the newest first."""
    next_appointment: Appointment | None = None
    balance: Money | None = None
    """What they owe; None where the system does not say or the connection may not read it."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One record as it is now; ``gone`` where it was deleted or archived, and then only the id is sure."""

    kind: Literal["customer", "job", "appointment"]
    id: str
    record: Customer | Job | Appointment | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of changes. ``cursor`` goes into the next call, which is due at once where there is ``more``.

    ``whole`` says that the system could only give everything anew (a cursor that it forgot): what is not in these pages is gone.
    """

    items: tuple[Change, ...]
    cursor: str
    more: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of what a connection lets choose from: a member of staff, a calendar, a pipeline."""

    id: str
    label: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose system it is, by its own word: shown after the test of a connection."""

    id: str
    name: str
    timezone: str = ""
    """IANA name, where the system says it."""
