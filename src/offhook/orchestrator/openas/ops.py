"""Beginning and ending looks at a tenant. Both are in the tenant's own audit log, whoever or whatever ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import column, delete, insert, select, table

from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import IN_TENANT, Permission, Principal
from offhook.orchestrator.openas.schemas import NewOpening, OpenFirst, Opening
from offhook.orchestrator.openas.tables import OpenAsRow
from offhook.orchestrator.people.ops import sessions
from offhook.orchestrator.scope import PlatformScope, ResellerScope
from offhook.orchestrator.services import Services

LASTS: Final = timedelta(minutes=30)
READS: Final[frozenset[Permission]] = frozenset(one for one in IN_TENANT if one.endswith(".read"))
"""All that a look without changes comes to."""
MOST: Final = 200
"""Looks that one run of the job ends."""
_SESSION: Final = table("session", column("id"), column("expires_at"), column("last_seen_at"))
"""Only whether it is there; the table itself is another domain's."""


async def may(
    given: Services, scope: PlatformScope, principal: Principal, tenant: str, reseller: str, cookie: str, host: str
) -> tuple[frozenset[Permission], Opening | None]:
    """What a person may do on the pages of a tenant that they may know of, and the look that they have, if any.

    Its own people need none. Those of its agency and of the platform have what their role gives them now, and only to read unless they
    asked for changes. OpenFirst without one.
    """
    own = frozenset[Permission]().union(*(one.permissions & IN_TENANT for one in principal.grants if one.tenant == tenant))
    if own and all(one.tenant for one in principal.grants):
        return own, None  # of businesses only: they can have no look
    going_on = await current(given, scope, cookie, host)
    if going_on is None or going_on.tenant != tenant:
        if not own:
            raise OpenFirst(reseller, tenant)
        return own, None
    reach = principal.in_tenant(tenant, reseller)
    return own | (reach if going_on.writes else reach & READS), going_on


async def current(given: Services, scope: PlatformScope, cookie: str, host: str) -> Opening | None:
    """The look of this browser; None once its time is up."""
    row = await _of_browser(given, scope, cookie, host)
    if row is None or row.ends_at <= given.clock():
        return None
    return Opening(row.tenant_id, row.reason, row.writes, row.ends_at)


async def begin(
    given: Services, scope: ResellerScope, who: Principal, tenant: str, new: NewOpening, cookie: str, host: str, ip: str
) -> Opening | None:
    """Let this browser look at a tenant of this reseller. One look at a time: that at another ends. None for who has no session."""
    now = given.clock()
    ends = now + LASTS
    async with given.database.platform_within(scope) as directory:
        session = await sessions.current(given, directory, cookie, host)
        if session is None:
            return None
        if before := await _take(directory, session.id):
            await _ended(given, directory, before, "another")
        row = {"session_id": session.id, "person_id": who.id, "person_name": who.name, "tenant_id": tenant}
        await directory.session.execute(insert(OpenAsRow).values(**row, **new.model_dump(), began_at=now, ends_at=ends))
        async with given.database.tenant_within(directory, tenant) as own:
            details = {"reason": new.reason, "writes": new.writes, "until": ends.isoformat()}
            await audit.record(own, now, who, "open_as.begun", tenant, details, ip)
    return Opening(tenant, new.reason, new.writes, ends)


async def leave(given: Services, scope: PlatformScope, cookie: str, host: str, *, by: str = "hand") -> str | None:
    """End the look of this browser; at which tenant it was."""
    row = await _of_browser(given, scope, cookie, host)
    if row is None:
        return None
    gone = await _take(scope, row.session_id)
    if gone is not None:
        await _ended(given, scope, gone, by)
    return row.tenant_id


async def sweep(given: Services) -> int:
    """End looks whose time is up, and those whose session is over; how many."""
    now = given.clock()
    idle = now - sessions.IDLE
    alive = select(_SESSION.c.id).where(_SESSION.c.expires_at > now, _SESSION.c.last_seen_at > idle)
    over = (OpenAsRow.ends_at <= now) | OpenAsRow.session_id.not_in(alive)
    async with given.database.platform() as scope:
        query = select(OpenAsRow.session_id).where(over).order_by(OpenAsRow.ends_at).limit(MOST)
        ids = list((await scope.session.execute(query)).scalars())
    for session in ids:
        async with given.database.platform() as scope:
            gone = await _take(scope, session)
            if gone is not None:
                await _ended(given, scope, gone, "time" if gone.ends_at <= now else "session")
    return len(ids)


async def _of_browser(given: Services, scope: PlatformScope, cookie: str, host: str) -> OpenAsRow | None:
    session = await sessions.current(given, scope, cookie, host)
    if session is None:
        return None
    return (await scope.session.execute(select(OpenAsRow).where(OpenAsRow.session_id == session.id))).scalar_one_or_none()


async def _take(scope: PlatformScope, session: str) -> OpenAsRow | None:
    """Remove a look; of two who do it at once, one gets it."""
    gone = delete(OpenAsRow).where(OpenAsRow.session_id == session).returning(OpenAsRow)
    return (await scope.session.execute(gone)).scalar_one_or_none()


async def _ended(given: Services, scope: PlatformScope, gone: OpenAsRow, by: str) -> None:
    who = Principal("person", gone.person_id, gone.person_name, ())
    details = {"by": by, "began": gone.began_at.isoformat()}
    async with given.database.tenant_within(scope, gone.tenant_id) as own:
        await audit.record(own, given.clock(), who, "open_as.ended", gone.tenant_id, details)
