"""What went where, as others see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

RunState: TypeAlias = Literal["waiting", "held", "done", "failed", "skipped"]
"""``held``: until the connection is authorised again. ``failed``: given up, until somebody sends it again."""
StepState: TypeAlias = Literal["waiting", "running", "done", "skipped", "failed"]
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class View(BaseModel):
    """Base: frozen, read from a row."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Step(View):
    """One record that a call became, or is to become. ``reason``: why it was not written; ``error``: why it could not be."""

    step: str
    state: StepState
    attempts: int
    record_kind: str
    record_id: str
    record_url: str
    error: str
    reason: str
    begun_at: datetime | None
    done_at: datetime | None


class SystemPaper(View):
    """A call's paperwork in one system."""

    connection_id: str
    adapter: str
    title: str
    state: RunState
    reason: str
    next_at: datetime | None
    """When it is tried again."""
    failing_since: datetime | None
    steps: list[Step]


class Paperwork(View):
    """What went where. ``own``: what was done here: the transcript, the result, the events to webhooks, who was told."""

    call_id: str
    own: list[Step]
    systems: list[SystemPaper]


class Again(BaseModel):
    """Which system's to send again; all that were given up, without one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection_id: ConnectionId | None = None


class GivenUp(View):
    """How much of what calls left a connection has not got, and the last of these calls."""

    connection_id: str
    title: str
    count: int
    at: datetime
    call_id: str
    error: str
