"""Whom an agent may put callers through to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, Fault, Invalid, NotFound
from offhook.orchestrator.agents.config import AgentConfig, TransferTarget, Week
from offhook.orchestrator.agents.ops import editing
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.openings import read, rows
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import save
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
NEW: Final = "new"
Which = Annotated[str, Path(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]


@router.get("/t/{tenant}/agents/{agent}/transfers", response_class=HTMLResponse)
async def transfers_page(
    request: Request,
    frame: Framed,
    access: Reading,
    agent: AgentId,
    target: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")] = None,
) -> HTMLResponse:
    """All targets; with ``target`` the form of one, or of a new one."""
    return await _page(request, frame, access, agent, target, Typed())


@router.post("/t/{tenant}/agents/{agent}/transfers/{target}", response_class=Response)
async def save_transfer(request: Request, frame: Framed, access: Writing, agent: AgentId, target: Which, fields: Posted) -> Response:
    """Add a target (``new``), change one, or take it out (``do`` is remove)."""
    paths: dict[str, str] = {}
    try:
        there = (await editing.show(access.scope, agent)).config.transfer
        if target != NEW and target not in there:
            raise NotFound("no such target")
        name = fields.get("name", "").strip() if target == NEW else target
        if target == NEW and (name in there or name == NEW):
            raise Invalid("the name is taken", faults=(Fault("name", _("There is one of this name already: use another.")),))
        made, paths = (None, {}) if fields.get("do") == "remove" else _entered(fields, name, there.get(name))
        under = ("transfer", "script") if made is None else (f"transfer.{name}",)
        await save(access, agent, fields, {"transfer": {name: made}}, under)
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        return await _page(request, frame, access, agent, target, refused(fields, error, paths | {"transfer": "name", "always": "always"}))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/transfers", "removed" if fields.get("do") == "remove" else "saved")


def _entered(fields: Mapping[str, str], name: str, before: TransferTarget | None) -> tuple[dict[str, Any], dict[str, str]]:
    at = f"transfer.{name}"
    paths = {at: "name", f"{at}.number": "number", f"{at}.order": "order", f"{at}.ring_s": "ring_s", f"{at}.people": "people"}
    order = fields.get("order", "").strip()
    made: dict[str, Any] = {"number": fields.get("number", "").strip() or None, "order": order or None, "hours": None}
    if "ring_s" in fields:  # the form's own; whoever sends less leaves the rest as it is
        people = [line.rpartition(",") for line in fields.get("people", "").splitlines() if line.strip()]
        hours = {(one.name, one.number): one.hours for one in before.people} if before else {}
        made["people"] = [
            {"name": who.strip(), "number": number.strip(), "hours": kept.model_dump(mode="json") if kept else None}
            for who, _comma, number in people
            for kept in [hours.get((who.strip(), number.strip()))]
        ]
        made |= {"ring_s": fields["ring_s"].strip() or 20, "announce": fields.get("announce") == "yes"}
        paths |= {f"{at}.people.{index}.{part}": "people" for index in range(len(people)) for part in ("name", "number")}
    if fields.get("always") != "yes":
        week, found = read(fields)
        if not any(week.values()):
            raise Invalid("no hours", faults=(Fault("always", _("Give hours, or say that somebody always answers.")),))
        paths |= {f"{at}.hours.{path}": field for path, field in found.items()}
        made["hours"] = week
    return made, paths


async def _page(request: Request, frame: Frame, access: TenantAccess, agent: str, target: str | None, typed: Typed) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "transfers")
    config = around.draft.config
    if target is not None and target != NEW and target not in config.transfer:
        raise NotFound("no such target")
    chosen = config.transfer.get(target) if target else None
    return portal(request).page(
        request,
        frame,
        "pages/transfers.html",
        status=typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        targets=[(name, name.replace("_", " ").capitalize(), one, _used(config, name)) for name, one in config.transfer.items()],
        target=target,
        title="" if target in {None, NEW} else str(target).replace("_", " "),
        chosen=chosen,
        people="\n".join(f"{one.name}, {one.number}" for one in chosen.people) if chosen else "",
        week=rows((chosen.hours if chosen else None) or Week(), typed.values),
    )


def _used(config: AgentConfig, name: str) -> list[str]:
    """Steps of the script that put through to it."""
    states = config.script.get("states") or {}
    return [step.replace("_", " ") for step, one in states.items() if isinstance(one, dict) and one.get("transfer") == name]
