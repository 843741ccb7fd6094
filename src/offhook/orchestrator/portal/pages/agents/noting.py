"""What an agent's business wants to know of every call, beside what every result has, and who is told of it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, NotFound
from offhook.orchestrator.agents.ops import editing
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import save
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
NEW: Final = "new"
MOST: Final = 20
TYPES: Final = (
    ("text", "Words"),
    ("number", "Number"),
    ("date", "Day"),
    ("time", "Time"),
    ("choice", "One of several"),
    ("yes_no", "Yes or no"),
)
WHEN: Final = (
    ("follow_up", "When somebody has something to do"),
    ("urgent", "When the caller called it urgent"),
    ("every_call", "After every call"),
)
Which = Annotated[str, Path(pattern=r"^(new|[0-9]{1,2})$")]


@router.get("/t/{tenant}/agents/{agent}/results", response_class=HTMLResponse)
async def results_page(
    request: Request,
    frame: Framed,
    access: Reading,
    agent: AgentId,
    field: Annotated[str | None, Query(pattern=r"^(new|[0-9]{1,2})$")] = None,
) -> HTMLResponse:
    """All fields; with ``field`` the form of one, or of a new one."""
    return await _page(request, frame, access, agent, field, Typed())


@router.post("/t/{tenant}/agents/{agent}/results/{field}", response_class=Response)
async def save_result_field(request: Request, frame: Framed, access: Writing, agent: AgentId, field: Which, fields: Posted) -> Response:
    """Add a field (``new``), change one, or take it out (``do`` is remove)."""
    at = 0
    try:
        entered = list((await editing.show(access.scope, agent)).config.model_dump(mode="json")["extract"])
        at = len(entered) if field == NEW else int(field)
        if at >= len(entered) and field != NEW:
            raise NotFound("no such field")
        made = {name: fields.get(name, "").strip() for name in ("name", "type", "description")}
        choices = [line.strip() for line in fields.get("choices", "").splitlines() if line.strip()]
        entered[at : at + 1] = [] if fields.get("do") == "remove" else [{**made, "choices": choices}]
        await save(access, agent, fields, {"extract": entered}, ("extract",))
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        names = {f"extract.{at}.{name}": name for name in ("name", "type", "description", "choices")} | {"extract": "name"}
        return await _page(request, frame, access, agent, field, refused(fields, error, names))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/results", "removed" if fields.get("do") == "remove" else "saved")


@router.post("/t/{tenant}/agents/{agent}/told", response_class=Response)
async def save_told(request: Request, frame: Framed, access: Writing, agent: AgentId, fields: Posted) -> Response:
    """Who gets a mail when a call is over, and after which."""
    emails = [line.strip() for line in fields.get("emails", "").splitlines() if line.strip()]
    try:
        await save(access, agent, fields, {"notify": {"emails": emails, "when": fields.get("when", "")}}, ("notify",))
    except (DomainError, ValidationError) as error:
        names = {f"notify.emails.{at}": "emails" for at in range(len(emails))} | {"notify.emails": "emails", "notify.when": "when"}
        return await _page(request, frame, access, agent, None, refused(fields, error, names))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/results", "saved")


async def _page(request: Request, frame: Frame, access: TenantAccess, agent: str, field: str | None, typed: Typed) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "results")
    entered = around.draft.config.extract
    if field is not None and field != NEW and int(field) >= len(entered):
        raise NotFound("no such field")
    labels = dict(TYPES)
    return portal(request).page(
        request,
        frame,
        "pages/results.html",
        status=typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        rows=[(one.name.replace("_", " ").capitalize(), one.description, _(labels[one.type]), ", ".join(one.choices)) for one in entered],
        room=len(entered) < MOST,
        types=[(name, _(text)) for name, text in TYPES],
        told=around.draft.config.notify,
        whens=[(name, _(text)) for name, text in WHEN],
        field=field,
        chosen=entered[int(field)] if field not in {None, NEW} else None,
    )
