"""How an agent sounds and what it always says: voice, language, greeting, its services, and the lines for when things fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError
from offhook.orchestrator.agents.config import AgentConfig, FixedLines
from offhook.orchestrator.agents.ops import choosing
from offhook.orchestrator.agents.ops.choosing import Offered
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame
from offhook.orchestrator.portal.pages.agents.saving import save
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
PLACES: Final = 3
"""Providers of a kind that the form has room for: the first, and who stands in for it. Those beyond are kept."""
LABELS: Final[Mapping[str, str]] = {"stt": "Who hears", "tts": "Who speaks", "llm": "Who thinks"}
HELP: Final[Mapping[str, str]] = {
    "stt": "Turns the caller's words into text. The others stand in when the first does not answer.",
    "tts": "Speaks the agent's words.",
    "llm": "A language model for what the script's own rules do not explain. Without one the rules alone answer.",
}
LINES: Final[Mapping[str, str]] = {
    "fallback": "When an answer fails",
    "still_there": "Into a long silence",
    "goodbye": "Before it hangs up on a silence",
    "limit": "When a call has lasted too long",
    "failed": "When it cannot go on",
    "deaf": "When it cannot hear",
    "putting_through": "When it puts a caller through",
    "still_trying": "While nobody has answered yet",
    "not_through": "When nobody takes the call",
    "staying": "To a caller who would rather stay",
}
CALLERS: Final[Mapping[str, str]] = {
    "greet": "Greet callers by name",
    "visits": "Tell callers their next visit and open job",
    "balance": "Tell callers what they owe",
}
UNDER: Final = (
    "voice",
    "locale",
    "greeting",
    "lines",
    "providers.stt",
    "providers.tts",
    "providers.llm",
    "providers.voices",
    "recording.disclosure",
    "callers",
)


@router.get("/t/{tenant}/agents/{agent}/voice", response_class=HTMLResponse)
async def voice_page(request: Request, frame: Framed, access: Reading, agent: AgentId) -> HTMLResponse:
    """The draft's voice and fixed lines."""
    return await _page(request, frame, access, agent, Typed())


@router.post("/t/{tenant}/agents/{agent}/voice", response_class=Response)
async def save_voice(request: Request, frame: Framed, access: Writing, agent: AgentId, fields: Posted) -> Response:
    """Save them."""
    around = await agent_frame(access, frame, agent, "voice")
    try:
        await save(access, agent, fields, _changes(around.draft.config, fields), UNDER)
    except (DomainError, ValidationError) as error:
        return await _page(request, frame, access, agent, refused(fields, error, _places(fields)))
    return onward(f"/t/{access.scope.tenant}/agents/{agent}/voice", "saved")


def _changes(config: AgentConfig, fields: Mapping[str, str]) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    for kind in LABELS:
        chosen = [value for at in range(PLACES) if (value := fields.get(f"{kind}.{at}", ""))]
        providers[kind] = [*chosen, *getattr(config.providers, kind)[PLACES:]]
    names = set(providers["tts"])
    there = names | {name.partition(":")[0] for name in names}
    providers["voices"] = {key: None for key in config.providers.voices if key not in there}
    return {
        "voice": fields.get("voice", "").strip(),
        "locale": fields.get("locale", "").strip() or None,
        "greeting": fields.get("greeting", ""),
        "recording": {"disclosure": fields.get("disclosure", "")},
        "callers": {name: f"callers.{name}" in fields for name in CALLERS},
        "lines": {name: fields.get(f"lines.{name}", "").strip() or None for name in LINES},
        "providers": providers,
    }


def _places(fields: Mapping[str, str]) -> dict[str, str]:
    """Fields by the path of the configuration: places that are left empty do not count there."""
    found = {"recording.disclosure": "disclosure", "providers.voices": "voice"}
    for kind in LABELS:
        taken = [at for at in range(PLACES) if fields.get(f"{kind}.{at}", "")]
        found |= {f"providers.{kind}.{index}": f"{kind}.{at}" for index, at in enumerate(taken)}
        found[f"providers.{kind}"] = f"{kind}.0"
    return found


async def _page(request: Request, frame: Frame, access: TenantAccess, agent: str, typed: Typed) -> HTMLResponse:
    around = await agent_frame(access, frame, agent, "voice")
    config = around.draft.config
    offered = await choosing.providers(access.scope)
    first = config.providers.tts[0].partition(":")[0].replace("-", "_")
    return portal(request).page(
        request,
        frame,
        "pages/voice.html",
        status=typed.status,
        shell=around.shell,
        local=around.local,
        around=around,
        typed=typed,
        config=config,
        voices=next((one.voices for one in offered.get("tts", ()) if one.name == first), ()),
        thinkers=[one.name for one in offered.get("llm", ())],
        kinds=[
            (kind, _(label), _(HELP[kind]), [_place(offered.get(kind, ()), getattr(config.providers, kind), at) for at in range(PLACES)])
            for kind, label in LABELS.items()
        ],
        callers=[(name, _(label), getattr(config.callers, name)) for name, label in CALLERS.items()],
        lines=[(name, _(label), getattr(config.lines, name), getattr(FixedLines(), name)) for name, label in LINES.items()],
    )


def _place(offered: Sequence[Offered], chosen: Sequence[str], at: int) -> tuple[str, list[tuple[str, str]]]:
    """What stands at a place, and what may: all that are offered, and what stands there already with the model that it names."""
    current = chosen[at] if at < len(chosen) else ""
    names = [one.name.replace("_", "-") for one in offered]
    choices = [("", _("Nobody"))] + ([(current, current)] if current and current not in names else [])
    for one, name in zip(offered, names, strict=True):
        choices.append((name, _("{name}, no account yet").format(name=name) if one.account is False else name))
    return current, choices
