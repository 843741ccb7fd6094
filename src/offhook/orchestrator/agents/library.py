"""Routes of what is the same for everybody: templates to begin with, and turn-taking explained."""

from __future__ import annotations

from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Path

from offhook.contracts.plan import TurnPlan
from offhook.orchestrator.agents import templates
from offhook.orchestrator.agents.check import place
from offhook.orchestrator.agents.presets import EXPLAINED, PRESETS, Preset, turn_plan
from offhook.orchestrator.agents.schemas import PresetView, TemplateDetail, TemplateView, TurnPresets, ValueView
from offhook.orchestrator.auth.access import PlatformAccess, signed_in
from offhook.orchestrator.errors import Problem

router = APIRouter(prefix="/v1", tags=["agents"])
Anybody = Annotated[PlatformAccess, signed_in()]
PROBLEM: Final[dict[str, Any]] = {"model": Problem}


@router.get("/agent-templates")
async def list_agent_templates(access: Anybody) -> list[TemplateView]:  # noqa: ARG001 - who asks is what it is there for
    """Examples to begin an agent with."""
    found = await to_thread.run_sync(templates.every)
    return [TemplateView(id=one.id, title=one.title, use=one.use) for one in found.values()]


@router.get("/agent-templates/{template}", responses={404: PROBLEM})
async def show_agent_template(
    template: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,39}$")],
    access: Anybody,  # noqa: ARG001
) -> TemplateDetail:
    """An example with its configuration, and its script as text."""
    return await to_thread.run_sync(templates.get, template)


@router.get("/turn-presets")
async def list_turn_presets(access: Anybody) -> TurnPresets:  # noqa: ARG001
    """Turn-taking by use case, and what each number does: what raising and lowering it costs."""
    values = [
        ValueView(
            path=one.path,
            field=place(one.path),
            unit=one.unit,
            does=one.does,
            higher=one.higher,
            lower=one.lower,
            low=one.low,
            high=one.high,
        )
        for one in EXPLAINED
    ]
    return TurnPresets(presets=[_preset(one) for one in PRESETS.values()], values=values)


def _preset(preset: Preset) -> PresetView:
    turn, usual = turn_plan(preset.name, {}, {}), TurnPlan()
    own = [f"endpointing.{name}" for name in preset.endpointing if getattr(turn.endpointing, name) != getattr(usual.endpointing, name)]
    own += [name for name in preset.values if getattr(turn, name) != getattr(usual, name)]
    return PresetView(name=preset.name, title=preset.title, use=preset.use, why=preset.why, turn=turn, own=own)
