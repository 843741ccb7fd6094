"""Routes of tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from offhook.errors import Conflict
from offhook.orchestrator.auth.access import (
    ID,
    PlatformAccess,
    ResellerAccess,
    TenantAccess,
    in_reseller,
    in_tenant,
    on_platform,
    signed_in,
)
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.resellers import ops as resellers
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import erase, exports, ops
from offhook.orchestrator.tenants.schemas import (
    Confirmation,
    Erasing,
    ErasureView,
    ExportView,
    Move,
    NewTenant,
    TenantChange,
    TenantLimits,
    TenantView,
)

router = APIRouter(prefix="/v1", tags=["tenants"])
Reading = Annotated[TenantAccess, in_tenant("tenant.read")]
Writing = Annotated[TenantAccess, in_tenant("tenant.write")]
Erasers = Annotated[TenantAccess, in_tenant("tenant.delete")]
Selling = Annotated[ResellerAccess, in_reseller("tenants.create")]
Looking = Annotated[ResellerAccess, in_reseller("reseller.read")]
Anybody = Annotated[PlatformAccess, signed_in()]
Moving = Annotated[PlatformAccess, on_platform("resellers.write")]
Auditing = Annotated[PlatformAccess, on_platform("platform.audit")]
Id = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
    404: PROBLEM,
    409: PROBLEM,
}


# -- for resellers ------------------------------------------------------------------------------------------------------------


@router.get("/resellers/{reseller}/tenants")
async def list_reseller_tenants(access: Looking, part: PageQuery) -> Page[TenantView]:
    """The reseller's tenants, newest first."""
    filters = {"list": "tenants", "reseller": access.scope.reseller}
    rows = await ops.of_reseller(access.scope, part.limit + 1, _after(access.given, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("/resellers/{reseller}/tenants", status_code=201, responses=MISSING)
@once
async def create_tenant(body: NewTenant, access: Selling) -> TenantView:
    """Make a tenant of this reseller."""
    await resellers.show(access.scope)
    tenant = await ops.create(access.scope, body, access.given.clock())
    await access.audit("tenant.created", tenant.subject)
    return tenant


@router.post("/resellers/{reseller}/tenants/{tenant}/suspend", responses=MISSING)
async def suspend_tenant(tenant: Id, access: Selling) -> TenantView:
    """Refuse the tenant's calls; all else stays as it is."""
    found = await ops.suspend(access.scope, tenant, suspended=True)
    await access.audit("tenant.suspended", found.subject)
    return found


@router.post("/resellers/{reseller}/tenants/{tenant}/resume", responses=MISSING)
async def resume_tenant(tenant: Id, access: Selling) -> TenantView:
    """Take the tenant's calls again."""
    found = await ops.suspend(access.scope, tenant, suspended=False)
    await access.audit("tenant.resumed", found.subject)
    return found


@router.put("/resellers/{reseller}/tenants/{tenant}/limits", responses=MISSING)
async def limit_tenant(tenant: Id, body: TenantLimits, access: Selling) -> TenantView:
    """Set what the tenant may have at once."""
    found = await ops.limit(access.scope, tenant, body)
    await access.audit("tenant.limited", found.subject, body.model_dump())
    return found


@router.get("/resellers/{reseller}/erasures")
async def list_reseller_erasures(access: Looking, part: PageQuery) -> Page[ErasureView]:
    """Certificates of the reseller's tenants that were erased, newest first."""
    filters = {"list": "erasures", "reseller": access.scope.reseller}
    rows = await ops.certificates(access.scope, part.limit + 1, _after(access.given, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.requested_at, one.id))


# -- for the platform ---------------------------------------------------------------------------------------------------------


@router.post("/tenants/{tenant}/move", responses={404: PROBLEM, 409: PROBLEM})
async def move_tenant(tenant: Id, body: Move, access: Moving) -> TenantView:
    """Give the tenant, with all that is its own, to another reseller."""
    await resellers.find(access.scope, body.reseller_id)
    before, after = await ops.move(access.scope, tenant, body.reseller_id)
    await access.audit("tenant.moved", after.subject, {"reseller_id": [before.reseller_id, after.reseller_id]})
    return after


@router.get("/erasures")
async def list_erasures(access: Auditing, part: PageQuery) -> Page[ErasureView]:
    """Certificates of tenants that were erased, newest first."""
    filters = {"list": "erasures"}
    rows = await ops.certificates(access.scope, part.limit + 1, _after(access.given, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.requested_at, one.id))


@router.get("/erasures/{erasure}", responses=MISSING)
async def show_erasure(erasure: Id, access: Auditing) -> ErasureView:
    """The certificate of an erasure; it is there once the work has begun."""
    return await ops.certificate(access.scope, erasure)


# -- for tenants --------------------------------------------------------------------------------------------------------------


@router.get("/tenants")
async def list_tenants(access: Anybody, part: PageQuery) -> Page[TenantView]:
    """The tenants that you may read, newest first."""
    filters = {"list": "tenants", "for": access.principal.id}
    after = _after(access.given, filters, part.cursor)
    rows = await ops.visible(access.scope, access.principal, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.get("/tenants/{tenant}", responses=MISSING)
async def show_tenant(access: Reading, response: Response) -> TenantView:
    """A tenant; its ETag is needed to change it."""
    tenant = await ops.show(access.scope)
    response.headers["ETag"] = etag(tenant.revision)
    return tenant


@router.patch("/tenants/{tenant}", responses=CHANGING)
async def change_tenant(body: TenantChange, access: Writing, request: Request, response: Response, _: IfMatch = None) -> TenantView:
    """Change what is given of a tenant."""
    old = await ops.locked(access.scope)
    match(request, old.revision)
    tenant = await ops.change(access.scope, old, body)
    if body.model_fields_set & {"fallback_number", "region"}:
        await numbers.fallback(access.scope, tenant.fallback_number)
    before, after = old.model_dump(mode="json"), tenant.model_dump(mode="json")
    await access.audit("tenant.changed", old.id, {name: [before[name], after[name]] for name in sorted(body.model_fields_set)})
    response.headers["ETag"] = etag(tenant.revision)
    return tenant


@router.delete("/tenants/{tenant}", status_code=202, responses={404: PROBLEM, 409: PROBLEM, 412: PROBLEM, 428: PROBLEM})
async def erase_tenant(body: Confirmation, access: Erasers, request: Request, _: IfMatch = None) -> Erasing:
    """Erase the tenant and everything of it, for ever. From now on nobody finds it and its calls are refused; a job does the work."""
    tenant = await ops.locked(access.scope)
    match(request, tenant.revision)
    if body.name != tenant.name:
        raise Conflict("that is not the tenant's name: repeat it to erase the tenant")
    return await erase.begin(access.given, access.scope, access.principal)


@router.get("/tenants/{tenant}/exports")
async def list_exports(access: Writing, part: PageQuery) -> Page[ExportView]:
    """The tenant's exports, newest first."""
    filters = {"list": "exports", "tenant": access.scope.tenant}
    rows = await exports.listed(access.scope, part.limit + 1, _after(access.given, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.requested_at, one.id))


@router.post("/tenants/{tenant}/exports", status_code=201)
@once
async def create_export(access: Writing) -> ExportView:
    """Have a job put all data of the tenant into one zip file. Whoever asks must be able to read all of it anyway."""
    exports.need(access.may)
    export = await exports.begin(access.given, access.scope)
    await access.audit("export.created", export.id)
    return export


@router.get("/tenants/{tenant}/exports/{export}", responses=MISSING)
async def show_export(export: Id, access: Writing) -> ExportView:
    """How far an export is."""
    return await exports.show(access.scope, export)


@router.get("/tenants/{tenant}/exports/{export}/file", response_class=StreamingResponse, responses=ZIP)
async def fetch_export(export: Id, access: Writing) -> StreamingResponse:
    """The zip file of an export that is ready."""
    exports.need(access.may)
    found, pieces = await exports.fetch(access.given, access.scope, export)
    await access.audit("export.fetched", export)
    headers = {"Content-Disposition": f'attachment; filename="{export}.zip"', "Content-Length": str(found.size)}
    headers["Cache-Control"] = "no-store"
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


def _after(given: Services, filters: dict[str, str], cursor: str | None) -> tuple[datetime, str] | None:
    position = position_of(given, filters, cursor)
    return (datetime.fromisoformat(position[0]), str(position[1])) if position else None


routers: tuple[APIRouter, ...] = (router,)
