"""What tenants do, for their routes and for other domains."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import dialling
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.tenants.repo import After, Certificates, Directory, Portfolio, TenantRepo
from offhook.orchestrator.tenants.repo import subject as subject
from offhook.orchestrator.tenants.schemas import Business, ErasureView, NewTenant, Tenant, TenantChange, TenantLimits, TenantView
from offhook.orchestrator.tolls.rules import SAID, Rules

DIRECT = "direct"
"""The reseller that is the platform itself."""
ABROAD: Final = frozenset({"country", "unallocated"})
_MAY_BE_EMPTY: Final = frozenset({"fallback_number", "retention_days"})


async def get(scope: TenantScope) -> Tenant:
    """The tenant; NotFound once it is gone."""
    found = await TenantRepo(scope).tenant()
    if found is None:
        raise NotFound("no such tenant")
    return found


async def find(scope: PlatformScope, id: str) -> Tenant | None:
    """A tenant by id, before anything of it may be touched. None from the moment that it is being erased."""
    return await Directory(scope).get(id)


async def every(scope: PlatformScope) -> list[str]:
    """All tenants' ids, for jobs that go through them."""
    return await Directory(scope).every()


async def make(scope: PlatformScope, business: Business) -> None:
    """Make the tenant of a document unless it is there."""
    await Directory(scope).make(business, DIRECT)


async def renew(scope: TenantScope, business: Business) -> None:
    """Bring the tenant's record to what its document says."""
    await TenantRepo(scope).renew(business)


async def show(scope: TenantScope) -> TenantView:
    """The tenant; NotFound."""
    return _found(await TenantRepo(scope).view())


async def locked(scope: TenantScope) -> TenantView:
    """The tenant, which nobody else changes until the transaction ends; NotFound."""
    return _found(await TenantRepo(scope).view(lock=True))


async def change(scope: TenantScope, old: TenantView, changes: TenantChange) -> TenantView:
    """Change what is given; Invalid says which field is wrong."""
    fields = changes.model_dump(mode="json", exclude_unset=True)
    if faults := tuple(Fault(name, "this cannot be empty") for name in sorted(fields.keys() - _MAY_BE_EMPTY) if fields[name] is None):
        raise Invalid("a tenant always has these", faults=faults)
    if fields:
        await TenantRepo(scope).change(_dialled(fields, fields.get("region", old.region)))
    return await show(scope)


async def create(scope: ResellerScope, new: NewTenant, now: datetime) -> TenantView:
    """A new tenant of this reseller; Invalid says which field is wrong."""
    fields = new.model_dump(mode="json")
    return await Portfolio(scope).add(new_id("ten", now), now, _dialled(fields, new.region, new=True))


async def of_reseller(scope: ResellerScope, limit: int, after: After) -> list[TenantView]:
    """A reseller's tenants, the newest first."""
    return await Portfolio(scope).page(limit, after)


async def of_reseller_one(scope: ResellerScope, id: str) -> TenantView:
    """One of a reseller's tenants; NotFound."""
    return _found(await Portfolio(scope).get(id, lock=False))


async def suspend(scope: ResellerScope, id: str, *, suspended: bool) -> TenantView:
    """Refuse the tenant's calls, or take them again; NotFound."""
    portfolio = Portfolio(scope)
    tenant = _found(await portfolio.get(id))
    if (tenant.state == "suspended") != suspended:
        await portfolio.change(id, {"suspended": suspended})
    return _found(await portfolio.get(id))


async def limit(scope: ResellerScope, id: str, limits: TenantLimits) -> TenantView:
    """What the tenant may have at once; NotFound."""
    portfolio = Portfolio(scope)
    _found(await portfolio.get(id))
    await portfolio.change(id, limits.model_dump())
    return _found(await portfolio.get(id))


async def move(scope: PlatformScope, id: str, reseller: str) -> tuple[TenantView, TenantView]:
    """Give a tenant to another reseller: as it was and as it is; NotFound. The reseller is there."""
    directory = Directory(scope)
    before = _found(await directory.locked(id))
    if before.reseller_id == reseller:
        raise Conflict("the tenant is this reseller's already")
    await directory.move(id, reseller)
    return before, _found(await directory.locked(id))


async def visible(scope: PlatformScope, principal: Principal, limit: int, after: After) -> list[TenantView]:
    """The tenants that somebody may read, the newest first."""
    grants = [one for one in principal.grants if "tenant.read" in one.permissions]
    everywhere = any(one.tenant is None and one.reseller is None for one in grants)
    resellers = sorted({one.reseller for one in grants if one.tenant is None and one.reseller is not None})
    tenants = sorted({one.tenant for one in grants if one.tenant is not None})
    return await Directory(scope).page(everywhere, resellers, tenants, limit, after)


async def certificate(scope: PlatformScope | ResellerScope, id: str) -> ErasureView:
    """A certificate of erasure; NotFound."""
    found = await Certificates(scope).get(id)
    if found is None:
        raise NotFound("no such erasure")
    return found


async def certificates(scope: PlatformScope | ResellerScope, limit: int, after: After) -> list[ErasureView]:
    """Certificates of erasure, the newest first."""
    return await Certificates(scope).page(limit, after)


def _dialled(fields: Mapping[str, Any], region: str, *, new: bool = False) -> Mapping[str, Any]:
    """The same with the fallback number as E.164; Invalid if calls cannot be sent there.

    A new tenant may send none abroad; for others that is a matter of their limits (``numbers.fallback``).
    """
    number = fields.get("fallback_number")
    if number is None:
        return fields
    try:
        dialled = dialling.e164(number, region)
    except ValueError:
        dialled = None
    if dialled is None:
        said: str | None = "not a phone number that callers can be put through to, such as +442079460000"
    else:
        why = Rules(region).why_not(dialled)
        if why in ABROAD and not new:
            why = None
        if why is None and dialling.costly(dialled):
            why = "premium"
        said = SAID[why] if why is not None else None
    if said is not None:
        raise Invalid(f"the fallback number cannot be used: {said}", faults=(Fault("fallback_number", said),))
    return {**fields, "fallback_number": dialled}


def _found(tenant: TenantView | None) -> TenantView:
    if tenant is None:
        raise NotFound("no such tenant")
    return tenant
