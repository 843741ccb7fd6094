"""What comes in and goes out about numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from offhook.orchestrator.numbers.dialling import LONGEST

Label = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
AgentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AccountId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
TrunkId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Target = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]
AtOnce = Annotated[int, Field(ge=1, le=10_000)]


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewNumber(Body):
    """A DID for an agent."""

    did: Annotated[str, StringConstraints(min_length=2, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
    """With country code; a number without one belongs to the tenant's region."""
    agent_id: AgentId
    label: Label = ""
    carrier_account_id: AccountId | None = None
    """The carrier account that the number belongs to; without one, and without a trunk, the platform's own."""
    trunk_id: TrunkId | None = None
    """The SIP trunk that it comes by, in place of a carrier account."""
    overflow: Target | None = None
    """Where callers go when there is no place: a phone number or SIP address. Without one, the tenant's fallback number."""
    enabled: bool = True
    max_calls: AtOnce | None = None
    """Calls at once on this number, within those of the tenant."""


class NumberChange(Body):
    """What is left out stays as it is."""

    agent_id: AgentId | None = None
    label: Label | None = None
    carrier_account_id: AccountId | None = None
    """One of these takes the place of the other."""
    trunk_id: TrunkId | None = None
    overflow: Target | None = None
    enabled: bool | None = None
    max_calls: AtOnce | None = None


class NumberView(BaseModel):
    """A number as its tenant sees it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    did: str
    agent_id: str
    label: str
    carrier_account_id: str | None
    trunk_id: str | None
    overflow: str | None
    enabled: bool
    max_calls: int | None
    revision: int
    created_at: datetime
    updated_at: datetime


class LineUse(BaseModel):
    """Calls of one number: at once now, and those that were not taken today (UTC), by reason."""

    model_config = ConfigDict(frozen=True)

    number_id: str
    did: str
    calls: int
    max_calls: int | None
    refused: dict[str, int]


class LinesView(BaseModel):
    """How many calls the tenant has and may have at once."""

    model_config = ConfigDict(frozen=True)

    calls: int
    max_calls: int
    numbers: list[LineUse]


class Owner(BaseModel):
    """Who answers a DID, as the directory knows it."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    number: str
    did: str
    agent: str
    account: str | None
    """The carrier account whose secret signs the number's webhooks; None for the platform's own."""
    enabled: bool
    suspended: bool
    """Whether the tenant or its reseller is."""
    overflow: str | None
    """Where callers of this number go when there is no place."""
    fallback: str | None
    """Where callers of the tenant go when we cannot go on. Neither is ever a number that rings here."""
