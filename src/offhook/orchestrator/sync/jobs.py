"""Jobs of sync."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.errors import AdapterError, NotFound
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync import copying, hearing, ops
from offhook.orchestrator.sync.ops import ASK, COPY, WATCH
from offhook.orchestrator.sync.repo import SyncRepo, Syncs
from offhook.orchestrator.tenants import ops as tenants


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=COPY, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
    async def copy_system(tenant: str, connection: str) -> None:
        await copying.run(services, tenant, connection)

    @queue.task(name=ASK)
    async def ask_system(tenant: str, connection: str, customer: str) -> None:
        await ask(services, tenant, connection, customer)

    @queue.task(name=WATCH)
    async def watch_system(tenant: str, connection: str) -> None:
        await hearing.watch(services, tenant, connection)

    @queue.periodic(cron="* * * * *")
    @queue.task(name="wake_copies", queueing_lock="wake_copies")
    async def wake_copies(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await wake(services)

    @queue.periodic(cron="7 5 * * *")
    @queue.task(name="ask_again", queueing_lock="ask_again")
    async def ask_again(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await ask_all(services)

    @queue.periodic(cron="37 4 * * *")
    @queue.task(name="renew_watches", queueing_lock="renew_watches")
    async def renew_watches(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await hearing.watch_all(services)


async def connected(given: Services, tenant: str, connection: str) -> None:
    """A connection works, for the first time or again: it is read, and its system is asked to tell of changes."""
    async with given.database.tenant(tenant) as scope:
        await ops.begin(scope, given, connection)
    await given.queue.configure_task(WATCH).defer_async(tenant=tenant, connection=connection)


async def disconnected(given: Services, tenant: str, connection: str) -> None:
    """Nothing of the system is kept any longer."""
    async with given.database.tenant(tenant) as scope:
        await SyncRepo(scope, connection).drop()


async def wake(given: Services) -> int:
    """Have every connection read that is due; how many."""
    async with given.database.platform() as scope:
        found = await Syncs(scope).due(given.clock())
    for tenant, connection in found:
        await given.queue.configure_task(COPY).defer_async(tenant=tenant, connection=connection)
    return len(found)


async def ask_all(given: Services) -> None:
    """Have systems asked again, for every tenant, about those who have rung."""
    async with given.database.platform() as platform:
        everybody = await tenants.every(platform)
    for tenant in everybody:
        async with given.database.tenant(tenant) as scope:
            await ops.ask_again(scope, given)


async def ask(given: Services, tenant: str, connection: str, customer: str) -> None:
    """Ask a system what it knows of one customer, for the next time that they ring."""
    try:
        async with opened(given, tenant, connection) as system:
            context = await system.adapter.get_context(customer)
    except (AdapterError, NotFound):
        return  # the reading of changes tells of troubles
    async with given.database.tenant(tenant) as scope:
        repo, now = SyncRepo(scope, connection), given.clock()
        state = await repo.state()
        if state is None:
            return
        await repo.customers([context.customer], now, state.lap)
        await repo.only_jobs(customer, {job.id for job in context.jobs})
        for job in context.jobs:
            await repo.job(job, now, state.lap)
        if context.next_appointment is not None:
            await repo.visit(context.next_appointment, now, state.lap)
        await repo.asked(customer, now, context.balance)
