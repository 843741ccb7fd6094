"""Jobs of calls."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.orchestrator.calls import removal
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

LET_GO = "let_calls_go"
"""Name of the job that lets go of what a tenant's agents keep no longer."""


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=LET_GO, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
    async def let_calls_go(tenant: str) -> None:
        await removal.sweep(services, tenant)

    @queue.periodic(cron="23 3 * * *")
    @queue.task(name="sweep_calls", queueing_lock="sweep_calls")
    async def sweep_calls(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        async with services.database.platform() as scope:
            everybody = await tenants.every(scope)
        for tenant in everybody:
            await queue.configure_task(LET_GO).defer_async(tenant=tenant)
