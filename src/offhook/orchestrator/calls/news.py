"""What customers are told of calls: each once, in the transaction of what it tells of, and nothing of tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from offhook.contracts.analysis import CallResult
from offhook.contracts.events import TransferEnded
from offhook.orchestrator.calls.schemas import CallRecord
from offhook.orchestrator.calls.transcript import Said
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.hooks.catalogue import EventType
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


async def started(given: Services, scope: TenantScope, call: CallRecord) -> None:
    """The call has begun."""
    await _publish(given, scope, call, "call.started", {})


async def ended(given: Services, scope: TenantScope, call: CallRecord) -> None:
    """The call is over."""
    await _publish(given, scope, call, "call.ended", call.model_dump(mode="json", include={"ended_at", "seconds", "reason", "outcome"}))


async def transferred(given: Services, scope: TenantScope, call: CallRecord, event: TransferEnded) -> None:
    """The caller was put through, or was not after all."""
    said = {"target": event.target, "outcome": event.outcome, "to": event.name, "reason": event.reason, "seconds": event.seconds}
    await _publish(given, scope, call, "call.transferred", said)


async def transcribed(given: Services, scope: TenantScope, call: CallRecord, turns: Sequence[Said]) -> None:
    """All that was said is here."""
    said = [{"who": one.speaker, **one.model_dump(mode="json", exclude={"speaker"})} for one in turns]
    await _publish(given, scope, call, "call.transcribed", {"turns": said})


async def analyzed(given: Services, scope: TenantScope, call: CallRecord, result: CallResult) -> None:
    """What came of it is known."""
    await _publish(given, scope, call, "call.analyzed", {"result": result.model_dump(mode="json")})


async def _publish(given: Services, scope: TenantScope, call: CallRecord, type: EventType, data: dict[str, Any]) -> None:
    if call.test:
        return
    about = call.model_dump(mode="json", include={"agent_id", "agent_version", "caller", "did", "transport", "started_at"})
    await hooks.publish(scope, given, type, {"call_id": call.id, **about, **data}, subject=call.id)
