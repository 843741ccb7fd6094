"""What other domains ask of calls, and what is shown of them."""

from __future__ import annotations

from offhook.errors import NotFound
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.schemas import Call, CallDetail
from offhook.orchestrator.crm import ops as crm
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
) -> Call:
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
    if found is None:
        raise NotFound("no such call")
    return found


async def latest(scope: TenantScope, limit: int) -> list[Call]:
    """The tenant's calls, latest first."""
    return await CallRepo(scope).latest(limit)


async def by_carrier_call(scope: TenantScope, carrier_call: str) -> Call | None:
    """The call of a carrier's id."""
    return await CallRepo(scope).by_carrier_call(carrier_call)


async def detail(scope: TenantScope, id: str) -> CallDetail:
    """A call and all that came of it; NotFound."""
    repo = CallRepo(scope)
    call = await repo.get(id)
    if call is None:
        raise NotFound("no such call")
    events = await repo.events(id)
    last = {event["type"]: event for event in events}
    written = await repo.result(id)
    lead, messages = await crm.of_call(scope, id)
    return CallDetail(
        call=call,
        turns=[event for event in events if event["type"].startswith("turn.")],
        tools=[event for event in events if event["type"] == "tool.finished"],
        recording=last.get("recording.ready"),
        usage=last.get("usage.reported"),
        ended=last.get("call.ended"),
        result=written[0] if written else None,
        missing=await repo.missing(id) or 0,
        appointments=await bookings.made_in(scope, id),
        lead=lead,
        messages=messages,
    )
