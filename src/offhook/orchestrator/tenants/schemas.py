"""What other domains know of a tenant, and the document that a seeded business is made of."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from offhook.contracts.plan import Lines, OpeningHours, Passage, TurnPlan


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


def known_zone(name: str) -> str:
    """The name of a time zone, or ValueError."""
    if name not in available_timezones():
        raise ValueError("no such time zone")
    return name


class Business(Model):
    """A tenant with one agent, as a document: what seeds are made of."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    name: str
    agent: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "front-desk"
    timezone: Annotated[str, AfterValidator(known_zone)] = "Europe/London"
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
