"""What is done with a call: flag it, put right what was heard wrong, send a webhook again, share it, try the draft with it, delete it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.contracts.rehearsal import MOST_TURNS
from offhook.errors import DomainError, NotFound, NotPermitted
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.agents.trials import text
from offhook.orchestrator.agents.trials.schemas import Subject, TextTest, TextTestResult, TurnIn
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.calls import marking, reading, removal, sharing
from offhook.orchestrator.calls.schemas import Call, Corrections, FlagIn
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.paperwork import ops as paperwork
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.outcomes import of_call, of_code
from offhook.orchestrator.portal.pages.call import CallIn, Page, look, show
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.said import Line
from offhook.orchestrator.portal.security import Posted

router = APIRouter(tags=["portal"], include_in_schema=False)
Writing = Annotated[TenantAccess, in_tenant("calls.write")]
Deleting = Annotated[TenantAccess, in_tenant("calls.delete")]
Replaying = Annotated[TenantAccess, in_tenant("webhooks.write")]
Trying = Annotated[TenantAccess, in_tenant("agents.read")]
Id = Annotated[str, Path(pattern=ID)]
LINE: Final = 1_000
"""Characters of a caller's turn that a text test takes."""
HERE: Final = "/t/{tenant}/calls/{call}"


def _here(access: TenantAccess, call: str) -> str:
    return f"/t/{access.scope.tenant}/calls/{quote(call, safe='')}"


@router.post(HERE + "/flag", response_class=HTMLResponse)
async def flag_call(request: Request, frame: Framed, access: Writing, call: CallIn, fields: Posted) -> Response:
    """Mark it for the team, or take the mark away."""
    try:
        await marking.flag(access, call, None if fields.get("off") else FlagIn(reason=fields.get("reason", "")))
    except ValidationError as error:
        return await show(request, frame, access, call, refused(fields, error), flagging=True)
    return onward(_here(access, call), "unflagged" if fields.get("off") else "flagged")


@router.post(HERE + "/learned", response_class=HTMLResponse)
async def correct_call(request: Request, frame: Framed, access: Writing, call: CallIn, fields: Posted) -> Response:
    """Put right what was heard wrong: the values that were changed."""
    _, local, _ = await tenant_shell(access, frame.brand, "calls")
    known = (await look(access.scope, local, await reading.detail(access.scope, call))).learned
    before = {one.name: one.raw for one in known.known} if known else {}
    changed = {name: value for name, value in fields.items() if name in before and value.strip() != before[name]}
    if not changed:
        return onward(_here(access, call))
    try:
        await marking.correct(access, call, Corrections(values=changed))
    except (ValidationError, DomainError) as error:
        names = {f"values.{name}": name for name in before}
        return await show(request, frame, access, call, refused(fields, error, names), editing=True)
    return onward(_here(access, call), "saved")


@router.post(HERE + "/webhooks/{webhook}/deliveries/{delivery}/replay", response_class=HTMLResponse)
async def replay_of_call(_frame: Framed, access: Replaying, call: CallIn, webhook: Id, delivery: Id, _fields: Posted) -> Response:
    """Send an event of this call again."""
    if "calls.read" not in access.may:
        raise NotPermitted("this takes the permission calls.read")
    if (await hooks.delivery(access.scope, webhook, delivery)).subject != call:
        raise NotFound("no such delivery")
    await hooks.replay_one(access.scope, access.given, webhook, delivery)
    await access.audit("webhook.replayed", webhook, {"delivery": delivery})
    return onward(_here(access, call), "sent")


@router.post(HERE + "/paperwork/{connection}/again", response_class=HTMLResponse)
async def paperwork_again(_frame: Framed, access: Writing, call: CallIn, connection: Id, _fields: Posted) -> Response:
    """Write again what a system has not got."""
    await paperwork.again(access.scope, access.given, call, connection)
    await access.audit("call.paperwork_again", call, {"connection_id": connection})
    return onward(_here(access, call), "written-again")


# -- sharing ----------------------------------------------------------------------------------------------------------------------


@router.get(HERE + "/share", response_class=HTMLResponse)
async def share_page(request: Request, frame: Framed, access: Writing, call: CallIn) -> HTMLResponse:
    """Before a link is made."""
    return await _beside(request, frame, access, call, "pages/call/share.html", {"link": "", "until": None})


@router.post(HERE + "/share", response_class=HTMLResponse)
async def share_call(request: Request, frame: Framed, access: Writing, call: CallIn, _fields: Posted) -> HTMLResponse:
    """Make a link, and show it this once."""
    made = await sharing.share(access, call)
    link = str(request.base_url).rstrip("/") + made.path
    return await _beside(request, frame, access, call, "pages/call/share.html", {"link": link, "until": made.expires_at})


@router.post(HERE + "/share/end", response_class=HTMLResponse)
async def end_shares(_frame: Framed, access: Writing, call: CallIn, _fields: Posted) -> Response:
    """No link to it is good any longer."""
    await sharing.call_in(access, call)
    return onward(f"{_here(access, call)}/share", "links-ended")


