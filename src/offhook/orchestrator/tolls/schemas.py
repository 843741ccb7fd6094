"""Limits on calls out as others see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from offhook.orchestrator.tenants.schemas import Region
from offhook.orchestrator.tolls.caps import Caps
from offhook.orchestrator.tolls.rules import Purpose, Why

Host = Annotated[str, StringConstraints(to_lower=True, max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9.-]{0,62}$")]


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


class TollLimits(BaseModel):
    """What a tenant's calls out may use, transfers among them. Money is in the minor unit of its currency."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    countries: Annotated[tuple[Region, ...], Field(max_length=250), AfterValidator(_each_once)] = ()
    """Where calls may go (ISO 3166-1) besides the tenant's own region."""
    hosts: Annotated[tuple[Host, ...], Field(max_length=50), AfterValidator(_each_once)] = ()
    """Hosts of SIP addresses that calls may go to."""
    at_once: Annotated[int, Field(ge=0, le=1_000)] = 5
    per_minute: Annotated[int, Field(ge=0, le=1_000)] = 10
    minutes_per_hour: Annotated[int, Field(ge=0, le=60_000)] = 120
    spend_per_hour: Annotated[int, Field(ge=0, le=1_000_000)] = 1_000
    max_minutes: Annotated[int, Field(ge=1, le=240)] = 30
    """How long one call out may last."""
    price_home: Annotated[int, Field(ge=0, le=10_000)] = 2
    """What a minute to the tenant's own region is reckoned to cost."""
    price_abroad: Annotated[int, Field(ge=0, le=10_000)] = 25
    """What a minute anywhere else is reckoned to cost."""

    @property
    def caps(self) -> Caps:
        """The caps among them."""
        return Caps(self.at_once, self.per_minute, self.minutes_per_hour, self.spend_per_hour, self.max_minutes)


class RefusedOut(BaseModel):
    """How many calls out were refused on a day (UTC), and why."""

    purpose: Purpose
    reason: str
    count: int


class TollView(TollLimits):
    """Limits on calls out and how they stand."""

    region: str
    """The tenant's own, where calls may always go."""
    state: Literal["open", "suspended"]
    suspended_at: datetime | None
    suspended_why: str
    """In a sentence."""
    calls: int
    """That go on now."""
    minutes: float
    """Used in the last hour."""
    spent: float
    """In the last hour, as reckoned."""
    refused: tuple[RefusedOut, ...]
    """Today."""
    revision: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A call may be placed, and last so long."""

    longest: timedelta


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not."""

    why: Why
