"""How an agent takes turns: presets, each value with what it does, and what the values would have done to recorded calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, Invalid, NotPermitted
from offhook.orchestrator.agents.check import place
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.ops import editing, retiming
from offhook.orchestrator.agents.presets import EXPLAINED, PRESETS, PresetName
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.knobs import FIRST, Knob, changed, changes, knobs
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import save
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.retimed import Replayed
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
UNDER: Final = tuple(place(one.path) for one in EXPLAINED)
FIELDS: Final = {place(one.path): one.path for one in EXPLAINED}


@router.get("/t/{tenant}/agents/{agent}/turns", response_class=HTMLResponse)
async def turns_page(
    request: Request, frame: Framed, access: Reading, agent: AgentId, preset: Annotated[PresetName | None, Query()] = None
) -> HTMLResponse:
    """The draft's values; with ``preset`` those of another preset, which are not saved yet."""
    return await _page(request, frame, access, agent, preset)


@router.post("/t/{tenant}/agents/{agent}/turns", response_class=Response)
async def save_turns(request: Request, frame: Framed, access: Writing, agent: AgentId, fields: Posted) -> Response:
    """Save the values to the draft."""
    try:
        await save(access, agent, fields, changes(fields, _preset(fields)), UNDER)
    except (DomainError, ValidationError) as error:
        return await _page(request, frame, access, agent, _preset(fields), refused(fields, error, FIELDS))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/turns", "saved")


@router.post("/t/{tenant}/agents/{agent}/turns/replay", response_class=HTMLResponse)
async def replay_turns(request: Request, frame: Framed, access: Reading, agent: AgentId, fields: Posted) -> HTMLResponse:
    """What the values that stand in the form would have done to the last calls; nothing is saved. Who asks is written down."""
    if "calls.read" not in access.may:
        raise NotPermitted("this needs calls.read")
    preset = _preset(fields)
    try:
        patch = changes(fields, preset)
        config = (await editing.show(access.scope, agent)).config
        plan = AgentConfig.model_validate(editing.merged(config.model_dump(mode="json"), patch)).turn_plan()
        found = await retiming.over_last(access.given, access.scope, agent, plan)
    except (Invalid, ValidationError) as error:
        return await _page(request, frame, access, agent, preset, refused(fields, error, FIELDS))
    await access.audit("agent.turns_replayed", agent, {"calls": found.calls})
    return await _page(request, frame, access, agent, preset, Typed(fields), Replayed.of(found, access.scope.tenant))


def _preset(fields: Mapping[str, str]) -> PresetName:
    found = fields.get("preset", "")
    return next((name for name in PRESETS if name == found), "receptionist")


async def _page(
    request: Request,
    frame: Frame,
    access: TenantAccess,
    agent: str,
    preset: PresetName | None,
    typed: Typed | None = None,
    replayed: Replayed | None = None,
) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "turns")
    config = around.draft.config
    chosen = preset or config.turn.preset
    found = knobs(config, chosen, typed.values if typed else None)
    first: list[Knob] = sorted((one for one in found if one.path in FIRST), key=lambda one: FIRST.index(one.path))
    typed = typed or Typed()
    return portal(request).page(
        request,
        frame,
        "pages/turns.html",
        status=typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        preset=chosen,
        presets=[(one, changed(found) if name == chosen else 0) for name, one in PRESETS.items()],
        first=first,
        rest=[one for one in found if one.path not in FIRST],
        opened=any(one.path in typed.errors for one in found if one.path not in FIRST),
        says=_("These values are not saved yet.") if chosen != config.turn.preset else "",
        replayed=replayed,
        most=retiming.MOST,
        may_replay="calls.read" in access.may,
    )
