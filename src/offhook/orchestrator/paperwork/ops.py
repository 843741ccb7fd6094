"""The paperwork of calls: begun with the result, shown, sent again, and let go."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from offhook.adapters.modules import found
from offhook.errors import NotFound
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.paperwork import facts
from offhook.orchestrator.paperwork.plan import SILENT, TEST, plan
from offhook.orchestrator.paperwork.repo import OWN, CallerRepo, RunRepo, Runs
from offhook.orchestrator.paperwork.saga import WORK, leave, rows, wake
from offhook.orchestrator.paperwork.schemas import GivenUp, Paperwork
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

AT_ONCE: Final = 50
"""Runs that are woken by jobs of their own; the sweep finds the others."""
SWEPT: Final = 500


async def begin(scope: TenantScope, given: Services, call: str) -> None:
    """Begin the paperwork of a call whose result is written in this transaction. One that has begun goes on as it does.

    A result that was written anew, since more of the call has come, begins what there was no reason for before.
    """
    told, now, repo = await facts.told(scope, given, call), given.clock(), RunRepo(scope)
    if told is None:
        return
    record = await calls.get(scope, call)
    done = {"state": "done", "attempts": 1, "begun_at": now, "done_at": now}
    own = [{"step": one, **done} for one in ("transcript", "extract")]
    if record.test:
        await repo.add(call, OWN, _run("skipped", now, reason=TEST), own)
        return
    last: dict[str, Any] = {"step": "notify", "state": "waiting"}
    if await repo.add(call, OWN, _run("waiting", now), [*own, {"step": "webhooks", **done}, last]):
        await wake(scope, given, call, OWN)
    modules = found()
    for one in await connections.active(scope, kind="crm"):
        module = modules.get(one.adapter)
        if module is None:
            continue
        planned = plan(told, module.manifest, one.mapping, one.chosen)
        fields = {"adapter": one.adapter, "title": one.title, "person": told.person}
        state = _run("waiting", now, **fields) if planned.items else _run("skipped", now, reason=planned.reason, **fields)
        if await repo.add(call, one.id, state, rows(call, planned)):
            if planned.items:
                await wake(scope, given, call, one.id)
        elif planned.items and (old := await repo.lock(call, one.id)) is not None and old.state == "skipped" and old.reason == SILENT:
            await repo.put(call, one.id, **_run("waiting", now))
            await wake(scope, given, call, one.id)


def _run(state: str, now: datetime, *, reason: str = "", **fields: str) -> dict[str, Any]:
    over = state != "waiting"
    times = {"created_at": now, "next_at": None if over else now, "done_at": now if over else None}
    return {"state": state, "reason": reason, **times, **fields}


async def of_call(scope: TenantScope, call: str) -> Paperwork:
    """What went where; NotFound."""
    await calls.get(scope, call)
    return await RunRepo(scope).paperwork(call)


async def again(scope: TenantScope, given: Services, call: str, connection: str | None = None) -> Paperwork:
    """Send again what was given up, and at once what waits: in one system, or in all. What is done stays done. NotFound."""
    await calls.get(scope, call)
    repo = RunRepo(scope)
    found = [one.connection_id for one in await repo.runs(call) if connection in {None, one.connection_id}]
    if connection is not None and not found:
        raise NotFound("this call left nothing for that connection")
    for one in found:
        await _again(scope, given, call, one)
    return await repo.paperwork(call)


async def again_all(scope: TenantScope, given: Services, connection: str) -> int:
    """Send again all that was given up in a system; how many calls. NotFound: no call has left anything for it."""
    repo = RunRepo(scope)
    if not await repo.knows(connection):
        raise NotFound("no call has left anything for that connection")
    found = await repo.failed_of(connection)
    for number, call in enumerate(found):
        await _again(scope, given, call, connection, job=number < AT_ONCE)
    return len(found)


async def _again(scope: TenantScope, given: Services, call: str, connection: str, *, job: bool = True) -> None:
    repo, now = RunRepo(scope), given.clock()
    run = await repo.lock(call, connection)
    if run is None or run.state in {"done", "skipped"}:
        return
    for step in await repo.steps(call, connection):
        if step.state == "failed":
            await repo.put_step(call, connection, step.step, state="waiting", error="", done_at=None)
    fresh = {"state": "waiting", "next_at": now, "tries": 0, "failing_since": None, "renewed": False, "done_at": None, "reason": ""}
    await repo.put(call, connection, **fresh)
    if job:
        await wake(scope, given, call, connection)


async def resume(scope: TenantScope, given: Services, connection: str) -> int:
    """A connection works again: go on at once with all that waits for it; how many calls."""
    repo, now = RunRepo(scope), given.clock()
    found = await repo.open_of(connection)
    for number, call in enumerate(found):
        await repo.put(call, connection, state="waiting", next_at=now, tries=0, failing_since=None)
        if number < AT_ONCE:
            await wake(scope, given, call, connection)
    return len(found)


async def given_up(scope: TenantScope, since: datetime) -> list[GivenUp]:
    """What no system has got, by connection; the latest first."""
    return sorted(await RunRepo(scope).given_up(since), key=lambda one: one.at, reverse=True)


async def forget(scope: TenantScope, call: str) -> None:
    """A call is deleted: nothing more of it is written anywhere. What was written stays there."""
    await RunRepo(scope).forget(call)


async def stop(scope: TenantScope, given: Services, connection: str) -> None:
    """A connection is off: nothing more goes there, and who callers are there is forgotten."""
    repo, now = RunRepo(scope), given.clock()
    for call in await repo.open_of(connection):
        await leave(repo, call, connection, now)
    await CallerRepo(scope).forget_system(connection)


async def sweep(given: Services) -> int:
    """Have every run looked at that is due and that nobody works on, as after a worker died or a job was lost; how many."""
    async with given.database.platform() as scope:
        due = await Runs(scope).due(given.clock(), SWEPT)
    for tenant, call, connection in due:
        await given.queue.configure_task(WORK).defer_async(tenant=tenant, call=call, connection=connection)
    return len(due)
