"""Attempts to place a call: begun when it may be rung just now, and asked for over its trunk or of its carrier.

``dial`` is the only way to it, and may be called at any time, by anybody, any number of times. An attempt is kept before it is asked for,
by a key of its own, so that it rings once, whoever dies in between.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from offhook.errors import NotFound
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing import by_carrier, by_trunk, rules, states
from offhook.orchestrator.outgoing.hours import Hours, next_time, zones_of
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.repo import OutgoingRepo
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.tolls.schemas import Denied
from offhook.orchestrator.trunks import ops as trunks

LATER: Final = frozenset({"at_once", "per_minute", "minutes_per_hour", "spend_per_hour"})
"""Reasons that pass by themselves: the call waits."""
NO_ENGINE: Final = timedelta(hours=1)
"""How long a call waits for an engine that has its trunk."""


async def dial(given: Services, tenant: str, id: str) -> str:
    """Do what can be done now for a call; its state then."""
    async with given.database.tenant(tenant) as scope:
        row = await OutgoingRepo(scope).get(id, lock=True)
        if row is None or row.next_at is None or row.next_at > given.clock():
            return row.state if row else "gone"
        if row.state in {"ringing", "answered"} and not row.boot:  # the carrier has said nothing more of it
            await states.attempt_ended(scope, given, row, "failed" if row.state == "ringing" else "completed")
            return (await states.fresh(scope, id)).state
        if row.state == "waiting" and not await _begin(scope, given, row):
            return (await states.fresh(scope, id)).state
        row = await states.fresh(scope, id)
        asked = await by_carrier.asked(scope, given, row) if row.trunk_id is None else await by_trunk.asked(scope, given, row)
        if asked is None:
            return (await states.fresh(scope, id)).state
    if isinstance(asked, by_carrier.Asked):
        return await by_carrier.ask(given, tenant, row, asked)
    return await by_trunk.ask(given, tenant, row, asked)


async def _begin(scope: TenantScope, given: Services, row: OutgoingRow) -> bool:
    """Whether it may be rung now; if so the attempt is kept before anybody is asked."""
    repo, now = OutgoingRepo(scope), given.clock()
    if (off := await rules.off(scope, row)) is not None:
        await states.end(scope, given, row, *off)
        return False
    wanted = await rules.setting(scope)
    hours = Hours(wanted.opens, wanted.closes, frozenset(wanted.days))
    if row.not_after is not None and row.not_after < now:
        await states.end(scope, given, row, "failed", "expired")
        return False
    zones = ((await tenants.get(scope)).zone, *zones_of(row.to))
    at = next_time(now, zones, hours, row.not_after)
    if at is None:
        await states.end(scope, given, row, "refused", "no_hours")
        return False
    if at > now:
        await states.wait(scope, given, row, at)
        return False
    _, why = await rules.may(scope, row.to, row.purpose, row.lead_id)
    if why is not None:
        await states.end(scope, given, row, "refused", why)
        return False
    if not await _way(scope, given, row):
        return False
    leave = await tolls.ask(scope, given, row.to, states.toll_of(row.purpose), key_of(row.id, row.attempts + 1))
    if isinstance(leave, Denied):
        if leave.why in LATER:
            await states.wait(scope, given, row, now + states.PAUSE)
        else:
            await states.end(scope, given, row, "refused", leave.why)
        return False
    await repo.begin(row.id, row.attempts + 1, now)
    fresh = {"carrier_call": "", "answered_by": "", "reason": "", "engine": "", "boot": ""}
    await repo.change(row.id, state="dialling", attempts=row.attempts + 1, next_at=now + states.LEASE, **fresh)
    return True


async def _way(scope: TenantScope, given: Services, row: OutgoingRow) -> bool:
    """Whether it can be placed just now: over its trunk, or the one of its number, by an engine that has it; else by the carrier."""
    repo, now, trunk = OutgoingRepo(scope), given.clock(), row.trunk_id or await _trunk_of(scope, row)
    if trunk is None:
        return True
    await repo.change(row.id, trunk_id=trunk)
    try:
        if await trunks.placers(scope, trunk, now):
            return True
    except NotFound:
        await states.end(scope, given, row, "failed", "no_trunk")
        return False
    if now - max(row.created_at, row.not_before or row.created_at) > NO_ENGINE:
        await states.end(scope, given, row, "failed", "no_engine")
    else:
        await repo.change(row.id, reason="no_engine")
        await states.wait(scope, given, row, now + states.PAUSE)
    return False


async def _trunk_of(scope: TenantScope, row: OutgoingRow) -> str | None:
    """The trunk of the number that it is placed from."""
    try:
        return (await numbers.show(scope, row.number_id)).trunk_id
    except NotFound:
        return None
