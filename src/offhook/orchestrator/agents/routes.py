"""Routes of agents: their drafts, scripts and versions, templates, and turn-taking explained."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.library import router as library
from offhook.orchestrator.agents.ops import checking, editing, publishing, reading
from offhook.orchestrator.agents.schemas import (
    AgentView,
    CheckBody,
    CheckView,
    DiffView,
    DraftView,
    Duplicate,
    NewAgent,
    Parts,
    Publish,
    ScriptBody,
    ScriptView,
    VersionDetail,
    VersionView,
)
from offhook.orchestrator.agents.trials.routes import routers as trials
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of

router = APIRouter(prefix="/v1/tenants/{tenant}/agents", tags=["agents"])
Reading = Annotated[TenantAccess, in_tenant("agents.read")]
Writing = Annotated[TenantAccess, in_tenant("agents.write")]
Publishing = Annotated[TenantAccess, in_tenant("agents.publish")]
AgentId = Annotated[str, Path(pattern=ID)]
Number = Annotated[int, Path(ge=1, le=1_000_000_000)]
Which = Annotated[str, Query(pattern=r"^(draft|live|[1-9][0-9]{0,8})$", description="A version's number, draft, or live.")]
Unfinished = Annotated[bool, Query(description="Keep it although it could not be published yet; the answer says what is wrong.")]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 412: PROBLEM, 428: PROBLEM}


@router.get("")
async def list_agents(
    access: Reading, part: PageQuery, archived: Annotated[bool, Query(description="Those that were archived too.")] = False
) -> Page[AgentView]:
    """The tenant's agents, newest first."""
    filters = {"list": "agents", "tenant": access.scope.tenant, "archived": archived}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await reading.page(access.scope, part.limit + 1, after, archived=archived)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("", status_code=201, responses={404: PROBLEM, 409: PROBLEM})
@once
async def create_agent(body: NewAgent, access: Writing) -> AgentView:
    """Make an agent, with a draft that is still to be published."""
    agent = await editing.create(access.given, access.scope, body)
    await access.audit("agent.created", agent.id, {"name": agent.name, "template": body.template})
    return agent


@router.post("/check")
async def check_agent(body: CheckBody, access: Reading) -> CheckView:
    """Say what is wrong with a document, of which nothing is stored."""
    return await checking.check_document(access.scope, body)


@router.get("/{agent}", responses=MISSING)
async def show_agent(agent: AgentId, access: Reading, response: Response) -> AgentView:
    """An agent; its ETag is needed to change it, its draft included."""
    found = await reading.get(access.scope, agent)
    response.headers["ETag"] = etag(found.revision)
    return found.view


@router.get("/{agent}/draft", responses=MISSING)
async def show_draft(agent: AgentId, access: Reading, response: Response) -> DraftView:
    """What is being worked on, and what is wrong with it."""
    found = await editing.show(access.scope, agent)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.put("/{agent}/draft", responses=CHANGING)
async def replace_draft(
    agent: AgentId,
    body: AgentConfig,
    access: Writing,
    request: Request,
    response: Response,
    unfinished: Unfinished = False,
    _: IfMatch = None,
) -> DraftView:
    """Put a document in the draft's place. One that could not be published is refused with all its faults, unless ``unfinished``."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    draft = await editing.replace(access.given, access.scope, old, body, unfinished=unfinished)
    return await _changed(access, response, old.draft, draft)


@router.patch("/{agent}/draft", responses=CHANGING)
async def change_draft(
    agent: AgentId,
    body: Parts,
    access: Writing,
    request: Request,
    response: Response,
    unfinished: Unfinished = False,
    _: IfMatch = None,
) -> DraftView:
    """Change parts of the draft, as a JSON Merge Patch (RFC 7396) does."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    draft = await editing.patch(access.given, access.scope, old, body, unfinished=unfinished)
    return await _changed(access, response, old.draft, draft)


@router.get("/{agent}/draft/script", responses=MISSING)
async def show_draft_script(agent: AgentId, access: Reading, response: Response) -> ScriptView:
    """The draft's script, as text and as a document."""
    found = await editing.show_script(access.scope, agent)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.put("/{agent}/draft/script", responses=CHANGING)
