"""Calls whose engine was lost: nobody says any more that they have ended."""

from __future__ import annotations

from offhook.orchestrator.calls import intake, news, ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


async def give_up(given: Services, scope: TenantScope, call: str) -> bool:
    """End a call as failed: its place is free, and its result is made of what has come. False if it has ended.

    Of one that never began there is nothing to tell and no result.
    Should its engine come back and say how it really ended, that is what its record will say.
    """
    found = await ops.locked(scope, call)
    if found.state == "ended":
        return False
    await CallRepo(scope).change(call, state="ended", ended_at=given.clock(), reason="failed")
    await numbers.release(scope, call)
    if found.state == "live":
        await news.ended(given, scope, await ops.get(scope, call))
        await intake.later(given, scope, call)
    return True
