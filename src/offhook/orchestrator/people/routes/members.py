"""Members and invitations of tenants, of resellers, and of the platform."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from offhook.orchestrator.auth.access import PlatformAccess, ResellerAccess, TenantAccess, in_reseller, in_tenant, on_platform
from offhook.orchestrator.auth.permissions import Role
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, PageRequest, page, position_of
from offhook.orchestrator.people.guards import Guarded, Guards
from offhook.orchestrator.people.ops import members
from offhook.orchestrator.people.routes.common import Id
from offhook.orchestrator.people.schemas import (
    Invitation,
    Member,
    NewPlatformMember,
    NewResellerMember,
    NewTenantMember,
    ResellerRoleChange,
    TenantRoleChange,
)
from offhook.orchestrator.people.team import Team

router = APIRouter(prefix="/v1", tags=["members"])
AnyAccess = TenantAccess | ResellerAccess | PlatformAccess

TenantReads = Annotated[TenantAccess, in_tenant("members.read")]
TenantWrites = Annotated[TenantAccess, in_tenant("members.write")]
ResellerReads = Annotated[ResellerAccess, in_reseller("members.read")]
ResellerWrites = Annotated[ResellerAccess, in_reseller("members.write")]
PlatformReads = Annotated[PlatformAccess, on_platform("members.read")]
PlatformWrites = Annotated[PlatformAccess, on_platform("members.write")]


async def _members(access: AnyAccess, query: PageRequest) -> Page[Member]:
    team = Team(access.scope)
    filters = {"list": "members", "level": team.owner.level, "owner": team.owner.id}
    position = position_of(access.given, filters, query.cursor)
    rows = await members.page(access.scope, query.limit + 1, position[0] if position else None)
    return page(rows, query.limit, access.given, filters, lambda one: (one.id,))


async def _invitations(access: AnyAccess, query: PageRequest) -> Page[Invitation]:
    team = Team(access.scope)
    filters = {"list": "invitations", "level": team.owner.level, "owner": team.owner.id}
    position = position_of(access.given, filters, query.cursor)
    rows = await members.invitations(access.given, access.scope, query.limit + 1, position[0] if position else None)
    return page(rows, query.limit, access.given, filters, lambda one: (one.id,))


async def _invite(access: AnyAccess, guards: Guards, email: str, role: Role) -> Invitation:
    made = await members.invite(access.given, guards, access.scope, access.principal, access.may, email, role)
    await access.audit("member.invited", made.id, {"email": email, "role": role})
    return made


async def _change(access: AnyAccess, id: str, role: Role) -> Member:
    member, before = await members.change_role(access.scope, access.may, id, role)
    if before != role:
        await access.audit("member.role_changed", member.person_id, {"from": before, "to": role})
    return member


async def _remove(access: AnyAccess, id: str) -> None:
    gone = await members.remove(access.scope, access.may, id)
    await access.audit("member.removed", gone.person_id, {"role": gone.role})


async def _revoke(access: AnyAccess, id: str) -> None:
    gone = await members.revoke(access.scope, access.may, id)
    await access.audit("invitation.revoked", gone.id, {"email": gone.email})


@router.get("/tenants/{tenant}/members")
async def list_tenant_members(access: TenantReads, query: PageQuery) -> Page[Member]:
    """Who may do what in this tenant; the newest first. Its reseller's people are not among them."""
    return await _members(access, query)


@router.post("/tenants/{tenant}/members", status_code=201)
@once
async def invite_tenant_member(body: NewTenantMember, access: TenantWrites, guards: Guarded) -> Invitation:
    """Invite somebody by mail; they are a member once they accept. Nobody gives a role above their own."""
    return await _invite(access, guards, body.email, body.role)


@router.get("/tenants/{tenant}/members/{member}")
async def show_tenant_member(member: Id, access: TenantReads) -> Member:
    """A member."""
    return await members.find(access.scope, member)


