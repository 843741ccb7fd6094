"""Jobs of transfers."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.services import Services
from offhook.orchestrator.transfers import ops


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.periodic(cron="* * * * *")
    @queue.task(name="end_transfers", queueing_lock="end_transfers")
    async def end_transfers(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        await ops.sweep(services)
