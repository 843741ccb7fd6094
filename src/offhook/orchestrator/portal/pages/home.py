"""Where somebody who is signed in begins: their business, or the list of all that they look after."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from offhook.orchestrator.auth.access import COOKIE, PlatformAccess, signed_in
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.openas import ops as openas
from offhook.orchestrator.people.ops import sessions
from offhook.orchestrator.people.routes.common import Visiting, clear_session
from offhook.orchestrator.portal.frame import Framed, home_shell, onward, runs_platform
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.resellers import ops as resellers
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Anybody = Annotated[PlatformAccess, signed_in()]
PART = 50


@router.get("/", response_class=Response)
async def home_page(
    request: Request, frame: Framed, access: Anybody, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> Response:
    """The only business that there is for somebody, the agency or the platform that they are of, or all of them, the newest first."""
    if (above := await _above(access)) is not None:
        return RedirectResponse(above, 303, {"Cache-Control": "no-store"})
    filters = {"list": "portal businesses", "principal": access.principal.id}
    position = position_of(access.given, filters, cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await tenants.visible(access.scope, access.principal, PART + 1, after)
    found = page(rows, PART, access.given, filters, lambda one: (one.created_at, one.id))
    # What the page before wants said is said here; a redirection would lose it.
    if len(found.data) == 1 and found.next_cursor is None and cursor is None and frame.said is None:
        return RedirectResponse(f"/t/{found.data[0].id}", 303, {"Cache-Control": "no-store"})
    more = f"/?cursor={found.next_cursor}" if found.next_cursor else None
    shell = home_shell(access, frame.brand)
    return portal(request).page(request, frame, "pages/home.html", "rows", shell=shell, businesses=found.data, more_href=more)


async def _above(access: PlatformAccess) -> str | None:
    """Where somebody begins who looks after businesses of others: nowhere in particular for who has several such places.

    An installation without resellers begins with its own businesses: there is nothing to do above them.
    """
    principal: Principal = access.principal
    if runs_platform(principal):
        several = len(await resellers.page(access.scope, 2, None)) > 1
        return "/ops" if several else f"/r/{resellers.DIRECT}"
    agencies = {one.reseller for one in principal.grants if one.tenant is None}
    return f"/r/{agencies.pop()}" if len(agencies) == 1 and all(one.tenant is None for one in principal.grants) else None


@router.post("/leave", response_class=RedirectResponse)
async def leave(access: Anybody, visit: Visiting, _: Posted) -> RedirectResponse:
    """End the look at a client, and go back to its agency."""
    tenant = await openas.leave(access.given, access.scope, access.request.cookies.get(COOKIE, ""), visit.host)
    found = await tenants.find(access.scope, tenant) if tenant else None
    return onward(f"/r/{found.reseller_id}", "left") if found else onward("/")


@router.post("/sign-out", response_class=RedirectResponse)
async def sign_out(access: Anybody, visit: Visiting, _: Posted) -> RedirectResponse:
    """End this session."""
    await openas.leave(access.given, access.scope, access.request.cookies.get(COOKIE, ""), visit.host, by="session")
    ended = await sessions.end(access.given, access.scope, access.request.cookies.get(COOKIE, ""), visit.host)
    if ended is not None:
        await access.audit("session.ended", ended)
    answer = onward("/sign-in", "signed-out")
    clear_session(answer)
    return answer
