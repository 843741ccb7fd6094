"""What other domains know of a tenant, and the document that a seeded business is made of."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from offhook.contracts.plan import Lines, OpeningHours, Passage, TurnPlan

State = Literal["active", "suspended"]


class Model(BaseModel):
    """Base: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Diary(Model):
    """How visits are planned. Minutes, unless a name says otherwise."""

    staff: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")], ...] = ()
    visit_minutes: Annotated[int, Field(ge=5, le=1_440)] = 60
    lead_minutes: Annotated[int, Field(ge=0, le=43_200)] = 120
    horizon_days: Annotated[int, Field(ge=1, le=180)] = 21


class Tenant(Model):
    """A business."""

    id: str
    reseller_id: str
    name: str
    timezone: str
    region: str
    locale: str
    fallback_number: str | None
    suspended: bool
    diary: Diary

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.timezone)


_zones = functools.cache(available_timezones)
"""Asked of the system's files, once."""


def known_zone(name: str) -> str:
    """The name of a time zone, or ValueError."""
    if name not in _zones():
        raise ValueError("no such time zone")
    return name


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(known_zone)]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Telephone = Annotated[str, StringConstraints(min_length=2, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
AtOnce = Annotated[int, Field(ge=0, le=10_000)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class NewTenant(Model):
    """A business to be made."""

    name: Name
    timezone: Zone = "Europe/London"
    region: Region = "GB"
    """Country of its numbers (ISO 3166-1): a number without a country code belongs there."""
    locale: Locale = "en-GB"
    fallback_number: Telephone | None = None
    """Where callers are put through when nothing else can be done, and when all places are taken and their number says nothing else."""
    retention_days: Days | None = None
    """Calls that ended so many days ago are deleted, with recordings and transcripts. Without it they are kept."""
    diary: Diary = Diary()
    max_calls: AtOnce = 10
    """Calls at once."""


class TenantChange(Model):
    """What is left out stays as it is."""

    name: Name | None = None
    timezone: Zone | None = None
    region: Region | None = None
    locale: Locale | None = None
    fallback_number: Telephone | None = None
    retention_days: Days | None = None
    diary: Diary | None = None


class TenantLimits(Model):
    """What a tenant may have at once."""

    max_calls: AtOnce


class Move(Model):
    """To which reseller a tenant goes."""

    reseller_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class TenantView(BaseModel):
    """A business as those see it who may."""

    id: str
    reseller_id: str
    name: str
    timezone: str
    region: str
    locale: str
    fallback_number: str | None
    retention_days: int | None
    diary: Diary
    max_calls: int
    state: State
    revision: int
    created_at: datetime
    subject: str
    """What it is called in logs that outlive it: a hash of its id."""


class ExportView(BaseModel):
    """All data of a tenant in one zip file, made by a job. It is fetched from ``/exports/{id}/file`` once it is ``ready``."""

    id: str
    state: Literal["waiting", "ready", "failed"]
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime
    size: int | None
    """Bytes of the zip file."""
    sha256: str | None
    counts: dict[str, int]
    """Rows of each table, and ``files`` of all kinds."""


class Confirmation(Model):
    """The tenant's name, once more: erasing cannot be undone."""

    name: Annotated[str, StringConstraints(max_length=200)]


class Erasing(BaseModel):
    """A tenant is being erased; its certificate will be found by ``erasure``."""

    erasure: str
    subject: str


class ErasureView(BaseModel):
    """That a tenant was erased: a certificate that holds nothing of it. ``subject`` is a hash of its id."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    subject: str
    requested_at: datetime
    finished_at: datetime | None
    counts: dict[str, int]
    """How many rows of each table, files, keys, jobs and people are gone."""
    verified: bool
    """That afterwards nothing was found."""


class Business(Model):
    """A tenant with one agent, as a document: what seeds are made of."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    name: str
    agent: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "front-desk"
    timezone: Zone = "Europe/London"
    region: Region = "GB"
    locale: Locale = "en-GB"
    voice: str = "heart"
    numbers: tuple[Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")], ...]
    fallback_number: str | None = None
    transfer_to: dict[str, str] = {}
    hours: tuple[OpeningHours, ...]
    diary: Diary
    script: str
    """The script's file, beside this one."""
    faq: str | None = None
    """A Markdown file beside this one: each heading with its text is a passage of the agent's knowledge."""
    knowledge: tuple[Passage, ...] = ()
    lines: Lines = Lines()
    turn: TurnPlan = TurnPlan()
    tools: dict[str, str] = {}
