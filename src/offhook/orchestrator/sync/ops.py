"""What others do with the copies of business systems."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync.context import one_each
from offhook.orchestrator.sync.repo import Known, SyncRepo
from offhook.orchestrator.sync.schemas import OutsideCustomer, OutsideView

COPY: Final = "copy_system"
"""Name of the job that reads what changed in a connection's system."""
WATCH: Final = "watch_system"
"""Name of the job that has a system tell us of changes."""
ASK: Final = "ask_system"
"""Name of the job that asks what a system knows of one customer beyond what changes bring."""

LATELY: Final = timedelta(minutes=10)
DAILY: Final = timedelta(hours=20)
MOST: Final = 500
"""Customers of a tenant that systems are asked about in a night."""


async def begin(scope: TenantScope, given: Services, connection: str) -> None:
    """Have a connection read, now and from now on."""
    await SyncRepo(scope, connection).begin(given.clock())
    await soon(scope, given, connection)


async def soon(scope: TenantScope, given: Services, connection: str) -> None:
    """Have a connection read now: something changed there."""
    await SyncRepo(scope, connection).put(due_at=given.clock())
    await given.queue.configure_task(COPY, connection=await raw_connection(scope.session)).defer_async(
        tenant=scope.tenant, connection=connection
    )


async def ask_about(scope: TenantScope, given: Services, phone: str) -> None:
    """Have systems asked what changes do not bring, such as what is owed, of whoever rings: for their next call."""
    found = one_each(await Known(scope).by_phone(phone)) if phone else []
    await _ask(scope, given, [one for one in found if one.asked_at is None or one.asked_at < given.clock() - LATELY])


async def ask_again(scope: TenantScope, given: Services) -> None:
    """The same of all who have rung, and were asked about some hours ago."""
    await _ask(scope, given, await Known(scope).asked_before(given.clock() - DAILY, MOST))


async def _ask(scope: TenantScope, given: Services, customers: list[OutsideCustomer]) -> None:
    able = {one.id for one in await connections.active(scope, capability="get_context")} if customers else set()
    for one in customers:
        if one.connection_id in able:
            job = given.queue.configure_task(ASK, connection=await raw_connection(scope.session))
            await job.defer_async(tenant=scope.tenant, connection=one.connection_id, customer=one.id)


async def of_phone(scope: TenantScope, phones: list[str], now: datetime) -> list[OutsideView]:
    """What systems know of whoever has one of these numbers, each customer once."""
    known = Known(scope)
    found = {(one.connection_id, one.id): one for phone in phones for one in await known.by_phone(phone)}
    views = []
    for one in found.values():
        jobs = await known.jobs([one])
        views.append(OutsideView(customer=one, jobs=jobs, visits=await known.visits([one], jobs, now)))
    return views
