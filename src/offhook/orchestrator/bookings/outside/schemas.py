"""Visits in other systems, as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from offhook.orchestrator.crm.schemas import Record

CopyState: TypeAlias = Literal["waiting", "written", "failed", "gone"]


class Copy(Record):
    """A visit in another system: still to be written there, written, given up, or taken out."""

    appointment_id: str
    connection_id: str
    state: CopyState
    external_id: str
    url: str
    """Opens it there, where the system has such pages."""
    revision: int
    """Of the visit as it is there; 0 before the first."""
    error: str
    """Why it is not written, in a sentence."""
    attempts: int
    next_at: datetime | None
    written_at: datetime | None
    clash: str
    """What stands against it there, in a sentence; empty for nothing."""
    clash_at: datetime | None
