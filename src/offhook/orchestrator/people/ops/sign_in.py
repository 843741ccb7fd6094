"""Signing in with a password, and with a one-time code if the account has an app for them.

Passwords are hashed between transactions: a connection held for as long as they wait would let a few dozen strangers stop everything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from offhook.errors import NotSignedIn
from offhook.orchestrator.people.addresses import canonical
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.ops import codes, sessions
from offhook.orchestrator.people.ops.sessions import Visit
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.people.tables import PersonRow
from offhook.orchestrator.scope import PlatformScope
from offhook.orchestrator.services import Services

PENDING: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entered:
    """The token of a new session, or of the step that is still to be done."""

    session: str | None = None
    pending: str | None = None


async def sign_in(given: Services, guards: Guards, visit: Visit, email: str, password: str) -> Entered:
    """NotSignedIn without saying what was wrong, and after the same time whether there is such an account or not."""
    person = await verified(given, guards, visit, email, password)
    if person is None:
        raise NotSignedIn("the mail address or the password is wrong")
    hash = person.password_hash or ""  # noqa: A001
    renewed = await guards.passwords.hash(password) if guards.passwords.outdated(hash) else None
    async with given.database.platform() as scope:
        now = await Directory(scope).person(person.id, lock=True)
        if now is None or now.password_hash != hash:
            raise NotSignedIn("the mail address or the password is wrong")
        if renewed:
            now.password_hash = renewed
        return await enter(given, guards, scope, now, visit, "password")


async def verified(given: Services, guards: Guards, visit: Visit, email: str, password: str) -> PersonRow | None:
    """The account with this address, if this is its password."""
    try:
        address = canonical(email)
    except ValueError:
        address = ""
    guards.sign_in(visit.ip, address)
    async with given.database.platform() as scope:
        person = await Directory(scope).by_email(address)
    right = await guards.passwords.verify(person.password_hash if person else None, password)
    if person is None or not right:
        return None
    guards.signed_in(visit.ip, address)
    return person


async def enter(given: Services, guards: Guards, scope: PlatformScope, person: PersonRow, visit: Visit, by: str) -> Entered:
    """Let in who has shown the password: at once, or after a one-time code."""
    app = await Directory(scope).totp(person.id)
    if app is None or app.confirmed_at is None:
        return Entered(session=await sessions.begin(given, scope, person, visit, by))
    claims = {"sub": person.id, "host": visit.host, "with": _mark(person)}
    return Entered(pending=guards.pending.sign(claims, given.clock(), PENDING))


async def second_step(given: Services, guards: Guards, visit: Visit, pending: str, code: str) -> str:
    """The token of a new session; NotSignedIn if the code is wrong or was used, or the first step is too long ago."""
    claims = guards.pending.read(pending, given.clock())
    if claims is None or claims.get("host") != visit.host:
        raise NotSignedIn("the first step was too long ago: sign in again")
    guards.code(visit.ip, claims["sub"])
    async with given.database.platform() as scope:
        person = await Directory(scope).person(claims["sub"], lock=True)
        if person is None or claims.get("with") != _mark(person):
            raise NotSignedIn("the first step was too long ago: sign in again")
        if not await codes.use(given, scope, person.id, code):
            raise NotSignedIn("the code is wrong, or was used before")
        guards.code_right(person.id)
        return await sessions.begin(given, scope, person, visit, "password and code")


def _mark(person: PersonRow) -> str:
    """Changes with the password, so that a step begun with an old one is over."""
    return hashlib.sha256((person.password_hash or "").encode()).hexdigest()[:16]
