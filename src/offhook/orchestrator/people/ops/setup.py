"""The first administrator: by a link that the first start prints, so that there is no default password."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from offhook.errors import Conflict, NotFound
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.people import passwords
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.ops import sessions
from offhook.orchestrator.people.ops.sessions import Visit
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.people.schemas import NewSetup
from offhook.orchestrator.people.team import Owner
from offhook.orchestrator.people.tokens import digest, mint
from offhook.orchestrator.services import Services

LIFETIME: Final = timedelta(hours=24)


async def setup_link(given: Services) -> str | None:
    """The path of a new one-time link, good for 24 hours, in place of an older one; None once somebody runs the platform."""
    token, hash = mint()  # noqa: A001
    async with given.database.platform() as scope:
        directory = Directory(scope)
        await directory.lock_setup()
        if await directory.any_admin():
            return None
        await directory.issue(hash, "setup", None, given.clock(), LIFETIME)
    return f"/setup/{token}"


async def set_up(given: Services, guards: Guards, visit: Visit, body: NewSetup) -> str:
    """Make the first administrator and sign them in; the session's token. NotFound for a link that is used, replaced or over."""
    guards.token(visit.ip)
    gone = NotFound("this link is not good any more: start again to have a new one printed")
    async with given.database.platform() as scope:
        if await Directory(scope).ticket(digest(body.token), "setup", given.clock()) is None:
            raise gone
    passwords.check(body.password, body.email)
    hash = await guards.passwords.hash(body.password)  # noqa: A001
    async with given.database.platform() as scope:
        directory, now = Directory(scope), given.clock()
        await directory.lock_setup()
        if await directory.any_admin() or not await directory.redeem(digest(body.token), "setup", now):
            raise gone
        made = await directory.make_person(now, body.email, body.name, hash)
        person = await directory.person(made) if made else None
        if person is None:
            raise Conflict("there is an account with this mail address: use another one")
        await directory.join(now, person.id, Owner("platform"), "platform_admin", person.id)
        await audit.record(scope, now, sessions.principal(person), "platform.set_up", person.id, {}, visit.ip)
        return await sessions.begin(given, scope, person, visit, "set-up link")
