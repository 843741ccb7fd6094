"""A business itself: what it is called, where it is, what is recorded, and for how long calls are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from offhook.errors import NotFound
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed, listed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.tenants import ops
from offhook.orchestrator.tenants.schemas import TenantChange, TenantView

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("tenant.read")]
Writing = Annotated[TenantAccess, in_tenant("tenant.write")]
Agents = Annotated[TenantAccess, in_tenant("agents.read")]
AGENTS: Final = 100
PLACES: Final = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/", "UTC")
"""Time zones that people choose; the others are other names of them."""
_DIARY: Final = ("visit_minutes", "lead_minutes", "horizon_days")


@router.get("/t/{tenant}/settings", response_class=RedirectResponse)
async def settings_page(access: Reading) -> RedirectResponse:
    """The business comes first."""
    return onward(f"/t/{access.scope.tenant}/settings/business")


@router.get("/t/{tenant}/settings/business", response_class=HTMLResponse)
async def business_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """Name, place, and how visits are planned."""
    return await _business(request, frame, access, Typed())


async def _business(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    one = await ops.show(access.scope)
    zones = [(name, name) for name in sorted(available_timezones() | {one.timezone}) if name.startswith(PLACES) or name == one.timezone]
    return await settling.show(request, frame, access, "business", typed, one=one, zones=zones)


@router.post("/t/{tenant}/settings/business", response_class=HTMLResponse)
async def business_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Change what was changed of it."""
    names = {f"diary.{name}": name for name in (*_DIARY, "staff")}
    async with steps.step(access, fields, names) as tried:
        old = await ops.locked(access.scope)
        steps.unchanged(fields, old.revision)
        await _change(access, old, TenantChange.model_validate(_typed(fields)))
    if tried.typed is not None:
        return await _business(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/business", "saved")


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: fields.get(name, "").strip() for name in ("name", "timezone", "locale")}
    diary = {name: fields.get(name, "").strip() for name in _DIARY} | {"staff": listed(fields.get("staff", ""))}
    region = fields.get("region", "").strip().upper()
    return found | {"region": region, "fallback_number": steps.given_or_none(fields, "fallback_number"), "diary": diary}


async def _change(access: TenantAccess, old: TenantView, body: TenantChange) -> None:
    """Change what differs, and write that down."""
    wanted = body.model_dump(mode="json", exclude_unset=True)
    before = old.model_dump(mode="json")
    differs = {name: value for name, value in wanted.items() if value != before[name]}
    if differs:
        changed = await ops.change(access.scope, old, TenantChange.model_validate(differs))
        if differs.keys() & {"fallback_number", "region"}:
            await numbers.fallback(access.scope, changed.fallback_number)
        new = changed.model_dump(mode="json")
        await access.audit(
            "tenant.changed", old.id, {name: [before[name], new[name]] for name in sorted(differs) if before[name] != new[name]}
        )


# -- how long calls are kept ------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/settings/retention", response_class=HTMLResponse)
async def retention_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """For how long whole calls are kept."""
    return await settling.show(request, frame, access, "retention", one=await ops.show(access.scope))


@router.post("/t/{tenant}/settings/retention", response_class=HTMLResponse)
async def retention_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Keep them for so many days, or until somebody deletes them."""
    async with steps.step(access, fields) as tried:
        old = await ops.locked(access.scope)
        steps.unchanged(fields, old.revision)
        await _change(access, old, TenantChange.model_validate({"retention_days": steps.given_or_none(fields, "retention_days")}))
    if tried.typed is not None:
        return await settling.show(request, frame, access, "retention", tried.typed, one=await ops.show(access.scope))
    return onward(f"/t/{access.scope.tenant}/settings/retention", "saved")


# -- what is recorded -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an agent that answers records, and what its callers hear of it first."""

    id: str
    name: str
    live: bool
    records: bool = False
    told: str = ""
    keep_days: int = 0


@router.get("/t/{tenant}/settings/recording", response_class=HTMLResponse)
async def recording_page(request: Request, frame: Framed, access: Agents) -> HTMLResponse:
    """What each agent records and says of it. It is part of the agent: changed in its draft, in force once published."""
    agents = await reading.page(access.scope, AGENTS, None)
    rows = [await _recorded(access, one.id, one.name) for one in agents]
    return await settling.show(request, frame, access, "recording", rows=rows)


async def _recorded(access: TenantAccess, id: str, name: str) -> Recorded:
    try:
        agent = await reading.live(access.scope, id)
    except NotFound:  # nobody has published it yet
        return Recorded(id, name, live=False)
    texts = agent.script.get("must_say") or {}
    told = " ".join(str(texts[name]["text"]) for name in agent.record_after if "text" in texts.get(name, {}))
    return Recorded(id, name, live=True, records=agent.record, told=told, keep_days=agent.keep_days)
