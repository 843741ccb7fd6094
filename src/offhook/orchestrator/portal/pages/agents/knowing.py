"""What an agent knows: pieces of the business's own text that answer questions."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, NotFound
from offhook.orchestrator.agents.config import KNOWLEDGE_CHARACTERS
from offhook.orchestrator.agents.ops import editing
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import save
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted

router = APIRouter(tags=["portal"], include_in_schema=False)
NEW: Final = "new"
BEGINNING: Final = 160
"""Characters of a text that the list shows."""
Which = Annotated[str, Path(pattern=r"^(new|[0-9]{1,3})$")]


@router.get("/t/{tenant}/agents/{agent}/knowledge", response_class=HTMLResponse)
async def knowledge_page(
    request: Request,
    frame: Framed,
    access: Reading,
    agent: AgentId,
    piece: Annotated[str | None, Query(pattern=r"^(new|[0-9]{1,3})$")] = None,
) -> HTMLResponse:
    """All pieces; with ``piece`` the form of one, or of a new one."""
    return await _page(request, frame, access, agent, piece, Typed())


@router.post("/t/{tenant}/agents/{agent}/knowledge/{piece}", response_class=Response)
async def save_knowledge(request: Request, frame: Framed, access: Writing, agent: AgentId, piece: Which, fields: Posted) -> Response:
    """Add a piece (``new``), change one, or take it out (``do`` is remove)."""
    at = 0
    try:
        pieces = list((await editing.show(access.scope, agent)).config.model_dump(mode="json")["knowledge"])
        at = len(pieces) if piece == NEW else int(piece)
        if at >= len(pieces) and piece != NEW:
            raise NotFound("no such piece")
        text = fields.get("text", "").replace("\r\n", "\n").strip()
        made = {"title": fields.get("title", "").strip(), "text": text}
        pieces[at : at + 1] = [] if fields.get("do") == "remove" else [made]
        await save(access, agent, fields, {"knowledge": pieces}, ("knowledge",))
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        names = {f"knowledge.{at}.title": "title", f"knowledge.{at}.text": "text", "knowledge": "text"}
        return await _page(request, frame, access, agent, piece, refused(fields, error, names))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/knowledge", "removed" if fields.get("do") == "remove" else "saved")


async def _page(request: Request, frame: Frame, access: TenantAccess, agent: str, piece: str | None, typed: Typed) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "knowledge")
    pieces = around.draft.config.knowledge
    if piece is not None and piece != NEW and int(piece) >= len(pieces):
        raise NotFound("no such piece")
    return portal(request).page(
        request,
        frame,
        "pages/knowledge.html",
        status=typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        pieces=[(one.title, one.text[:BEGINNING] + ("…" if len(one.text) > BEGINNING else "")) for one in pieces],
        characters=sum(len(one.title) + len(one.text) for one in pieces),
        most=KNOWLEDGE_CHARACTERS,
        piece=piece,
        chosen=pieces[int(piece)] if piece not in {None, NEW} else None,
    )
