"""What every route and job is given: settings, database, job queue, clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from procrastinate import App as JobQueue

from offhook.orchestrator.db import Database
from offhook.orchestrator.settings import OrchestratorSettings

Clock: TypeAlias = Callable[[], datetime]


def wall_clock() -> datetime:
    """The present, in UTC: the only place of the business side that reads a clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, in ``app.create_app`` or by a worker."""

    settings: OrchestratorSettings
    database: Database
    queue: JobQueue
    clock: Clock = wall_clock
