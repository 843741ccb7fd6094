"""Lists of calls that a person keeps, and lists as files."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import ValidationError

from offhook.errors import Invalid
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.calls import exporting, views
from offhook.orchestrator.calls.exporting import Format
from offhook.orchestrator.portal.frame import onward
from offhook.orchestrator.portal.pages.calls import Asked
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
LONGEST: Final = 60
KINDS: Final[dict[Format, str]] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@router.get("/t/{tenant}/calls.csv", response_class=StreamingResponse)
async def calls_as_table(access: Reading, asked: Annotated[Asked, Query()]) -> StreamingResponse:
    """The list for spreadsheets: all of what is filtered, the latest first, up to the most that a file holds."""
    return await _file(access, asked, "csv")


@router.get("/t/{tenant}/calls.json", response_class=StreamingResponse)
async def calls_as_json(access: Reading, asked: Annotated[Asked, Query()]) -> StreamingResponse:
    """The same for programs."""
    return await _file(access, asked, "json")


async def _file(access: TenantAccess, asked: Asked, format: Format) -> StreamingResponse:
    """Who takes it is written down."""
    tenant = await tenants.get(access.scope)
    local = Local(tenant.zone, tenant.region, access.given.clock())
    await access.audit("calls.exported", tenant.id, {"format": format, "filters": asked.kept()})
    parts = exporting.rows(access.given, tenant.id, asked.query(local).filter(), tenant.zone)
    made = exporting.as_csv(parts) if format == "csv" else exporting.as_json(parts)
    name = f"calls-{tenant.id}-{local.now.astimezone(UTC):%Y%m%d-%H%M}.{format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(made, 200, headers, KINDS[format])


@router.post("/t/{tenant}/call-views", response_class=RedirectResponse)
async def keep_view(access: Reading, fields: Posted) -> RedirectResponse:
    """Keep a list under a name."""
    name = " ".join(fields.pop("name", "").replace("\0", "").split())
    if not 0 < len(name) <= LONGEST:
        raise Invalid(f"a list's name has up to {LONGEST} characters")
    try:
        asked = Asked.model_validate(fields)
    except ValidationError as error:
        raise Invalid("this is no list of calls") from error
    await views.keep(access.scope, access.principal, name, dict(asked.kept()), access.given.clock())
    return onward(asked.href(f"/t/{access.scope.tenant}/calls"), "saved")


@router.post("/t/{tenant}/call-views/delete", response_class=RedirectResponse)
async def drop_view(access: Reading, fields: Posted) -> RedirectResponse:
    """Keep a list no longer."""
    await views.drop(access.scope, access.principal, fields.get("name", ""))
    return onward(f"/t/{access.scope.tenant}/calls", "deleted")
