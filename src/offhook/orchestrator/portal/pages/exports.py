"""All of a business's data in one file, and the end of all of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from offhook.errors import Fault, Invalid
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.kit.paging import page
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.tenants import erase, exports, ops
from offhook.orchestrator.tenants.schemas import Confirmation

router = APIRouter(tags=["portal"], include_in_schema=False)
Writing = Annotated[TenantAccess, in_tenant("tenant.write")]
Erasers = Annotated[TenantAccess, in_tenant("tenant.delete")]
ExportId = Annotated[str, Path(pattern=ID)]
Cursor = Annotated[str | None, Query(max_length=1_000)]


@router.get("/t/{tenant}/settings/exports", response_class=HTMLResponse)
async def exports_page(request: Request, frame: Framed, access: Writing, cursor: Cursor = None) -> HTMLResponse:
    """Exports that are kept, the newest first."""
    return await _exports(request, frame, access, Typed(), cursor)


async def _exports(request: Request, frame: Framed, access: TenantAccess, typed: Typed, cursor: str | None = None) -> HTMLResponse:
    filters = {"list": "portal exports", "tenant": access.scope.tenant}
    part = await exports.listed(access.scope, steps.PART + 1, steps.after(access.given, filters, cursor))
    found = page(part, steps.PART, access.given, filters, lambda one: (one.requested_at, one.id))
    here = f"/t/{access.scope.tenant}/settings/exports"
    context: dict[str, Any] = {
        "exports": found.data,
        "may_export": access.may >= exports.READING,
        "once": steps.fresh(),
        "more_href": f"{here}?cursor={found.next_cursor}" if found.next_cursor else None,
    }
    return await settling.show(request, frame, access, "exports", typed, part="rows", **context)


@router.post("/t/{tenant}/settings/exports", response_class=HTMLResponse)
async def new_export_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Have one made."""
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        exports.need(access.may)
        made = await exports.begin(access.given, access.scope)
        await access.audit("export.created", made.id)
    if tried.typed is not None:
        return await _exports(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/exports", "export-begun")


@router.get("/t/{tenant}/settings/exports/{export}/file", response_class=StreamingResponse)
async def export_file(access: Writing, export: ExportId) -> StreamingResponse:
    """The zip file of one that is ready."""
    exports.need(access.may)
    found, pieces = await exports.fetch(access.given, access.scope, export)
    await access.audit("export.fetched", export)
    headers = {"Content-Disposition": f'attachment; filename="{export}.zip"', "Content-Length": str(found.size)}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers | {"Cache-Control": "no-store"})


# -- the end ----------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/settings/erase", response_class=HTMLResponse)
async def erase_page(request: Request, frame: Framed, access: Erasers) -> HTMLResponse:
    """What is gone, and the name to be typed."""
    return await _erase(request, frame, access, Typed())


async def _erase(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    return await settling.show(request, frame, access, "exports", typed, template="erase", one=await ops.show(access.scope))


@router.post("/t/{tenant}/settings/erase", response_class=HTMLResponse)
async def erase_form(request: Request, frame: Framed, access: Erasers, fields: Posted) -> Response:
    """From now on nobody finds the business and its calls are refused; a job does the work."""
    async with steps.step(access, fields) as tried:
        one = await ops.locked(access.scope)
        steps.unchanged(fields, one.revision)
        if Confirmation.model_validate({"name": fields.get("name", "")}).name != one.name:
            raise Invalid("not the name", faults=(Fault("name", _("that is not the name of this business")),))
        await erase.begin(access.given, access.scope, access.principal)
    if tried.typed is not None:
        return await _erase(request, frame, access, tried.typed)
    return onward("/", "erasing")
