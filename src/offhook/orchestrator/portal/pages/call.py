"""One call: what was said, what each reply waited for, what was learned, and where it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from offhook.errors import NotFound
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.calls import ops, reading
from offhook.orchestrator.calls.schemas import CallDetail
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.paperwork import ops as paperwork
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Frame, Framed, tenant_shell
from offhook.orchestrator.portal.ladder import DRAWN, WORDS
from offhook.orchestrator.portal.learned import Learned, learned
from offhook.orchestrator.portal.line import line_of
from offhook.orchestrator.portal.outcomes import of_call
from offhook.orchestrator.portal.pages.calls import BUDGET_MS, about, who_of
from offhook.orchestrator.portal.pages.player import Player, of_message, player
from offhook.orchestrator.portal.papers import Paper, calendars, papers
from offhook.orchestrator.portal.putthrough import put_through
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.said import Spoken, spoken
from offhook.orchestrator.portal.show import Local, _
from offhook.orchestrator.portal.went import Sent, sent
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants.schemas import Tenant

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
CallIn = Annotated[str, Path(max_length=128)]
PATIENCE: Final = timedelta(minutes=30)
"""So long after its end a call's result may still come; what needs longer has gone wrong."""
RANGE_S: Final = 86_400.0
DELIVERIES: Final = 100
ENDPOINTS: Final = 100
LEADS: Final = {
    "new": "New",
    "callback": "Wants to be rung back",
    "booked": "Booked",
    "contacted": "Contacted",
    "won": "Won",
    "lost": "Lost",
}


@dataclass(frozen=True, slots=True)
class Page:
    """All that is shown of a call, whoever it is shown to."""

    detail: CallDetail
    who: str
    what: str
    agent: str
    contact: str | None
    said: Spoken
    learned: Learned | None
    pending: bool
    """Its result is still being made."""
    player: Player
    message: Player | None
    """What the caller left after a tone."""
    trace_there: bool


@router.get("/t/{tenant}/calls/{call}/_turn/{number}", response_class=HTMLResponse)
async def turn_part(
    request: Request, frame: Framed, access: Reading, call: CallIn, number: Annotated[int, Path(ge=1, le=100_000)]
) -> HTMLResponse:
    """What an opened turn holds: in a page with hundreds of them each is asked for when it is opened."""
    _, local, tenant = await tenant_shell(access, frame.brand, "calls")
    shown = await look(access.scope, local, await reading.detail(access.scope, call))
    reply = next((one.reply for one in shown.said.lines if one.number == number), None)
    if reply is None:
        raise NotFound("no such reply")
    values = context(tenant, local, shown)
    return portal(request).page(request, frame, "pages/call/turn.html", reply=reply, trace_href=values["trace_href"])


@router.get("/t/{tenant}/calls/{call}", response_class=HTMLResponse)
async def call_page(
    request: Request,
    frame: Framed,
    access: Reading,
    call: CallIn,
    at: Annotated[float | None, Query(ge=0, le=RANGE_S)] = None,
    turn: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    edit: Annotated[bool, Query()] = False,
) -> HTMLResponse:
    """A call. ``at`` points at the turn that runs at this second, ``turn`` opens the one of this number; ``edit``: what was learned."""
    return await show(request, frame, access, call, Typed(), at=at, turn=turn, editing=edit and "calls.write" in access.may)


