"""What is shown of one call: all that came of it, and what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offhook.contracts.events import MediaQuality
from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.schemas import Call, CallDetail, CallRecord
from offhook.orchestrator.calls.transcript import Transcript, turns_of
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.recordings import messages as left
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.scope import TenantScope


async def detail(scope: TenantScope, id: str) -> CallDetail:
    """A call and all that came of it; NotFound."""
    call = await ops.get(scope, id)
    repo = CallRepo(scope)
    events = await repo.events(id)
    last = {event["type"]: event for event in events}
    written = await repo.result(id)
    lead, messages = await crm.of_call(scope, id)
    return CallDetail(
        call=call,
        turns=[event for event in events if event["type"].startswith("turn.")],
        tools=[event for event in events if event["type"] == "tool.finished"],
        transfers=[event for event in events if event["type"].startswith("transfer.")],
        recording=await recordings.show(scope, id) if call.recorded else None,
        voice_message=await left.show(scope, id),
        usage=last.get("usage.reported"),
        ended=last.get("call.ended"),
        media=_media(last.get("call.ended")),
        redacted=last.get("recording.ready", {}).get("redacted") or [],
        result=written[0] if written else None,
        missing=_missing(call, len(events)),
        appointments=await bookings.made_in(scope, id),
        lead=lead,
        messages=messages,
    )


async def transcript(scope: TenantScope, id: str) -> Transcript:
    """What was said in a call; NotFound."""
    call = await ops.get(scope, id)
    events = await CallRepo(scope).events(id)
    complete = call.last_seq is not None and not _missing(call, len(events))
    return Transcript(call=id, complete=complete, turns=turns_of(events))


async def agent_of(scope: TenantScope, call: Call) -> Agent | None:
    """The agent of a call, of the version that it had; None if it is no more."""
    try:
        if call.test:
            return (await trials.of_call(scope, call.id)).agent
        if call.agent_version is not None:
            return await agents.version(scope, call.agent_id, call.agent_version)
        return await agents.live(scope, call.agent_id)
    except NotFound:
        return None


def _media(ended: Mapping[str, Any] | None) -> MediaQuality | None:
    found = (ended or {}).get("media")
    return MediaQuality.model_validate(found) if found else None


def _missing(call: CallRecord, events: int) -> int:
    return max(0, call.last_seq - events) if call.last_seq is not None else 0
