"""Jobs of the limits on calls out."""

from __future__ import annotations

from typing import cast

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops
from offhook.orchestrator.tolls.rules import Purpose


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=ops.NOTE, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
    async def note_refused_call(tenant: str, prefix: str, purpose: str, why: str) -> None:
        async with services.database.tenant(tenant) as scope:
            await ops.note(scope, services, prefix, cast("Purpose", purpose), why)

    @queue.periodic(cron="23 * * * *")
    @queue.task(name="sweep_tolls", queueing_lock="sweep_tolls")
    async def sweep_tolls(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        async with services.database.platform() as scope:
            await ops.sweep(scope, services.clock())
