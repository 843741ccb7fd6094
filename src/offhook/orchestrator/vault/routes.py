"""Routes of the vault: which master key wraps what, wrapping anew, and new data keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from offhook.orchestrator.auth.access import PlatformAccess, TenantAccess, in_tenant, on_platform
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.vault.ops import REWRAP, vault_of
from offhook.orchestrator.vault.schemas import DataKeyView, VaultView

router = APIRouter(prefix="/v1", tags=["vault"])
PROBLEM: dict[str, Any] = {"model": Problem}


@router.get("/vault")
async def show_vault(access: Annotated[PlatformAccess, on_platform("platform.audit")]) -> VaultView:
    """Which master keys there are, and how many data keys each of them wraps."""
    return await vault_of(access.given).show(access.scope)


@router.post("/vault/rewrap", status_code=202)
@once
async def rewrap_vault(access: Annotated[PlatformAccess, on_platform("resellers.write")]) -> VaultView:
    """Have a job wrap all data keys with the current master key. It also runs by itself every hour."""
    lock = new_id("rewrap", access.given.clock())  # its own: one that waits for another is no reason to fail
    job = access.given.queue.configure_task(REWRAP, connection=await raw_connection(access.scope.session), queueing_lock=lock)
    await job.defer_async(timestamp=int(access.given.clock().timestamp()))
    found = await vault_of(access.given).show(access.scope)
    await access.audit("vault.rewrapping", found.current or "")
    return found


@router.post("/tenants/{tenant}/vault/keys", status_code=201, responses={404: PROBLEM})
@once
async def create_data_key(access: Annotated[TenantAccess, in_tenant("tenant.write")]) -> DataKeyView:
    """Make a new data key of the tenant, which seals from now on. What is sealed already stays as it is, and opens."""
    version = await vault_of(access.given).new_key(access.scope)
    await access.audit("vault.key_created", str(version))
    return DataKeyView(version=version)


routers: tuple[APIRouter, ...] = (router,)
