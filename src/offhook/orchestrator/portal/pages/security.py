"""One's own account: name, password, one-time codes, and where one is signed in.

What concerns a person is the directory's, and hashing a password takes long: so each form does its work in transactions of its own and
then opens the tenant's, to show the page again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, NotFound, NotPermitted
from offhook.orchestrator.auth.access import COOKIE, ID, TenantDoor, before_tenant
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops import account, codes, sessions
from offhook.orchestrator.people.routes.common import Visiting, clear_session
from offhook.orchestrator.people.schemas import Me, PersonChange, SessionView, TotpEnrolment
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.scope import PlatformScope

router = APIRouter(tags=["portal"], include_in_schema=False)
Door = Annotated[TenantDoor, before_tenant("tenant.read")]
SessionId = Annotated[str, Path(pattern=ID)]
SECRET: Final = ("current", "password", "password_again", "code")


_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS X", "Mac"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
)
"""Marks in a User-Agent; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class Own:
    """Who is here; ``sessions`` of who has signed in with a password: nobody else has an account to change here."""

    me: Me
    sessions: tuple[SessionView, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether there is an account to change."""
        return bool(self.sessions)


async def _own(door: TenantDoor) -> Own:
    async with door.given.database.platform() as scope:
        me = await account.me(scope, door.principal)
        try:
            here = await _here(door, scope)
        except NotFound:
            return Own(me)
        return Own(me, tuple(await account.own_sessions(door.given, scope, here)))


async def _here(door: TenantDoor, scope: PlatformScope) -> Any:  # noqa: ANN401 - a row that pages only hand on
    """Their session; NotFound for a key, and for who came by a sign-in provider: there is no account of theirs to change here."""
    try:
        return await sessions.own(door.given, scope, _cookie(door), _host(door))
    except NotPermitted as error:
        raise NotFound(error.public) from error


def browser(agent: str) -> str:
    """What people call the browser that sent this User-Agent; as it is where it is none that we know."""
    kind = next((name for mark, name in _BROWSERS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    if kind is None or system is None:
        return agent or _("Unknown browser")
    return _("{browser} on {system}").format(browser=kind, system=system)


def _cookie(door: TenantDoor) -> str:
    return door.request.cookies.get(COOKIE, "") if door.principal.kind == "person" else ""


def _host(door: TenantDoor) -> str:
    return door.request.headers.get("host", "").lower()


async def _show(
    frame: Framed,
    door: TenantDoor,
    typed: Typed,
    task: str = "",
    *,
    enrolment: TotpEnrolment | None = None,
    recovery: tuple[str, ...] = (),
) -> HTMLResponse:
    own = await _own(door)
    context: dict[str, Any] = {"own": own, "browser": browser, "task": task, "enrolment": enrolment, "recovery": recovery}
    async with door.enter() as access:
        return await settling.show(door.request, frame, access, "security", typed, **context)


@dataclass(slots=True)
class Tried:
    """``typed`` is the form again where it was refused."""

    typed: Typed | None = None


@asynccontextmanager
async def _trying(fields: Mapping[str, str]) -> AsyncIterator[Tried]:
    """Do what a form asks for, in transactions of its own, each of which is undone if it is refused."""
    tried = Tried()
    try:
        yield tried
    except (NotFound, NotPermitted):
        raise
    except (DomainError, ValidationError) as error:
        tried.typed = steps.shown_again(fields, error, secret=SECRET)


@router.get("/t/{tenant}/settings/security", response_class=HTMLResponse)
async def security_page(frame: Framed, door: Door) -> HTMLResponse:
    """One's own account."""
    return await _show(frame, door, Typed())


@router.post("/t/{tenant}/settings/security/name", response_class=HTMLResponse)
async def name_form(frame: Framed, door: Door, fields: Posted) -> Response:
    """Another name."""
    async with _trying(fields) as tried:
        body = PersonChange(name=fields.get("name", ""))
        async with door.given.database.platform() as scope:
            await _here(door, scope)
            await account.rename(door.given, scope, door.principal, door.ip, body.name)
    return await _show(frame, door, tried.typed, "name") if tried.typed else _back(door, "saved")


@router.post("/t/{tenant}/settings/security/password", response_class=HTMLResponse)
async def password_form(frame: Framed, door: Door, fields: Posted, guards: Guarded, visit: Visiting) -> Response:
    """Another password; every other session ends."""
    async with _trying(fields) as tried:
        async with door.given.database.platform() as scope:
            here = await _here(door, scope)
        current, new = fields.get("current", "")[:1_024], fields.get("password", "")[:1_024]
        await account.change_password(door.given, guards, visit, here, current, new)
    return await _show(frame, door, tried.typed, "password") if tried.typed else _back(door, "password-changed")


@router.post("/t/{tenant}/settings/security/codes", response_class=HTMLResponse)
async def enrol_form(frame: Framed, door: Door, fields: Posted, guards: Guarded, visit: Visiting) -> Response:
    """Begin with one-time codes: a secret for an app, on the page that answers. In force once a first code of it was shown."""
    async with _trying(fields) as tried:
        async with door.given.database.platform() as scope:
            await _here(door, scope)
        person = await account.proved(door.given, guards, visit, door.principal.id, fields.get("password", "")[:1_024])
        async with door.given.database.platform() as scope:
            made = await codes.enrol(door.given, scope, person)
    if tried.typed is not None:
        return await _show(frame, door, tried.typed, "codes")
    return await _show(frame, door, Typed(), "confirm", enrolment=made)


@router.post("/t/{tenant}/settings/security/codes/confirm", response_class=HTMLResponse)
async def confirm_form(frame: Framed, door: Door, fields: Posted, guards: Guarded) -> Response:
    """Put them in force; the recovery codes are on the page that answers, and on no other."""
    async with _trying(fields) as tried, door.given.database.platform() as scope:
        here = await _here(door, scope)
        made = await account.enable_codes(door.given, guards, scope, here, door.principal, door.ip, fields.get("code", "")[:64])
    if tried.typed is not None:
        return await _show(frame, door, tried.typed, "confirm")
    return await _show(frame, door, Typed(), recovery=made)


@router.post("/t/{tenant}/settings/security/codes/disable", response_class=HTMLResponse)
async def disable_form(frame: Framed, door: Door, fields: Posted, guards: Guarded, visit: Visiting) -> Response:
    """No one-time codes any more."""
    async with _trying(fields) as tried:
        async with door.given.database.platform() as scope:
            await _here(door, scope)
        guards.code(visit.ip, door.principal.id)
        person = await account.proved(door.given, guards, visit, door.principal.id, fields.get("password", "")[:1_024])
        await account.disable_codes(door.given, visit, person, fields.get("code", "")[:64])
        guards.code_right(person.id)
    return await _show(frame, door, tried.typed, "disable") if tried.typed else _back(door, "saved")


@router.post("/t/{tenant}/settings/security/sessions/{session}/end", response_class=HTMLResponse)
async def end_session_form(door: Door, session: SessionId, _fields: Posted) -> Response:
    """Sign out there."""
    async with door.given.database.platform() as scope:
        here = await _here(door, scope)
        await account.end_session(door.given, scope, door.principal, door.ip, session)
    if session != here.id:
        return _back(door, "session-ended")
    answer = onward("/sign-in", "signed-out")
    clear_session(answer)
    return answer


def _back(door: TenantDoor, said: str) -> Response:
    return onward(f"/t/{door.tenant}/settings/security", said)
