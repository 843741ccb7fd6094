"""Jobs of numbers."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.carriers import ops as carriers
from offhook.orchestrator.numbers import ops
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.periodic(cron="*/10 * * * *")
    @queue.task(name="sweep_placements", queueing_lock="sweep_placements")
    async def sweep_placements(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        async with services.database.platform() as scope:
            now = services.clock()
            await ops.sweep(scope, now)
            await carriers.sweep(scope, now)
