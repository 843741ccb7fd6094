"""What others do with the copies of business systems."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync.repo import Known, SyncRepo
from offhook.orchestrator.sync.schemas import OutsideView

COPY: Final = "copy_system"
"""Name of the job that reads what changed in a connection's system."""
WATCH: Final = "watch_system"
"""Name of the job that has a system tell us of changes."""
ASK: Final = "ask_system"
"""Name of the job that asks what a system knows of one customer beyond what changes bring."""


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


async def of_phone(scope: TenantScope, phones: list[str], now: datetime) -> list[OutsideView]:
    """What systems know of whoever has one of these numbers, each customer once."""
    known = Known(scope)
    found = {(one.connection_id, one.id): one for phone in phones for one in await known.by_phone(phone)}
    views = []
    for one in found.values():
        jobs = await known.jobs([one])
        views.append(OutsideView(customer=one, jobs=jobs, visits=await known.visits([one], jobs, now)))
    return views
