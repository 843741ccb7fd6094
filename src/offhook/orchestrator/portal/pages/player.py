"""The player of a call: what it draws, and the sound. It stands on the call's page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.calls import reading
from offhook.orchestrator.calls.schemas import Call, CallDetail
from offhook.orchestrator.portal.frame import Framed, tenant_shell
from offhook.orchestrator.portal.pages.calls import BUDGET_MS
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.portal.wave import COARSE, FINE, Wave, silences, wave
from offhook.orchestrator.recordings import ops, serving
from offhook.orchestrator.recordings.schemas import Loudness
from offhook.orchestrator.scope import TenantScope

router = APIRouter(tags=["portal"], include_in_schema=False)
development = APIRouter(tags=["dev"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
CallIn = Annotated[str, Path(max_length=128)]
UNSEEN: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Player:
    """What the macro ``ui.player`` shows. ``why`` there is no sound; empty where there is."""

    wave: Wave
    wave_at: str
    audio_at: str
    why: str


async def player(scope: TenantScope, detail: CallDetail) -> Player:
    """Of a call."""
    base = f"/t/{scope.tenant}/calls/{detail.call.id}"
    why = "" if detail.recording is not None else await _why(scope, detail)
    return Player(wave(detail, BUDGET_MS), f"{base}/_wave", "" if why else f"{base}/audio", why)


async def _why(scope: TenantScope, detail: CallDetail) -> str:
    """Why nothing is to be heard."""
    call = detail.call
    if call.state != "ended":
        return _("The recording comes when the call is over.")
    if not call.kept:
        return _("The recording is gone: recordings of this agent are kept no longer than this.")
    if not detail.turns:
        return _("Nobody spoke, so there is no recording.")
    if not await _records(scope, call):
        return _("There is no recording: recording is off for this agent.")
    return _("There is no recording: the caller did not hear that calls are recorded, or it has not come yet.")


async def _records(scope: TenantScope, call: Call) -> bool:
    """Whether the agent records, as far as that is known."""
    try:
        agent = (
            agents.live(scope, call.agent_id) if call.agent_version is None else agents.version(scope, call.agent_id, call.agent_version)
        )
        return (await agent).record
    except NotFound:
        return True


@router.get("/t/{tenant}/calls/{call}/_wave", response_class=JSONResponse)
async def wave_of_call(call: CallIn, access: Reading) -> JSONResponse:
    """What the player draws. Without values where there is no recording, or it has not been looked at yet: then the turns are drawn."""
    detail = await reading.detail(access.scope, call)
    drawn = wave(detail, BUDGET_MS)
    loud: Loudness | None = None
    quiet: list[tuple[float, float]] = []
    try:
        loud = await ops.loudness(access.given, access.scope, call, COARSE if drawn.long else FINE)
        quiet = silences(loud)
    except (NotFound, Conflict):
        pass
    return JSONResponse(_drawn(drawn, loud, quiet), headers=UNSEEN)


def _drawn(one: Wave, loud: Loudness | None, quiet: list[tuple[float, float]]) -> dict[str, Any]:
    sides = {side: base64.b64encode(getattr(loud, side)).decode() for side in ("caller", "agent")} if loud else {}
    return {
        "seconds": one.seconds,
        "turns": [[turn.begin, turn.end, turn.side] for turn in one.turns],
        "gaps": [[gap.begin, gap.end, gap.over] for gap in one.gaps],
        "unheard": [[lost.begin, lost.seconds, lost.label] for lost in one.unheard],
        "silences": quiet,
        "loud": {"a_second": loud.a_second, **sides} if loud else None,
    }


@router.get("/t/{tenant}/calls/{call}/audio", response_class=Response)
async def sound_of_call(
    call: CallIn,
    access: Reading,
    wanted: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    download: Annotated[bool, Query()] = False,
) -> Response:
    """The recording, for the player and for who saves it. Who listens is written down."""
    found = await serving.sound(access, call, wanted, if_range, download=download)
    found.headers.update(UNSEEN)
    return found


@development.get("/_player/{tenant}/{call}", response_class=HTMLResponse)
async def player_page(request: Request, frame: Framed, access: Reading, call: CallIn) -> HTMLResponse:
    """Development: the player by itself."""
    shell, local, _tenant = await tenant_shell(access, frame.brand, "calls")
    detail = await reading.detail(access.scope, call)
    return portal(request).page(
        request, frame, "pages/player.html", shell=shell, local=local, player=await player(access.scope, detail), detail=detail
    )
