"""What other domains ask of visits in other systems."""

from __future__ import annotations

from offhook.orchestrator.bookings.outside.busy import freshness as freshness
from offhook.orchestrator.bookings.outside.busy import refresh as refresh
from offhook.orchestrator.bookings.outside.busy import soon as refresh_soon
from offhook.orchestrator.bookings.outside.changes import changed as changed
from offhook.orchestrator.bookings.outside.changes import gone as gone
from offhook.orchestrator.bookings.outside.visits import again as again
from offhook.orchestrator.bookings.outside.visits import clashes as clashes
from offhook.orchestrator.bookings.outside.visits import of as of
from offhook.orchestrator.bookings.outside.visits import record as record
from offhook.orchestrator.bookings.outside.visits import resume as resume

__all__ = ("again", "changed", "clashes", "freshness", "gone", "of", "record", "refresh", "refresh_soon", "resume")
