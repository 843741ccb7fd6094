"""Where somebody who is signed in begins: their business, or the list of all that they look after."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from offhook.orchestrator.auth.access import COOKIE, PlatformAccess, signed_in
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.people.ops import sessions
from offhook.orchestrator.people.routes.common import Visiting, clear_session
from offhook.orchestrator.portal.frame import SAID_COOKIE, Framed, home_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Anybody = Annotated[PlatformAccess, signed_in()]
PART = 50


@router.get("/", response_class=Response)
async def home_page(
    request: Request, frame: Framed, access: Anybody, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> Response:
    """The only business that there is for somebody, or all of them, the newest first."""
    filters = {"list": "portal businesses", "principal": access.principal.id}
    position = position_of(access.given, filters, cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await tenants.visible(access.scope, access.principal, PART + 1, after)
    found = page(rows, PART, access.given, filters, lambda one: (one.created_at, one.id))
    # What the page before wants said is said here; a redirection would lose it.
    if len(found.data) == 1 and found.next_cursor is None and cursor is None and frame.said is None:
        return RedirectResponse(f"/t/{found.data[0].id}/calls", 303, {"Cache-Control": "no-store"})
    more = f"/?cursor={found.next_cursor}" if found.next_cursor else None
    shell = home_shell(access, frame.brand)
    return portal(request).page(request, frame, "pages/home.html", "rows", shell=shell, businesses=found.data, more_href=more)


@router.post("/sign-out", response_class=RedirectResponse)
async def sign_out(access: Anybody, visit: Visiting, _: Posted) -> RedirectResponse:
    """End this session."""
    ended = await sessions.end(access.given, access.scope, access.request.cookies.get(COOKIE, ""), visit.host)
    if ended is not None:
        await access.audit("session.ended", ended)
    answer = RedirectResponse("/sign-in", 303)
    clear_session(answer)
    say(answer, "signed-out")
    return answer


def say(answer: Response, what: str) -> None:
    """Have the next page say what was done; one of ``frame.SAID``."""
    answer.set_cookie(SAID_COOKIE, what, max_age=60, path="/", secure=True, httponly=True, samesite="lax")
