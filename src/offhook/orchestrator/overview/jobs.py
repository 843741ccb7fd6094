"""Jobs of overview."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.overview import ops
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.periodic(cron="* * * * *")
    @queue.task(name="roll_up", queueing_lock="roll_up", lock="roll_up")
    async def roll_up(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        await ops.roll_up(services)
