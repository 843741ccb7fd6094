"""Jobs of calls that we place."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.orchestrator.outgoing import ops, reminders, states
from offhook.orchestrator.services import Services


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=states.DIAL, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
    async def dial_outgoing(tenant: str, outgoing: str) -> None:
        await ops.dial(services, tenant, outgoing)

    @queue.periodic(cron="* * * * *")
    @queue.task(name="wake_outgoing", queueing_lock="wake_outgoing")
    async def wake_outgoing(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await ops.due(services)

    @queue.periodic(cron="*/10 * * * *")
    @queue.task(name="remind_of_visits", queueing_lock="remind_of_visits")
    async def remind_of_visits(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await reminders.remind_all(services)

    @queue.periodic(cron="37 3 * * *")
    @queue.task(name="sweep_outgoing", queueing_lock="sweep_outgoing")
    async def sweep_outgoing(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        async with services.database.platform() as scope:
            await ops.sweep(scope, services.clock())
