"""Calls out: those that are placed, what limits them, and their suspension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.kit.paging import page
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing import ops
from offhook.orchestrator.outgoing.schemas import NewOutgoing
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.tolls.schemas import TollLimits

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("outgoing.read")]
Writing = Annotated[TenantAccess, in_tenant("outgoing.write")]
Limiting = Annotated[TenantAccess, in_tenant("tolls.write")]
OutgoingId = Annotated[str, Path(pattern=ID)]
Id = Annotated[str | None, Query(pattern=ID)]
NUMBERS: Final = (
    "at_once", "per_minute", "minutes_per_hour", "spend_per_hour", "max_minutes", "price_home", "price_abroad",
)  # fmt: skip
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "waiting": ("hourglass", "warn", "Waiting"),
    "dialling": ("phone", "warn", "Dialling"),
    "ringing": ("phone", "warn", "Ringing"),
    "answered": ("phone", "ok", "Answered"),
    "done": ("circle-check", "ok", "Done"),
    "failed": ("circle-x", "bad", "Failed"),
    "refused": ("circle-x", "bad", "Refused"),
    "cancelled": ("circle", "quiet", "Cancelled"),
}
"""Icon, tone and word of a state."""


@router.get("/t/{tenant}/settings/calls-out", response_class=HTMLResponse)
async def calls_out_page(
    request: Request, frame: Framed, access: Reading, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> HTMLResponse:
    """Calls that were placed or are to be, the newest first."""
    filters = {"list": "portal calls out", "tenant": access.scope.tenant}
    part = await ops.page(access.scope, steps.PART + 1, steps.after(access.given, filters, cursor))
    found = page(part, steps.PART, access.given, filters, lambda one: (one.created_at, one.id))
    here = f"/t/{access.scope.tenant}/settings/calls-out"
    more = f"{here}?cursor={found.next_cursor}" if found.next_cursor else None
    return await settling.show(
        request, frame, access, "calls-out", part="rows", calls=found.data, states=STATES, more_href=more, once=steps.fresh()
    )


@router.get("/t/{tenant}/settings/calls-out/new", response_class=HTMLResponse)
async def new_call_out_page(
    request: Request, frame: Framed, access: Writing, to: Annotated[str, Query(max_length=40)] = "", contact: Id = None, lead: Id = None
) -> HTMLResponse:
    """A call to be placed; from a contact or a lead it is filled in."""
    purpose = "call-back" if contact or lead else ""
    values = {"to": to, "contact_id": contact or "", "lead_id": lead or "", "purpose": purpose}
    return await _new(request, frame, access, Typed(values=values))


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    agents = [(one.id, one.name) for one in await reading.page(access.scope, 200, None)]
    purposes = [("call-back", _("They asked to be called back")), ("reminder", _("A reminder")), ("other", _("Something else"))]
    shown = [(one.id, one.did) for one in await numbers.page(access.scope, 200, None) if one.enabled]
    leaves = bool((await ops.setting(access.scope)).voicemail)
    machines = [("", _("As the settings say")), ("hang_up", _("Hang up")), *([("leave_message", _("Leave the message"))] if leaves else [])]
    return await settling.show(
        request, frame, access, "calls-out", typed, template="call_out_new", agents=agents, purposes=purposes, once=steps.fresh(),
        numbers=[("", _("The agent's own")), *shown], machines=machines,
    )  # fmt: skip


@router.post("/t/{tenant}/settings/calls-out/new", response_class=HTMLResponse)
async def new_call_out_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Place a call as soon as it may be."""
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        body = NewOutgoing.model_validate({name: value for name in _PLACED if (value := fields.get(name, "").strip())})
        made = await ops.create(access.scope, access.given, body, ops.by_of(access.principal))
        await access.audit("outgoing.created", made.id, {"purpose": made.purpose, "state": made.state, "consent": made.consent})
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/calls-out", "added")


@router.post("/t/{tenant}/settings/calls-out/{outgoing}/cancel", response_class=HTMLResponse)
async def cancel_call_out_form(access: Writing, outgoing: OutgoingId, _fields: Posted) -> Response:
    """Do not place a call that waits."""
    await ops.cancel(access.scope, access.given, outgoing)
    await access.audit("outgoing.cancelled", outgoing)
    return onward(f"/t/{access.scope.tenant}/settings/calls-out", "saved")


_PLACED: Final = ("to", "agent_id", "number_id", "purpose", "about", "on_machine", "contact_id", "lead_id")


@router.get("/t/{tenant}/settings/limits", response_class=HTMLResponse)
async def limits_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """Where calls out may go, how many of them, and what was refused today."""
    return await _limits(request, frame, access, Typed())


async def _limits(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    one = await tolls.show(access.scope, access.given)
    return await settling.show(request, frame, access, "limits", typed, one=one, once=steps.fresh())


@router.post("/t/{tenant}/settings/limits", response_class=HTMLResponse)
async def limits_form(request: Request, frame: Framed, access: Limiting, fields: Posted) -> Response:
    """Other limits, from the next call on."""
    async with steps.step(access, fields) as tried:
        old = await tolls.show(access.scope, access.given, lock=True)
        steps.unchanged(fields, old.revision)
        values: dict[str, Any] = {name: fields.get(name, "").strip() for name in NUMBERS}
        values |= {name: tuple(fields.get(name, "").replace(",", " ").split()) for name in ("countries", "hosts")}
        new = await tolls.put(access.scope, access.given, TollLimits.model_validate(values))
        before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
        changed = {name: [before[name], after[name]] for name in sorted(TollLimits.model_fields) if before[name] != after[name]}
        await access.audit("outgoing.limits_changed", access.scope.tenant, changed)
    if tried.typed is not None:
        return await _limits(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/limits", "saved")


@router.post("/t/{tenant}/settings/limits/resume", response_class=HTMLResponse)
async def resume_form(access: Limiting, _fields: Posted) -> Response:
    """Place calls again and put callers through."""
    old = await tolls.show(access.scope, access.given, lock=True)
    if old.state == "suspended":
        await access.audit("outgoing.resumed", access.scope.tenant, {"why": old.suspended_why})
        await tolls.resume(access.scope, access.given)
    return onward(f"/t/{access.scope.tenant}/settings/limits", "saved")


@router.post("/t/{tenant}/settings/limits/suspend", response_class=HTMLResponse)
async def suspend_form(access: Limiting, _fields: Posted) -> Response:
    """Place no calls and put nobody through until somebody resumes."""
    if await tolls.suspend(access.scope, access.given, "suspended by hand"):
        await access.audit("outgoing.suspended", access.scope.tenant)
    return onward(f"/t/{access.scope.tenant}/settings/limits", "saved")
