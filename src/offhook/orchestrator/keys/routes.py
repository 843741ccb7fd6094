"""Routes of keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from offhook.orchestrator.auth.access import ID, ResellerAccess, TenantAccess, in_reseller, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.keys import ops
from offhook.orchestrator.keys.ring import Ring
from offhook.orchestrator.keys.schemas import Key, MintedKey, NewResellerKey, NewTenantKey
from offhook.orchestrator.kit.paging import Page, PageQuery, PageRequest, page, position_of

router = APIRouter(prefix="/v1", tags=["keys"])
Id = Annotated[str, Path(pattern=ID)]
TenantReads = Annotated[TenantAccess, in_tenant("keys.read")]
TenantWrites = Annotated[TenantAccess, in_tenant("keys.write")]
ResellerReads = Annotated[ResellerAccess, in_reseller("keys.read")]
ResellerWrites = Annotated[ResellerAccess, in_reseller("keys.write")]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}


async def _list(access: TenantAccess | ResellerAccess, part: PageRequest) -> Page[Key]:
    ring = Ring(access.scope)
    filters = {"list": "keys", "tenant": ring.tenant, "reseller": ring.reseller}
    position = position_of(access.given, filters, part.cursor)
    rows = await ops.page(access.scope, part.limit + 1, position[0] if position else None)
    return page(rows, part.limit, access.given, filters, lambda one: (one.id,))


async def _create(access: TenantAccess | ResellerAccess, body: NewTenantKey | NewResellerKey) -> MintedKey:
    made = await ops.create(access.given, access.scope, access.principal, access.may, body)
    expires = made.expires_at.isoformat() if made.expires_at else None
    await access.audit("key.created", made.id, {"name": made.name, "permissions": made.permissions, "expires_at": expires})
    return made


async def _revoke(access: TenantAccess | ResellerAccess, key: str) -> None:
    gone = await ops.revoke(access.given, access.scope, key)
    await access.audit("key.revoked", gone.id, {"name": gone.name})


# Making a key heeds no Idempotency-Key: the answer that is kept for a repeated request would be the secret itself.


@router.get("/tenants/{tenant}/keys")
async def list_tenant_keys(access: TenantReads, part: PageQuery) -> Page[Key]:
    """The tenant's keys, the newest first."""
    return await _list(access, part)


@router.post("/tenants/{tenant}/keys", status_code=201, responses=MISSING)
async def create_tenant_key(body: NewTenantKey, access: TenantWrites) -> MintedKey:
    """Make a key. Its secret is shown this once; it may do no more than you may."""
    return await _create(access, body)


@router.get("/tenants/{tenant}/keys/{key}", responses=MISSING)
async def show_tenant_key(key: Id, access: TenantReads) -> Key:
    """A key."""
    return await ops.show(access.scope, key)


@router.delete("/tenants/{tenant}/keys/{key}", status_code=204, responses=MISSING)
async def revoke_tenant_key(key: Id, access: TenantWrites) -> None:
    """Revoke a key, at once and for good."""
    await _revoke(access, key)


@router.get("/resellers/{reseller}/keys")
async def list_reseller_keys(access: ResellerReads, part: PageQuery) -> Page[Key]:
    """The reseller's own keys, the newest first."""
    return await _list(access, part)


@router.post("/resellers/{reseller}/keys", status_code=201, responses=MISSING)
async def create_reseller_key(body: NewResellerKey, access: ResellerWrites) -> MintedKey:
    """Make a key for the reseller and all its tenants. Its secret is shown this once."""
    return await _create(access, body)


@router.get("/resellers/{reseller}/keys/{key}", responses=MISSING)
async def show_reseller_key(key: Id, access: ResellerReads) -> Key:
    """A key."""
    return await ops.show(access.scope, key)


@router.delete("/resellers/{reseller}/keys/{key}", status_code=204, responses=MISSING)
async def revoke_reseller_key(key: Id, access: ResellerWrites) -> None:
    """Revoke a key, at once and for good."""
    await _revoke(access, key)


routers: tuple[APIRouter, ...] = (router,)
