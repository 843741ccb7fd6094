"""The job queue: procrastinate on the same Postgres."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import anyio
from anyio import to_thread
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from psycopg.conninfo import make_conninfo
from psycopg.errors import RaiseException

from offhook.adapters.modules import found as adapters
from offhook.orchestrator.agents import jobs as agents
from offhook.orchestrator.audit import jobs as audit
from offhook.orchestrator.bookings.outside import jobs as outside
from offhook.orchestrator.calls import intake
from offhook.orchestrator.calls import jobs as calls
from offhook.orchestrator.carriers import jobs as carriers
from offhook.orchestrator.connections import jobs as connections
from offhook.orchestrator.connections.ops import CONNECTED, DISCONNECTED
from offhook.orchestrator.db import Database, libpq
from offhook.orchestrator.hooks import jobs as hooks
from offhook.orchestrator.keys import jobs as keys
from offhook.orchestrator.live import jobs as live
from offhook.orchestrator.numbers import jobs as numbers
from offhook.orchestrator.openas import jobs as openas
from offhook.orchestrator.outgoing import jobs as outgoing
from offhook.orchestrator.overview import jobs as overview
from offhook.orchestrator.paperwork import jobs as paperwork
from offhook.orchestrator.people import jobs as people
from offhook.orchestrator.people.mail import make_mail
from offhook.orchestrator.recordings import jobs as recordings
from offhook.orchestrator.resellers import jobs as resellers
from offhook.orchestrator.services import Clock, Limits, Services, wall_clock
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.sync import jobs as sync
from offhook.orchestrator.systems import Systems
from offhook.orchestrator.tenants import jobs as tenants
from offhook.orchestrator.tolls import jobs as tolls
from offhook.orchestrator.transfers import jobs as transfers
from offhook.orchestrator.vault import jobs as vault
from offhook.orchestrator.vault.ops import Vault

DOMAINS = (
    agents, audit, calls, carriers, connections, hooks, keys, live, numbers, openas, outgoing, outside, overview, paperwork, people,
    recordings, resellers, sync, tenants, tolls, transfers, vault,
)  # fmt: skip
"""Modules whose ``register`` makes jobs known. ``connected`` and ``disconnected``, where they have them, are told of connections."""
GRACE = 5.0
"""Seconds that running jobs get to end when their worker is told to stop."""
RETRY = RetryStrategy(max_attempts=10, exponential_wait=2)

log = logging.getLogger(__name__)


def build(settings: OrchestratorSettings, url: str, clock: Clock = wall_clock, systems: Systems | None = None) -> Services:
    """Services with all jobs known. Open ``queue`` (``async with services.queue.open_async()``) before use. ``systems``: a test's own."""
    conninfo = make_conninfo(libpq(url), options="-c role=offhook_jobs")
    queue = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=settings.jobs + 3))
    database = Database(url, pool_size=settings.pool_size)
    mail, limits = make_mail(settings, queue, clock), Limits(settings, clock)
    services = Services(settings, database, queue, clock, Vault(settings, clock), mail, limits, systems or Systems(settings))

    @queue.task(name=intake.FINISH, retry=RETRY)
    async def finish_call(tenant: str, call: str) -> None:
        await intake.finish(services, tenant, call)

    @queue.task(name=CONNECTED, retry=RETRY)
    async def connected(tenant: str, connection: str) -> None:
        await _tell("connected", services, tenant, connection)

    @queue.task(name=DISCONNECTED, retry=RETRY)
    async def disconnected(tenant: str, connection: str) -> None:
        await _tell("disconnected", services, tenant, connection)

    for domain in DOMAINS:
        domain.register(queue, services)
    return services


async def _tell(what: str, services: Services, tenant: str, connection: str) -> None:
    """Tell every domain that wants to know; each may be told again."""
    for domain in DOMAINS:
        if (told := getattr(domain, what, None)) is not None:
            await told(services, tenant, connection)


async def rescue(services: Services) -> int:
    """Give the jobs of workers that died to others; returns how many.

    A job may be over, or be given away by another process, between the look and the retry: then there is nothing to do for it.
    """
    stalled = await services.queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=services.settings.stalled_s)
    count = 0
    for job in stalled:
        try:
            await services.queue.job_manager.retry_job(job)
        except ConnectorException as error:
            if not isinstance(error.__cause__, RaiseException):  # how procrastinate's own function says that the job is not running
                raise
        else:
            count += 1
    return count


async def work(services: Services, *, started: Callable[[], None] = lambda: None) -> None:
    """Run jobs until cancelled. The queue must be open."""
    settings = services.settings
    await to_thread.run_sync(adapters)  # found now: they are imported

    async def watch() -> None:
        while True:
            try:
                await rescue(services)
            except ConnectorException as error:
                # A look that fails is made again; whether the worker can live without its database is for the worker to say.
                log.warning("stalled jobs could not be looked for: %s", error.__cause__ or error)
            await anyio.sleep(settings.stalled_s / 2)

    async with anyio.create_task_group() as group:
        group.start_soon(watch, name="stalled jobs")
        # A task of asyncio's own: its worker expects to be cancelled once and then lets its jobs end; anyio would cancel on and on.
        worker = asyncio.create_task(
            services.queue.run_worker_async(
                concurrency=settings.jobs,
                install_signal_handlers=False,
                fetch_job_polling_interval=min(5.0, settings.stalled_s),
                update_heartbeat_interval=settings.stalled_s / 4,
                stalled_worker_timeout=settings.stalled_s,
                shutdown_graceful_timeout=GRACE,
                delete_jobs="successful",
            ),
            name="jobs",
        )
        try:
            started()
            await asyncio.wait([worker])
            await worker
        finally:
            with anyio.CancelScope(shield=True):
                worker.cancel()
                await asyncio.wait([worker])
            group.cancel_scope.cancel()
