"""Sessions: a random cookie, bound to the host that it was made on; 12 hours unused or 30 days old, it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

from sqlalchemy import Row

from offhook.errors import NotPermitted
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import ROLES, Grant, Principal, Role
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.people.repo import Directory, Sessions
from offhook.orchestrator.people.tables import PersonRow, SessionRow
from offhook.orchestrator.people.tokens import digest, mint
from offhook.orchestrator.scope import PlatformScope
from offhook.orchestrator.services import Services

IDLE: Final = timedelta(hours=12)
LIFETIME: Final = timedelta(days=30)
LONGEST_AGENT: Final = 300
LONGEST_TOKEN: Final = 100


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request came to and from. ``host`` is the Host header in lower case."""

    host: str
    ip: str
    agent: str


async def session_principal(given: Services, token: str, host: str) -> Principal | None:
    """Whose session this cookie is, with what they may do; None if it has ended or was made on another host."""
    if len(token) > LONGEST_TOKEN:
        return None
    now = given.clock()
    async with given.database.platform() as scope:
        sessions = Sessions(scope)
        rows = await sessions.grants(digest(token), host.lower(), now, IDLE)
        if not rows:
            return None
        first = rows[0]
        if first.last_seen_at <= now - timedelta(minutes=1):
            await sessions.seen(first.session, now)
    return Principal("person", first.person, first.name, tuple(grant(row.level, row) for row in rows if row.level and _reaches(row)))


def grant(level: str, row: Row[Any]) -> Grant:
    """What a membership gives."""
    role = cast("Role", row.role)
    return Grant(ROLES[role], row.tenant_id if level == "tenant" else None, row.reseller_id if level == "reseller" else None, role)


def _reaches(row: Row[Any]) -> bool:
    """Whether the session may use this membership: that of a provider only what is the provider's owner's.

    A tenant chooses its provider, and the provider says whose mail address somebody has; nobody else need believe it.
    """
    if row.provider_id is None:
        return True
    if row.provider_tenant is not None:
        return bool(row.tenant_id == row.provider_tenant)
    return row.provider_reseller is not None and row.provider_reseller in {row.reseller_id, row.tenant_reseller}


async def begin(given: Services, scope: PlatformScope, person: PersonRow, visit: Visit, by: str, provider: str | None = None) -> str:
    """A new session; its token, for the cookie."""
    now = given.clock()
    token, hash = mint()  # noqa: A001
    made = SessionRow(
        id=new_id("ses", now),
        token_hash=hash,
        person_id=person.id,
        provider_id=provider,
        host=visit.host,
        ip=visit.ip,
        user_agent=visit.agent[:LONGEST_AGENT],
        created_at=now,
        last_seen_at=now,
        expires_at=now + LIFETIME,
    )
    await Sessions(scope).add(made)
    await Directory(scope).change_person(person.id, signed_in_at=now)
    await audit.record(scope, now, principal(person), "session.created", made.id, {"by": by, "host": visit.host}, visit.ip)
    return token


def principal(person: PersonRow) -> Principal:
    """A person as one who did something, whatever they may do."""
    return Principal("person", person.id, person.name, ())


async def current(given: Services, scope: PlatformScope, token: str, host: str) -> SessionRow | None:
    """The session of a cookie."""
    return await Sessions(scope).find(digest(token), host.lower(), given.clock(), IDLE) if len(token) <= LONGEST_TOKEN else None


async def own(given: Services, scope: PlatformScope, token: str, host: str) -> SessionRow:
    """The session of one who may change their own account; NotPermitted for keys, and for who is signed in by a provider.

    A provider's word opens what is its owner's, not the account that its people may have elsewhere too.
    """
    found = await current(given, scope, token, host)
    if found is None or found.provider_id is not None:
        raise NotPermitted("this is for people who have signed in with their password")
    return found


async def end(given: Services, scope: PlatformScope, token: str, host: str) -> str | None:
    """Sign out; the id of the session that this was."""
    found = await current(given, scope, token, host)
    if found is not None:
        await Sessions(scope).end_one(found.person_id, found.id)
    return found.id if found else None
