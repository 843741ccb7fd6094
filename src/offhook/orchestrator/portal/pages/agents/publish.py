"""Publishing a draft: what changes, what stops it, and why it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from offhook.errors import DomainError
from offhook.orchestrator.agents.ops import publishing, reading
from offhook.orchestrator.agents.schemas import ChangeView, Publish
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.pages.agents.common import AgentId, Publishing, agent_frame, unchanged
from offhook.orchestrator.portal.pages.agents.editor import named
from offhook.orchestrator.portal.problems import OPENED, Problem, problems
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
AREAS: Final = {
    "script.states": "Step",
    "script.slots": "Finds out",
    "script.tools": "Does",
    "script.topics": "Topic",
    "script.objections": "Objection",
    "script.must_say": "Must be said",
    "script.outcomes": "Outcome",
}
"""Sections of a script that a change is told by, with its name."""
HOW: Final = {"added": "new", "removed": "taken out", "changed": "changed", "moved": "in another order"}


@dataclass(frozen=True, slots=True)
class Area:
    """A part that differs from the live version. ``how``: new, taken out, changed."""

    label: str
    name: str
    how: str


@router.get("/t/{tenant}/agents/{agent}/publish", response_class=Response)
async def publish_page(request: Request, frame: Framed, agent: AgentId, access: Publishing) -> Response:
    """What would be published."""
    return await _page(request, frame, access, agent, Typed())


@router.post("/t/{tenant}/agents/{agent}/publish", response_class=Response)
async def publish_form(request: Request, frame: Framed, agent: AgentId, access: Publishing, fields: Posted) -> Response:
    """Publish it, as it was when the page was shown."""
    old = await reading.get(access.scope, agent, lock=True)
    try:
        unchanged(fields, old.revision)
        body = Publish(note=fields.get("note", ""))
        made = await publishing.publish(access.given, access.scope, old, access.principal, body.note)
    except (DomainError, ValidationError) as error:
        return await _page(request, frame, access, agent, refused(fields, error))
    details = {"version": made.number, "sha": made.sha, "note": made.note, "restored_from": made.restored_from}
    await access.audit("agent.published", agent, details)
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/versions", "published")


async def _page(request: Request, frame: Frame, access: TenantAccess, agent: str, typed: Typed) -> Response:
    around = await agent_frame(access, frame, agent, "publish")
    found = problems(around.draft.check, around.draft.config.script)
    differs = await publishing.compare(access.scope, agent, "live", "draft") if around.agent.live is not None else None
    return portal(request).page(
        request,
        frame,
        "pages/publish.html",
        status=typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        faults=[(one, _mends(around.base, one)) for one in found if not one.warning],
        warnings=[(one, _mends(around.base, one)) for one in found if one.warning],
        areas=areas(differs.changes) if differs else None,
        next_number=await _next(access, agent),
        publish_href=f"{around.base}/publish",
    )


async def _next(access: TenantAccess, agent: str) -> int:
    return (await reading.get(access.scope, agent)).latest + 1


def _mends(base: str, one: Problem) -> str:
    if one.tab == "script" and one.section in OPENED and one.name:
        return f"{base}/script?{OPENED[one.section]}={one.name}"
    return f"{base}/{one.tab or 'script'}{'?view=text' if one.tab == 'script' else ''}"


def areas(changes: Sequence[ChangeView]) -> list[Area]:
    """What differs, by step and by what is found out rather than by field; the rest of a configuration by its part."""
    found: dict[tuple[str, str], str] = {}
    for one in changes:
        path = one.path.split(".")
        section = ".".join(path[:2])
        if section in AREAS and len(path) > 2:
            key, whole = (_(AREAS[section]), named(path[2])), len(path) == 3
        elif path[0] == "script":
            key, whole = (_("Script"), named(path[1]) if len(path) > 1 else ""), False
        else:
            key, whole = (named(path[0]), ""), False
        how = one.kind if whole else "changed"
        found[key] = how if found.get(key, how) == how else "changed"
    return [Area(label, name, _(HOW[how])) for (label, name), how in found.items()]
