"""What comes in and goes out about connections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

State = Literal["active", "expired", "off"]
Kind = Literal["crm", "calendar"]
AdapterId = Annotated[str, StringConstraints(pattern=r"^(crm|calendar)/[a-z0-9_]{1,40}$")]
Value = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,99}$")]
ChosenName = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}(/[a-z0-9_-]{1,32})?$")]
Fields = Annotated[dict[FieldName, Value], Field(max_length=30)]
Chosen = Annotated[dict[ChosenName, Annotated[list[Value], Field(max_length=100)]], Field(max_length=200)]


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(frozen=True)


class NewConnection(Body):
    """A system with the fields of its form, its key among them. The system is asked before anything is kept."""

    adapter: AdapterId
    fields: Fields = {}


class Reconnect(Body):
    """The fields of the form once more, for the same connection."""

    fields: Fields = {}


class Choosing(Body):
    """What was chosen, by chooser (``staff``, ``calendar``...), or by ``staff/<name>`` for one of the diary's staff."""

    chosen: Chosen


class FieldMapping(Body):
    """The system's fields, each filled from a place in a call's result, such as ``facts.boiler_make``."""

    mapping: Annotated[dict[FieldName, Annotated[str, StringConstraints(max_length=200)]], Field(max_length=100)]


class Connection(View):
    """A link to one account of one system; no secret."""

    id: str
    adapter: str
    kind: Kind
    title: str
    """The system's name."""
    auth: Literal["key", "oauth", "none"] = "key"
    account: str
    """Whose account it is, by the system's word."""
    state: State
    problem: str
    """Why it does not work, in a sentence; empty where it does."""
    settings: dict[str, str]
    chosen: dict[str, list[str]]
    mapping: dict[str, str]
    ok_at: datetime | None
    failed_at: datetime | None
    synced_at: datetime | None
    revision: int
    created_at: datetime
    updated_at: datetime


class FieldView(View):
    """A field of a system's form."""

    name: str
    title: str
    help: str
    pattern: str
    secret: bool
    required: bool
    placeholder: str


class ChooserView(View):
    """Something to choose once connected."""

    name: str
    title: str
    help: str
    many: bool
    required: bool
    per_staff: bool


class System(View):
    """A system that can be connected."""

    adapter: str
    kind: Kind
    title: str
    about: str
    tier: Literal["bronze", "silver", "gold"]
    ways: list[Literal["key", "oauth", "none"]]
    """How it can be connected here, the best first; OAuth only where there is a client for it."""
    scopes: list[str]
    capabilities: list[str]
    writes: list[str]
    """What a call becomes there."""
    fields: list[FieldView]
    choosers: list[ChooserView]
    mappable: Mapping[str, str]
    """Fields that may be filled from a call, with their titles."""


class ChoiceView(View):
    """One of what there is to choose from."""

    id: str
    label: str
    group: str


class Tested(View):
    """What the system said to the test."""

    ok: bool
    account: str
    problem: str


class ExchangeView(View):
    """One request to the system and what came of it; the bodies by their hashes."""

    id: str
    at: datetime
    method: str
    path: str
    status: int | None
    trouble: str
    seconds: float
    sent_sha256: str
    got_sha256: str
    call_id: str
    write_key: str


class Authorize(Body):
    """A system to be connected by signing in there, with those fields of its form that it asks for besides."""

    adapter: AdapterId
    fields: Fields = {}
    connection: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """To connect this one again."""
    path: Annotated[str, StringConstraints(max_length=200, pattern=r"^/t/[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)+$")] | None = None
    """The portal's page to come back to."""


class Leaving(View):
    """Where the browser goes to give consent, within ten minutes."""

    url: str


class Disconnected(View):
    """A connection that is off."""

    connection: Connection
    revoked: bool
    """Whether the system was told, and took it. Where it was not, take offhook out in the system too."""


class Preview(Body):
    """A past call, and the mapping to try; without one the connection's own."""

    call: Annotated[str, StringConstraints(max_length=200)]
    mapping: Annotated[dict[FieldName, Annotated[str, StringConstraints(max_length=200)]], Field(max_length=100)] | None = None


class Previewed(View):
    """What each of the system's fields would get of that call; those that it does not fill are left out."""

    fields: dict[str, str]


class Systems(View):
    """All systems that can be connected, by title."""

    data: list[System]


class Offered(View):
    """What there is to choose from, by chooser."""

    choices: dict[str, list[ChoiceView]]


class OwnClient(Body):
    """A reseller's client with a system, as the system gave it out for the callback address of this installation."""

    client_id: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")]
    client_secret: SecretStr = Field(min_length=1, max_length=2_000)


class OwnClientView(View):
    """The same without its secret."""

    adapter: str
    client_id: str
    client_secret_end: str
    revision: int
    created_at: datetime
    updated_at: datetime


class OwnClients(View):
    """A reseller's clients, and the address that systems must send people back to."""

    data: list[OwnClientView]
    callback_url: str
