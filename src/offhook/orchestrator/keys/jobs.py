"""Jobs of keys."""

from __future__ import annotations

from typing import Final

from procrastinate import App as JobQueue

from offhook.orchestrator.keys import ops
from offhook.orchestrator.services import Services

SWEEP: Final = "sweep_keys"


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.periodic(cron="47 3 * * *")
    @queue.task(name=SWEEP, queueing_lock=SWEEP)
    async def tidy(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
        await ops.sweep(services)
