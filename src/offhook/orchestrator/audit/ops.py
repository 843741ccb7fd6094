"""Writing down who did what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from offhook.orchestrator.audit.chain import Line
from offhook.orchestrator.audit.repo import Log
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope


async def record(
    scope: TenantScope | ResellerScope | PlatformScope,
    now: datetime,
    principal: Principal,
    action: str,
    target: str,
    details: Mapping[str, Any],
    ip: str = "",
) -> None:
    """Add a line to the log of the scope's tenant, reseller or platform, in the scope's transaction.

    Until it ends, others who change the same tenant wait: a log has one writer at a time.
    """
    log = Log(scope)
    seq, before = await log.end()
    line = Line(
        seq=seq + 1,
        id=new_id("aud", now),
        tenant_id=log.tenant,
        reseller_id=log.reseller,
        at=now,
        actor_kind=principal.kind,
        actor_id=principal.id,
        actor_name=principal.name,
        action=action,
        target=target,
        details=dict(details),
        ip=ip,
    )
    await log.add(line, before)
