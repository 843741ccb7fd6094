"""A call for people without an account who were sent a link to it: its words and what was learned, nothing to do and nowhere to go."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from offhook.orchestrator.access import Given
from offhook.orchestrator.calls import reading, sharing
from offhook.orchestrator.portal.frame import Framed
from offhook.orchestrator.portal.pages.call import RANGE_S, context, look
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Token = Annotated[str, Path(min_length=1, max_length=sharing.LONGEST, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get(sharing.PREFIX + "{token}", response_class=HTMLResponse)
async def shared_call(
    request: Request,
    frame: Framed,
    given: Given,
    token: Token,
    at: Annotated[float | None, Query(ge=0, le=RANGE_S)] = None,
    turn: Annotated[int | None, Query(ge=1, le=100_000)] = None,
) -> HTMLResponse:
    """The call that this link is for, as long as the link is good."""
    shared = sharing.opened(given, token)
    async with given.database.tenant(shared.tenant) as scope:
        await sharing.check(scope, shared)
        tenant = await tenants.get(scope)
        local = Local(tenant.zone, tenant.region, given.clock())
        shown = await look(scope, local, await reading.detail(scope, shared.call), at, turn)
    values = context(tenant, local, shown) | {"here_href": sharing.PREFIX + token, "trace_href": ""}
    return portal(request).page(
        request, frame, "pages/call/shared.html", secret_address=True, local=local, tenant=tenant, until=shared.expires_at, **values
    )
