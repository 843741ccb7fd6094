"""Calls that are under way: who is on the line, what is said, and a hand on the wheel."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallRecord
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.kit.streamed import Streamed
from offhook.orchestrator.live import engines
from offhook.orchestrator.live.hub import Hub
from offhook.orchestrator.live.schemas import EndLiveCall, SayLine, TransferCall
from offhook.orchestrator.live.steering import steer
from offhook.orchestrator.portal import live, security
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.render import portal, wants_part
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import Local, _
from offhook.orchestrator.portal.watching import CallStream, ListStream

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
Steering = Annotated[TenantAccess, in_tenant("live.control")]
CallId = Annotated[str, Path(pattern=ID)]
LIST: Final = "pages/live.html"
CALL: Final = "pages/live_call.html"
SENT: Final = {
    "say": "Sent. It is said at the next gap.",
    "transfer": "Sent. The caller is put through once the agent has finished.",
    "end": "Sent. The agent says goodbye.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a command so far, said under the words."""

    action: str
    text: str
    words: str = ""
    """What the agent was told to say."""
    bad: bool = False


@router.get("/t/{tenant}/live", response_class=HTMLResponse)
async def live_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """All calls that are under way."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "live")
    found = await live.lines(access.scope, local)
    return portal(request).page(
        request,
        frame,
        LIST,
        shell=shell,
        local=local,
        lines=found,
        free=await live.free(access.scope, access.may, local.now),
        events_href=f"/t/{tenant.id}/live/_events",
        agents=f"/t/{tenant.id}/agents" if "agents.read" in access.may else "",
    )


@router.get("/t/{tenant}/live/_events", response_class=Streamed)
async def live_events(request: Request, access: Reading) -> Streamed:
    """The list of live calls, whenever it changes."""
    hub: Hub = request.app.state.live
    hub.need_room(access.scope.tenant)
    return Streamed(ListStream(access, hub, partial(portal(request).block, LIST)).write, _headers())


@router.get("/t/{tenant}/live/{call}", response_class=HTMLResponse)
async def live_call_page(request: Request, frame: Framed, access: Reading, call: CallId) -> Response:
    """One call that is under way. One that is over is a page of its own."""
    found = await calls.get(access.scope, call)
    if found.state == "ended":
        return RedirectResponse(f"/t/{access.scope.tenant}/calls/{call}", 303, {"Cache-Control": "no-store"})
    return await _call_page(request, frame, access, found)


async def _call_page(
    request: Request, frame: Frame, access: TenantAccess, call: CallRecord, told: Told | None = None, typed: Typed | None = None
) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "live")
    base = f"/t/{tenant.id}/live/{call.id}"
    events = await calls.told(access.scope, call.id, 0)
    agent = await live.agent_of(access.scope, call)
    known = await crm.names(access.scope, {call.caller} if call.caller else set())
    steers = "live.control" in access.may and engines.reachable(access.given.settings, call.engine_url)
    return portal(request).page(
        request,
        frame,
        CALL,
        status=typed.status if typed else 200,
        shell=shell,
        local=local,
        call=call,
        who=live.who(call, local, known),
        about=_about(call, local, known, agent.config.name if agent else ""),
        seconds=max(0.0, (local.now - call.at).total_seconds()),
        lines=await live.lines(access.scope, local, call.id),
        rows=live.rows(events),
        glimpse=None,
        beside=live.beside(events, None, agent.script if agent else {}),
        phase="live",
        steers=steers,
        targets=live.targets(agent, local) if steers else [],
        told=told,
        typed=typed or Typed(),
        key=secrets.token_urlsafe(16),
        live_href=f"/t/{tenant.id}/live",
        call_href=f"/t/{tenant.id}/calls/{call.id}",
        events_href=f"{base}/_events?after={len(events)}",
        say_href=f"{base}/say",
        transfer_href=f"{base}/transfer",
        end_href=f"{base}/end",
    )


def _about(call: CallRecord, local: Local, known: Mapping[str, str], agent: str) -> str:
    """The number that rings, the number rung, and who answers."""
    parts = [
        local.phone(call.caller) if call.caller in known else "",
        _("on {number}").format(number=local.phone(call.did)) if call.did else "",
    ]
    return " · ".join(one for one in (*parts, agent, _("Test call") if call.test else "") if one)


@router.get("/t/{tenant}/live/{call}/_events", response_class=Streamed)
async def live_call_events(
    request: Request,
    access: Reading,
    call: CallId,
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
) -> Streamed:
    """The words of a call as they come, from after the place that the page has come to."""
    found = await calls.get(access.scope, call)
    hub: Hub = request.app.state.live
    hub.need_room(access.scope.tenant)
    agent = await live.agent_of(access.scope, found)
    place = int(last) if last.isascii() and last.isdigit() else after
    stream = CallStream(
        access,
        hub,
        partial(portal(request).block, CALL),
        call=call,
        shown=place,
        engine=found.engine_url,
        script=agent.script if agent else {},
    )
    return Streamed(stream.write, _headers())


def _headers() -> dict[str, str]:
    return security.headers(secrets.token_urlsafe(16))


@router.post("/t/{tenant}/live/{call}/say", response_class=HTMLResponse)
async def say(request: Request, frame: Framed, access: Steering, call: CallId, fields: Posted) -> Response:
    """Have the agent say something."""
    return await _steered(request, frame, access, call, fields, "say")


@router.post("/t/{tenant}/live/{call}/transfer", response_class=HTMLResponse)
async def transfer(request: Request, frame: Framed, access: Steering, call: CallId, fields: Posted) -> Response:
    """Put the caller through."""
    return await _steered(request, frame, access, call, fields, "transfer")


@router.post("/t/{tenant}/live/{call}/end", response_class=HTMLResponse)
async def end(request: Request, frame: Framed, access: Steering, call: CallId, fields: Posted) -> Response:
    """End the call."""
    return await _steered(request, frame, access, call, fields, "end")


def _wanted(action: str, fields: Mapping[str, str]) -> SayLine | TransferCall | EndLiveCall:
    match action:
        case "say":
            return SayLine.model_validate({"text": fields.get("text", "")})
        case "transfer":
            return TransferCall.model_validate({"target": fields.get("target", "")})
        case _:
            return EndLiveCall.model_validate({"line": fields.get("line") or None, "at_once": fields.get("at_once") == "yes"})


async def _steered(request: Request, frame: Frame, access: TenantAccess, call: str, fields: Mapping[str, str], action: str) -> Response:
    """Send the command; then say so, or what is wrong with it, where the page asked for it."""
    found = await calls.get(access.scope, call)
    typed: Typed | None = None
    words = fields.get("text", "").strip() if action == "say" else ""
    told = Told(action, _(SENT[action]), words)
    try:
        await steer(access, call, _wanted(action, fields), fields.get("key", "")[:200])
    except (DomainError, ValidationError) as error:
        typed = refused(fields, error, {"text": "text", "target": "target", "line": "line"})
        told = Told(action, " ".join([typed.problem, *typed.errors.values()]).strip(), words, bad=True)
    if wants_part(request):
        context: dict[str, Any] = {"told": told}
        return HTMLResponse(portal(request).block(CALL, "told", **context), typed.status if typed else 200, security.headers(frame.nonce))
    if typed is None:
        return onward(f"/t/{access.scope.tenant}/live/{call}", "sent")
    return await _call_page(request, frame, access, found, told, typed)
