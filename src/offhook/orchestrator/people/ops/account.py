"""One's own account: name, password, one-time codes, sessions; and a new password for who forgot it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from offhook.errors import Fault, Invalid, NotFound, NotPermitted
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import ROLES, Principal
from offhook.orchestrator.people import passwords
from offhook.orchestrator.people.addresses import canonical
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.mail import post
from offhook.orchestrator.people.ops import codes, sessions
from offhook.orchestrator.people.ops.sessions import IDLE, Visit
from offhook.orchestrator.people.repo import Directory, Sessions
from offhook.orchestrator.people.schemas import Me, MembershipView, SessionView
from offhook.orchestrator.people.tables import PersonRow, SessionRow
from offhook.orchestrator.people.tokens import digest, mint
from offhook.orchestrator.scope import PlatformScope
from offhook.orchestrator.services import Services

RESET: Final = timedelta(hours=1)


async def me(scope: PlatformScope, principal: Principal) -> Me:
    """Who asks, and what they may do where, by the grants that they came with."""
    if principal.kind != "person":
        own = sorted(frozenset[str]().union(*(grant.permissions for grant in principal.grants)))
        return Me(kind=principal.kind, id=principal.id, name=principal.name, permissions=own)
    directory = Directory(scope)
    person = await _person(directory, principal.id)
    app = await directory.totp(person.id)
    held = {(grant.role, grant.tenant, grant.reseller) for grant in principal.grants}
    views = [
        MembershipView(
            id=row.id,
            level=row.level,
            tenant_id=row.tenant_id,
            reseller_id=row.reseller_id,
            name=row.name or "offhook",
            role=row.role,
            permissions=sorted(ROLES[row.role]),
        )
        for row in await directory.memberships(person.id)
        if (row.role, row.tenant_id, row.reseller_id) in held
    ]
    return Me(
        kind="person",
        id=person.id,
        name=person.name,
        email=person.email,
        totp=app is not None and app.confirmed_at is not None,
        password=person.password_hash is not None,
        provider_id=person.provider_id,
        memberships=views,
    )


async def _person(directory: Directory, id: str) -> PersonRow:
    found = await directory.person(id)
    if found is None:
        raise NotFound("no such account")
    return found


async def rename(given: Services, scope: PlatformScope, by: Principal, ip: str, name: str) -> None:
    """Another name of one's own."""
    await Directory(scope).change_person(by.id, name=name)
    await audit.record(scope, given.clock(), by, "person.renamed", by.id, {"name": name}, ip)


async def proved(given: Services, guards: Guards, visit: Visit, person_id: str, password: str, field: str = "password") -> PersonRow:
    """The account of one who has shown the password once more; Invalid if it is wrong. In a transaction of its own."""
    async with given.database.platform() as scope:
        person = await _person(Directory(scope), person_id)
    if person.password_hash is None:
        raise NotPermitted("this account has no password")
    guards.sign_in(visit.ip, person.email)
    if not await guards.passwords.verify(person.password_hash, password):
        raise Invalid("the password is wrong", faults=(Fault(field, "is wrong"),))
    guards.signed_in(visit.ip, person.email)
    return person


async def change_password(given: Services, guards: Guards, visit: Visit, session: SessionRow, current: str, new: str) -> None:
    """A new password; every other session ends, and a mail says so."""
    person = await proved(given, guards, visit, session.person_id, current, "current")
    passwords.check(new, person.email)
    hash = await guards.passwords.hash(new)  # noqa: A001
    async with given.database.platform() as scope:
        now = await Directory(scope).person(person.id, lock=True)
        if now is None or now.password_hash != person.password_hash:
            raise Invalid("the password is wrong", faults=(Fault("current", "is wrong"),))
        await _set(given, scope, visit, now, hash, "password.changed", keep=session.id)


async def _set(given: Services, scope: PlatformScope, visit: Visit, person: PersonRow, hash: str, action: str, keep: str | None) -> None:
    directory = Directory(scope)
    await directory.change_person(person.id, password_hash=hash)
    await directory.drop_tickets(person.id)
    ended = await Sessions(scope).end_all(person.id, but=keep)
    await audit.record(scope, given.clock(), sessions.principal(person), action, person.id, {"sessions_ended": ended}, visit.ip)
    text = f"Hello {person.name},\n\nthe password of your account has just been changed. If that was not you, ask for a new one at once:\n"
    await post(given.mail).send(scope, person.email, "Your password has been changed", f"{text}\n{given.settings.portal}/forgot\n")


