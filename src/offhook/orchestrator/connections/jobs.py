"""Jobs of connections."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from procrastinate import App as JobQueue

from offhook.adapters.modules import found as adapters
from offhook.errors import AdapterError, ConfigError
from offhook.orchestrator.connections.notice import tell_lapsing
from offhook.orchestrator.connections.repo import ConnectionRepo, Everybodys, Tokens
from offhook.orchestrator.connections.tokens import renewed
from offhook.orchestrator.services import Services

SWEEP: Final = "sweep_connections"
RENEW: Final = "renew_connections"
IDLE: Final = timedelta(days=3)
"""Tokens that were not renewed for so long are. Refresh tokens lapse unused after 60 days at the earliest of those that we know."""
log = logging.getLogger(__name__)


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue. Those that tell other domains of a connection are in ``orchestrator.jobs``."""

    @queue.periodic(cron="23 4 * * *")
    @queue.task(name=SWEEP, queueing_lock=SWEEP)
    async def tidy(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
        await sweep(services)

    @queue.periodic(cron="41 2 * * *")
    @queue.task(name=RENEW, queueing_lock=RENEW)
    async def renew_idle(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
        await renew(services)


async def sweep(given: Services) -> None:
    """Drop what was said long ago, and what nobody has finished."""
    async with given.database.platform() as scope:
        everybodys, now = Everybodys(scope), given.clock()
        await everybodys.sweep_exchanges(now - timedelta(days=given.settings.exchange_days))
        await everybodys.sweep_flows(now)


async def renew(given: Services) -> int:
    """Renew the tokens that nobody has used for a while, so that they do not lapse unused; how many.

    The owners of a connection whose tokens cannot be renewed are told once, as long as there is time to mend it; one whose authorisation
    has ended is told of by ``health.expire``.
    """
    async with given.database.platform() as scope:
        idle = await Everybodys(scope).idle(given.clock() - IDLE)
    count = 0
    for tenant, connection in idle:
        try:
            count += await _renew(given, tenant, connection)
        except (AdapterError, ConfigError) as error:
            log.warning("a connection's tokens could not be renewed", extra={"tenant": tenant, "connection": connection})
            await _warn(given, tenant, connection, error.public)
    return count


async def _renew(given: Services, tenant: str, connection: str) -> bool:
    async with given.database.tenant(tenant) as scope:
        row = await ConnectionRepo(scope).get(connection)
        token = await Tokens(scope).get(connection)
    module = adapters().get(row.adapter) if row else None
    if row is None or token is None or token.refresh_token is None or module is None:
        return False
    await renewed(given, tenant, connection, module.manifest, token.generation)
    return True


async def _warn(given: Services, tenant: str, connection: str, problem: str) -> None:
    async with given.database.tenant(tenant) as scope:
        row = await ConnectionRepo(scope).get(connection)
        token = await Tokens(scope).get(connection, lock=True)
        module = adapters().get(row.adapter) if row else None
        if row is None or row.state != "active" or token is None or token.warned_at is not None or module is None:
            return
        await Tokens(scope).note(connection, {"warned_at": given.clock()})
        await tell_lapsing(scope, given, module.manifest.title, row.account, connection, problem)
