"""What the audit log says."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class AuditView(BaseModel):
    """Who did what to what, when, from where."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    seq: int
    at: datetime
    actor_kind: Literal["person", "key", "operator"]
    actor_id: str
    actor_name: str
    action: str
    target: str
    details: dict[str, Any]
    ip: str


class AuditFilter(BaseModel):
    """Which rows: of one actor, with actions that begin so, in a time (``until`` is not in it)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Checked(BaseModel):
    """What checking a log's chain found. ``head`` is the hash of its last row in hex: keep it elsewhere to be able to compare."""

    whole: bool
    rows: int
    broken_at: int | None = None
    """Place of the first row that is not as it was written; one after the last if rows are missing at the end."""
    head: str