async def _beside(
    request: Request,
    frame: Frame,
    access: TenantAccess,
    call: str,
    template: str,
    more: Mapping[str, Any],
    typed: Typed | None = None,
) -> HTMLResponse:
    """A page about one thing to do with a call."""
    shell, local, _ = await tenant_shell(access, frame.brand, "calls")
    shown = await look(access.scope, local, await reading.detail(access.scope, call))
    return portal(request).page(
        request,
        frame,
        template,
        status=typed.status if typed else 200,
        shell=shell,
        local=local,
        page=shown,
        call=shown.detail.call,
        here_href=_here(access, call),
        typed=typed or Typed(),
        outcome=of_call(shown.detail.call),
        **more,
    )


# -- deleting ---------------------------------------------------------------------------------------------------------------------


@router.get(HERE + "/delete", response_class=HTMLResponse)
async def delete_page(request: Request, frame: Framed, access: Deleting, call: CallIn) -> HTMLResponse:
    """What goes and what stays."""
    return await _beside(request, frame, access, call, "pages/call/delete.html", {})


@router.post(HERE + "/delete", response_class=HTMLResponse)
async def delete_call(request: Request, frame: Framed, access: Deleting, call: CallIn, _fields: Posted) -> Response:
    """Delete it for ever."""
    try:
        await removal.delete(access.given, access.scope, call)
    except NotFound:
        raise
    except DomainError as error:
        return await _beside(request, frame, access, call, "pages/call/delete.html", {}, refused({}, error))
    await access.audit("call.deleted", call)
    return onward(f"/t/{access.scope.tenant}/calls", "deleted")


# -- the draft --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller said, what the agent said to it then, and what the draft says. ``caller`` is empty for the opening."""

    caller: str
    then: str
    draft: str
    by: str
    tools: tuple[str, ...]
    over: bool
    """The draft had ended the call before this."""


@router.get(HERE + "/rerun", response_class=HTMLResponse)
async def rerun_page(request: Request, frame: Framed, access: Trying, call: CallIn) -> HTMLResponse:
    """Before the draft is tried."""
    _reads(access)
    return await _beside(request, frame, access, call, "pages/call/rerun.html", {"turns": None})


@router.post(HERE + "/rerun", response_class=HTMLResponse)
async def rerun_call(request: Request, frame: Framed, access: Trying, call: CallIn, fields: Posted) -> HTMLResponse:
    """Say the caller's words to the draft by text. Nothing is stored, no tool runs."""
    _reads(access)
    _, local, _ = await tenant_shell(access, frame.brand, "calls")
    shown = await look(access.scope, local, await reading.detail(access.scope, call))
    try:
        played = await _played(access, shown, models=bool(fields.get("models")))
    except NotFound:
        raise
    except DomainError as error:
        return await _beside(request, frame, access, call, "pages/call/rerun.html", {"turns": None}, refused({}, error))
    ended = of_code(played.outcome) if played.outcome else None
    turns = _pairs(shown.said.lines, played)
    more = {"turns": turns, "draft": ended, "notice": played.notice, "faults": [one.message for one in played.faults]}
    return await _beside(request, frame, access, call, "pages/call/rerun.html", more)


def _reads(access: TenantAccess) -> None:
    if "calls.read" not in access.may:
        raise NotPermitted("this takes the permission calls.read")


async def _played(access: TenantAccess, shown: Page, *, models: bool) -> TextTestResult:
    call = shown.detail.call
    turns = tuple(TurnIn(caller=words) for one in shown.said.lines if one.speaker == "caller" and (words := _plain(one.text)))
    if not turns:
        raise NotFound("nobody said anything in this call")
    number = call.caller if call.caller.startswith("+") and call.caller[1:].isdigit() else ""
    wanted = TextTest(turns=turns[:MOST_TURNS], caller=number, now=_moment(call), rules_only=not models)
    subject = await trials.subject(access.scope, call.agent_id, Subject())
    return await text.run(subject, wanted, access.given.clock(), access.given, paid="agents.write" in access.may)


def _moment(call: Call) -> datetime:
    return call.started_at or call.at


def _plain(words: str) -> str:
    """As a text test takes them."""
    return "".join(one if one.isprintable() else " " for one in words).strip()[:LINE]


def _pairs(lines: Sequence[Line], played: TextTestResult) -> list[Turn]:
    """The caller's turns, each with what came after it on either side."""
    groups: list[tuple[str, list[str]]] = [("", [])]
    for line in lines:
        if line.speaker == "agent":
            groups[-1][1].append(line.text)
        elif _plain(line.text):
            groups.append((line.text, []))
    made = []
    for at, (caller, then) in enumerate(groups):
        turn = played.turns[at] if at < len(played.turns) else None
        said = " ".join(one.text for one in turn.agent) if turn else ""
        tools = tuple(one.tool for one in turn.tools) if turn else ()
        made.append(Turn(caller, " ".join(then), said, turn.answered_by if turn else "", tools, turn is None))
    return made
