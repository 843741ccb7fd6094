"""Watching and steering calls that are under way."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.calls import lost
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import Call, CallFilter
from offhook.orchestrator.live import engines
from offhook.orchestrator.live.schemas import LiveCallView
from offhook.orchestrator.numbers.ops import e164
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

GRACE: Final = timedelta(minutes=5)
"""How much longer than its agent lets a call last it is believed to go on."""
LONGEST: Final = timedelta(hours=4)
"""What the longest call is taken to be where its agent is no more."""
SHORTEST: Final = timedelta(seconds=10)
"""No agent's longest call is shorter."""
BATCH: Final = 200
log = logging.getLogger(__name__)


async def page(scope: TenantScope, given: Services, limit: int, after: tuple[datetime, str] | None) -> list[LiveCallView]:
    """Calls that are under way, the latest first."""
    found = await calls.page(scope, CallFilter(state="live"), limit, after)
    return await views(scope, given, found)


async def views(scope: TenantScope, given: Services, found: list[Call]) -> list[LiveCallView]:
    """These calls as they are now."""
    ids = [one.id for one in found]
    now, said, where = given.clock(), await calls.last_said(scope, ids), await calls.engines(scope, ids)
    return [
        LiveCallView(
            **one.model_dump(include={"id", "agent_id", "agent_version", "transport", "did", "caller", "test"}),
            started_at=one.at,
            seconds=round(max(0.0, (now - one.at).total_seconds()), 1),
            last=said.get(one.id),
            steerable=engines.reachable(given.settings, where.get(one.id, "")),
        )
        for one in found
    ]


async def command(scope: TenantScope, given: Services, call: str, action: engines.Action, body: dict[str, Any], mark: str) -> None:
    """Have the call's engine do something; NotFound, Conflict, Invalid, Unreachable."""
    found = await calls.get(scope, call)
    if found.state != "live":
        raise Conflict("the call has ended" if found.state == "ended" else "the call has not begun")
    await engines.command(given, found.engine_url, action, call, body, mark)


async def target(scope: TenantScope, text: str) -> str:
    """A transfer target as a plan would have it: a phone number in its one form, anything else as it is."""
    return e164(text, (await tenants.get(scope)).region) or text if text[:1] in "+0123456789(" else text


async def sweep(given: Services) -> int:
    """End, as failed, what should have ended long ago and no engine knows any more; of how many calls."""
    async with given.database.platform() as platform:
        everybody = await tenants.every(platform)
    ended = 0
    for tenant in everybody:
        async with given.database.tenant(tenant) as scope:
            doubtful = await _doubtful(scope, given.clock())
        for call, url in doubtful:
            # Outside of any transaction: an engine that does not answer must not hold a lock.
            if engines.reachable(given.settings, url) and await engines.knows(given, url, call):
                continue
            async with given.database.tenant(tenant) as scope:
                ended += await _give_up(given, scope, call)
    if ended:
        log.warning("%d calls ended without a word of their engines", ended)
    return ended


async def _doubtful(scope: TenantScope, now: datetime) -> list[tuple[str, str]]:
    """Calls that have lasted longer than their agents allow, with their engines' URLs."""
    limits: dict[str, timedelta] = {}
    late: list[str] = []
    for state in ("live", "planned"):
        after: tuple[datetime, str] | None = None
        while found := await calls.page(scope, CallFilter(state=state, until=now - GRACE - SHORTEST), BATCH, after):
            after = (found[-1].at, found[-1].id)
            for call in found:
                if call.agent_id not in limits:
                    limits[call.agent_id] = await _longest(scope, call.agent_id)
                if call.at < now - GRACE - limits[call.agent_id]:
                    late.append(call.id)
    where = await calls.engines(scope, late)
    return [(call, where.get(call, "")) for call in late]


async def _longest(scope: TenantScope, agent: str) -> timedelta:
    try:
        return timedelta(milliseconds=(await agents.live(scope, agent)).turn.max_call_ms)
    except NotFound:
        return LONGEST


async def _give_up(given: Services, scope: TenantScope, call: str) -> bool:
    try:
        return await lost.give_up(given, scope, call)
    except NotFound:  # deleted in between
        return False
