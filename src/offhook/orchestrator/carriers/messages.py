"""Fetching the messages that callers left with a carrier: soon, again if the carrier is not ready, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from anyio import to_thread

from offhook.errors import AdapterUnauthorized, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers.rest import opening, recorded
from offhook.orchestrator.recordings import messages
from offhook.orchestrator.recordings.sound import Flac, as_flac
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

PATIENCE: Final = timedelta(hours=1)
"""So long after it was left a message is asked for."""
FIRST_S: Final = 5
LONGEST_S: Final = 600
"""Seconds from one attempt to the next: twice as many each time, between these."""


async def fetch(given: Services, tenant: str, call: str) -> bool:
    """Try to fetch a message; whether its sound came. What went wrong is noted, with another attempt to come where one may help."""
    async with given.database.tenant(tenant) as scope:
        one = await messages.waiting(scope, given, call)
        if one is None:
            return False
        if not await _records(scope, call):
            await messages.leave(scope, given, call, None)
            return False
    try:
        sound = await _download(given, tenant, one)
    except recorded.Missed as missed:
        async with given.database.tenant(tenant) as scope:
            if missed.again and given.clock() < one.left_at + PATIENCE:
                await messages.again(scope, given, call, wait_s(one.attempts))
            else:
                await messages.leave(scope, given, call, missed.fault)
        return False
    return await messages.keep(given, tenant, call, sound)


def wait_s(attempts: int) -> int:
    """Seconds to the next attempt, after so many and one more."""
    return min(LONGEST_S, FIRST_S << min(attempts, 10))


async def give_up(given: Services, tenant: str, call: str) -> None:
    """The job itself breaks, again and again."""
    async with given.database.tenant(tenant) as scope:
        await messages.leave(scope, given, call, "broken")


async def _download(given: Services, tenant: str, one: messages.Waiting) -> Flac:
    """The sound as it is kept; Missed."""
    try:
        opened = await opening.credentials(given, tenant, one.account)
    except (NotFound, AdapterUnauthorized) as error:
        raise recorded.Missed("keys") from error
    if opened.kind != one.carrier:
        raise recorded.Missed("keys")
    async with given.systems.client(f"carrier/{opened.kind}") as client:
        body = await recorded.download(client, opened, one.url)
    sound = await to_thread.run_sync(as_flac, body)
    if sound is None:
        raise recorded.Missed("not_audio")
    return sound


async def _records(scope: TenantScope, call: str) -> bool:
    """Whether recording is on for the call's agent, as it answers now."""
    try:
        agent = await agents.live(scope, (await calls.get(scope, call)).agent_id)
    except NotFound:
        return False
    return agent.config.recording.record