async def own_sessions(given: Services, scope: PlatformScope, here: SessionRow) -> list[SessionView]:
    """Where one is signed in; the last used first."""
    rows = await Sessions(scope).of(here.person_id, given.clock(), IDLE)
    return [SessionView.model_validate({**_shown(row), "current": row.id == here.id}) for row in rows]


def _shown(row: SessionRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("id", "host", "ip", "user_agent", "created_at", "last_seen_at", "expires_at")}


async def end_session(given: Services, scope: PlatformScope, by: Principal, ip: str, id: str) -> None:
    """Sign out somewhere; NotFound if there is no such session of this person."""
    if not await Sessions(scope).end_one(by.id, id):
        raise NotFound("no such session")
    await audit.record(scope, given.clock(), by, "session.ended", id, {}, ip)


async def forgot(given: Services, guards: Guards, visit: Visit, email: str) -> None:
    """Ask for a mail with a link. The same happens whether there is such an account or not: its job finds out."""
    try:
        address = canonical(email)
    except ValueError:
        address = "nobody@invalid"
    guards.forgot(visit.ip, address)
    async with given.database.platform() as scope:
        await post(given.mail).send_reset(scope, address)


async def reset_letter(given: Services, email: str) -> tuple[str, str] | None:
    """Subject and text of the mail with a new token in place of the last one; None without such an account."""
    token, hash = mint()  # noqa: A001
    async with given.database.platform() as scope:
        directory = Directory(scope)
        person = await directory.by_email(email)
        if person is None or await directory.person(person.id, lock=True) is None:  # locked: one ticket at a time
            return None
        await directory.issue(hash, "reset", person.id, given.clock(), RESET)
    text = (
        f"Hello {person.name},\n\nsomebody, perhaps you, has asked for a new password for your account. To choose one, open this address "
        f"within an hour:\n\n{given.settings.portal}/reset/{token}\n\nIf it was not you, there is nothing to do: your password stays.\n"
    )
    return "Choose a new password", text


async def reset(given: Services, guards: Guards, visit: Visit, token: str, password: str) -> None:
    """Set a new password by a mail's link; all sessions end. NotFound for a link that is used, replaced or over."""
    guards.token(visit.ip)
    gone = NotFound("this link is not good any more: ask for a new one")
    async with given.database.platform() as scope:
        directory = Directory(scope)
        found = await directory.ticket(digest(token), "reset", given.clock())
        person = await directory.person(found.person_id) if found and found.person_id else None
    if person is None:
        raise gone
    passwords.check(password, person.email)
    hash = await guards.passwords.hash(password)  # noqa: A001
    async with given.database.platform() as scope:
        directory = Directory(scope)
        if not await directory.redeem(digest(token), "reset", given.clock()):
            raise gone
        await _set(given, scope, visit, person, hash, "password.reset", keep=None)


async def end_others(scope: PlatformScope, session: SessionRow) -> int:
    """Sign out everywhere but here; how many."""
    return await Sessions(scope).end_all(session.person_id, but=session.id)


async def enable_codes(
    given: Services, guards: Guards, scope: PlatformScope, session: SessionRow, by: Principal, ip: str, code: str
) -> tuple[str, ...]:
    """One-time codes from now on, for who shows a first one; the recovery codes. Every other session ends."""
    guards.code(ip, session.person_id)
    made = await codes.confirm(given, scope, session.person_id, code)
    guards.code_right(session.person_id)
    ended = await end_others(scope, session)
    await audit.record(scope, given.clock(), by, "totp.enabled", session.person_id, {"sessions_ended": ended}, ip)
    return made


async def disable_codes(given: Services, visit: Visit, person: PersonRow, code: str) -> None:
    """No one-time codes any more, for who has shown the password and shows a code; a mail says so."""
    async with given.database.platform() as scope:
        if not await codes.use(given, scope, person.id, code):
            raise Invalid("the code is wrong, or was used before", faults=(Fault("code", "is wrong"),))
        await Directory(scope).drop_totp(person.id)
        await audit.record(scope, given.clock(), sessions.principal(person), "totp.disabled", person.id, {}, visit.ip)
        text = (
            f"Hello {person.name},\n\none-time codes have just been turned off for your account. "
            "If that was not you, change your password.\n"
        )
        await post(given.mail).send(scope, person.email, "One-time codes are off", text)