async def replace_draft_script(
    agent: AgentId,
    body: ScriptBody,
    access: Writing,
    request: Request,
    response: Response,
    unfinished: Unfinished = False,
    _: IfMatch = None,
) -> ScriptView:
    """Put a script in the place of the draft's. Faults have the path of the field and, in a text, its line."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    script = await editing.replace_script(access.given, access.scope, old, body, unfinished=unfinished)
    await access.audit("agent.draft_changed", agent, {"fields": ["script"], "revision": script.revision})
    response.headers["ETag"] = etag(script.revision)
    return script


@router.post("/{agent}/publish", status_code=201, responses=CHANGING)
@once
async def publish_agent(
    agent: AgentId, body: Publish, access: Publishing, request: Request, response: Response, _: IfMatch = None
) -> VersionDetail:
    """Make a version of the draft, which takes calls from now on. Calls that are under way go on with theirs."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    made = await publishing.publish(access.given, access.scope, old, access.principal, body.note)
    return await _published(access, response, agent, made)


@router.get("/{agent}/versions", responses=MISSING)
async def list_agent_versions(agent: AgentId, access: Reading, part: PageQuery) -> Page[VersionView]:
    """An agent's versions, newest first."""
    filters = {"list": "versions", "tenant": access.scope.tenant, "agent": agent}
    position = position_of(access.given, filters, part.cursor)
    rows = await reading.versions(access.scope, agent, part.limit + 1, int(position[0]) if position else None)
    return page(rows, part.limit, access.given, filters, lambda one: (one.number,))


@router.get("/{agent}/versions/{number}", responses=MISSING)
async def show_agent_version(agent: AgentId, number: Number, access: Reading) -> VersionDetail:
    """A version with its configuration."""
    return await reading.show_version(access.scope, agent, number)


@router.post("/{agent}/versions/{number}/restore", status_code=201, responses=CHANGING)
@once
async def restore_agent_version(
    agent: AgentId, number: Number, body: Publish, access: Publishing, request: Request, response: Response, _: IfMatch = None
) -> VersionDetail:
    """Publish an old version's configuration once more, as a new version. The draft follows unless it holds changes of its own."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    made = await publishing.restore(access.given, access.scope, old, number, access.principal, body.note)
    return await _published(access, response, agent, made)


@router.get("/{agent}/diff", responses=MISSING)
async def diff_agent_versions(agent: AgentId, access: Reading, before: Which = "live", after: Which = "draft") -> DiffView:
    """What differs between two versions, or a version and the draft."""
    return await publishing.compare(access.scope, agent, before, after)


@router.post("/{agent}/duplicate", status_code=201, responses={404: PROBLEM, 409: PROBLEM})
@once
async def duplicate_agent(agent: AgentId, body: Duplicate, access: Writing) -> AgentView:
    """Make a new agent with the draft of this one."""
    made = await editing.duplicate(access.given, access.scope, agent, body.name)
    await access.audit("agent.created", made.id, {"name": made.name, "copy_of": agent})
    return made


@router.post("/{agent}/archive", responses=CHANGING)
async def archive_agent(agent: AgentId, access: Publishing, request: Request, response: Response, _: IfMatch = None) -> AgentView:
    """Take an agent out of use; refused while a number rings it. Its versions and calls stay."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    found = await publishing.archive(access.given, access.scope, old)
    await access.audit("agent.archived", agent)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.post("/{agent}/unarchive", responses=CHANGING)
async def unarchive_agent(agent: AgentId, access: Publishing, request: Request, response: Response, _: IfMatch = None) -> AgentView:
    """Bring an agent back into use, as it was."""
    old = await reading.get(access.scope, agent, lock=True)
    match(request, old.revision)
    found = await publishing.unarchive(access.given, access.scope, old)
    await access.audit("agent.unarchived", agent)
    response.headers["ETag"] = etag(found.revision)
    return found


async def _changed(access: TenantAccess, response: Response, before: dict[str, Any], draft: DraftView) -> DraftView:
    after = draft.config.model_dump(mode="json")
    fields = sorted(name for name in after if after[name] != before.get(name))
    await access.audit("agent.draft_changed", draft.id, {"fields": fields, "revision": draft.revision})
    response.headers["ETag"] = etag(draft.revision)
    return draft


async def _published(access: TenantAccess, response: Response, agent: str, made: VersionDetail) -> VersionDetail:
    details = {"version": made.number, "sha": made.sha, "note": made.note, "restored_from": made.restored_from}
    await access.audit("agent.published", agent, details)
    response.headers["ETag"] = etag((await reading.get(access.scope, agent)).revision)
    return made


routers: tuple[APIRouter, ...] = (router, library, *trials)
