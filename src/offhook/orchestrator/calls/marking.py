"""What people add to a call: a flag with its reason, and what was heard wrong."""

from __future__ import annotations

from offhook.contracts.analysis import CallResult
from offhook.errors import Conflict
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.schemas import Corrections, FlagIn


async def flag(access: TenantAccess, call: str, wanted: FlagIn | None) -> None:
    """Mark a call for the team, or (None) take the mark away; NotFound. Written down."""
    before = await ops.locked(access.scope, call)
    if wanted is None:
        if before.flag:
            await CallRepo(access.scope).change(call, flag="", flagged_by="", flagged_at=None)
            await access.audit("call.unflagged", call)
        return
    if wanted.reason == before.flag:
        return
    await CallRepo(access.scope).change(call, flag=wanted.reason, flagged_by=access.principal.id, flagged_at=access.given.clock())
    await access.audit("call.flagged", call)


async def correct(access: TenantAccess, call: str, wanted: Corrections) -> CallResult:
    """Put right what was heard wrong; the result as it now is. It is written down which values, not what they are.

    NotFound; Conflict before there is a result.
    """
    await ops.locked(access.scope, call)
    repo = CallRepo(access.scope)
    if not await repo.correct(call, dict(wanted.values)):
        raise Conflict("the call has no result yet")
    await access.audit("call.result.corrected", call, {"values": sorted(wanted.values)})
    found = await repo.result(call)
    if found is None:
        raise Conflict("the call has no result yet")
    return found[0]
