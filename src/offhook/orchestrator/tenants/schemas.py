"""What other domains know of a tenant and its agent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from offhook.contracts.plan import Lines, OpeningHours, Passage, TurnPlan
from offhook.orchestrator.tenants.hours import is_open


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


class Agent(Model):
    """Who answers for a tenant. ``tools`` maps a script's tool names to built-in ones where they differ."""

    tenant: Tenant
    id: str
    name: str
    version: int
    script: dict[str, Any]
    voice: str
    turn: TurnPlan = TurnPlan()
    lines: Lines = Lines()
    hours: tuple[OpeningHours, ...] = ()
    knowledge: tuple[Passage, ...] = ()
    transfer_to: dict[str, str] = {}
    tools: dict[str, str] = {}

    @property
    def ref(self) -> str:
        """What an engine is told of the owner of a call."""
        return f"{self.tenant.id}/{self.id}"

    def open_at(self, moment: datetime) -> bool:
        """Whether the business is open."""
        return is_open(self.hours, self.tenant.zone, moment)


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no such time zone")
    return name


class Business(Model):
    """A tenant with one agent, as a document: what seeds are made of."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    name: str
    agent: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "front-desk"
    timezone: Annotated[str, AfterValidator(_zone)] = "Europe/London"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "GB"
    locale: str = "en-GB"
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
