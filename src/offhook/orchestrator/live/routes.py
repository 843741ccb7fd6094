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
from offhook.orchestrator.live import engines, ops
from offhook.orchestrator.live.schemas import Commanded, EndLiveCall, LiveCallView, SayLine, TransferCall
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
    news = events(access.given, access.request.app.state.live, access.scope.tenant)
    return StreamingResponse(news, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})


@router.post("/live-calls/{call}/say", status_code=202, responses=STEERING)
@once
async def say_in_live_call(call: CallId, body: SayLine, access: Steering) -> Commanded:
    """Have the agent say something, word for word, at the next moment at which nobody is speaking."""
    return await _command(access, call, "say", {"text": body.text}, {"characters": len(body.text)})


@router.post("/live-calls/{call}/transfer", status_code=202, responses=STEERING)
@once
async def transfer_live_call(call: CallId, body: TransferCall, access: Steering) -> Commanded:
    """Put the caller through to one of the agent's transfer targets, once the agent has said what it is saying."""
    target = await ops.target(access.scope, body.target)
    return await _command(access, call, "transfer", {"target": target}, {"target": target})


@router.post("/live-calls/{call}/end", status_code=202, responses=STEERING)
@once
async def end_live_call(call: CallId, body: EndLiveCall, access: Steering) -> Commanded:
    """End the call: after a last line, or at once. A caller who speaks up during that line has the conversation back."""
    said = {"line": body.line or "", "at_once": body.at_once}
    return await _command(access, call, "end", said, {"at_once": body.at_once})


async def _command(access: TenantAccess, call: str, action: engines.Action, body: dict[str, Any], noted: dict[str, Any]) -> Commanded:
    key = access.request.headers.get("idempotency-key", "")
    mark = engines.nonce(access.given.clock(), access.scope.tenant, access.principal.id, key)
    await ops.command(access.scope, access.given, call, action, body, mark)
    # Written after the engine has taken it, so that nobody else of the tenant waits for the log while an engine does not answer.
    await access.audit(f"call.{action}", call, noted)
    return Commanded(call=call, action=action)


routers: tuple[APIRouter, ...] = (router,)
