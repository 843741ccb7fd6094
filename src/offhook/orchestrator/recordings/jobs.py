"""Jobs of recordings."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.orchestrator.recordings import ops
from offhook.orchestrator.recordings.schemas import Held
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=ops.EXAMINE, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
    async def examine_recording(tenant: str, call: str, kind: Held = "recording") -> None:
        await ops.examine(services, tenant, call, kind)

    @queue.periodic(cron="41 * * * *")
    @queue.task(name="sweep_recordings", queueing_lock="sweep_recordings")
    async def sweep_recordings(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await ops.sweep_parts(services)
