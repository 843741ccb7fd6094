"""Signing in, a forgotten password, and where links of mails and of the first start lead to: each a form over one operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, Fault, Invalid, NotFound
from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import COOKIE
from offhook.orchestrator.errors import faults_of
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops import accept, account, setup, sign_in
from offhook.orchestrator.people.routes.common import Visiting, clear_session, set_session
from offhook.orchestrator.people.schemas import Acceptance, NewSetup
from offhook.orchestrator.portal.frame import ROLES, Framed, onward
from offhook.orchestrator.portal.pages.look import own_path
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
MailToken = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a form."""

    name: str
    label: str
    type: str = "text"
    autocomplete: str = "off"
    help: str = ""
    needed: bool = True
    value: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A page with one form. ``hidden`` goes along; ``problem`` is what was wrong with all of it."""

    title: str
    action: str
    fields: tuple[Field, ...]
    button: str
    hint: str = ""
    hidden: Mapping[str, str] | None = None
    problem: str = ""
    link: tuple[str, str] | None = None
    back: tuple[str, str] | None = None

    def again(self, typed: Mapping[str, str], error: DomainError) -> Form:
        """The same with what was typed, but no password, and with what was wrong where it was."""
        faults = {one.path: one.message for one in error.faults} if isinstance(error, Invalid) else {}
        fields = tuple(
            replace(one, value="" if one.type == "password" else typed.get(one.name, ""), error=_mended(one, faults.get(one.name, "")))
            for one in self.fields
        )
        named = {one.name for one in self.fields}
        return replace(self, fields=fields, problem="" if faults and faults.keys() <= named else error.public)


_FIXES: Final = {"email": "Use an address such as ann@example.com.", "name": "Type your name, up to 120 characters."}


def _mended(field: Field, fault: str) -> str:
    """What was wrong with a field, as a sentence that says what to do."""
    if not fault:
        return ""
    return _(_FIXES[field.name]) if field.name in _FIXES else fault[:1].upper() + fault[1:] + ("" if fault.endswith(".") else ".")


NAME: Final = Field("name", "Your name", autocomplete="name")
EMAIL: Final = Field("email", "Mail address", "email", "username")
PASSWORD: Final = Field("password", "Password", "password", "current-password")
NEW: Final = Field("password", "New password", "password", "new-password", help="12 characters or more. A few words are good.")
CODE: Final = Field("code", "Code of your app", autocomplete="one-time-code", help="Six digits, or one of your recovery codes.")
SIGN_IN: Final = Form("Sign in", "/sign-in", (EMAIL, PASSWORD), "Sign in", link=("/forgot", "Forgot your password?"))
FORGOT: Final = Form(
    "Forgot your password?",
    "/forgot",
    (EMAIL,),
    "Send the mail",
    "We send you a link to choose a new one.",
    back=("/sign-in", "Back to signing in"),
)


def _show(request: Request, frame: Framed, form: Form, status: int = 200, *, secret: bool = False) -> HTMLResponse:
    return portal(request).page(request, frame, "pages/entrance.html", status=status, secret_address=secret, form=form)


async def _try(
    request: Request, frame: Framed, form: Form, typed: Mapping[str, str], work: Callable[[], Awaitable[Response]], *, secret: bool = True
) -> Response:
    """Do it; where it was refused, the form again, with what was wrong."""
    try:
        return await work()
    except ValidationError as error:
        refused: DomainError = Invalid(_("Something is not as it should be."), faults=_named(faults_of(error)))
    except DomainError as error:
        refused = error
    answer = _show(request, frame, form.again(typed, refused), refused.status, secret=secret)
    if refused.retry.after:
        answer.headers["Retry-After"] = str(int(refused.retry.after) + 1)
    return answer


def _named(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(Fault(one.path.partition(".")[0], one.message) for one in faults)


def _enter(session: str, path: str, said: str | None = None) -> Response:
    answer = onward(path, said)
    set_session(answer, session)
    return answer


# -- signing in -----------------------------------------------------------------------------------------------------------------


@router.get("/sign-in", response_class=HTMLResponse)
async def sign_in_page(request: Request, frame: Framed, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """Signing in."""
    return _show(request, frame, replace(SIGN_IN, hidden={"next": own_path(next)}))


@router.post("/sign-in", response_class=HTMLResponse)
async def sign_in_form(request: Request, frame: Framed, given: Given, guards: Guarded, visit: Visiting, fields: Posted) -> Response:
    """Sign in, or ask for a one-time code and then sign in."""
    then = own_path(fields.get("next", "/"))
    if pending := fields.get("pending"):
        return await _try(
            request, frame, _code_form(pending, then), fields, lambda: _second(given, guards, visit, fields, then), secret=False
        )

    async def work() -> Response:
        entered = await sign_in.sign_in(given, guards, visit, fields.get("email", "")[:254], fields.get("password", "")[:1_024])
        if entered.session is not None:
            return _enter(entered.session, then)
        return _show(request, frame, _code_form(entered.pending or "", then))

    return await _try(request, frame, replace(SIGN_IN, hidden={"next": then}), fields, work, secret=False)


async def _second(given: Given, guards: Guarded, visit: Visiting, fields: Mapping[str, str], then: str) -> Response:
    return _enter(await sign_in.second_step(given, guards, visit, fields["pending"], fields.get("code", "")[:64]), then)


def _code_form(pending: str, then: str) -> Form:
    return Form(
        "One more step", "/sign-in", (CODE,), "Sign in", hidden={"pending": pending, "next": then}, back=("/sign-in", "Start again")
    )


# -- forgotten passwords ----------------------------------------------------------------------------------------------------------


@router.get("/forgot", response_class=HTMLResponse)
async def forgot_page(request: Request, frame: Framed) -> Response:
    """Asking for a mail."""
    return _show(request, frame, FORGOT)


@router.post("/forgot", response_class=HTMLResponse)
async def forgot_form(request: Request, frame: Framed, given: Given, guards: Guarded, visit: Visiting, fields: Posted) -> Response:
    """Send the mail. The answer is the same for every address."""

    async def work() -> Response:
        await account.forgot(given, guards, visit, fields.get("email", "")[:254])
        return portal(request).page(
            request,
            frame,
            "pages/notice.html",
            title=_("Look at your mail"),
            text=_("If there is an account with this address, a mail is on its way."),
            link=("/sign-in", _("Back to signing in")),
        )

    return await _try(request, frame, FORGOT, fields, work, secret=False)


@router.get("/reset/{token}", response_class=HTMLResponse)
async def reset_page(request: Request, frame: Framed, token: MailToken) -> Response:
    """A new password."""
    return _show(request, frame, _reset_form(token), secret=True)


@router.post("/reset/{token}", response_class=HTMLResponse)
async def reset_form(
    request: Request, frame: Framed, token: MailToken, given: Given, guards: Guarded, visit: Visiting, fields: Posted
) -> Response:
    """Choose it; all sessions end."""

    async def work() -> Response:
        await account.reset(given, guards, visit, token, fields.get("password", "")[:1_024])
        answer = onward("/sign-in", "reset")
        clear_session(answer)
        return answer

    return await _try(request, frame, _reset_form(token), fields, work)


def _reset_form(token: str) -> Form:
    return Form("Choose a new password", f"/reset/{token}", (NEW,), "Change the password", "You are signed out everywhere else.")


# -- the first administrator --------------------------------------------------------------------------------------------------------


@router.get("/setup/{token}", response_class=HTMLResponse)
async def setup_page(request: Request, frame: Framed, token: MailToken) -> Response:
    """The first administrator."""
    return _show(request, frame, _setup_form(token), secret=True)


@router.post("/setup/{token}", response_class=HTMLResponse)
async def setup_form(
    request: Request, frame: Framed, token: MailToken, given: Given, guards: Guarded, visit: Visiting, fields: Posted
) -> Response:
    """Make their account and sign them in."""

    async def work() -> Response:
        body = NewSetup(token=token, **{name: fields.get(name, "") for name in ("name", "email", "password")})
        return _enter(await setup.set_up(given, guards, visit, body), "/", "set-up")

    return await _try(request, frame, _setup_form(token), fields, work)


def _setup_form(token: str) -> Form:
    hint = "You will run this installation: its resellers, businesses and people. The link works once."
    return Form("Set up offhook", f"/setup/{token}", (NAME, EMAIL, NEW), "Create my account", hint)


# -- invitations --------------------------------------------------------------------------------------------------------------------


@router.get("/invitations/{token}", response_class=HTMLResponse)
async def invitation_page(request: Request, frame: Framed, token: MailToken, given: Given, guards: Guarded, visit: Visiting) -> Response:
    """Accepting an invitation, with an account or without."""
    return _show(request, frame, await _invitation(given, guards, visit, token), secret=True)


@router.post("/invitations/{token}", response_class=HTMLResponse)
async def invitation_form(
    request: Request, frame: Framed, token: MailToken, given: Given, guards: Guarded, visit: Visiting, fields: Posted
) -> Response:
    """Become a member and be signed in, after a one-time code if the account has an app for them."""
    form = await _invitation(given, guards, visit, token)

    async def work() -> Response:
        body = Acceptance(name=fields.get("name") or None, password=fields.get("password") or None)
        entered = await accept.accept(given, guards, visit, token, body, request.cookies.get(COOKIE))
        if entered.pending is not None:
            return _show(request, frame, _code_form(entered.pending, "/"))
        if entered.session is not None:
            return _enter(entered.session, "/", "joined")
        return onward("/", "joined")

    return await _try(request, frame, form, fields, work)


async def _invitation(given: Given, guards: Guarded, visit: Visiting, token: str) -> Form:
    """The form for who holds the token; without fields where it is good for nothing any more."""
    action = f"/invitations/{token}"
    try:
        found = await accept.look(given, guards, visit, token)
    except NotFound as error:
        return Form("This invitation is over", action, (), "", problem=error.public, back=("/sign-in", "Sign in"))
    hint = _("{who} invites you to {place} as {role}.").format(who=found.invited_by, place=found.name, role=_(ROLES[found.role]).lower())
    known: Any = replace(PASSWORD, help=_("Of your account with {email}.").format(email=found.email))
    return Form("Accept the invitation", action, (known,) if found.account else (NAME, NEW), "Accept", hint)
