"""Taking events in: each once, in any order, and the end of a call when all of it is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from offhook.contracts.events import AnyEvent, CallEnded, CallStarted, TransferEnded
from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.calls import news, ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.schemas import Accepted, CallRecord
from offhook.orchestrator.calls.transcript import turns_of
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.extraction import ops as extraction
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing import ops as outgoing
from offhook.orchestrator.paperwork import ops as paperwork
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync import ops as sync

FINISH: Final = "finish_call"
"""Name of the job that writes a call's result."""
LONGEST: Final = timedelta(hours=4, minutes=5)
"""No plan lets a call last longer: so long it holds its place, should nobody say that it has ended."""


async def take(given: Services, event: AnyEvent) -> Accepted:
    """Store an event; when it completes the call, queue the result in the same transaction. Conflict: its place is taken.

    What comes of a call that was deleted is let go, as if it had come before. NotFound: nobody has such an agent.
    """
    tenant, agent_id = agents.split_ref(event.ref)
    async with given.database.tenant(tenant) as scope:
        repo = CallRepo(scope)
        call = await repo.get(event.call, lock=True)
        if call is None:
            if await repo.ensure(event.call, agent_id) is None:
                return Accepted(duplicate=True)
            call = await ops.locked(scope, event.call)
        if not await repo.add_event(event.call, event.id, event.seq, event.type, event.model_dump(mode="json")):
            if await repo.has_event(event.call, event.id):
                return Accepted(duplicate=True)
            raise Conflict("another event of this call has this seq")
        await _apply(given, scope, call, event)
        missing = await repo.missing(event.call)
        if missing == 0:
            await later(given, scope, event.call)
        elif isinstance(event, CallEnded):
            await later(given, scope, event.call, given.settings.end_wait_s)
        return Accepted()


async def _apply(given: Services, scope: TenantScope, call: CallRecord, event: AnyEvent) -> None:
    """What an event changes in the call's record; the start never undoes the end."""
    repo = CallRepo(scope)
    if isinstance(event, CallStarted):
        fields = {"transport": event.transport, "did": event.did, "caller": event.caller, "carrier_call": event.carrier_call}
        fields |= {"trace_id": event.trace}
        known = {name: value for name, value in fields.items() if value and not getattr(call, name)}
        if call.state == "planned":
            known["state"] = "live"
            if not call.test:  # no plan was asked for it, if it has no place yet
                now = given.clock()
                await numbers.seat(scope, event.did or call.did, call.id, now, now + LONGEST)
        await repo.change(call.id, started_at=event.time, **known)
        changed = await ops.get(scope, call.id)
        await repo.find_by(changed)
        await news.started(given, scope, changed)
        if not call.test:
            await sync.ask_about(scope, given, changed.caller)
    elif isinstance(event, TransferEnded):
        await news.transferred(given, scope, call, event)
    elif isinstance(event, CallEnded):
        fields = {"reason": event.reason, "outcome": event.outcome}
        await repo.change(call.id, state="ended", ended_at=event.time, last_seq=event.seq, seconds=event.seconds, **fields)
        await numbers.release(scope, call.id)
        await outgoing.came_of(scope, call.id, event.outcome)
        if call.state != "ended":  # else it was given up, and that was told
            await news.ended(given, scope, await ops.get(scope, call.id))


async def later(given: Services, scope: TenantScope, call: str, wait: float = 0.0) -> None:
    """Have the call's result written, in this many seconds."""
    connection = await raw_connection(scope.session)
    # No queue lock: a timed job with the same lock would hold up the job of a complete call; the call's row is locked instead.
    later = given.queue.configure_task(FINISH, connection=connection, schedule_in={"seconds": int(wait)} if wait else None)
    await later.defer_async(tenant=scope.tenant, call=call)


async def finish(given: Services, tenant: str, call: str) -> bool:
    """Read a call and write its result; False if it is written. One that was written without all events is written anew when the last has
    come.

    The result, what customers are told of it (once, the first time) and the beginning of the paperwork are committed together. No
    transaction is open while a model reads the call.
    """
    async with given.database.tenant(tenant) as scope:
        if await CallRepo(scope).get(call) is None or await _written(scope, call):
            return False
    try:
        read = await extraction.read(given, tenant, call)
    except NotFound:  # deleted meanwhile
        return False
    async with given.database.tenant(tenant) as scope:
        repo = CallRepo(scope)
        record = await repo.get(call, lock=True)
        if record is None or await _written(scope, call):
            return False
        first = await repo.result(call) is None
        events = await repo.events(call)
        await repo.write_result(call, read.result, read.missing)
        await repo.change(call, summary=read.result.summary, slowest_ms=_slowest(events))
        await repo.find_by(await ops.get(scope, call))
        if first:
            await news.transcribed(given, scope, record, turns_of(events))
            await news.analyzed(given, scope, record, read.result)
        await paperwork.begin(scope, given, call)
        return True


async def _written(scope: TenantScope, call: str) -> bool:
    """Whether there is nothing new to write."""
    written, missing = await CallRepo(scope).result(call), await CallRepo(scope).missing(call) or 0
    return written is not None and (written[1] == 0 or missing > 0)


def _slowest(events: Sequence[Mapping[str, Any]]) -> float | None:
    """The longest that an answer was waited for."""
    waited = [(one.get("ladder") or {}).get("total") for one in events if one["type"] == "turn.agent"]
    return max((one for one in waited if one is not None), default=None)
