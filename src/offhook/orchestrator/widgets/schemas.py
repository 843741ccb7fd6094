"""What comes in and goes out about call buttons."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from offhook.orchestrator.auth.access import ID

Origin = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=200,
        pattern=r"^(https://[a-z0-9.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?)$",
    ),
]
Origins = Annotated[tuple[Origin, ...], Field(min_length=1, max_length=50)]
Label = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
AgentId = Annotated[str, StringConstraints(pattern=ID)]
PerMinute = Annotated[int, Field(ge=1, le=600)]
PerDay = Annotated[int, Field(ge=1, le=100_000)]


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewWidget(Body):
    """A call button for a web site."""

    agent_id: AgentId
    """Who answers."""
    origins: Origins
    """Origins of the pages that it may stand on: ``https://www.example.com``, without a path; ``http`` on this machine alone."""
    label: Label = ""
    enabled: bool = True
    per_minute: PerMinute = 10
    """Calls that may be begun in a minute, from all of its pages."""
    per_day: PerDay = 500


class WidgetChange(Body):
    """What is given is changed."""

    agent_id: AgentId | None = None
    origins: Origins | None = None
    label: Label | None = None
    enabled: bool | None = None
    per_minute: PerMinute | None = None
    per_day: PerDay | None = None


class WidgetView(BaseModel):
    """A call button. ``key`` is public; ``snippet`` is what goes into the page."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    agent_id: str
    key: str
    label: str
    origins: tuple[str, ...]
    enabled: bool
    per_minute: int
    per_day: int
    revision: int
    created_at: datetime
    updated_at: datetime
    snippet: str = ""


class Visit(BaseModel):
    """What a page needs for one call: used up by it, or in two minutes."""

    token: str
    offers: tuple[str, ...]
    """Where the call may be offered over WebRTC, tried in order."""
    socket: str
    """The websocket, where there is no other way."""
