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
from offhook.orchestrator.portal.wave import COARSE, FINE, Wave, one_voice, silences, wave
from offhook.orchestrator.recordings import ops, serving
from offhook.orchestrator.recordings.schemas import Loudness, VoiceMessage
from offhook.orchestrator.scope import TenantScope

router = APIRouter(tags=["portal"], include_in_schema=False)
development = APIRouter(tags=["dev"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
CallIn = Annotated[str, Path(max_length=128)]
UNSEEN: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Player:
    """What the macro ``ui.player`` shows. ``why`` there is no sound; empty where there is. ``id`` tells two on a page apart; ``alone``:
    one side only is heard.
    """

    wave: Wave
    wave_at: str
    audio_at: str
    why: str
    id: str = "player"
    alone: bool = False


async def player(scope: TenantScope, detail: CallDetail) -> Player:
    """Of a call."""
    base = f"/t/{scope.tenant}/calls/{detail.call.id}"
    why = "" if detail.recording is not None else await _why(scope, detail)
    return Player(wave(detail, BUDGET_MS), f"{base}/_wave", "" if why else f"{base}/audio", why)


def of_message(scope: TenantScope, detail: CallDetail) -> Player | None:
    """Of the message that the caller left; None where there is none. It is a sound of its own: its seconds are none of the call's."""
    left = detail.voice_message
    if left is None:
        return None
    base = f"/t/{scope.tenant}/calls/{detail.call.id}/message"
    drawn = one_voice(max(1.0, left.seconds))
    why = "" if left.state == "here" else message_words(left)
    return Player(drawn, f"{base}/_wave", "" if why else f"{base}/audio", why, "message", alone=True)


FAULTS: Final = {
    "gone": "The message could not be fetched: the carrier does not have it, or not any more.",
    "keys": "The message could not be fetched: the carrier does not take the account's keys.",
    "elsewhere": "The message could not be fetched: the carrier keeps it at an address that is not its own.",
    "too_large": "The message could not be fetched: it is too large.",
    "not_audio": "The message could not be fetched: what the carrier sent is no sound.",
    "unreachable": "The message could not be fetched: the carrier did not answer for an hour.",
    "broken": "The message could not be fetched: something went wrong here.",
}


def message_words(left: VoiceMessage) -> str:
    """Why a message is not to be heard here."""
    if left.state == "off":
        return _("The message stays with the carrier: recording is off for this agent.")
    return _(FAULTS[left.fault]) if left.fault else _("The message is being fetched from the carrier.")


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


@router.get("/t/{tenant}/calls/{call}/message/_wave", response_class=JSONResponse)
async def wave_of_message(call: CallIn, access: Reading) -> JSONResponse:
    """What the player of a message draws."""
    detail = await reading.detail(access.scope, call)
    if detail.voice_message is None:
        raise NotFound("there is no message of this call")
    seconds = max(1.0, detail.voice_message.seconds)
    loud: Loudness | None = None
    try:
        loud = await ops.loudness(access.given, access.scope, call, FINE, "message")
        seconds = loud.seconds
    except (NotFound, Conflict):
        pass
    return JSONResponse(_drawn(one_voice(seconds), loud, silences(loud) if loud else []), headers=UNSEEN)


@router.get("/t/{tenant}/calls/{call}/message/audio", response_class=Response)
async def sound_of_message(
    call: CallIn,
    access: Reading,
    wanted: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    download: Annotated[bool, Query()] = False,
) -> Response:
    """The message that the caller left, for its player. Who listens is written down."""
    found = await serving.sound(access, call, wanted, if_range, download=download, kind="message")
    found.headers.update(UNSEEN)
    return found


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
