"""Routes of the audit log: each tenant's, each reseller's, and the platform's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, StringConstraints

from offhook.orchestrator.audit import ops
from offhook.orchestrator.audit.ops import Scope
from offhook.orchestrator.audit.schemas import AuditFilter, AuditView, Checked
from offhook.orchestrator.auth.access import PlatformAccess, ResellerAccess, TenantAccess, in_reseller, in_tenant, on_platform
from offhook.orchestrator.kit.paging import Page, PageQuery, PageRequest, page, position_of
from offhook.orchestrator.services import Services

router = APIRouter(prefix="/v1", tags=["audit"])
OfTenant = Annotated[TenantAccess, in_tenant("audit.read")]
OfReseller = Annotated[ResellerAccess, in_reseller("audit.read")]
OfPlatform = Annotated[PlatformAccess, on_platform("platform.audit")]
Word = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _filter(
    actor: Annotated[Word | None, Query(description="Only what this person or key did (its id).")] = None,
    action: Annotated[Word | None, Query(description="Only actions that begin with this, such as number.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Not before this time.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this time.")] = None,
) -> AuditFilter:
    return AuditFilter(actor=actor, action=action, since=since, until=until)


Wanted = Annotated[AuditFilter, Depends(_filter)]


@router.get("/tenants/{tenant}/audit")
async def list_tenant_audit(access: OfTenant, wanted: Wanted, part: PageQuery) -> Page[AuditView]:
    """Who did what in the tenant, newest first."""
    return await _list(access.given, access.scope, access.scope.tenant, wanted, part)


@router.get("/tenants/{tenant}/audit/check")
async def check_tenant_audit(access: OfTenant) -> Checked:
    """Whether every row of the log is as it was written, and none is missing."""
    return await ops.verify(access.scope)


@router.get("/resellers/{reseller}/audit")
async def list_reseller_audit(access: OfReseller, wanted: Wanted, part: PageQuery) -> Page[AuditView]:
    """Who did what with the reseller itself, newest first; its tenants have logs of their own."""
    return await _list(access.given, access.scope, access.scope.reseller, wanted, part)


@router.get("/resellers/{reseller}/audit/check")
async def check_reseller_audit(access: OfReseller) -> Checked:
    """Whether every row of the log is as it was written, and none is missing."""
    return await ops.verify(access.scope)


@router.get("/audit")
async def list_platform_audit(access: OfPlatform, wanted: Wanted, part: PageQuery) -> Page[AuditView]:
    """Who did what on the platform, newest first; resellers and tenants have logs of their own."""
    return await _list(access.given, access.scope, "", wanted, part)


@router.get("/audit/check")
async def check_platform_audit(access: OfPlatform) -> Checked:
    """Whether every row of the log is as it was written, and none is missing."""
    return await ops.verify(access.scope)


async def _list(given: Services, scope: Scope, owner: str, wanted: AuditFilter, part: PageRequest) -> Page[AuditView]:
    filters = {"list": "audit", "of": type(scope).__name__, "owner": owner, **wanted.model_dump(mode="json")}
    position = position_of(given, filters, part.cursor)
    rows = await ops.newest(scope, wanted, int(position[0]) if position else None, part.limit + 1)
    return page(rows, part.limit, given, filters, lambda one: (one.seq,))


routers: tuple[APIRouter, ...] = (router,)
