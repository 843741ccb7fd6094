"""Jobs of openas."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.openas import ops
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.periodic(cron="* * * * *")
    @queue.task(name="end_openings", queueing_lock="end_openings")
    async def end_openings(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        await ops.sweep(services)
