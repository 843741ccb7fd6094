"""An agent's versions: who made which and why, what differs between two, and going back to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from offhook.errors import DomainError, NotFound
from offhook.orchestrator.agents.ops import publishing, reading
from offhook.orchestrator.agents.schemas import Publish, VersionView
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal.differences import Part, parts
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.pages.agents.common import AgentFrame, AgentId, Publishing, Reading, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import locked, published
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
Number = Annotated[int, Path(ge=1, le=1_000_000_000)]
Which = Annotated[str | None, Query(pattern=r"^(draft|live|[1-9][0-9]{0,8})$")]
PART = 30
CHOICES = 100
"""Versions, the latest, that a comparison offers."""


class Asked(BaseModel):
    """What the page is asked for."""

    model_config = ConfigDict(frozen=True)

    before: Which = None
    after: Which = None
    cursor: Annotated[str | None, Query(max_length=1_000)] = None
    again: Annotated[int | None, Query(ge=1, le=1_000_000_000)] = None
    """A version that is to be published again."""


@router.get("/t/{tenant}/agents/{agent}/versions", response_class=HTMLResponse)
async def versions_page(request: Request, frame: Framed, access: Reading, agent: AgentId, asked: Annotated[Asked, Query()]) -> HTMLResponse:
    """The versions, newest first; what the draft would change, or what differs between two."""
    return await _page(request, frame, access, agent, asked, Typed())


@router.post("/t/{tenant}/agents/{agent}/versions/{number}/restore", response_class=Response)
async def restore_version(request: Request, frame: Framed, access: Publishing, agent: AgentId, number: Number, fields: Posted) -> Response:
    """Publish an old version once more, as a new one."""
    try:
        note = Publish(note=fields.get("note", "")).note
        old = await locked(access, agent, fields)
        made = await publishing.restore(access.given, access.scope, old, number, access.principal, note)
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        return await _page(request, frame, access, agent, Asked(again=number), refused(fields, error))
    await published(access, agent, made)
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/versions", "restored")


async def _page(request: Request, frame: Frame, access: TenantAccess, agent: str, asked: Asked, typed: Typed) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "versions")
    filters = {"list": "portal versions", "tenant": access.scope.tenant, "agent": agent}
    position = position_of(access.given, filters, asked.cursor)
    rows = await reading.versions(access.scope, agent, PART + 1, int(position[0]) if position else None)
    found = page(rows, PART, access.given, filters, lambda one: (one.number,))
    newest = await reading.versions(access.scope, agent, CHOICES, None)
    before, after, differing = await _compared(access, around, newest, asked)
    again = await reading.show_version(access.scope, agent, asked.again) if asked.again and around.may_publish else None
    return portal(request).page(
        request,
        frame,
        "pages/versions.html",
        "rows",
        typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        rows=found.data,
        more_href=f"{around.base}/versions?cursor={found.next_cursor}" if found.next_cursor else None,
        choices=[("draft", _("Draft")), *((str(one.number), _name(one)) for one in newest)],
        before=before,
        after=after,
        differing=differing,
        told=[one for one in newest if str(one.number) in {before, after}],
        again=again,
    )


def _name(one: VersionView) -> str:
    live = _(", live") if one.live else ""
    return _("Version {number}{live}").format(number=one.number, live=live)


async def _compared(
    access: TenantAccess, around: AgentFrame, newest: Sequence[VersionView], asked: Asked
) -> tuple[str, str, list[Part] | None]:
    """Which two, and what differs; None where there is nothing to compare with. Without a wish: the draft with what is live."""
    live = str(around.agent.live) if around.agent.live is not None else None
    before = live if asked.before in {None, "live"} else asked.before
    after = asked.after if asked.after not in {None, "live"} else (live if asked.after == "live" else "draft")
    if not newest or before is None or after is None:
        return before or "draft", after or "draft", None
    return before, after, parts((await publishing.compare(access.scope, around.agent.id, before, after)).changes)
