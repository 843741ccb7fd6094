"""Jobs of tenants: making exports, letting them go, and erasing."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import JobContext, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued

from offhook.orchestrator.kit import once
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import erase, exports, ops

ATTEMPTS = 5


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=exports.EXPORT, retry=RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2), pass_context=True)
    async def export_tenant(context: JobContext, tenant: str, export: str) -> None:
        if context.job is not None and context.job.attempts >= ATTEMPTS:
            await exports.give_up(services, tenant, export)
            return
        await exports.make(services, tenant, export)

    @queue.periodic(cron="43 * * * *")
    @queue.task(name="sweep_exports", queueing_lock="sweep_exports")
    async def sweep_exports(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        await exports.sweep(services)

    @queue.periodic(cron="7 4 * * *")
    @queue.task(name="sweep_answers", queueing_lock="sweep_answers")
    async def sweep_answers(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        """Answers to requests with an Idempotency-Key, of tenants that have sent none since."""
        async with services.database.platform() as platform:
            everybody = await ops.every(platform)
        for tenant in everybody:
            async with services.database.tenant(tenant) as scope:
                await once.sweep(scope, services.clock())

    # It is tried until it is done: there is nobody left who could ask for it again.
    @queue.task(name=erase.ERASE, retry=RetryStrategy(wait=1, linear_wait=2))
    async def erase_tenant(tenant: str) -> None:
        await erase.run(services, tenant)

    @queue.periodic(cron="*/15 * * * *")
    @queue.task(name="resume_erasures", queueing_lock="resume_erasures")
    async def resume_erasures(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        """For a tenant whose job was lost, as when a backup was put back."""
        async with services.database.platform() as scope:
            waiting = await erase.unfinished(scope)
        for tenant in waiting:
            try:
                await queue.configure_task(erase.ERASE, queueing_lock=f"{erase.ERASE}/{tenant}").defer_async(tenant=tenant)
            except AlreadyEnqueued:
                continue
