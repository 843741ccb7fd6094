"""Jobs of live calls."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.live import ops
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.periodic(cron="*/5 * * * *")
    @queue.task(name="sweep_live_calls", queueing_lock="sweep_live_calls", lock="sweep_live_calls")
    async def sweep_live_calls(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await ops.sweep(services)
