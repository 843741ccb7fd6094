"""Jobs of the paperwork."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from procrastinate import App as JobQueue
from procrastinate.exceptions import ConnectorException
from psycopg import Error as PostgresError
from sqlalchemy.exc import SQLAlchemyError

from offhook.errors import OffhookError
from offhook.orchestrator.paperwork import ops
from offhook.orchestrator.paperwork.own import tell_people
from offhook.orchestrator.paperwork.repo import OWN
from offhook.orchestrator.paperwork.saga import WORK, Run
from offhook.orchestrator.services import Services

_log = logging.getLogger(__name__)


async def work(given: Services, tenant: str, call: str, connection: str, *, draw: Callable[[], float] = random.random) -> bool:
    """Do what can be done now of a call's paperwork in one system; False where there was nothing for us to do.

    What goes wrong here is left to the sweep.
    """
    done = False
    try:
        if connection == OWN:
            done = await tell_people(given, tenant, call)
        else:
            done = await Run(given, tenant, call, connection, draw).all()
    except* (SQLAlchemyError, ConnectorException, PostgresError, OSError, OffhookError) as errors:
        _log.warning("paperwork of %s was left for later: %s", call, errors.exceptions[0].__class__.__name__)
    return done


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=WORK)
    async def paper_call(tenant: str, call: str, connection: str) -> None:
        await work(services, tenant, call, connection)

    @queue.periodic(cron="* * * * *")
    @queue.task(name="wake_paperwork", queueing_lock="wake_paperwork")
    async def wake_paperwork(timestamp: int) -> None:  # noqa: ARG001 - given by the queue
        await ops.sweep(services)


async def connected(given: Services, tenant: str, connection: str) -> None:
    """A connection works, again or for the first time: what waits for it goes on."""
    async with given.database.tenant(tenant) as scope:
        await ops.resume(scope, given, connection)


async def disconnected(given: Services, tenant: str, connection: str) -> None:
    """A connection is off: nothing more goes there, and who callers are there is forgotten."""
    async with given.database.tenant(tenant) as scope:
        await ops.stop(scope, given, connection)
