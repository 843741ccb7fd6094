"""How a connection does: what was seen last, and what follows where its authorisation has ended."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from offhook.adapters.modules import found as adapters
from offhook.errors import AdapterError, AdapterRateLimited, AdapterUnauthorized, AdapterUnavailable
from offhook.orchestrator.connections.notice import tell_expired
from offhook.orchestrator.connections.repo import ConnectionRepo
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.services import Services

EVERY: Final = timedelta(minutes=1)
"""How often a connection that works is noted to work."""
ENDED: Final = "Its authorisation has ended: connect it again."
log = logging.getLogger(__name__)


async def succeeded(given: Services, tenant: str, connection: str) -> None:
    """The system has answered. In a transaction of its own, as all here."""
    now = given.clock()
    async with given.database.tenant(tenant) as scope:
        repo = ConnectionRepo(scope)
        row = await repo.get(connection)
        if row is None or row.state != "active":
            return
        if row.problem or row.ok_at is None or now - row.ok_at >= EVERY or (row.failed_at and row.failed_at > row.ok_at):
            await repo.note(connection, {"ok_at": now, "problem": ""})


async def failed(given: Services, tenant: str, connection: str, error: AdapterError) -> None:
    """The system has not, or refuses us. An authorisation that has ended makes the connection expired, and says so once."""
    if isinstance(error, AdapterUnauthorized) and not error.partly:
        await expire(given, tenant, connection, ENDED)
        return
    if not isinstance(error, AdapterUnavailable | AdapterRateLimited | AdapterUnauthorized):
        await succeeded(given, tenant, connection)  # it has answered: what it was asked was wrong, not the connection
        return
    async with given.database.tenant(tenant) as scope:
        repo = ConnectionRepo(scope)
        row = await repo.get(connection)
        if row is not None and row.state == "active":
            await repo.note(connection, {"failed_at": given.clock(), "problem": _sentence(error.public)})


async def expire(given: Services, tenant: str, connection: str, problem: str) -> bool:
    """It must be authorised again: the tenant's endpoints and owners are told, once; False if it was not active."""
    async with given.database.tenant(tenant) as scope:
        repo = ConnectionRepo(scope)
        if not await repo.expire(connection, problem, given.clock()):
            return False
        row = await repo.get(connection)
        if row is not None:
            data = {"connection_id": row.id, "provider": row.adapter.partition("/")[2]}
            await hooks.publish(scope, given, "connection.expired", data, subject=row.id)
            module = adapters().get(row.adapter)
            await tell_expired(scope, given, module.manifest.title if module else row.adapter, row.account, row.id)
    log.warning("a connection has expired", extra={"tenant": tenant, "connection": connection})
    return True


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