@router.patch("/tenants/{tenant}/members/{member}")
async def change_tenant_member(member: Id, body: TenantRoleChange, access: TenantWrites) -> Member:
    """Give a member another role. The last owner stays one."""
    return await _change(access, member, body.role)


@router.delete("/tenants/{tenant}/members/{member}", status_code=204)
async def remove_tenant_member(member: Id, access: TenantWrites) -> None:
    """Remove a member; at once, wherever they are signed in. The last owner stays."""
    await _remove(access, member)


@router.get("/tenants/{tenant}/invitations")
async def list_tenant_invitations(access: TenantReads, query: PageQuery) -> Page[Invitation]:
    """Invitations that nobody has taken yet; the newest first."""
    return await _invitations(access, query)


@router.delete("/tenants/{tenant}/invitations/{invitation}", status_code=204)
async def revoke_tenant_invitation(invitation: Id, access: TenantWrites) -> None:
    """Take an invitation back."""
    await _revoke(access, invitation)


@router.get("/resellers/{reseller}/members")
async def list_reseller_members(access: ResellerReads, query: PageQuery) -> Page[Member]:
    """Who may do what in this reseller and all its tenants; the newest first."""
    return await _members(access, query)


@router.post("/resellers/{reseller}/members", status_code=201)
@once
async def invite_reseller_member(body: NewResellerMember, access: ResellerWrites, guards: Guarded) -> Invitation:
    """Invite somebody by mail."""
    return await _invite(access, guards, body.email, body.role)


@router.get("/resellers/{reseller}/members/{member}")
async def show_reseller_member(member: Id, access: ResellerReads) -> Member:
    """A member."""
    return await members.find(access.scope, member)


@router.patch("/resellers/{reseller}/members/{member}")
async def change_reseller_member(member: Id, body: ResellerRoleChange, access: ResellerWrites) -> Member:
    """Give a member another role."""
    return await _change(access, member, body.role)


@router.delete("/resellers/{reseller}/members/{member}", status_code=204)
async def remove_reseller_member(member: Id, access: ResellerWrites) -> None:
    """Remove a member."""
    await _remove(access, member)


@router.get("/resellers/{reseller}/invitations")
async def list_reseller_invitations(access: ResellerReads, query: PageQuery) -> Page[Invitation]:
    """Invitations that nobody has taken yet; the newest first."""
    return await _invitations(access, query)


@router.delete("/resellers/{reseller}/invitations/{invitation}", status_code=204)
async def revoke_reseller_invitation(invitation: Id, access: ResellerWrites) -> None:
    """Take an invitation back."""
    await _revoke(access, invitation)


@router.get("/members")
async def list_platform_members(access: PlatformReads, query: PageQuery) -> Page[Member]:
    """Who runs the platform; the newest first."""
    return await _members(access, query)


@router.post("/members", status_code=201)
@once
async def invite_platform_member(body: NewPlatformMember, access: PlatformWrites, guards: Guarded) -> Invitation:
    """Invite somebody by mail to run the platform."""
    return await _invite(access, guards, body.email, body.role)


@router.get("/members/{member}")
async def show_platform_member(member: Id, access: PlatformReads) -> Member:
    """A member."""
    return await members.find(access.scope, member)


@router.delete("/members/{member}", status_code=204)
async def remove_platform_member(member: Id, access: PlatformWrites) -> None:
    """Remove a member. The last one stays."""
    await _remove(access, member)


@router.get("/invitations")
async def list_platform_invitations(access: PlatformReads, query: PageQuery) -> Page[Invitation]:
    """Invitations to run the platform that nobody has taken yet; the newest first."""
    return await _invitations(access, query)


@router.delete("/invitations/{invitation}", status_code=204)
async def revoke_platform_invitation(invitation: Id, access: PlatformWrites) -> None:
    """Take an invitation back."""
    await _revoke(access, invitation)
