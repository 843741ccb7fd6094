"""Jobs of other systems' calendars."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued

from offhook.orchestrator.bookings.outside import busy, visits
from offhook.orchestrator.services import Services

RETRY = RetryStrategy(max_attempts=5, exponential_wait=2)


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=visits.WRITE, retry=RETRY)
    async def write_visit(tenant: str, appointment: str, connection: str) -> None:
        await visits.write(services, tenant, appointment, connection)

    @queue.task(name=busy.REFRESH, retry=RETRY)
    async def refresh_busy_times(tenant: str, connection: str) -> None:
        await busy.refresh(services, tenant, connection)

    @queue.periodic(cron="* * * * *")
    @queue.task(name="wake_calendars", queueing_lock="wake_calendars")
    async def wake_calendars(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await wake(services)


async def connected(given: Services, tenant: str, connection: str) -> None:
    """A connection works, for the first time or again: its calendars count, and what waited for it is written."""
    await busy.refresh(given, tenant, connection)
    async with given.database.tenant(tenant) as scope:
        await visits.resume(scope, given, connection)
    await wake(given)


async def wake(given: Services) -> int:
    """Have everything done that is due: visits that wait to be written, calendars that are to be asked; how many jobs."""
    written, asked = await visits.due(given), await busy.due(given)
    for tenant, appointment, connection in written:
        lock = f"{visits.WRITE}/{tenant}/{appointment}/{connection}"
        await _defer(given, visits.WRITE, lock, tenant=tenant, appointment=appointment, connection=connection)
    for tenant, connection in asked:
        await _defer(given, busy.REFRESH, f"{busy.REFRESH}/{tenant}/{connection}", tenant=tenant, connection=connection)
    return len(written) + len(asked)


async def _defer(given: Services, name: str, lock: str, **fields: str) -> None:
    try:
        await given.queue.configure_task(name, queueing_lock=lock).defer_async(**fields)
    except AlreadyEnqueued:
        return
