"""A tenant's API keys. A key is on the page that makes it, and on no other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.errors import Fault, Invalid
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.auth.permissions import TenantPermission
from offhook.orchestrator.keys import ops
from offhook.orchestrator.keys.schemas import MintedKey, NewTenantKey
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal import developing, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import Local, _
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("keys.read")]
Writing = Annotated[TenantAccess, in_tenant("keys.write")]
KeyId = Annotated[str, Path(pattern=ID)]
_BOX: Final = "p-"
"""What the names of the boxes of permissions begin with."""


@router.get("/t/{tenant}/developers/keys", response_class=HTMLResponse)
async def keys_page(
    request: Request, frame: Framed, access: Reading, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> HTMLResponse:
    """Keys in force and those that are over, the newest first."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    filters = {"list": "portal keys", "tenant": tenant.id}
    position = position_of(access.given, filters, cursor)
    part = await ops.page(access.scope, steps.PART + 1, str(position[0]) if position else None)
    found = page(part, steps.PART, access.given, filters, lambda one: (one.id,))
    base = f"/t/{tenant.id}/developers/keys"
    return portal(request).page(
        request,
        frame,
        "pages/keys.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        tabs=developing.tabs(access, "keys"),
        keys=found.data,
        may=access.may,
        more_href=f"{base}?cursor={found.next_cursor}" if found.next_cursor else None,
    )


@router.get("/t/{tenant}/developers/keys/new", response_class=HTMLResponse)
async def new_key_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """A key to be made."""
    return await _new(request, frame, access, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    return portal(request).page(
        request,
        frame,
        "pages/key_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/developers/keys",
        permissions=[one for one in get_args(TenantPermission) if one in access.may],
        chosen=_chosen(typed.values),
        typed=typed,
        once=steps.fresh(),
    )


def _chosen(fields: Mapping[str, str]) -> list[str]:
    return [one for one in get_args(TenantPermission) if fields.get(_BOX + one) == "yes"]


@router.post("/t/{tenant}/developers/keys/new", response_class=HTMLResponse)
async def new_key_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Make a key, and show it. Its secret is kept nowhere, so the same form sent again shows nothing."""
    tenant = await tenants.get(access.scope)
    local = Local(tenant.zone, tenant.region, access.given.clock())
    async with steps.step(access, fields, {"permissions": "permissions", "expires_at": "expires"}) as tried:
        await steps.first(access, fields)
        body: dict[str, Any] = {"name": fields.get("name", ""), "permissions": _chosen(fields), "expires_at": _expiry(fields, local)}
        made = await ops.create(access.given, access.scope, access.principal, access.may, NewTenantKey.model_validate(body))
        until = made.expires_at.isoformat() if made.expires_at else None
        await access.audit("key.created", made.id, {"name": made.name, "permissions": made.permissions, "expires_at": until})
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    return await _key(request, frame, access, made.id, Typed(), made)


def _expiry(fields: Mapping[str, str], local: Local) -> Any:  # noqa: ANN401 - a time or None
    """The beginning of the day that was typed, where the tenant is."""
    text = steps.given_or_none(fields, "expires")
    if text is None:
        return None
    try:
        return local.begin(date.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise Invalid(_("that is no day"), faults=(Fault("expires_at", _("type a day such as 2027-01-31")),)) from error


@router.get("/t/{tenant}/developers/keys/{key}", response_class=HTMLResponse)
async def key_page(request: Request, frame: Framed, access: Reading, key: KeyId) -> HTMLResponse:
    """A key, what it may do, and its end."""
    return await _key(request, frame, access, key, Typed())


async def _key(
    request: Request, frame: Framed, access: TenantAccess, key: str, typed: Typed, minted: MintedKey | None = None
) -> HTMLResponse:
    one = await ops.show(access.scope, key)
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    return portal(request).page(
        request,
        frame,
        "pages/key.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/developers/keys",
        one=one,
        secret=minted.secret if minted else "",
        example=f"{access.given.settings.portal}/v1/tenants/{tenant.id}/calls",
        may=access.may,
        typed=typed,
    )


@router.post("/t/{tenant}/developers/keys/{key}/revoke", response_class=HTMLResponse)
async def revoke_key_form(request: Request, frame: Framed, access: Writing, key: KeyId, fields: Posted) -> Response:
    """Revoke a key, at once and for good."""
    async with steps.step(access, fields) as tried:
        gone = await ops.revoke(access.given, access.scope, key)
        await access.audit("key.revoked", gone.id, {"name": gone.name})
    if tried.typed is not None:
        return await _key(request, frame, access, key, tried.typed)
    return onward(f"/t/{access.scope.tenant}/developers/keys", "removed")
