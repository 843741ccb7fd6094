"""Deleting a call, and what has been kept for long enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.paperwork import ops as paperwork
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tools import ops as tools
from offhook.orchestrator.transfers import ops as transfers

LONGEST: Final = timedelta(hours=5)
"""No call lasts longer, so one that began before that and has not ended never will: its engine was lost."""
UNKNOWN: Final = 90
"""Days that calls of an agent are kept that is not there to say."""
SYSTEM: Final = Principal("operator", "system", "offhook", ())
"""Who is said to have done what nobody asked for."""
BATCH: Final = 100
"""Calls that one transaction lets go of."""


async def delete(given: Services, scope: TenantScope, call: str) -> None:
    """Delete a call with what was said, done and recorded in it. What it booked stays, and no longer says by which call.

    Whatever comes late, or again, of this call finds that it was deleted. NotFound; Conflict while the call goes on.
    """
    found = await ops.locked(scope, call)
    if found.state == "live" and found.at > given.clock() - LONGEST:
        raise Conflict("the call is going on: end it first")
    await recordings.remove(given, scope, call)
    await tools.forget(scope, call)
    await bookings.forget_call(scope, call)
    await hooks.forget(scope, call)
    await paperwork.forget(scope, call)
    await transfers.forget(scope, call)
    await numbers.release(scope, call)
    await CallRepo(scope).delete(call, given.clock())


async def sweep(given: Services, tenant: str) -> tuple[int, int]:
    """Delete calls that the tenant does not keep any longer, and let go of what was said in those that their agents keep no longer.

    Of the latter it stays that there was a call, and what came of it. How many were deleted, and how many let go of.
    """
    async with given.database.tenant(tenant) as scope:
        kept = (await tenants.show(scope)).retention_days
        limits = {
            agent: given.clock() - timedelta(days=await _days(scope, agent, version)) for agent, version in await CallRepo(scope).agents()
        }
    deleted = let_go = 0
    while kept is not None and (done := await _delete(given, tenant, given.clock() - timedelta(days=kept))) > 0:
        deleted += done
    for agent, before in limits.items():
        while (done := await _let_go(given, tenant, agent, before)) > 0:
            let_go += done
    if deleted or let_go:
        async with given.database.tenant(tenant) as scope:
            await audit.record(scope, given.clock(), SYSTEM, "calls.expired", tenant, {"deleted": deleted, "let_go": let_go})
    return deleted, let_go


async def _delete(given: Services, tenant: str, before: datetime) -> int:
    async with given.database.tenant(tenant) as scope:
        found = await CallRepo(scope).before(before, BATCH)
        for call in found:
            await delete(given, scope, call)
        return len(found)


async def _let_go(given: Services, tenant: str, agent: str, before: datetime) -> int:
    async with given.database.tenant(tenant) as scope:
        repo = CallRepo(scope)
        found = await repo.outlived(agent, before, BATCH)
        for call in found:
            await ops.locked(scope, call)
            await recordings.remove(given, scope, call)
            await tools.forget(scope, call)
            await repo.strip(call)
            await repo.change(call, kept=False, recorded=False)
        return len(found)


async def _days(scope: TenantScope, agent: str, version: int | None) -> int:
    """What the agent says now; where it does not answer any more, what it said last."""
    try:
        return (await agents.live(scope, agent)).keep_days
    except NotFound:
        pass
    try:
        return (await agents.version(scope, agent, version)).keep_days if version is not None else UNKNOWN
    except NotFound:
        return UNKNOWN
