"""Routes of accounts with vendors: a tenant's own, and those that a reseller lends to its tenants."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.errors import PreconditionFailed
from offhook.orchestrator.auth.access import ResellerAccess, TenantAccess, in_reseller, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, PageRequest, page, position_of
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.vendors import ops
from offhook.orchestrator.vendors.schemas import NAME, RotateVendorKey, VendorAccount, VendorAccountView

router = APIRouter(prefix="/v1", tags=["vendors"])
AnyAccess = TenantAccess | ResellerAccess
TenantReads = Annotated[TenantAccess, in_tenant("vendors.read")]
TenantWrites = Annotated[TenantAccess, in_tenant("vendors.write")]
ResellerReads = Annotated[ResellerAccess, in_reseller("vendors.read")]
ResellerWrites = Annotated[ResellerAccess, in_reseller("vendors.write")]
VendorName = Annotated[
    str, Path(pattern=NAME, max_length=40, description="Such as deepgram: the name before _api_key in a provider's settings.")
]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
PUTTING: dict[int | str, dict[str, Any]] = {412: PROBLEM, 428: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}


async def _list(access: AnyAccess, part: PageRequest) -> Page[VendorAccountView]:
    scope = access.scope
    owner = scope.tenant if isinstance(scope, TenantScope) else scope.reseller
    filters = {"list": "vendor-accounts", "level": type(scope).__name__, "owner": owner}
    position = position_of(access.given, filters, part.cursor)
    rows = await ops.page(scope, part.limit + 1, position[0] if position else None)
    return page(rows, part.limit, access.given, filters, lambda one: (one.vendor,))


async def _show(access: AnyAccess, response: Response, vendor: str) -> VendorAccountView:
    return _tagged(response, await ops.show(access.scope, vendor))


async def _put(access: AnyAccess, request: Request, response: Response, vendor: str, body: VendorAccount) -> VendorAccountView:
    await ops.check(access.given, vendor, body)
    old = await ops.find(access.scope, vendor, lock=True)
    if old is not None:
        match(request, old.revision)
    elif request.headers.get("if-match") not in {None, etag(0)}:
        raise PreconditionFailed(f"there is no account with this vendor: to make one send If-Match {etag(0)}, or none")
    new = await ops.put(access.scope, access.given, vendor, body, old)
    await access.audit("vendor_account.changed" if old else "vendor_account.created", vendor, _noted(new))
    return _tagged(response, new)


async def _rotate(access: AnyAccess, response: Response, vendor: str, body: RotateVendorKey) -> VendorAccountView:
    await ops.show(access.scope, vendor, lock=True)
    new = await ops.rotate(access.scope, access.given, vendor, body.api_key)
    await access.audit("vendor_account.rotated", vendor, {})
    return _tagged(response, new)


async def _delete(access: AnyAccess, request: Request, vendor: str) -> None:
    old = await ops.show(access.scope, vendor, lock=True)
    match(request, old.revision)
    await ops.delete(access.scope, vendor)
    await access.audit("vendor_account.deleted", vendor, _noted(old))


def _tagged(response: Response, account: VendorAccountView) -> VendorAccountView:
    response.headers["ETag"] = etag(account.revision)
    return account


def _noted(account: VendorAccountView) -> dict[str, Any]:
    """What the audit log says of it: where calls go, and whether with a key; no part of the key."""
    return {"base_url": account.base_url, "region": account.region, "key": account.api_key.set}


@router.get("/tenants/{tenant}/vendor-accounts")
async def list_tenant_vendor_accounts(access: TenantReads, part: PageQuery) -> Page[VendorAccountView]:
    """The tenant's own accounts with vendors of speech and language models, by vendor, without their keys."""
    return await _list(access, part)


@router.get("/tenants/{tenant}/vendor-accounts/{vendor}", responses=MISSING)
async def show_tenant_vendor_account(vendor: VendorName, access: TenantReads, response: Response) -> VendorAccountView:
    """An account without its key; its ETag is needed to change it."""
    return await _show(access, response, vendor)


@router.put("/tenants/{tenant}/vendor-accounts/{vendor}", responses=PUTTING)
@once
async def put_tenant_vendor_account(
    vendor: VendorName, body: VendorAccount, access: TenantWrites, request: Request, response: Response, _: IfMatch = None
) -> VendorAccountView:
    """Keep the tenant's account with a vendor, in the place of the one before: the tenant's calls use it from the next one on.

    One that is there is replaced under its ETag; for one that is not, If-Match is `"r0"` or left out.
    """
    return await _put(access, request, response, vendor, body)


@router.post("/tenants/{tenant}/vendor-accounts/{vendor}/rotate", responses=MISSING)
@once
async def rotate_tenant_vendor_key(
    vendor: VendorName, body: RotateVendorKey, access: TenantWrites, response: Response
) -> VendorAccountView:
    """Another key for the same account. Calls that are under way keep the one that they began with."""
    return await _rotate(access, response, vendor, body)


@router.delete("/tenants/{tenant}/vendor-accounts/{vendor}", status_code=204, responses=CHANGING)
async def delete_tenant_vendor_account(vendor: VendorName, access: TenantWrites, request: Request, _: IfMatch = None) -> None:
    """Drop an account with its key. Calls then use the reseller's, if there is one, else the engine's own."""
    await _delete(access, request, vendor)


@router.get("/resellers/{reseller}/vendor-accounts")
async def list_reseller_vendor_accounts(access: ResellerReads, part: PageQuery) -> Page[VendorAccountView]:
    """Accounts that the reseller lends to its tenants, by vendor, without their keys."""
    return await _list(access, part)


@router.get("/resellers/{reseller}/vendor-accounts/{vendor}", responses=MISSING)
async def show_reseller_vendor_account(vendor: VendorName, access: ResellerReads, response: Response) -> VendorAccountView:
    """An account without its key; its ETag is needed to change it."""
    return await _show(access, response, vendor)


@router.put("/resellers/{reseller}/vendor-accounts/{vendor}", responses=PUTTING)
@once
async def put_reseller_vendor_account(
    vendor: VendorName, body: VendorAccount, access: ResellerWrites, request: Request, response: Response, _: IfMatch = None
) -> VendorAccountView:
    """Keep an account that all tenants of the reseller use who have none of their own with this vendor.

    One that is there is replaced under its ETag; for one that is not, If-Match is `"r0"` or left out.
    """
    return await _put(access, request, response, vendor, body)


@router.post("/resellers/{reseller}/vendor-accounts/{vendor}/rotate", responses=MISSING)
@once
async def rotate_reseller_vendor_key(
    vendor: VendorName, body: RotateVendorKey, access: ResellerWrites, response: Response
) -> VendorAccountView:
    """Another key for the same account. Calls that are under way keep the one that they began with."""
    return await _rotate(access, response, vendor, body)


@router.delete("/resellers/{reseller}/vendor-accounts/{vendor}", status_code=204, responses=CHANGING)
async def delete_reseller_vendor_account(vendor: VendorName, access: ResellerWrites, request: Request, _: IfMatch = None) -> None:
    """Drop an account with its key. Tenants without one of their own then use the engine's."""
    await _delete(access, request, vendor)


routers: tuple[APIRouter, ...] = (router,)
