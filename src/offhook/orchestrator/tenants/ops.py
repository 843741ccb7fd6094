"""What other domains ask of tenants."""

from __future__ import annotations

from offhook.errors import NotFound
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.tenants.repo import Directory, TenantRepo
from offhook.orchestrator.tenants.schemas import Business, Tenant

DIRECT = "direct"
"""The reseller that is the platform itself."""


async def get(scope: TenantScope) -> Tenant:
    """The tenant; NotFound once it is gone."""
    found = await TenantRepo(scope).tenant()
    if found is None:
        raise NotFound("no such tenant")
    return found


async def find(scope: PlatformScope, id: str) -> Tenant | None:
    """A tenant by id, before anything of it may be touched."""
    return await Directory(scope).get(id)


async def make(scope: PlatformScope, business: Business) -> None:
    """Make the tenant of a document unless it is there."""
    await Directory(scope).make(business, DIRECT)


async def renew(scope: TenantScope, business: Business) -> None:
    """Bring the tenant's record to what its document says."""
    await TenantRepo(scope).renew(business)
