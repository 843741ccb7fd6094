"""Where browsers come back from systems: the one callback host, and from there the portal's own."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import COOKIE, TenantDoor, before_tenant
from offhook.orchestrator.connections import consent
from offhook.orchestrator.connections.consent import CALLBACK, FINISH, Back, Beginner

router = APIRouter(tags=["connections"], include_in_schema=False)
Door = Annotated[TenantDoor, before_tenant("connections.connect")]
_HEADERS: Final = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
Text = Annotated[str, Query(max_length=4_000)]


@router.get(CALLBACK)
async def return_from_system(given: Given, state: Text = "", code: Text = "", error: Text = "", iss: Text = "") -> RedirectResponse:
    """Come back from a system's page of consent: on to where it was begun, whoever it was."""
    return RedirectResponse(await consent.come_back(given, Back(state, code, error, iss)), 303, _HEADERS)


@router.get(FINISH + "/{tenant}")
async def finish_connecting(door: Door, request: Request, handoff: Annotated[str, Query(max_length=200)] = "") -> RedirectResponse:
    """Finish what was begun in this browser."""
    by = Beginner(door.principal, request.cookies.get(COOKIE, ""), request.headers.get("host", "").lower(), door.ip)
    done = await consent.finish(door.given, door.tenant, by, handoff)
    return RedirectResponse(done.address, 303, _HEADERS)


routers: tuple[APIRouter, ...] = (router,)
