"""The list of a tenant's agents, and making new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from offhook.errors import Conflict, DomainError, PreconditionFailed
from offhook.orchestrator.agents import templates
from offhook.orchestrator.agents.ops import editing, publishing, reading
from offhook.orchestrator.agents.schemas import AgentView, Duplicate, NewAgent, TemplateDetail
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import AgentCalls
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.pages.agents.common import NUMBERS, AgentId, Publishing, Reading, Writing, unchanged
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import Local

router = APIRouter(tags=["portal"], include_in_schema=False)
PART: Final = 50
COUNTED: Final = 1_000
LATEST: Final = 20
"""Calls whose replies make the typical one."""
SHOWN: Final = 3
"""Templates that an empty list offers."""


@dataclass(frozen=True, slots=True)
class Row:
    """An agent as the list shows it."""

    agent: AgentView
    numbers: tuple[str, ...]
    calls: AgentCalls
    may_archive: bool

    @property
    def count(self) -> str:
        """Its calls of the week."""
        return f"{COUNTED:,}+" if self.calls.calls > COUNTED else f"{self.calls.calls:,}"


@router.get("/t/{tenant}/agents", response_class=Response)
async def agents_page(
    request: Request,
    frame: Framed,
    access: Reading,
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
    show: Annotated[Literal["used", "all"], Query()] = "used",
) -> Response:
    """Agents, newest first; those that were archived if they are asked for."""
    return await _list(request, frame, access, cursor, archived=show == "all")


async def _list(
    request: Request, frame: Frame, access: Reading, cursor: str | None = None, typed: Typed | None = None, *, archived: bool = False
) -> Response:
    shell, local, tenant = await tenant_shell(access, frame.brand, "agents")
    base = f"/t/{tenant.id}/agents"
    filters = {"list": "portal agents", "tenant": tenant.id, "archived": archived}
    position = position_of(access.given, filters, cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await reading.page(access.scope, PART + 1, after, archived=archived)
    found = page(rows, PART, access.given, filters, lambda one: (one.created_at, one.id))
    more = f"{base}?cursor={found.next_cursor}{'&show=all' if archived else ''}" if found.next_cursor else None
    empty = not found.data and after is None
    return portal(request).page(
        request,
        frame,
        "pages/agents.html",
        "rows",
        (typed or Typed()).status,
        shell=shell,
        local=local,
        base=base,
        typed=typed or Typed(),
        rows=await _rows(access, local, found.data),
        more_href=more,
        archived=archived,
        may_write="agents.write" in access.may,
        templates=list((await _templates()).values())[:SHOWN] if empty else [],
    )


async def _rows(access: Reading, local: Local, agents: Sequence[AgentView]) -> list[Row]:
    ringing: dict[str, list[str]] = {}
    for one in await numbers.page(access.scope, NUMBERS, None):
        ringing.setdefault(one.agent_id, []).append(local.phone(one.did))
    since = access.given.clock() - timedelta(days=7)
    had = await calls.by_agent(access.scope, [one.id for one in agents], since, COUNTED + 1, LATEST)
    may = "agents.publish" in access.may
    return [Row(one, tuple(ringing.get(one.id, ())), had.get(one.id, AgentCalls()), may) for one in agents]


async def _templates() -> Mapping[str, TemplateDetail]:
    return await to_thread.run_sync(templates.every)


# -- a new one ----------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/agents/new", response_class=Response)
async def new_page(request: Request, frame: Framed, access: Writing, template: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Which example to begin with, and its name."""
    found = await _templates()
    first = template if template in found else next(iter(found), "")
    return await _new(request, frame, access, Typed({"template": first}))


@router.post("/t/{tenant}/agents/new", response_class=Response)
async def new_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Make it, and go on to its script."""
    try:
        body = NewAgent(template=fields.get("template") or "", name=fields.get("name", "").strip() or None)
        made = await editing.create(access.given, access.scope, body)
    except (DomainError, ValidationError) as error:
        return await _new(request, frame, access, refused(fields, error, {"template": "template", "name": "name"}))
    await access.audit("agent.created", made.id, {"name": made.name, "template": body.template})
    return onward(f"/t/{access.scope.tenant}/agents/{made.id}/script", "agent-made")


async def _new(request: Request, frame: Frame, access: Writing, typed: Typed) -> Response:
    shell, local, tenant = await tenant_shell(access, frame.brand, "agents")
    found = (await _templates()).values()
    return portal(request).page(
        request,
        frame,
        "pages/agent_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/agents",
        typed=typed,
        templates=[(one.id, one.title, one.use) for one in found],
    )


# -- what is done with one ------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/agents/{agent}", response_class=RedirectResponse)
async def agent_page(agent: AgentId, access: Reading) -> RedirectResponse:
    """An agent is its script, to begin with."""
    found = await reading.get(access.scope, agent)
    return RedirectResponse(f"/t/{access.scope.tenant}/agents/{found.id}/script", 303, {"Cache-Control": "no-store"})


@router.post("/t/{tenant}/agents/{agent}/duplicate", response_class=Response)
async def duplicate_form(request: Request, frame: Framed, agent: AgentId, access: Writing, fields: Posted) -> Response:
    """A new agent with the draft of this one."""
    try:
        made = await editing.duplicate(access.given, access.scope, agent, Duplicate().name)
    except Conflict as error:
        return await _list(request, frame, access, typed=refused(fields, error))
    await access.audit("agent.created", made.id, {"name": made.name, "copy_of": agent})
    return onward(f"/t/{access.scope.tenant}/agents/{made.id}/script", "agent-copied")


@router.post("/t/{tenant}/agents/{agent}/archive", response_class=Response)
async def archive_form(request: Request, frame: Framed, agent: AgentId, access: Publishing, fields: Posted) -> Response:
    """Take an agent out of use, unless a number rings it."""
    old = await reading.get(access.scope, agent, lock=True)
    try:
        unchanged(fields, old.revision)
        await publishing.archive(access.given, access.scope, old)
    except (Conflict, PreconditionFailed) as error:
        return await _list(request, frame, access, typed=refused(fields, error))
    await access.audit("agent.archived", agent)
    return onward(f"/t/{access.scope.tenant}/agents", "agent-archived")


@router.post("/t/{tenant}/agents/{agent}/unarchive", response_class=Response)
async def unarchive_form(request: Request, frame: Framed, agent: AgentId, access: Publishing, fields: Posted) -> Response:
    """Bring it back, as it was."""
    old = await reading.get(access.scope, agent, lock=True)
    try:
        unchanged(fields, old.revision)
        await publishing.unarchive(access.given, access.scope, old)
    except PreconditionFailed as error:
        return await _list(request, frame, access, typed=refused(fields, error), archived=True)
    await access.audit("agent.unarchived", agent)
    return onward(f"/t/{access.scope.tenant}/agents", "agent-back")
