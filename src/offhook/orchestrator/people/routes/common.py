"""What several of these routes need."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request, Response

from offhook.errors import NotPermitted
from offhook.orchestrator.auth.access import COOKIE, ID, Signed
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.people.csrf import foreign
from offhook.orchestrator.people.ops.sessions import LIFETIME, Visit
from offhook.orchestrator.people.ops.sign_in import Entered
from offhook.orchestrator.people.schemas import SignedIn

Id = Annotated[str, Path(pattern=ID)]
REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    403: {"description": "Not from a page of ours, or not permitted."},
    429: {"description": "Too many attempts."},
}


def visit(request: Request) -> Visit:
    """Where the request came to and from."""
    ip = request.client.host if request.client else ""
    return Visit(request.headers.get("host", "").lower()[:255], ip, request.headers.get("user-agent", ""))


Visiting = Annotated[Visit, Depends(visit)]


def _known() -> Any:  # noqa: ANN401 - a dependency for Annotated
    async def enter(principal: Signed) -> Principal:
        return principal

    # As auth.access writes it on its own dependencies: anybody who is signed in, for what concerns themselves.
    known: Any = enter
    known.level, known.permission = "anybody", None
    return Depends(known)


Known = Annotated[Principal, _known()]
"""Who is signed in, without a transaction: for routes that hash a password between two of their own."""


def ours(request: Request) -> None:
    """NotPermitted if a page of somebody else made the browser send this: nobody is to be signed in as another than they think."""
    if foreign(request.headers, request.headers.get("host", "")):
        raise NotPermitted("this request did not come from a page of ours")


def set_session(response: Response, token: str) -> None:
    """The session's cookie.

    ``__Host-`` makes the browser refuse it without Secure, with a Domain or another path (RFC 6265bis section 4.1.3.2). Chromium 150
    takes it from http://localhost and http://127.0.0.1 too (tried), so development needs no other name and no other flags.
    """
    age = int(LIFETIME.total_seconds())
    response.set_cookie(COOKIE, token, max_age=age, path="/", secure=True, httponly=True, samesite="lax")


def clear_session(response: Response) -> None:
    """No cookie any more."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def answer(response: Response, entered: Entered) -> SignedIn:
    """The session's cookie, or the step that is still to be done."""
    if entered.session is not None:
        set_session(response, entered.session)
    return SignedIn(next="totp" if entered.pending else None, pending=entered.pending)
