"""What other domains ask of calls, and lists of them. What is shown of one: ``reading``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from offhook.contracts.analysis import CallResult
from offhook.errors import NotFound
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.schemas import AgentCalls, Call, CallFilter, CallRecord, Rhythm
from offhook.orchestrator.calls.transcript import Said, turns_of
from offhook.orchestrator.scope import TenantScope


async def ensure(
    scope: TenantScope,
    call: str,
    agent: str,
    *,
    transport: str = "",
    carrier_call: str = "",
    did: str = "",
    caller: str = "",
    version: int | None = None,
    test: bool = False,
    engine_url: str | None = None,
) -> CallRecord:
    """The call's record, made if it is new: by its plan, or by what the engine does with a plan that it had kept.

    ``engine_url`` is where its engine takes commands. A call that is there already stays as it is. NotFound: it was deleted, or there is
    no such agent.
    """
    found = await CallRepo(scope).ensure(
        call,
        agent,
        transport=transport,
        carrier_call=carrier_call,
        did=did,
        caller=caller,
        agent_version=version,
        test=test,
        engine_url=engine_url or "",
    )
    return _found(found)


async def page(scope: TenantScope, wanted: CallFilter, limit: int, after: tuple[datetime, str] | None) -> list[Call]:
    """Calls, the latest first."""
    return await CallRepo(scope).page(wanted, after, limit)


async def some(scope: TenantScope, calls: Collection[str]) -> list[Call]:
    """Those of these calls that there are, in no order."""
    return await CallRepo(scope).some(calls)


async def last_said(scope: TenantScope, calls: Collection[str]) -> dict[str, Said]:
    """The turn that was finished last in each of these calls, where there was one."""
    found = await CallRepo(scope).last_said(calls)
    return {call: said for call, event in found.items() for said in turns_of([event])}


async def count(scope: TenantScope, wanted: CallFilter, most: int) -> int:
    """How many calls fit; no more than ``most`` are counted."""
    return await CallRepo(scope).count(wanted, most)


async def by_agent(scope: TenantScope, agents: Collection[str], since: datetime, most: int, latest: int) -> dict[str, AgentCalls]:
    """Of each of these agents: its calls since then, no more than ``most`` counted, and the typical reply of the ``latest`` of them."""
    return await CallRepo(scope).by_agent(agents, since, most, latest)


async def rhythms(scope: TenantScope, calls: Collection[str]) -> dict[str, Rhythm]:
    """Who spoke when in each of these calls; nothing of those in which nobody has."""
    return await CallRepo(scope).rhythms(calls)


async def results(scope: TenantScope, calls: Collection[str]) -> dict[str, CallResult]:
    """The results of those of these calls that have one."""
    return await CallRepo(scope).results(calls)


async def told(scope: TenantScope, call: str, after: int) -> list[dict[str, Any]]:
    """What a call's engine told of it after this place, in order and without a gap: what comes after one is shown once it is closed."""
    found, place = [], after
    for event in await CallRepo(scope).events(call, after):
        place += 1
        if event["seq"] != place:
            break
        found.append(event)
    return found


async def events(scope: TenantScope, call: str) -> list[dict[str, Any]]:
    """All that a call's engine told of it, in order."""
    return await CallRepo(scope).events(call)


async def write_result(scope: TenantScope, call: str, result: CallResult, missing: int) -> None:
    """Keep a call's result, in place of one that was written before; NotFound: the call was deleted. What people corrected stays."""
    record = await locked(scope, call)
    repo = CallRepo(scope)
    await repo.write_result(call, result, missing)
    await repo.change(call, summary=result.summary)
    await repo.find_by(record.model_copy(update={"summary": result.summary}))


async def engines(scope: TenantScope, calls: Collection[str]) -> dict[str, str]:
    """Where the engines of these calls take commands; empty where they take none."""
    return await CallRepo(scope).engines(calls)


async def by_carrier_call(scope: TenantScope, carrier_call: str) -> CallRecord | None:
    """The call of a carrier's id."""
    return await CallRepo(scope).by_carrier_call(carrier_call)


async def get(scope: TenantScope, call: str) -> CallRecord:
    """A call; NotFound."""
    return _found(await CallRepo(scope).get(call))


async def locked(scope: TenantScope, call: str) -> CallRecord:
    """A call that nobody else changes until the transaction ends; NotFound."""
    return _found(await CallRepo(scope).get(call, lock=True))


async def recorded(scope: TenantScope, call: str, *, recorded: bool) -> None:
    """Note whether there is a recording."""
    await CallRepo(scope).change(call, recorded=recorded)


async def lost(scope: TenantScope, call: str, now: datetime) -> None:
    """The call never came to an engine: its record says so."""
    await CallRepo(scope).change(call, state="ended", reason="failed", outcome="failed", ended_at=now, seconds=0.0)


def _found(call: CallRecord | None) -> CallRecord:
    if call is None:
        raise NotFound("no such call")
    return call
