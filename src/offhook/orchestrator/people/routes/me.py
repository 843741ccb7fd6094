"""One's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import COOKIE, PlatformAccess, signed_in
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops import account, codes, sessions
from offhook.orchestrator.people.routes.common import Id, Known, Visiting, clear_session
from offhook.orchestrator.people.schemas import (
    Me,
    PasswordChange,
    PasswordIn,
    PersonChange,
    RecoveryCodes,
    SessionView,
    TotpCode,
    TotpDisable,
    TotpEnrolment,
)
from offhook.orchestrator.people.tables import SessionRow
from offhook.orchestrator.services import Services

router = APIRouter(prefix="/v1/me", tags=["me"])
Mine = Annotated[PlatformAccess, signed_in()]


async def _own(access: PlatformAccess) -> SessionRow:
    cookie = access.request.cookies.get(COOKIE, "") if access.principal.kind == "person" else ""
    return await sessions.own(access.given, access.scope, cookie, access.request.headers.get("host", ""))


async def _session(given: Services, request: Request, principal_kind: str) -> SessionRow:
    """The same in a transaction of its own, for what is followed by hashing a password."""
    cookie = request.cookies.get(COOKIE, "") if principal_kind == "person" else ""
    async with given.database.platform() as scope:
        return await sessions.own(given, scope, cookie, request.headers.get("host", ""))


@router.get("")
async def show_me(access: Mine) -> Me:
    """Who asks, and what they may do where."""
    return await account.me(access.scope, access.principal)


@router.patch("")
async def change_me(body: PersonChange, access: Mine) -> Me:
    """Change one's name."""
    await _own(access)
    await account.rename(access.given, access.scope, access.principal, access.ip, body.name)
    return await account.me(access.scope, access.principal)


@router.post("/password", status_code=204)
async def change_password(body: PasswordChange, request: Request, given: Given, guards: Guarded, visit: Visiting, principal: Known) -> None:
    """Change one's password; ends all other sessions."""
    session = await _session(given, request, principal.kind)
    await account.change_password(given, guards, visit, session, body.current, body.password)


@router.post("/totp", status_code=201)
async def enrol_totp(body: PasswordIn, request: Request, given: Given, guards: Guarded, visit: Visiting, principal: Known) -> TotpEnrolment:
    """Begin with one-time codes: a secret for an app. In force once confirmed."""
    await _session(given, request, principal.kind)
    person = await account.proved(given, guards, visit, principal.id, body.password)
    async with given.database.platform() as scope:
        return await codes.enrol(given, scope, person)


@router.post("/totp/confirm")
async def confirm_totp(body: TotpCode, guards: Guarded, access: Mine) -> RecoveryCodes:
    """Put one-time codes in force by a first code; the recovery codes are shown this once. Ends all other sessions."""
    session = await _own(access)
    made = await account.enable_codes(access.given, guards, access.scope, session, access.principal, access.ip, body.code)
    return RecoveryCodes(recovery_codes=list(made))


@router.post("/totp/disable", status_code=204)
async def disable_totp(body: TotpDisable, request: Request, given: Given, guards: Guarded, visit: Visiting, principal: Known) -> None:
    """No one-time codes any more."""
    await _session(given, request, principal.kind)
    guards.code(visit.ip, principal.id)
    person = await account.proved(given, guards, visit, principal.id, body.password)
    await account.disable_codes(given, visit, person, body.code)
    guards.code_right(person.id)


@router.get("/sessions")
async def list_sessions(access: Mine) -> list[SessionView]:
    """Where one is signed in; the last used first."""
    here = await _own(access)
    return await account.own_sessions(access.given, access.scope, here)


@router.delete("/sessions/{session}", status_code=204)
async def end_session(session: Id, response: Response, access: Mine) -> None:
    """Sign out there."""
    here = await _own(access)
    await account.end_session(access.given, access.scope, access.principal, access.ip, session)
    if session == here.id:
        clear_session(response)
