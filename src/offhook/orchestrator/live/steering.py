"""Commands to live calls, with what goes with each: it is sent once, and written down."""

from __future__ import annotations

from typing import Any

from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.live import engines, ops
from offhook.orchestrator.live.schemas import Commanded, EndLiveCall, SayLine, TransferCall


async def steer(access: TenantAccess, call: str, wanted: SayLine | TransferCall | EndLiveCall, key: str) -> Commanded:
    """Have the call's engine do this. The same ``key`` is the same command: the engine takes it once. NotFound, Conflict, Invalid,
    Unreachable.
    """
    action: engines.Action
    body: dict[str, Any]
    noted: dict[str, Any]
    match wanted:
        case SayLine():
            action, body, noted = "say", {"text": wanted.text}, {"characters": len(wanted.text)}
        case TransferCall():
            target = await ops.target(access.scope, wanted.target)
            action, body, noted = "transfer", {"target": target}, {"target": target}
        case EndLiveCall():
            action, body, noted = "end", {"line": wanted.line or "", "at_once": wanted.at_once}, {"at_once": wanted.at_once}
    mark = engines.nonce(access.given.clock(), access.scope.tenant, access.principal.id, key)
    await ops.command(access.scope, access.given, call, action, body, mark)
    # Written after the engine has taken it, so that nobody else of the tenant waits for the log while an engine does not answer.
    await access.audit(f"call.{action}", call, noted)
    return Commanded(call=call, action=action)