async def show(
    request: Request,
    frame: Frame,
    access: TenantAccess,
    call: str,
    typed: Typed,
    *,
    at: float | None = None,
    turn: int | None = None,
    editing: bool = False,
    flagging: bool = False,
) -> HTMLResponse:
    """The page, or the same with a form that was refused."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "calls")
    detail = await reading.detail(access.scope, call)
    shown = await look(access.scope, local, detail, at, turn)
    return portal(request).page(
        request,
        frame,
        "pages/call.html",
        "learned",
        typed.status,
        shell=shell,
        local=local,
        typed=typed,
        editing=editing and shown.learned is not None,
        flagging=flagging,
        may_write="calls.write" in access.may,
        may_delete="calls.delete" in access.may,
        may_replay="webhooks.write" in access.may,
        rerun="agents.read" in access.may and any(one.speaker == "caller" for one in shown.said.lines),
        **context(tenant, local, shown),
        origin=str(request.base_url).rstrip("/"),
        ids=_ids(shown, tenant),
        sent=await went(access, local, call),
        papers=await written(access.scope, local, detail),
    )


async def look(scope: TenantScope, local: Local, detail: CallDetail, at: float | None = None, turn: int | None = None) -> Page:
    """What a call's page shows."""
    call = detail.call
    agent = await reading.agent_of(scope, call)
    script = agent.script if agent else {}
    contact = await crm.find_contact(scope, call.caller) if call.caller else None
    rhythms = await ops.rhythms(scope, [call.id])
    path = (detail.ended or {}).get("path") or ()
    return Page(
        detail=detail,
        who=who_of(call, contact.name if contact else None, detail.result, local),
        what=about(call, detail.result, rhythms.get(call.id)),
        agent=agent.name if agent else call.agent_id,
        contact=contact.id if contact else None,
        said=spoken(detail.turns, detail.tools, BUDGET_MS, at, turn),
        learned=learned(detail.result, script, detail.turns, path, call.caller, local) if detail.result else None,
        pending=_pending(detail, local),
        player=await player(scope, detail),
        message=of_message(scope, detail),
        trace_there=await recordings.has(scope, call.id, "trace"),
    )


def context(tenant: Tenant, local: Local, shown: Page) -> dict[str, Any]:
    """What the template needs of it."""
    call = shown.detail.call
    base = f"/t/{tenant.id}"
    here = f"{base}/calls/{quote(call.id, safe='')}"
    api = f"/v1{here.replace('/t/', '/tenants/', 1)}"
    return {
        "page": shown,
        "call": call,
        "detail": shown.detail,
        "said": shown.said,
        "learned": shown.learned,
        "line": line_of(shown.detail.media),
        "put_through": put_through(shown.detail.transfers),
        "base": base,
        "here_href": here,
        "api": api,
        "outcome": of_call(call),
        "booked": booked(shown.detail, local),
        "trace_href": f"{api}/trace" if shown.trace_there else "",
        "lead_words": {name: _(word) for name, word in LEADS.items()},
        "stages": [(one, _(WORDS[one])) for one in DRAWN],
    }


def _ids(shown: Page, tenant: Tenant) -> list[tuple[str, str]]:
    """What a developer wants to copy; the same names as in the API."""
    call = shown.detail.call
    found = {"call": call.id, "tenant": tenant.id, "agent": call.agent_id, "carrier_call": call.carrier_call, "trace_id": call.trace_id}
    return [(name, value) for name, value in found.items() if value]


def booked(detail: CallDetail, local: Local) -> str:
    """When what was booked will be, as Friday 20 November, 10:00 am."""
    first = next((one for one in detail.appointments if one.status == "booked"), None)
    return f"{local.day(first.starts_at)}, {local.clock(first.starts_at)}" if first else ""


async def went(access: TenantAccess, local: Local, call: str) -> tuple[Sent, ...]:
    """Where webhooks took it; nothing for who may not see webhooks."""
    if "webhooks.read" not in access.may:
        return ()
    deliveries = await hooks.of_subject(access.scope, call, DELIVERIES)
    endpoints = {one.id: one for one in await hooks.page(access.scope, ENDPOINTS, None)} if deliveries else {}
    return sent(deliveries, endpoints, local)


async def written(scope: TenantScope, local: Local, detail: CallDetail) -> tuple[Paper, ...]:
    """Where business systems and calendars have it."""
    found = await paperwork.of_call(scope, detail.call.id)
    copies = [copy for visit in detail.appointments for copy in await outside.of(scope, visit.id)]
    titles = {one.id: one.title for one in await connections.every(scope)} if copies else {}
    known = {one.connection_id for one in found.systems}
    return (*papers(found, local), *calendars(copies, titles, known, local))


def _pending(detail: CallDetail, local: Local) -> bool:
    call = detail.call
    if call.state != "ended" or detail.result is not None or call.started_at is None or call.ended_at is None:
        return False
    return local.now - call.ended_at < PATIENCE
