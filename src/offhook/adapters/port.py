"""What every adapter is: a manifest of data and a class. What a system cannot do is not in its capabilities, and is never asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from offhook.adapters.http import Http, Pace
from offhook.adapters.model import (
    Account,
    Appointment,
    Busy,
    Changes,
    Choice,
    Context,
    Customer,
    Job,
    Lead,
    Note,
    Ref,
)
from offhook.errors import AdapterRejected

Kind: TypeAlias = Literal["crm", "calendar"]
Capability: TypeAlias = Literal[
    "find_customer",
    "upsert_customer",
    "create_lead",
    "create_job",
    "find_availability",
    "create_appointment",
    "reschedule",
    "cancel",
    "add_note",
    "get_context",
    "changes_since",
    "hooks",
]
"""Methods of Adapter; ``hooks``: the system tells us of changes by webhook."""
Idempotency: TypeAlias = Literal["id", "header", "property", "search"]
"""How a write that is sent again makes nothing twice: we choose the record's id, a header names the request, a unique property of the
record is ours, or the record is looked for first (weakest: two at once could both find nothing, so writes of one key never run at once)."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the connect form. ``secret`` ones are sealed and never shown again."""

    name: str
    title: str
    help: str = ""
    pattern: str = ""
    secret: bool = False
    required: bool = True
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class KeyAuth:
    """A key that the owner pastes: the connection's field ``key``, sent as this header, after this word."""

    header: str = "Authorization"
    scheme: str = "Bearer"


@dataclass(frozen=True, slots=True)
class OAuth:
    """OAuth 2 (RFC 6749) with PKCE (RFC 7636). ``authorize``: further parameters of the first request."""

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    revoke_url: str = ""
    authorize: Mapping[str, str] = field(default_factory=dict)
    client_auth: Literal["post", "basic"] = "post"
    rotates: bool = False
    """Each refresh gives a new refresh token and ends the old one."""
    pkce: bool = True
    issuer: str = ""
    """What the system calls itself where it says so (RFC 9207); without it, whatever is of the origin of these addresses."""


@dataclass(frozen=True, slots=True)
class NoAuth:
    """The system asks for nothing, or the adapter signs for itself with a field of the connection."""


Auth: TypeAlias = KeyAuth | OAuth | NoAuth


@dataclass(frozen=True, slots=True)
class Chooser:
    """What the owner chooses from once connected; ``name`` is a key of the connection's ``chosen`` and of ``choices()``."""

    name: Literal["account", "staff", "calendar", "pipeline", "queue"]
    title: str
    help: str = ""
    many: bool = False
    required: bool = False
    per_staff: bool = False
    """Chosen once for each member of staff in the tenant's diary."""


@dataclass(frozen=True, slots=True)
class HookSpec:
    """How the system's webhooks are checked. ``secret``: the connection's field that holds the key."""

    secret: str
    subscribe: bool = False
    """``watch`` subscribes; else the owner sets the address in the system by hand."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An adapter as data."""

    kind: Kind
    name: str
    title: str
    base_url: str
    auth: tuple[Auth, ...]
    """Ways to connect, the best first."""
    capabilities: frozenset[Capability]
    paces: tuple[Pace, ...]
    """The system's limits on requests, per connection."""
    idempotency: Idempotency
    tier: Literal["bronze", "silver", "gold"] = "bronze"
    fields: tuple[Field, ...] = ()
    choosers: tuple[Chooser, ...] = ()
    mappable: Mapping[str, str] = field(default_factory=dict)
    """Fields of leads that a tenant may fill from the call, by the system's name, with a title."""
    hooks: HookSpec | None = None
    writes: tuple[Literal["lead", "job", "appointment", "note"], ...] = ()
    """What a call becomes here: a lead, or, where it booked, a job with an appointment."""
    about: str = ""
    """One sentence on what the connection does, for the page of systems; says what the system cannot do."""

    @property
    def id(self) -> str:
        """Such as ``crm/servicem8``."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Link:
    """A connection as its adapter sees it: what the owner chose and gave. Never a secret that ``http`` sends itself."""

    settings: Mapping[str, str]
    """The connection's fields; secret ones only where the adapter signs for itself."""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    timezone: str = "UTC"
    """The business's, for systems whose times are local."""
    region: str = "GB"
    """ISO 3166, for phone numbers without a country code."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A webhook that came in: method, headers in lower case, query, and the body as sent."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    url: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook says: whether records changed (``changes_since`` is asked which), and what is to be answered."""

    answer: bytes = b""
    content_type: str = "text/plain"
    status: int = 200
    changed: bool = True
    once: str = ""
    """The message's id, where it has one: the same one is taken once."""


