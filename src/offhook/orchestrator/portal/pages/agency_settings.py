"""What an agency lends to its clients: accounts with vendors, for those that have none of their own."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import Conflict, DomainError, PreconditionFailed
from offhook.orchestrator.auth.access import ResellerAccess, in_reseller
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, reseller_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.vendors import ops
from offhook.orchestrator.vendors.catalogue import catalogue
from offhook.orchestrator.vendors.schemas import NAME, RotateVendorKey, VendorAccount, VendorAccountView

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[ResellerAccess, in_reseller("vendors.read")]
Writing = Annotated[ResellerAccess, in_reseller("vendors.write")]
VendorName = Annotated[str, Path(max_length=64, pattern=NAME)]
MOST: Final = 200


@router.get("/r/{reseller}/settings", response_class=HTMLResponse)
async def agency_settings_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """Accounts with vendors."""
    return await _page(request, frame, access, Typed())


@router.post("/r/{reseller}/settings/vendors", response_class=HTMLResponse)
async def add_vendor(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Lend an account that is not there yet."""
    vendor = fields.get("vendor", "")
    given = {name: fields[name].strip() for name in ("api_key", "base_url", "region") if fields.get(name, "").strip()}
    try:
        body = VendorAccount.model_validate(given)
        await ops.check(access.given, vendor, body)
        if await ops.find(access.scope, vendor, lock=True) is not None:
            raise Conflict("there is an account with this vendor: remove it first, or change its key")
        new = await ops.put(access.scope, access.given, vendor, body, None)
    except (ValidationError, DomainError) as error:
        return await _page(request, frame, access, refused(fields, error))
    await access.audit("vendor_account.created", vendor, _noted(new))
    return onward(f"/r/{access.scope.reseller}/settings", "added")


@router.post("/r/{reseller}/settings/vendors/{vendor}", response_class=HTMLResponse)
async def change_vendor(request: Request, frame: Framed, access: Writing, vendor: VendorName, fields: Posted) -> Response:
    """Another key for an account, or no account any more."""
    old = await ops.show(access.scope, vendor, lock=True)
    try:
        if fields.get("do") == "remove":
            if fields.get("revision") != str(old.revision):
                raise PreconditionFailed("somebody else has changed this account in the meantime: look again")
            await ops.delete(access.scope, vendor)
            await access.audit("vendor_account.deleted", vendor, _noted(old))
            return onward(f"/r/{access.scope.reseller}/settings", "removed")
        key = RotateVendorKey.model_validate({"api_key": fields.get("key", "")}).api_key
        await ops.rotate(access.scope, access.given, vendor, key)
    except (ValidationError, DomainError) as error:
        return await _page(request, frame, access, refused({}, error))
    await access.audit("vendor_account.rotated", vendor, {})
    return onward(f"/r/{access.scope.reseller}/settings", "saved")


def _noted(account: VendorAccountView) -> dict[str, Any]:
    """What the log says of it; no part of the key."""
    return {"base_url": account.base_url, "region": account.region, "key": account.api_key.set}


async def _page(request: Request, frame: Frame, access: ResellerAccess, typed: Typed) -> HTMLResponse:
    shell, local, reseller = await reseller_shell(access, "settings")
    accounts = await ops.page(access.scope, MOST, None)
    have = {one.vendor for one in accounts}
    free = [(name, name.replace("_", " ").capitalize()) for name in sorted((await catalogue()).vendors) if name not in have]
    return portal(request).page(
        request, frame, "pages/agency_settings.html", status=typed.status, shell=shell, local=local, typed=typed, accounts=accounts,
        free=free, base=f"/r/{reseller.id}/settings", may_write="vendors.write" in access.may,
    )  # fmt: skip
