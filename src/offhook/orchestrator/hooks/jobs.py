"""Jobs of hooks."""

from __future__ import annotations

from datetime import timedelta

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.pump import Pump
from offhook.orchestrator.hooks.queue import Queues
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""
    pump = Pump(services)

    @queue.task(name=ops.DELIVER, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
    async def deliver_webhooks(tenant: str, endpoint: str) -> None:
        await pump.work(tenant, endpoint)

    @queue.periodic(cron="* * * * *")
    @queue.task(name="wake_webhooks", queueing_lock="wake_webhooks")
    async def wake_webhooks(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await wake_due(services)

    @queue.periodic(cron="17 * * * *")
    @queue.task(name="sweep_webhooks", queueing_lock="sweep_webhooks")
    async def sweep_webhooks(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await sweep(services)


async def wake_due(given: Services) -> int:
    """Have every queue worked on that has something to send and nobody who works on it, as after a worker died; how many."""
    async with given.database.platform() as scope:
        found = await Queues(scope).due(given.clock())
    for tenant, endpoint in found:
        await given.queue.configure_task(ops.DELIVER).defer_async(tenant=tenant, endpoint=endpoint)
    return len(found)


async def sweep(given: Services) -> None:
    """Drop events that are older than they are kept."""
    async with given.database.platform() as scope:
        await Queues(scope).sweep(given.clock() - timedelta(days=given.settings.webhook_days))
