"""Signing in by a provider: there and back, and who gets in.

Nothing is kept of somebody who has only begun: the state that goes with them is signed, and what they must not know of it (nonce, PKCE
verifier, the browser's own cookie) is derived from it. Only what has come back is remembered, so that it comes back once.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row

from offhook.errors import NotFound, NotPermitted
from offhook.orchestrator.people.addresses import canonical, domain_of
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.oidc import Client, Provider, Subject
from offhook.orchestrator.people.ops import accept, providers, sessions
from offhook.orchestrator.people.ops.sessions import Visit
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.people.tables import PersonRow
from offhook.orchestrator.people.team import Owner
from offhook.orchestrator.people.tokens import digest
from offhook.orchestrator.scope import PlatformScope
from offhook.orchestrator.services import Services

LIFETIME: Final = timedelta(minutes=10)
AGAIN: Final = "this sign-in was not begun in this browser, or is over: begin again"
LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Leaving:
    """Where the browser goes, and the cookie that it takes along (name and value)."""

    address: str
    cookie: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Return:
    """What the browser brings back."""

    state: str
    code: str | None
    iss: str | None
    cookie: str
    """Its value; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The session's token, and the page to go on to."""

    session: str
    next: str


def cookie_of(state: str) -> str:
    """The name of a state's cookie: each has its own, so that two tabs do not disturb each other."""
    return f"__Host-offhook-{digest(state)[:6].hex()}"


async def leave(given: Services, guards: Guards, visit: Visit, id: str, then: str) -> Leaving:
    """Send somebody to the provider; NotFound if there is none in use."""
    guards.provider(visit.ip)
    async with given.database.platform() as scope:
        row = await Directory(scope).provider(id)
    if row is None:
        raise NotFound("no such provider")
    provider = await Provider.discover(guards.guard, row.issuer)
    claims = {"prov": id, "host": visit.host, "n": secrets.token_urlsafe(16), "next": then}
    state = guards.state.sign(claims, given.clock(), LIFETIME)
    nonce, verifier = guards.state.derive("nonce", state), guards.state.derive("verifier", state)
    address = provider.address(row.client_id, providers.redirect_uri(given), state, nonce, verifier)
    return Leaving(address, (cookie_of(state), guards.state.derive("browser", state)))


async def come_back(given: Services, guards: Guards, visit: Visit, back: Return) -> Arrived:
    """Sign in whom the provider has signed in; NotPermitted with what is wrong."""
    guards.provider(visit.ip)
    claims = guards.state.read(back.state, given.clock())
    if claims is None or not hmac.compare_digest(back.cookie, guards.state.derive("browser", back.state)) or claims["host"] != visit.host:
        raise NotPermitted(AGAIN)
    async with given.database.platform() as scope:
        directory = Directory(scope)
        row = await directory.provider(claims["prov"])
        if row is None or not await directory.use_state(digest(back.state), datetime.fromtimestamp(claims["exp"], UTC)):
            raise NotPermitted(AGAIN)
    if back.code is None:
        raise NotPermitted("the sign-in provider did not let you in: begin again")
    subject = await _subject(given, guards, row, back)
    email = _address(subject, row.domains)
    async with given.database.platform() as scope:
        directory = Directory(scope)
        await directory.lock_subject(row.id, subject.subject)
        if (row := await directory.provider(row.id)) is None:
            raise NotPermitted(AGAIN)
        person = await _person(given, scope, row, subject, email, visit)
        return Arrived(await sessions.begin(given, scope, person, visit, f"provider {row.id}", row.id), claims["next"])


async def _subject(given: Services, guards: Guards, row: Row[Any], back: Return) -> Subject:
    secret = await providers.client_secret(given, row.level, row.tenant_id or row.reseller_id, row.id)
    if secret is None:
        raise NotPermitted(AGAIN)
    provider = await Provider.discover(guards.guard, row.issuer)
    if back.iss is None and provider.metadata.authorization_response_iss_parameter_supported:
        raise NotPermitted(AGAIN)
    if back.iss is not None and back.iss != row.issuer:  # RFC 9207: another provider's answer, passed off as this one's
        raise NotPermitted(AGAIN)
    client = Client(row.client_id, secret, providers.redirect_uri(given))
    tokens = await provider.exchange(client, back.code or "", guards.state.derive("verifier", back.state))
    return await provider.subject(client, tokens, guards.state.derive("nonce", back.state), given.clock())


def _address(subject: Subject, domains: list[str]) -> str:
    """The mail address that the provider vouches for; NotPermitted if it does not, or may not."""
    if subject.email is None or not subject.email_verified:
        raise NotPermitted("the sign-in provider does not vouch for your mail address")
    try:
        email = canonical(subject.email)
    except ValueError as error:
        raise NotPermitted("the sign-in provider does not vouch for your mail address") from error
    if domain_of(email) not in domains:
        raise NotPermitted(f"mail addresses at {domain_of(email)} may not sign in by this provider")
    return email


async def _person(given: Services, scope: PlatformScope, row: Row[Any], subject: Subject, email: str, visit: Visit) -> PersonRow:
    """Who it is, made a member if they were invited or everybody is welcome; NotPermitted for strangers and for who was removed."""
    directory, now = Directory(scope), given.clock()
    reach = Owner(row.level, row.tenant_id or row.reseller_id)
    person = await directory.identity(row.id, subject.issuer, subject.subject)
    new = person is None
    invitations = await directory.invited(email, reach, now)
    if person is None:
        known = await directory.by_email(email)
        # An account with a password that is a member here already: the provider's word opens it, but no further than the owner's own.
        person = known if known is not None and await directory.reaches(known.id, reach) else None
    if person is None:
        if not invitations and row.default_role is None:
            raise NotPermitted("you are not a member here: ask to be invited")
        made = await directory.make_person(now, email, _name(subject, email), None, row.id)
        person = await directory.person(made) if made else None
        if person is None:
            raise NotPermitted("somebody else has signed in with your mail address by this provider before: ask its administrator")
    if new:
        await directory.remember(now, row.id, subject.issuer, subject.subject, person.id)
    for invitation in invitations:
        if await directory.take_invitation(invitation.token_hash, now):
            await accept.join(given, scope, invitation, person, visit)
    if not await directory.reaches(person.id, reach):
        if not new or row.default_role is None:
            raise NotPermitted("you are not a member here any more: ask to be invited")
        await directory.join(now, person.id, reach, row.default_role, row.id)
        details = {"role": row.default_role, "email": email, "provider": row.id}
        await accept.note_joined(scope, now, reach, person, details, visit.ip)
    return person


def _name(subject: Subject, email: str) -> str:
    name = " ".join("".join(one if one.isprintable() else " " for one in subject.name).split())[:LONGEST_NAME]
    return name or email.partition("@")[0]
