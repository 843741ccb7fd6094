"""When an agent's business is open: its week, its holidays, its zone, and what callers get when it is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, NotFound
from offhook.orchestrator.agents.config import AgentConfig, Holiday
from offhook.orchestrator.agents.hours import Calendar
from offhook.orchestrator.agents.ops import editing
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.openings import ahead, entries, read, rows
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import save
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
UNDER: Final = ("hours", "timezone", "out_of_hours")
WHAT: Final = (
    ("answer", "Answer as at any time"),
    ("message", "Take a message"),
    ("say", "Say a line and hang up"),
    ("transfer", "Say a line and put through"),
)
Which = Annotated[str, Path(pattern=r"^(new|[0-9]{1,3})$")]


@router.get("/t/{tenant}/agents/{agent}/hours", response_class=HTMLResponse)
async def hours_page(
    request: Request,
    frame: Framed,
    access: Reading,
    agent: AgentId,
    holiday: Annotated[str | None, Query(pattern=r"^(new|[0-9]{1,3})$")] = None,
) -> HTMLResponse:
    """The week, the holidays and the days to come; with ``holiday`` the form of one."""
    return await _page(request, frame, access, agent, holiday)


@router.post("/t/{tenant}/agents/{agent}/hours", response_class=Response)
async def save_hours(request: Request, frame: Framed, access: Writing, agent: AgentId, fields: Posted) -> Response:
    """Save the week, the zone and what callers get when it is closed."""
    paths: dict[str, str] = {}
    try:
        week, found = read(fields)
        paths = {f"hours.{path}": field for path, field in found.items()}
        closed: dict[str, Any] = {"do": fields.get("do"), "line": fields.get("line", "")}
        closed |= {name: fields.get(name) or None for name in ("entry", "target")}
        changes = {"hours": week, "timezone": fields.get("timezone", "").strip() or None, "out_of_hours": closed}
        await save(access, agent, fields, changes, UNDER)
    except (DomainError, ValidationError) as error:
        names = paths | {f"out_of_hours.{name}": name for name in ("do", "entry", "line", "target")} | {"timezone": "timezone"}
        return await _page(request, frame, access, agent, None, refused(fields, error, names))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/hours", "saved")


@router.post("/t/{tenant}/agents/{agent}/hours/holidays/{which}", response_class=Response)
async def save_holiday(request: Request, frame: Framed, access: Writing, agent: AgentId, which: Which, fields: Posted) -> Response:
    """Add a holiday, change one, or take it out (``do`` is remove)."""
    at = 0
    try:
        entered = list((await editing.show(access.scope, agent)).config.model_dump(mode="json")["holidays"])
        at = len(entered) if which == "new" else int(which)
        if at > len(entered) or (at == len(entered) and which != "new"):
            raise NotFound("no such holiday")
        entered[at : at + 1] = [] if fields.get("do") == "remove" else [_entered(fields)]
        await save(access, agent, fields, {"holidays": entered}, (f"holidays.{at}",))
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        names = {f"holidays.{at}.{name}": name for name in ("name", "first", "last", "hours", "yearly")}
        return await _page(request, frame, access, agent, which, refused(fields, error, names))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/hours", "removed" if fields.get("do") == "remove" else "saved")


def _entered(fields: Mapping[str, str]) -> dict[str, Any]:
    found, _paths = read(fields, ("open",))
    return {
        "name": fields.get("name", "").strip(),
        "first": fields.get("first", ""),
        "last": fields.get("last", "").strip() or None,
        "yearly": fields.get("yearly") == "yes",
        "hours": found["open"],
    }


async def _page(
    request: Request, frame: Frame, access: TenantAccess, agent: str, holiday: str | None, typed: Typed | None = None
) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "hours")
    config = around.draft.config
    typed, chosen = typed or Typed(), _chosen(config, holiday)
    local = replace(around.local, zone=ZoneInfo(config.timezone or around.tenant.timezone))
    own = typed.values if holiday is None else {}
    return portal(request).page(
        request,
        frame,
        "pages/hours.html",
        status=typed.status,
        shell=around.shell,
        local=local,
        around=around,
        typed=typed,
        config=config,
        week=rows(config.hours, own),
        days=ahead(Calendar(config.hours, config.holidays), local),
        what=[(name, _(text)) for name, text in WHAT],
        states=[("", _("Where the script begins")), *((name, name.replace("_", " ")) for name in config.script.get("states") or {})],
        targets=[("", _("Nobody")), *((name, name.replace("_", " ")) for name in config.transfer)],
        holiday=holiday,
        chosen=chosen,
        spans=entries("open", chosen.hours if chosen else (), typed.values) if holiday is not None else [],
        asked=typed if holiday is None else Typed(),
    )


def _chosen(config: AgentConfig, holiday: str | None) -> Holiday | None:
    if holiday is None or holiday == "new":
        return None
    if int(holiday) >= len(config.holidays):
        raise NotFound("no such holiday")
    return config.holidays[int(holiday)]
