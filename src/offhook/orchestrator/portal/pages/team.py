"""The people of an agency, and those of the platform: invited, given another role, removed."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError
from offhook.orchestrator.auth.access import ID, PlatformAccess, ResellerAccess, in_reseller, on_platform
from offhook.orchestrator.auth.permissions import Role
from offhook.orchestrator.people.guards import Guarded, Guards
from offhook.orchestrator.people.ops import listing, members
from offhook.orchestrator.people.schemas import NewPlatformMember, NewResellerMember, ResellerRoleChange
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import ROLES, Frame, Framed, onward, platform_shell, reseller_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
ResellerReads = Annotated[ResellerAccess, in_reseller("members.read")]
ResellerWrites = Annotated[ResellerAccess, in_reseller("members.write")]
PlatformReads = Annotated[PlatformAccess, on_platform("members.read")]
PlatformWrites = Annotated[PlatformAccess, on_platform("members.write")]
Id = Annotated[str, Path(pattern=ID)]
IN_RESELLER: Final[tuple[Role, ...]] = ("reseller_admin", "reseller_support")
ABOUT: Final[dict[Role, str]] = {
    "reseller_admin": "Everything, for all clients",
    "reseller_support": "Sees all clients and changes nothing",
    "platform_admin": "Everything, everywhere",
}


@router.get("/r/{reseller}/team", response_class=HTMLResponse)
async def team_page(request: Request, frame: Framed, access: ResellerReads) -> HTMLResponse:
    """Who may do what for this agency and all its clients."""
    return await _of_reseller(request, frame, access, Typed())


@router.post("/r/{reseller}/team", response_class=HTMLResponse)
async def invite_to_team(request: Request, frame: Framed, access: ResellerWrites, guards: Guarded, fields: Posted) -> Response:
    """Invite somebody by mail."""
    try:
        new = NewResellerMember.model_validate({name: fields.get(name, "") for name in ("email", "role")})
        await _invite(access, guards, new.email, new.role)
    except (ValidationError, DomainError) as error:
        return await _of_reseller(request, frame, access, refused(fields, error))
    return onward(f"/r/{access.scope.reseller}/team", "sent")


@router.post("/r/{reseller}/team/{member}", response_class=HTMLResponse)
async def change_in_team(request: Request, frame: Framed, access: ResellerWrites, member: Id, fields: Posted) -> Response:
    """Give a member another role, or none."""
    try:
        role = None if fields.get("do") == "remove" else ResellerRoleChange.model_validate({"role": fields.get("role", "")}).role
        await _change(access, member, role)
    except (ValidationError, DomainError) as error:
        return await _of_reseller(request, frame, access, refused({}, error))
    return onward(f"/r/{access.scope.reseller}/team", "saved" if role else "removed")


@router.post("/r/{reseller}/team/invitations/{invitation}", response_class=HTMLResponse)
async def revoke_in_team(access: ResellerWrites, invitation: Id, _: Posted) -> Response:
    """Take an invitation back."""
    await _revoke(access, invitation)
    return onward(f"/r/{access.scope.reseller}/team", "removed")


async def _of_reseller(request: Request, frame: Frame, access: ResellerAccess, typed: Typed) -> HTMLResponse:
    shell, local, reseller = await reseller_shell(access, "team")
    found, invited = await listing.everybody(access.scope, local.now)
    return portal(request).page(
        request, frame, "pages/team.html", status=typed.status, shell=shell, local=local, typed=typed, members=found, invitations=invited,
        base=f"/r/{reseller.id}/team", roles=_roles(IN_RESELLER), may_write="members.write" in access.may, me=access.principal.id,
        names={role: _(name) for role, name in ROLES.items()}, hint=_("They look after all clients of {name}.").format(name=reseller.name),
    )  # fmt: skip


@router.get("/ops/members", response_class=HTMLResponse)
async def platform_members_page(request: Request, frame: Framed, access: PlatformReads) -> HTMLResponse:
    """Who runs the installation."""
    return await _of_platform(request, frame, access, Typed())


@router.post("/ops/members", response_class=HTMLResponse)
async def invite_to_platform(request: Request, frame: Framed, access: PlatformWrites, guards: Guarded, fields: Posted) -> Response:
    """Invite somebody by mail."""
    try:
        new = NewPlatformMember.model_validate({"email": fields.get("email", "")})
        await _invite(access, guards, new.email, "platform_admin")
    except (ValidationError, DomainError) as error:
        return await _of_platform(request, frame, access, refused(fields, error))
    return onward("/ops/members", "sent")


@router.post("/ops/members/{member}", response_class=HTMLResponse)
async def remove_from_platform(request: Request, frame: Framed, access: PlatformWrites, member: Id, _fields: Posted) -> Response:
    """Remove a member."""
    try:
        await _change(access, member, None)
    except DomainError as error:
        return await _of_platform(request, frame, access, refused({}, error))
    return onward("/ops/members", "removed")


@router.post("/ops/members/invitations/{invitation}", response_class=HTMLResponse)
async def revoke_on_platform(access: PlatformWrites, invitation: Id, _: Posted) -> Response:
    """Take an invitation back."""
    await _revoke(access, invitation)
    return onward("/ops/members", "removed")


async def _of_platform(request: Request, frame: Frame, access: PlatformAccess, typed: Typed) -> HTMLResponse:
    shell, local = platform_shell(access, frame.brand, "members")
    found, invited = await listing.everybody(access.scope, local.now)
    return portal(request).page(
        request, frame, "pages/team.html", status=typed.status, shell=shell, local=local, typed=typed, members=found, invitations=invited,
        base="/ops/members", roles=_roles(("platform_admin",)), may_write="members.write" in access.may, me=access.principal.id,
        names={role: _(name) for role, name in ROLES.items()},
        hint=_("They run this installation, and can open every business with a reason."),
    )  # fmt: skip


def _roles(roles: tuple[Role, ...]) -> list[tuple[str, str, str]]:
    return [(role, _(ROLES[role]), _(ABOUT[role])) for role in roles]


async def _invite(access: ResellerAccess | PlatformAccess, guards: Guards, email: str, role: Role) -> None:
    made = await members.invite(access.given, guards, access.scope, access.principal, access.may, email, role)
    await access.audit("member.invited", made.id, {"email": email, "role": role})


async def _change(access: ResellerAccess | PlatformAccess, id: str, role: Role | None) -> None:
    if role is None:
        gone = await members.remove(access.scope, access.may, id)
        await access.audit("member.removed", gone.person_id, {"role": gone.role})
        return
    member, before = await members.change_role(access.scope, access.may, id, role)
    if before != role:
        await access.audit("member.role_changed", member.person_id, {"from": before, "to": role})


async def _revoke(access: ResellerAccess | PlatformAccess, id: str) -> None:
    gone = await members.revoke(access.scope, access.may, id)
    await access.audit("invitation.revoked", gone.id, {"email": gone.email})
