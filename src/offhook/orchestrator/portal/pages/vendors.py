"""A business's own accounts with vendors of speech and language models. A key goes in and never comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.errors import Fault, Invalid
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.vendors import ops
from offhook.orchestrator.vendors.schemas import NAME, RotateVendorKey, VendorAccount, VendorAccountView

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("vendors.read")]
Writing = Annotated[TenantAccess, in_tenant("vendors.write")]
VendorName = Annotated[str, Path(pattern=NAME, max_length=40)]
SECRET: Final = ("api_key", "new_key")


@router.get("/t/{tenant}/settings/vendors", response_class=HTMLResponse)
async def vendors_page(
    request: Request, frame: Framed, access: Reading, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> HTMLResponse:
    """Accounts by vendor."""
    filters = {"list": "portal vendors", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, cursor)
    part = await ops.page(access.scope, steps.PART + 1, str(position[0]) if position else None)
    found = page(part, steps.PART, access.given, filters, lambda one: (one.vendor,))
    here = f"/t/{access.scope.tenant}/settings/vendors"
    more = f"{here}?cursor={found.next_cursor}" if found.next_cursor else None
    return await settling.show(request, frame, access, "vendors", part="rows", accounts=found.data, more_href=more)


@router.get("/t/{tenant}/settings/vendors/new", response_class=HTMLResponse)
async def new_vendor_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """An account to be kept."""
    return await _new(request, frame, access, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    known = [(name, name) for name in sorted((await ops.catalogue()).vendors)]
    return await settling.show(request, frame, access, "vendors", typed, template="vendor_new", known=known, once=steps.fresh())


@router.post("/t/{tenant}/settings/vendors/new", response_class=HTMLResponse)
async def new_vendor_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Keep an account with a vendor that there is none with."""
    vendor = fields.get("vendor", "")[:40]
    async with steps.step(access, fields, secret=SECRET) as tried:
        await steps.first(access, fields)
        body = VendorAccount.model_validate(_typed(fields))
        await ops.check(access.given, vendor, body)
        if await ops.find(access.scope, vendor, lock=True) is not None:
            fault = Fault("vendor", _("there is an account with this vendor already: change that one"))
            raise Invalid("the account is there", faults=(fault,))
        new = await ops.put(access.scope, access.given, vendor, body, None)
        await access.audit("vendor_account.created", vendor, _noted(new))
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/vendors/{vendor}", "added")


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    return {name: steps.given_or_none(fields, name) for name in ("api_key", "base_url", "region")}


def _noted(account: VendorAccountView) -> dict[str, Any]:
    """As the API's routes write it down."""
    return {"base_url": account.base_url, "region": account.region, "key": account.api_key.set}


@router.get("/t/{tenant}/settings/vendors/{vendor}", response_class=HTMLResponse)
async def vendor_page(request: Request, frame: Framed, access: Reading, vendor: VendorName) -> HTMLResponse:
    """An account without its key."""
    return await _vendor(request, frame, access, vendor, Typed())


async def _vendor(request: Request, frame: Framed, access: TenantAccess, vendor: str, typed: Typed, task: str = "") -> HTMLResponse:
    one = await ops.show(access.scope, vendor)
    known = (await ops.catalogue()).vendors.get(vendor)
    regions = [("", _("None")), *((name, name) for name in sorted(known.regions))] if known and known.regions else []
    context: dict[str, Any] = {"one": one, "regions": regions, "task": task, "once": steps.fresh()}
    return await settling.show(request, frame, access, "vendors", typed, template="vendor", **context)


@router.post("/t/{tenant}/settings/vendors/{vendor}", response_class=HTMLResponse)
async def put_vendor_form(request: Request, frame: Framed, access: Writing, vendor: VendorName, fields: Posted) -> Response:
    """Another address with its key: a kept key is never sent to another address."""
    old = await ops.show(access.scope, vendor, lock=True)
    async with steps.step(access, fields, secret=SECRET) as tried:
        steps.unchanged(fields, old.revision)
        body = VendorAccount.model_validate(_typed(fields))
        await ops.check(access.given, vendor, body)
        new = await ops.put(access.scope, access.given, vendor, body, old)
        await access.audit("vendor_account.changed", vendor, _noted(new))
    if tried.typed is not None:
        return await _vendor(request, frame, access, vendor, tried.typed, "whole")
    return onward(f"/t/{access.scope.tenant}/settings/vendors/{vendor}", "saved")


@router.post("/t/{tenant}/settings/vendors/{vendor}/rotate", response_class=HTMLResponse)
async def rotate_vendor_form(request: Request, frame: Framed, access: Writing, vendor: VendorName, fields: Posted) -> Response:
    """Another key for the same account."""
    await ops.show(access.scope, vendor, lock=True)
    async with steps.step(access, fields, {"api_key": "new_key"}, SECRET) as tried:
        await steps.first(access, fields)
        body = RotateVendorKey.model_validate({"api_key": fields.get("new_key", "").strip()})
        await ops.rotate(access.scope, access.given, vendor, body.api_key)
        await access.audit("vendor_account.rotated", vendor, {})
    if tried.typed is not None:
        return await _vendor(request, frame, access, vendor, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/vendors/{vendor}", "saved")


@router.post("/t/{tenant}/settings/vendors/{vendor}/delete", response_class=HTMLResponse)
async def delete_vendor_form(request: Request, frame: Framed, access: Writing, vendor: VendorName, fields: Posted) -> Response:
    """Drop an account with its key."""
    old = await ops.show(access.scope, vendor, lock=True)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        await ops.delete(access.scope, vendor)
        await access.audit("vendor_account.deleted", vendor, _noted(old))
    if tried.typed is not None:
        return await _vendor(request, frame, access, vendor, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/vendors", "deleted")
