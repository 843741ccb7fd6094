"""What an agent's values of turn-taking would have done to the calls that it has had: their traces, run again with other waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from offhook.authoring import retime
from offhook.contracts.plan import TurnPlan
from offhook.errors import ConfigError, NotFound
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.agents.schemas import Retimed
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallFilter
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.recordings.store import Stored
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.seal import Unsealable

MOST: Final = 200
"""Calls, the latest: some ten milliseconds of processor each."""
BYTES: Final = 8_000_000
"""Of traces, all told. A minute of a call has 16 kB."""


async def over_last(given: Services, scope: TenantScope, agent: str, plan: TurnPlan) -> Retimed:
    """Run the agent's last calls again with these values and with those that are live; NotFound. Seconds, in a thread."""
    live = await _live(scope, agent)
    found, size = [], 0
    for call in await calls.page(scope, CallFilter(agent=agent, state="ended"), MOST, None):
        try:
            view, stored = await recordings.fetch(given, scope, call.id, "trace")
        except NotFound:  # not kept, or deleted
            continue
        size += view.size
        if size > BYTES:
            break
        found.append((call.id, view.size, stored))
    return await to_thread.run_sync(_work, found, plan, live, limiter=_limiter())


async def _live(scope: TenantScope, agent: str) -> TurnPlan | None:
    stored = await reading.get(scope, agent)
    return None if stored.live is None else (await reading.live(scope, agent)).turn


def _work(found: Sequence[tuple[str, int, Stored]], plan: TurnPlan, live: TurnPlan | None) -> Retimed:
    seen, unreadable = [], 0
    for call, size, stored in found:
        try:
            text = b"".join(stored.read(0, size - 1)).decode(errors="replace")
            seen.append(retime.recorded(text.splitlines(), call))
        except (ConfigError, Unsealable, OSError):  # of another version, or gone since
            unreadable += 1
    return Retimed(
        calls=len(seen),
        unreadable=unreadable,
        here=retime.timing(seen, plan),
        live=retime.timing(seen, live) if live is not None else None,
    )


_one: RunVar[CapacityLimiter] = RunVar("replays of traces")


def _limiter() -> CapacityLimiter:
    """One at a time in this process: the processor is for calls."""
    try:
        return _one.get()
    except LookupError:
        made = CapacityLimiter(1)
        _one.set(made)
        return made
