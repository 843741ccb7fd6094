"""Signing in and out, for people who are not signed in yet. Everything here is limited by address and account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import COOKIE, PlatformAccess, signed_in
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops import accept, account, sessions, setup, sign_in
from offhook.orchestrator.people.routes.common import REFUSED, Visiting, answer, clear_session, ours, set_session
from offhook.orchestrator.people.schemas import (
    Acceptance,
    CodeIn,
    Forgot,
    NewSetup,
    OpenInvitation,
    Reset,
    SignedIn,
    SignIn,
)

router = APIRouter(prefix="/v1", tags=["sign-in"], dependencies=[Depends(ours)], responses=REFUSED)
MailToken = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]


@router.post("/setup", status_code=201)
async def set_up(body: NewSetup, response: Response, given: Given, guards: Guarded, visit: Visiting) -> SignedIn:
    """Make the first administrator of the platform, by the link that the first start prints, and sign them in."""
    set_session(response, await setup.set_up(given, guards, visit, body))
    return SignedIn()


@router.post("/session")
async def create_session(body: SignIn, response: Response, given: Given, guards: Guarded, visit: Visiting) -> SignedIn:
    """Sign in: sets the session's cookie, or asks for a one-time code."""
    return answer(response, await sign_in.sign_in(given, guards, visit, body.email, body.password))


@router.post("/session/totp")
async def confirm_session(body: CodeIn, response: Response, given: Given, guards: Guarded, visit: Visiting) -> SignedIn:
    """The second step of signing in."""
    set_session(response, await sign_in.second_step(given, guards, visit, body.pending, body.code))
    return SignedIn()


@router.delete("/session", status_code=204)
async def delete_session(access: Annotated[PlatformAccess, signed_in()], response: Response, visit: Visiting) -> None:
    """Sign out."""
    ended = await sessions.end(access.given, access.scope, access.request.cookies.get(COOKIE, ""), visit.host)
    if ended is not None:
        await access.audit("session.ended", ended)
    clear_session(response)


@router.post("/password/forgot", status_code=202)
async def forgot_password(body: Forgot, given: Given, guards: Guarded, visit: Visiting) -> SignedIn:
    """Ask for a mail with a link to choose a new password. The answer is the same for every address."""
    await account.forgot(given, guards, visit, body.email)
    return SignedIn()


@router.post("/password/reset", status_code=204)
async def reset_password(body: Reset, response: Response, given: Given, guards: Guarded, visit: Visiting) -> None:
    """Choose a new password by the link of a mail; ends all sessions."""
    await account.reset(given, guards, visit, body.token, body.password)
    clear_session(response)


@router.get("/invitations/{token}")
async def show_invitation(token: MailToken, given: Given, guards: Guarded, visit: Visiting) -> OpenInvitation:
    """An invitation, for who was sent it."""
    return await accept.look(given, guards, visit, token)


@router.post("/invitations/{token}/accept")
async def accept_invitation(
    token: MailToken, body: Acceptance, request: Request, response: Response, given: Given, guards: Guarded, visit: Visiting
) -> SignedIn:
    """Accept an invitation and be signed in."""
    cookie = request.cookies.get(COOKIE)
    return answer(response, await accept.accept(given, guards, visit, token, body, cookie))
