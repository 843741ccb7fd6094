"""Writing down who did what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from offhook.orchestrator.audit.tables import AuditRow
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
    """Add a line to the log of the scope's tenant, reseller or platform, in the scope's transaction."""
    scope.session.add(
        AuditRow(
            id=new_id("aud", now),
            tenant_id=scope.tenant if isinstance(scope, TenantScope) else None,
            reseller_id=scope.reseller if isinstance(scope, ResellerScope) else None,
            at=now,
            actor_kind=principal.kind,
            actor_id=principal.id,
            actor_name=principal.name,
            action=action,
            target=target,
            details=dict(details),
            ip=ip,
        )
    )
    await scope.session.flush()
