"""Taking events in: each once, in any order, and the end of a call when all of it is here."""

from __future__ import annotations

from offhook.contracts.events import AnyEvent, CallEnded, CallStarted
from offhook.errors import Conflict
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.results import make_result
from offhook.orchestrator.calls.schemas import Accepted
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

FINISH = "finish_call"
"""Name of the job that writes a call's result."""


async def take(given: Services, event: AnyEvent) -> Accepted:
    """Store an event; when it completes the call, queue the result in the same transaction. Conflict: its place is taken."""
    tenant, agent_id = agents.split_ref(event.ref)
    async with given.database.tenant(tenant) as scope:
        await agents.live(scope, agent_id)
        await ops.ensure(scope, event.call, agent_id)
        repo = CallRepo(scope)
        await repo.lock(event.call)
        if not await repo.add_event(event.call, event.id, event.seq, event.type, event.model_dump(mode="json")):
            if await repo.has_event(event.call, event.id):
                return Accepted(duplicate=True)
            raise Conflict("another event of this call has this seq")
        await _apply(repo, event)
        missing = await repo.missing(event.call)
        if missing == 0:
            await _defer(given, scope, event.call, wait=0.0)
        elif isinstance(event, CallEnded):
            await _defer(given, scope, event.call, wait=given.settings.end_wait_s)
        return Accepted()


async def _apply(repo: CallRepo, event: AnyEvent) -> None:
    """What an event changes in the call's record; the start never undoes the end."""
    if isinstance(event, CallStarted):
        call = await repo.get(event.call)
        fields = {"transport": event.transport, "did": event.did, "caller": event.caller, "carrier_call": event.carrier_call}
        known = {name: value for name, value in fields.items() if value and call and not getattr(call, name)}
        if call and call.state == "planned":
            known["state"] = "live"
        await repo.change(event.call, started_at=event.time, **known)
    elif isinstance(event, CallEnded):
        await repo.change(
            event.call,
            state="ended",
            ended_at=event.time,
            last_seq=event.seq,
            reason=event.reason,
            outcome=event.outcome,
            seconds=event.seconds,
        )


async def _defer(given: Services, scope: TenantScope, call: str, *, wait: float) -> None:
    connection = await raw_connection(scope.session)
    # No queue lock: a timed job with the same lock would hold up the job of a complete call; the call's row is locked instead.
    later = given.queue.configure_task(FINISH, connection=connection, schedule_in={"seconds": int(wait)} if wait else None)
    await later.defer_async(tenant=scope.tenant, call=call)


async def finish(given: Services, tenant: str, call: str) -> bool:
    """Write the call's result, once, whoever comes first; False if it was written before."""
    async with given.database.tenant(tenant) as scope:
        repo = CallRepo(scope)
        await repo.lock(call)
        record = await repo.get(call)
        if record is None or await repo.result(call) is not None:
            return False
        agent = await agents.live(scope, record.agent_id)
        events = await repo.events(call)
        ended = next((event for event in events if event["type"] == "call.ended"), None)
        appointments = [one.starts_at for one in await bookings.made_in(scope, call) if one.status == "booked"]
        lead, _ = await crm.of_call(scope, call)
        result = make_result(agent.script, ended, record.caller, appointments, lead.status if lead else None)
        return await repo.write_result(call, result, await repo.missing(call) or 0)
