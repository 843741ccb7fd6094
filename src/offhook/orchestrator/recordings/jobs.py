"""Jobs of recordings."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:  # noqa: ARG001 - none so far
    """Make the jobs known to the queue."""
