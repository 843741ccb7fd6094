"""Accepting an invitation: with a new account, with the password of the one there is, or signed in as it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import text

from offhook.errors import Conflict, Fault, Invalid, NotFound, NotSignedIn
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import Level, Role
from offhook.orchestrator.people import passwords
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.ops import sessions, sign_in
from offhook.orchestrator.people.ops.sessions import Visit
from offhook.orchestrator.people.ops.sign_in import Entered
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.people.schemas import Acceptance, OpenInvitation
from offhook.orchestrator.people.tables import InvitationRow, PersonRow
from offhook.orchestrator.people.team import Owner
from offhook.orchestrator.people.tokens import digest
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Services

_ROLE: Final = text(
    "select set_config('role', :role, true), set_config('offhook.tenant', :tenant, true), set_config('offhook.reseller', :reseller, true)"
)
GONE = "this invitation is not good any more: ask for a new one"


async def look(given: Services, guards: Guards, visit: Visit, token: str) -> OpenInvitation:
    """An invitation for who holds its token; NotFound once it is used, replaced, taken back or over."""
    guards.token(visit.ip)
    async with given.database.platform() as scope:
        row, person = await _find(given, scope, token)
        return OpenInvitation(
            email=row.email,
            level=cast("Level", row.level),
            name=await Directory(scope).name_of(_owner(row)),
            role=cast("Role", row.role),
            invited_by=row.created_by_name,
            expires_at=row.expires_at,
            account=person is not None,
        )


async def accept(given: Services, guards: Guards, visit: Visit, token: str, body: Acceptance, cookie: str | None) -> Entered:
    """Become a member and be signed in; with one-time codes, only the former."""
    guards.token(visit.ip)
    async with given.database.platform() as scope:
        row, person = await _find(given, scope, token)
        session = await sessions.current(given, scope, cookie, visit.host) if cookie else None
    present = person is not None and session is not None and session.provider_id is None and session.person_id == person.id
    hash = None  # noqa: A001
    if person is None:
        if body.name is None or body.password is None:
            missing = [name for name in ("name", "password") if getattr(body, name) is None]
            raise Invalid("a new account needs a name and a password", faults=tuple(Fault(one, "is missing") for one in missing))
        passwords.check(body.password, row.email)
        hash = await guards.passwords.hash(body.password)  # noqa: A001
    elif not present and await sign_in.verified(given, guards, visit, row.email, body.password or "") is None:
        raise NotSignedIn("there is an account with this mail address, and this is not its password")
    async with given.database.platform() as scope:
        directory, now = Directory(scope), given.clock()
        if not await directory.take_invitation(digest(token), now):
            raise NotFound(GONE)
        if person is None:
            made = await directory.make_person(now, row.email, body.name or "", hash)
            person = await directory.person(made) if made else None
        else:
            person = await directory.person(person.id, lock=True)
        if person is None:
            raise Conflict("the account has changed in between: try again")
        await join(given, scope, row, person, visit)
        return Entered() if present else await sign_in.enter(given, guards, scope, person, visit, "invitation")


async def join(given: Services, scope: PlatformScope, row: InvitationRow, person: PersonRow, visit: Visit) -> None:
    """Make the invited a member, and write it down in the log of where; nothing if they are one already."""
    owner, now = _owner(row), given.clock()
    if await Directory(scope).join(now, person.id, owner, row.role, row.created_by) is not None:
        details = {"role": row.role, "email": row.email, "invited_by": row.created_by}
        await note_joined(scope, now, owner, person, details, visit.ip)


async def note_joined(scope: PlatformScope, now: datetime, owner: Owner, person: PersonRow, details: Mapping[str, Any], ip: str) -> None:
    """Write down in the owner's own log that somebody has become a member, in the same transaction as their becoming one.

    The directory reads and writes no tenant's log, so the transaction takes the owner's role for this line, and then its own again.
    """
    session = scope.session
    own: TenantScope | ResellerScope | PlatformScope = scope
    if owner.tenant is not None:
        own = TenantScope(session, owner.tenant)
    elif owner.reseller is not None:
        own = ResellerScope(session, owner.reseller)
    await session.flush()  # nothing of the directory's is written in the other role
    await session.execute(_ROLE, {"role": f"offhook_{owner.level}", "tenant": owner.tenant or "", "reseller": owner.reseller or ""})
    await audit.record(own, now, sessions.principal(person), "member.joined", person.id, details, ip)
    await session.execute(_ROLE, {"role": "offhook_platform", "tenant": "", "reseller": ""})


async def _find(given: Services, scope: PlatformScope, token: str) -> tuple[InvitationRow, PersonRow | None]:
    directory = Directory(scope)
    row = await directory.invitation(digest(token), given.clock())
    if row is None:
        raise NotFound(GONE)
    return row, await directory.by_email(row.email)


def _owner(row: InvitationRow) -> Owner:
    return Owner(cast("Level", row.level), row.tenant_id or row.reseller_id)
