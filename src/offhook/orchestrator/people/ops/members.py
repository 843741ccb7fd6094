"""Members of a tenant, a reseller or the platform: invited, given other roles, removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, cast

from sqlalchemy import Row

from offhook.errors import Conflict, Invalid, NotFound
from offhook.orchestrator.auth.permissions import Permission, Principal, Role
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.people import roles
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.mail import post
from offhook.orchestrator.people.schemas import Invitation, Member
from offhook.orchestrator.people.tables import InvitationRow
from offhook.orchestrator.people.team import Team
from offhook.orchestrator.people.tokens import mint
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Services

AnyScope = TenantScope | ResellerScope | PlatformScope
INVITED: Final = timedelta(days=7)
ROLE_NAMES: Final[dict[Role, str]] = {
    "platform_admin": "administrator of the platform",
    "reseller_admin": "administrator",
    "reseller_support": "support",
    "tenant_owner": "owner",
    "tenant_admin": "administrator",
    "agent_editor": "editor of agents",
    "viewer": "viewer",
}


def view(row: Row[Any]) -> Member:
    """A member as answers have it."""
    return Member.model_validate(dict(row._mapping))


def invitation_view(row: InvitationRow) -> Invitation:
    """An invitation as answers have it."""
    return Invitation(
        id=row.id,
        email=row.email,
        role=cast("Role", row.role),
        created_at=row.created_at,
        created_by=row.created_by_name,
        expires_at=row.expires_at,
    )


async def page(scope: AnyScope, limit: int, after: str | None) -> list[Member]:
    """Members, the newest first."""
    return [view(row) for row in await Team(scope).members(limit, after)]


async def invitations(given: Services, scope: AnyScope, limit: int, after: str | None) -> list[Invitation]:
    """Invitations that nobody has taken yet, the newest first."""
    return [invitation_view(row) for row in await Team(scope).invitations(limit, after, given.clock())]


async def find(scope: AnyScope, id: str) -> Member:
    """A member; NotFound."""
    row = await Team(scope).member(id)
    if row is None:
        raise NotFound("no such member")
    return view(row)


async def invite(
    given: Services, guards: Guards, scope: AnyScope, by: Principal, may: frozenset[Permission], email: str, role: Role
) -> Invitation:
    """Invite somebody by mail. NotPermitted for a role above one's own, Conflict for who is a member already."""
    roles.not_above(may, role)
    team, now = Team(scope), given.clock()
    guards.invite(f"{team.owner.level} {team.owner.id}")
    if await team.has_email(email):
        raise Conflict("somebody with this mail address is a member already")
    token, hash = mint()  # noqa: A001
    row = InvitationRow(
        id=new_id("inv", now),
        token_hash=hash,
        **team.owner.columns,
        email=email,
        role=role,
        created_at=now,
        created_by=by.id,
        created_by_name=by.name,
        expires_at=now + INVITED,
    )
    await team.invite(row)
    name = await team.name()
    text = (
        f"Hello,\n\n{by.name} invites you to {name} as {ROLE_NAMES[role]}. To accept, open this address within seven days:\n\n"
        f"{given.settings.portal}/invitations/{token}\n\nIf you do not know what this is about, there is nothing to do.\n"
    )
    await post(given.mail).send(scope, email, f"Your invitation to {name}", text)
    return invitation_view(row)


async def revoke(scope: AnyScope, may: frozenset[Permission], id: str) -> Invitation:
    """Take an invitation back; NotFound."""
    row = await Team(scope).revoke(id)
    if row is None:
        raise NotFound("no such invitation")
    roles.not_above(may, cast("Role", row.role))
    return invitation_view(row)


async def change_role(scope: AnyScope, may: frozenset[Permission], id: str, role: Role) -> tuple[Member, Role]:
    """Give a member another role; the member, and the role before."""
    team = Team(scope)
    old = await _before(team, may, id, role)
    if old.role == role:
        return old, old.role
    await team.set_role(id, role)
    await team.revoke_of(old.person_id)
    return old.model_copy(update={"role": role}), old.role


async def remove(scope: AnyScope, may: frozenset[Permission], id: str) -> Member:
    """Remove a member; who it was."""
    team = Team(scope)
    old = await _before(team, may, id, None)
    await team.remove(id)
    await team.revoke_of(old.person_id)
    return old


async def _before(team: Team, may: frozenset[Permission], id: str, new: Role | None) -> Member:
    """The member as it is, locked against losing the last keeper; errors if this may not be changed so."""
    if new is not None and new not in roles.BY_LEVEL[team.owner.level]:
        raise Invalid(f"{new} is no role here")
    keeping = await team.holders(roles.KEEPER[team.owner.level])
    row = await team.member(id)
    if row is None:
        raise NotFound("no such member")
    old = view(row)
    roles.may_change(may, old.role, new)
    roles.one_stays(old.role, new, len([one for one in keeping if one != id]))
    return old
