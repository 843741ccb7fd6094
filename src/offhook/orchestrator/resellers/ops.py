"""What resellers do, for their routes and for other domains."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.keys import ops as keys
from offhook.orchestrator.resellers.repo import After, ResellerRecord, Resellers
from offhook.orchestrator.resellers.schemas import NewReseller, ResellerChange, ResellerView
from offhook.orchestrator.scope import PlatformScope, ResellerScope

DIRECT: Final = "direct"
"""The reseller that is the platform itself: always there, never suspended."""


async def show(scope: ResellerScope) -> ResellerView:
    """The reseller; NotFound."""
    return _found(await ResellerRecord(scope, scope.reseller).get())


async def locked(scope: ResellerScope) -> ResellerView:
    """The reseller, which nobody else changes until the transaction ends; NotFound."""
    return _found(await ResellerRecord(scope, scope.reseller).get(lock=True))


async def change(scope: ResellerScope, changes: ResellerChange) -> ResellerView:
    """Change what is given; Invalid says which field is wrong."""
    fields = changes.model_dump(mode="json", exclude_unset=True)
    if faults := tuple(Fault(name, "this cannot be empty") for name in sorted(fields) if fields[name] is None):
        raise Invalid("a reseller always has a name and a brand", faults=faults)
    if "brand" in fields:
        fields["settings"] = fields.pop("brand")
    if fields:
        await ResellerRecord(scope, scope.reseller).change(fields)
    return await show(scope)


async def find(scope: PlatformScope, id: str) -> ResellerView:
    """A reseller; NotFound."""
    return _found(await ResellerRecord(scope, id).get())


async def of_host(scope: PlatformScope, host: str) -> ResellerView | None:
    """The reseller whose brand is shown under this name (lower case, no port); None for names that are nobody's."""
    return await Resellers(scope).of_host(host)


async def create(scope: PlatformScope, new: NewReseller, now: datetime) -> ResellerView:
    """A new reseller."""
    id = new_id("res", now)  # noqa: A001 - what it is
    await Resellers(scope).add(id, new.name, new.brand, now)
    return await find(scope, id)


async def page(scope: PlatformScope, limit: int, after: After) -> list[ResellerView]:
    """Resellers, the newest first."""
    return await Resellers(scope).page(limit, after)


async def suspend(scope: PlatformScope, id: str, *, suspended: bool) -> ResellerView:
    """Refuse the calls of all its tenants, or take them again; NotFound."""
    record = ResellerRecord(scope, id)
    reseller = _found(await record.get(lock=True))
    if id == DIRECT and suspended:
        raise Conflict("this reseller is the platform itself")
    if (reseller.state == "suspended") != suspended:
        await record.change({"suspended": suspended})
    return await find(scope, id)


async def delete(scope: PlatformScope, id: str, now: datetime) -> ResellerView:
    """Delete a reseller that has nothing left; Conflict otherwise, NotFound."""
    reseller = _found(await ResellerRecord(scope, id).get(lock=True))
    if id == DIRECT:
        raise Conflict("this reseller is the platform itself")
    await keys.forget_ended(scope, id, now)
    if not await Resellers(scope).delete(id):
        raise Conflict("the reseller still has tenants, members, invitations, sign-in providers or API keys")
    return reseller


def _found(reseller: ResellerView | None) -> ResellerView:
    if reseller is None:
        raise NotFound("no such reseller")
    return reseller
