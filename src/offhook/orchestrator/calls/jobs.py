"""Jobs of calls."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""
