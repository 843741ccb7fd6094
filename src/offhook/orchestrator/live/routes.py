"""Routes of live calls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.live import ops
from offhook.orchestrator.live.schemas import Commanded, EndLiveCall, LiveCallView, SayLine, TransferCall
from offhook.orchestrator.live.steering import steer
from offhook.orchestrator.live.stream import events

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["live calls"])
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
Steering = Annotated[TenantAccess, in_tenant("live.control")]
CallId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
STEERING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 503: PROBLEM}


@router.get("/live-calls")
async def list_live_calls(access: Reading, part: PageQuery) -> Page[LiveCallView]:
    """The tenant's calls that are under way, the latest first, with what was said last."""
    filters = {"list": "live-calls", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, access.given, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.started_at, one.id))


@router.get("/live-calls/events", response_class=StreamingResponse, responses=STREAM)
async def watch_live_calls(access: Reading) -> StreamingResponse:
    """News of the tenant's live calls, as they happen: a stream of server-sent events for EventSource.

    ``calls`` holds all that are under way, at first and whenever something may have been missed; ``call`` one of them, as it is now;
    ``ended`` the id of one that is over. The stream ends after some minutes, and EventSource asks again.
    """
    access.request.app.state.live.need_room(access.scope.tenant)
    news = events(access.given, access.request.app.state.live, access.scope.tenant)
    return StreamingResponse(news, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})


@router.post("/live-calls/{call}/say", status_code=202, responses=STEERING)
@once
async def say_in_live_call(call: CallId, body: SayLine, access: Steering) -> Commanded:
    """Have the agent say something, word for word, at the next moment at which nobody is speaking."""
    return await steer(access, call, body, _key(access))


@router.post("/live-calls/{call}/transfer", status_code=202, responses=STEERING)
@once
async def transfer_live_call(call: CallId, body: TransferCall, access: Steering) -> Commanded:
    """Put the caller through to one of the agent's transfer targets, once the agent has said what it is saying."""
    return await steer(access, call, body, _key(access))


@router.post("/live-calls/{call}/end", status_code=202, responses=STEERING)
@once
async def end_live_call(call: CallId, body: EndLiveCall, access: Steering) -> Commanded:
    """End the call: after a last line, or at once. A caller who speaks up during that line has the conversation back."""
    return await steer(access, call, body, _key(access))


def _key(access: TenantAccess) -> str:
    return access.request.headers.get("idempotency-key", "")


routers: tuple[APIRouter, ...] = (router,)
