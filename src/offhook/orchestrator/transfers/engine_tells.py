"""What an engine tells of people whom it rings itself, over a tenant's trunk: the same decisions as for a carrier's webhooks.

What comes twice, or late, changes nothing.
"""

from __future__ import annotations

from typing import Final

from offhook.contracts.transfer import Outcome, Told, What
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.transfers import brief, ringing
from offhook.orchestrator.transfers.repo import TransferRepo
from offhook.orchestrator.transfers.schemas import Attempt, Transfer

LONGEST: Final = 8
"""Words of an answer to the question; more of them are a voicemail's, or somebody who talks to somebody else."""
OVER: Final[dict[What, Outcome]] = {
    "busy": "busy",
    "no_answer": "no_answer",
    "refused": "refused",
    "failed": "failed",
    "silent": "unaccepted",
}


async def told(given: Services, transfer: Transfer, told: Told) -> None:
    """Take it down, and decide what follows."""
    async with given.database.tenant(transfer.tenant_id) as scope:
        found = await ringing.locked(scope, transfer.id)
        if found.trunk_id is None:
            return
        current = found.current
        if told.what in {"together", "lost", "apart"}:
            if found.taken_by == told.place:
                await _taken(scope, given, found, told)
        elif found.state == "trying" and current is not None and current.place == told.place:
            await _tried(scope, given, found, current, told)


async def _tried(scope: TenantScope, given: Services, found: Transfer, current: Attempt, told: Told) -> None:
    """While they are rung and asked."""
    repo, now = TransferRepo(scope), given.clock()
    match told.what:
        case "answered" if not found.warm:
            await _take(scope, given, found, current)
        case "answered":
            await repo.mark(found.id, current.place, outcome="asked", asked_at=now, until=now + ringing.BRIEF_S)
            await repo.change(found.id)
        case "said" if current.outcome == "asked":
            few = len(told.words.split()) <= LONGEST
            takes = brief.takes(told.keys, told.words if few else "", found.language)
            if takes:
                await _take(scope, given, found, current)
            elif takes is not None:
                await ringing.over(scope, given, found, current, "refused")
        case "gone":
            await ringing.over(scope, given, found, current, "refused" if current.outcome == "asked" else "no_answer")
        case what if what in OVER:
            await ringing.over(scope, given, found, current, OVER[what])
        case _:
            pass


async def _take(scope: TenantScope, given: Services, found: Transfer, current: Attempt) -> None:
    """They take the call: their engine brings the caller to them, and says whether it could."""
    repo, now = TransferRepo(scope), given.clock()
    await repo.mark(found.id, current.place, outcome="accepted", ended_at=now)
    await repo.change(found.id, state="bridging", taken_by=current.place, until=now + ringing.BRIDGE_S)


async def _taken(scope: TenantScope, given: Services, found: Transfer, told: Told) -> None:
    """Once one of them has taken the call."""
    if told.what == "lost":
        if found.state == "bridging":
            await ringing.bridged(scope, given, found, "gone")
        return
    late = found.state == "failed" and found.reason == "late"
    if found.state == "bridging" or late:
        await TransferRepo(scope).mark(found.id, told.place, outcome="accepted")
        await ringing.bridged(scope, given, found, "")
    if told.what == "apart" and not found.parted:
        await TransferRepo(scope).change(found.id, news=False, parted=True)
        await tolls.free(scope, given, found.key(told.place))