class Adapter(Protocol):
    """One system. Built with an ``Http`` that knows the connection's authorisation, and a ``Link``: see ``MANIFEST`` in its module.

    All raise AdapterError. ``key`` names the write: the same key never makes a second record, also after a time-out whose write had
    happened. Keys are at most 100 characters of ``[A-Za-z0-9_/:-]``.
    """

    def __init__(self, http: Http, link: Link) -> None: ...

    async def verify(self) -> Account:
        """The connection's test: one cheap read."""
        ...

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """What there is to choose from, by chooser."""
        ...

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """By phone (E.164), else e-mail address, else the exact name; None if there is none or it is not clear who."""
        ...

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """Make a customer, or complete the one with this id. What is empty changes nothing."""
        ...

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """A lead in the system's own form."""
        ...

    async def create_job(self, key: str, job: Job) -> Ref:
        """A job, with what the system needs around it (site, contact)."""
        ...

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """When these are taken, between ``start`` and ``end``."""
        ...

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """Write a visit; AdapterConflict where the system refuses the time."""
        ...

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """Move a visit to the appointment's resource and time; AdapterNotFound."""
        ...

    async def cancel(self, key: str, id: str) -> None:
        """Take a visit out; harmless where it is gone already."""
        ...

    async def add_note(self, key: str, note: Note) -> Ref:
        """Keep a note with a record."""
        ...

    async def get_context(self, customer: str) -> Context:
        """What the system knows of a customer by id; AdapterNotFound."""
        ...

    async def changes_since(self, cursor: str) -> Changes:
        """A page of what changed since ``cursor``; all there is, from the empty one."""
        ...

    async def watch(self, url: str) -> None:
        """Have the system tell this address of changes; may be asked again, and changes nothing then."""
        ...

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """Check a webhook's signature and read it; AdapterUnauthorized. Pure but for the connection's own settings."""
        ...


class Unsupported:
    """Base of adapters: everything that a system cannot do raises AdapterRejected. ``NAME`` is the manifest's id."""

    NAME: str = ""

    def __init__(self, http: Http, link: Link) -> None:
        self.http = http
        self.link = link

    def _no(self, what: str) -> AdapterRejected:
        return AdapterRejected(self.NAME, f"{self.NAME} cannot do this: {what}")

    async def verify(self) -> Account:
        """See Adapter."""
        raise self._no("verify")

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        return {}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:  # noqa: ARG002
        """See Adapter."""
        raise self._no("find_customer")

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:  # noqa: ARG002
        """See Adapter."""
        raise self._no("upsert_customer")

    async def create_lead(self, key: str, lead: Lead) -> Ref:  # noqa: ARG002
        """See Adapter."""
        raise self._no("create_lead")

    async def create_job(self, key: str, job: Job) -> Ref:  # noqa: ARG002
        """See Adapter."""
        raise self._no("create_job")

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:  # noqa: ARG002
        """See Adapter."""
        raise self._no("find_availability")

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:  # noqa: ARG002
        """See Adapter."""
        raise self._no("create_appointment")

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:  # noqa: ARG002
        """See Adapter."""
        raise self._no("reschedule")

    async def cancel(self, key: str, id: str) -> None:  # noqa: ARG002
        """See Adapter."""
        raise self._no("cancel")

    async def add_note(self, key: str, note: Note) -> Ref:  # noqa: ARG002
        """See Adapter."""
        raise self._no("add_note")

    async def get_context(self, customer: str) -> Context:  # noqa: ARG002
        """See Adapter."""
        raise self._no("get_context")

    async def changes_since(self, cursor: str) -> Changes:  # noqa: ARG002
        """See Adapter."""
        raise self._no("changes_since")

    async def watch(self, url: str) -> None:  # noqa: ARG002
        """See Adapter."""
        raise self._no("watch")

    def hear(self, incoming: Incoming, secret: str) -> Heard:  # noqa: ARG002
        """See Adapter."""
        raise self._no("hear")
