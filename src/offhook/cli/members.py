"""``offhook members``: who works for a tenant, a reseller or the platform, as what."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer

from offhook.cli.api import Api, Cursor, Limit, OfPlatform, OfReseller, Yes, command, confirm
from offhook.client.models import (
    NewPlatformMember,
    NewResellerMember,
    NewTenantMember,
    ResellerRoleChange,
    TenantRoleChange,
)
from offhook.errors import ConfigError

app = typer.Typer(help="Members: of a tenant, of a reseller (--reseller), of the platform (--platform).", no_args_is_help=True)
ROLE_HELP = "tenant_owner, tenant_admin, agent_editor or viewer; of a reseller reseller_admin or reseller_support."
Role = Annotated[str, typer.Option(help=ROLE_HELP)]
MEMBERS = {"member": "id", "name": "name", "address": "email", "role": "role", "since": "created_at"}
INVITATIONS = {"invitation": "id", "address": "email", "role": "role", "until": "expires_at"}


def _role(kind: type[Any], role: str) -> Any:  # noqa: ANN401 - one of the kind's literals
    known = get_args(kind.model_fields["role"].annotation)
    if role not in known:
        raise ConfigError(f"there is no role {role!r} here: it is one of {', '.join(known)}")
    return role


@command(app, "list")
def list_members(api: Api, reseller: OfReseller = None, platform: OfPlatform = False, limit: Limit = 50, cursor: Cursor = None) -> None:
    """Who has a role."""
    members = api.client.members
    if platform:
        pages = members.list_platform(limit=limit, cursor=cursor)
    elif reseller:
        pages = members.list_reseller(reseller, limit=limit, cursor=cursor)
    else:
        pages = members.list_tenant(api.tenant, limit=limit, cursor=cursor)
    api.rows(pages.first(), MEMBERS)


@command(app, "invite")
def invite_member(
    api: Api,
    email: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where the invitation goes.")],
    role: Annotated[str | None, typer.Option(help=ROLE_HELP)] = None,
    reseller: OfReseller = None,
    platform: OfPlatform = False,
) -> None:
    """Invite somebody by mail."""
    members = api.client.members
    if platform:
        return api.show(members.invite_platform(NewPlatformMember(email=email)))
    kind = NewResellerMember if reseller else NewTenantMember
    if role is None:
        raise ConfigError(f"say as what with --role: {', '.join(get_args(kind.model_fields['role'].annotation))}")
    if reseller:
        return api.show(members.invite_reseller(reseller, NewResellerMember(email=email, role=_role(kind, role))))
    return api.show(members.invite_tenant(api.tenant, NewTenantMember(email=email, role=_role(kind, role))))


@command(app, "invitations")
def list_invitations(api: Api, reseller: OfReseller = None, platform: OfPlatform = False, limit: Limit = 50, cursor: Cursor = None) -> None:
    """Invitations that nobody has taken yet."""
    members = api.client.members
    if platform:
        pages = members.list_platform_invitations(limit=limit, cursor=cursor)
    elif reseller:
        pages = members.list_reseller_invitations(reseller, limit=limit, cursor=cursor)
    else:
        pages = members.list_tenant_invitations(api.tenant, limit=limit, cursor=cursor)
    api.rows(pages.first(), INVITATIONS)


@command(app, "uninvite")
def revoke_invitation(api: Api, invitation: str, reseller: OfReseller = None, platform: OfPlatform = False) -> None:
    """Take an invitation back."""
    members = api.client.members
    if platform:
        members.revoke_platform_invitation(invitation)
    elif reseller:
        members.revoke_reseller_invitation(reseller, invitation)
    else:
        members.revoke_tenant_invitation(api.tenant, invitation)
    api.done(f"{invitation} is taken back")


@command(app, "role")
def change_member(api: Api, member: str, role: Annotated[str, typer.Argument(help=ROLE_HELP)], reseller: OfReseller = None) -> None:
    """Give somebody another role."""
    members = api.client.members
    if reseller:
        api.show(members.change_reseller(reseller, member, ResellerRoleChange(role=_role(ResellerRoleChange, role))))
    else:
        api.show(members.change_tenant(api.tenant, member, TenantRoleChange(role=_role(TenantRoleChange, role))))


@command(app, "remove")
def remove_member(api: Api, member: str, reseller: OfReseller = None, platform: OfPlatform = False, yes: Yes = False) -> None:
    """Take somebody's role away; their account stays."""
    confirm(f"take the role of {member} away", yes)
    members = api.client.members
    if platform:
        members.remove_platform(member)
    elif reseller:
        members.remove_reseller(reseller, member)
    else:
        members.remove_tenant(api.tenant, member)
    api.done(f"{member} has no role here any more")
