"""Who may do what in a business: members, and who is invited. Nobody gives or takes a role above their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.auth.permissions import LEVELS, ROLES, Permission, Role
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops import members
from offhook.orchestrator.people.schemas import NewTenantMember, TenantRoleChange
from offhook.orchestrator.portal import frame as framing
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("members.read")]
Writing = Annotated[TenantAccess, in_tenant("members.write")]
Id = Annotated[str, Path(pattern=ID)]
INVITED: Final = 100
"""Invitations that are shown; more than a business has."""
ABOUT: Final[Mapping[Role, str]] = {
    "tenant_owner": "Everything, erasing the business included.",
    "tenant_admin": "Everything but erasing the business.",
    "agent_editor": "Sees calls, diary and people; writes and publishes agents.",
    "viewer": "Sees calls, diary and people, and changes nothing.",
}


def choices(may: frozenset[Permission]) -> list[tuple[str, str, str]]:
    """Roles that somebody may give, each with what it may do."""
    mine = [role for role, level in LEVELS.items() if level == "tenant" and not ROLES[role] - may]
    return [(role, _(framing.ROLES[role]), _(ABOUT[role])) for role in mine]


@router.get("/t/{tenant}/settings/members", response_class=HTMLResponse)
async def members_page(
    request: Request, frame: Framed, access: Reading, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> HTMLResponse:
    """Members, the newest first, and invitations."""
    return await _members(request, frame, access, Typed(), cursor)


async def _members(request: Request, frame: Framed, access: TenantAccess, typed: Typed, cursor: str | None = None) -> HTMLResponse:
    filters = {"list": "portal members", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, cursor)
    part = await members.page(access.scope, steps.PART + 1, str(position[0]) if position else None)
    found = page(part, steps.PART, access.given, filters, lambda one: (one.id,))
    return await settling.show(
        request,
        frame,
        access,
        "members",
        typed,
        part="rows",
        members=found.data,
        invitations=await members.invitations(access.given, access.scope, INVITED, None),
        roles=framing.ROLES,
        choices=choices(access.may),
        once=steps.fresh(),
        more_href=f"/t/{access.scope.tenant}/settings/members?cursor={found.next_cursor}" if found.next_cursor else None,
    )


@router.post("/t/{tenant}/settings/members", response_class=HTMLResponse)
async def invite_form(request: Request, frame: Framed, access: Writing, fields: Posted, guards: Guarded) -> Response:
    """Invite somebody by mail."""
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        body = NewTenantMember.model_validate({"email": fields.get("email", ""), "role": fields.get("role", "")})
        made = await members.invite(access.given, guards, access.scope, access.principal, access.may, body.email, body.role)
        await access.audit("member.invited", made.id, {"email": body.email, "role": body.role})
    if tried.typed is not None:
        return await _members(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/members", "invited")


@router.post("/t/{tenant}/settings/members/invitations/{invitation}/revoke", response_class=HTMLResponse)
async def revoke_invitation_form(request: Request, frame: Framed, access: Writing, invitation: Id, fields: Posted) -> Response:
    """Take an invitation back."""
    async with steps.step(access, fields) as tried:
        gone = await members.revoke(access.scope, access.may, invitation)
        await access.audit("invitation.revoked", gone.id, {"email": gone.email})
    if tried.typed is not None:
        return await _members(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/members", "removed")


@router.get("/t/{tenant}/settings/members/{member}", response_class=HTMLResponse)
async def member_page(request: Request, frame: Framed, access: Reading, member: Id) -> HTMLResponse:
    """A member and their role."""
    return await _member(request, frame, access, member, Typed())


async def _member(request: Request, frame: Framed, access: TenantAccess, member: str, typed: Typed) -> HTMLResponse:
    one = await members.find(access.scope, member)
    may = "members.write" in access.may and not ROLES[one.role] - access.may
    context: dict[str, Any] = {"one": one, "roles": framing.ROLES, "choices": choices(access.may), "may_change": may}
    return await settling.show(request, frame, access, "members", typed, template="member", **context)


@router.post("/t/{tenant}/settings/members/{member}", response_class=HTMLResponse)
async def change_member_form(request: Request, frame: Framed, access: Writing, member: Id, fields: Posted) -> Response:
    """Give a member another role. The last owner stays one."""
    async with steps.step(access, fields) as tried:
        body = TenantRoleChange.model_validate({"role": fields.get("role", "")})
        found, before = await members.change_role(access.scope, access.may, member, body.role)
        if before != body.role:
            await access.audit("member.role_changed", found.person_id, {"from": before, "to": body.role})
    if tried.typed is not None:
        return await _member(request, frame, access, member, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/members", "saved")


@router.post("/t/{tenant}/settings/members/{member}/remove", response_class=HTMLResponse)
async def remove_member_form(request: Request, frame: Framed, access: Writing, member: Id, fields: Posted) -> Response:
    """Remove a member; at once, wherever they are signed in. Who removes themselves has nothing more to see here."""
    async with steps.step(access, fields) as tried:
        gone = await members.remove(access.scope, access.may, member)
        await access.audit("member.removed", gone.person_id, {"role": gone.role})
    if tried.typed is not None:
        return await _member(request, frame, access, member, tried.typed)
    return onward("/" if gone.person_id == access.principal.id else f"/t/{access.scope.tenant}/settings/members", "removed")
