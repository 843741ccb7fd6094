"""Writing down who did what, and reading it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from offhook.orchestrator.audit.chain import Line, Walk
from offhook.orchestrator.audit.repo import Log
from offhook.orchestrator.audit.schemas import AuditFilter, AuditView, Checked
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope

Scope = TenantScope | ResellerScope | PlatformScope
BATCH: Final = 1_000


async def record(
    scope: Scope,
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
        actor_name=_name(scope, principal),
        action=action,
        target=target,
        details=dict(details),
        ip=ip,
    )
    await log.add(line, before)


async def newest(scope: Scope, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditView]:
    """Rows of the scope's own log, the newest first, older than the place ``before``."""
    return [AuditView.model_validate(row) for row in await Log(scope).newest(wanted, before, limit)]


async def verify(scope: Scope) -> Checked:
    """Follow the chain of the scope's own log from its first row to its end."""
    log, walk = Log(scope), Walk()
    seq, hashed = await log.head()  # read first: rows that are added in the meantime come after it and are not looked at
    rows = 0
    while batch := [one for one in await log.after(walk.seq, BATCH) if one[0].seq <= seq]:
        for line, its_hash in batch:
            walk.row(line, its_hash)
        rows += len(batch)
    # Rows above the head are either younger than it or were slipped in; who adds one by the rules moves the head along.
    walk.end(seq, hashed)
    if walk.broken_at is None and await log.stray(await log.head()):
        walk.broken_at = walk.seq + 1
    return Checked(whole=walk.broken_at is None, rows=rows, broken_at=walk.broken_at, head=hashed.hex())


def _name(scope: Scope, principal: Principal) -> str:
    """A log must not name people for longer than they are known: a tenant's members are named in the tenant's own log only."""
    if principal.kind != "person" or isinstance(scope, TenantScope) or any(one.tenant is None for one in principal.grants):
        return principal.name
    return ""
