"""Twilio's webhooks of calls that we place: who has answered, and how it went.

Each names the tenant, the call and the attempt in its path; an attempt that is over changes nothing any more. They are signed with the
secret of the account that the call was placed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final
from xml.etree import ElementTree as Xml

from fastapi import APIRouter, Depends, Path, Request, Response

from offhook.errors import Invalid, NotFound, NotPermitted
from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import ID
from offhook.orchestrator.carriers import ops as carriers
from offhook.orchestrator.carriers import twiml, webhooks
from offhook.orchestrator.carriers.rest import placing
from offhook.orchestrator.outgoing import ops
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(prefix="/carriers/twilio/outgoing/{tenant}/{outgoing}/{attempt}", tags=["carriers"])
_twiml: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {}}}}
FINAL: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Word:
    """A webhook whose signature is good."""

    tenant: str
    outgoing: str
    attempt: int
    form: dict[str, str]

    @property
    def carrier_call(self) -> str:
        """Twilio's id of the call; Invalid without one."""
        if not self.form.get("CallSid"):
            raise Invalid("CallSid is missing")
        return self.form["CallSid"]


async def signed_word(
    request: Request,
    given: Given,
    tenant: Annotated[str, Path(pattern=ID)],
    outgoing: Annotated[str, Path(pattern=ID)],
    attempt: Annotated[int, Path(ge=1, le=99)],
) -> Word:
    """The form of a request that Twilio signed; NotPermitted in the same words for whatever is wrong."""
    try:
        async with given.database.tenant(tenant) as scope:
            account = await ops.account_of(scope, await ops.locked(scope, outgoing))
    except NotFound as error:
        raise NotPermitted("the request is not signed by the carrier") from error
    return Word(tenant, outgoing, attempt, await webhooks.signed_form(request, given, tenant, account))


Signed = Annotated[Word, Depends(signed_word)]


async def _row(scope: TenantScope, word: Word) -> OutgoingRow | None:
    """The call, if it is this attempt and this call of the carrier's that goes on."""
    row = await ops.locked(scope, word.outgoing)
    if row.attempts != word.attempt or row.state not in {"dialling", "ringing", "answered"}:
        return None
    if not row.carrier_call:
        await placing.placed(scope, ops.key_of(row.id, row.attempts), word.carrier_call)
    return row if row.carrier_call in {"", word.carrier_call} else None


@router.post("/status", status_code=204)
async def outgoing_status(word: Signed, given: Given) -> None:
    """How the call stands."""
    status = word.form.get("CallStatus", "")
    async with given.database.tenant(word.tenant) as scope:
        row = await _row(scope, word)
        if row is None:
            return
        if row.state == "dialling":
            await ops.rings(scope, given, row, word.carrier_call)
            row = await ops.locked(scope, word.outgoing)
        if status in FINAL:
            await ops.over(scope, given, row, status)


@router.post("/answer", responses=_twiml, response_class=Response)
async def outgoing_answer(word: Signed, given: Given) -> Response:
    """Somebody has answered: their media comes to an engine. A machine is left the message, or hung up on."""
    by = word.form.get("AnsweredBy", "")
    async with given.database.tenant(word.tenant) as scope:
        row = await _row(scope, word)
        if row is None:
            return _xml(twiml.hang_up())
        if row.state == "dialling":
            await ops.rings(scope, given, row, word.carrier_call)
        await ops.answered(scope, given, row, by)
        if by.startswith("machine") or by == "fax":
            return _xml(*await _machine(scope, row, by))
        return _xml(*await _person(scope, given, row, word))


async def _machine(scope: TenantScope, row: OutgoingRow, by: str) -> list[Xml.Element]:
    message = (await ops.setting(scope)).voicemail
    leave = bool(message) and by.startswith("machine_end")
    await ops.marked(scope, row.id, "voicemail_left" if leave else "voicemail")
    if not leave:
        return [twiml.hang_up()]
    return [_say(message, (await tenants.get(scope)).locale), twiml.hang_up()]


async def _person(scope: TenantScope, given: Services, row: OutgoingRow, word: Word) -> list[Xml.Element]:
    now, settings = given.clock(), given.settings
    token = await carriers.mint(scope, word.carrier_call, row.did, row.to, now, settings.token_ttl_s, ops.PREFIX)
    base = f"{settings.public_url.rstrip('/')}/carriers/twilio/outgoing/{word.tenant}/{row.id}/{word.attempt}"
    connect = twiml.connect(f"{base}/after", settings.stream_url, {"token": token, "did": row.did, "caller": row.to})
    return [connect, twiml.hang_up()]


@router.post("/after", responses=_twiml, response_class=Response)
async def outgoing_after(word: Signed) -> Response:  # noqa: ARG001 - only that it is signed
    """The media has ended: so does the call."""
    return _xml(twiml.hang_up())


def _say(text: str, language: str) -> Xml.Element:
    verb = Xml.Element("Say", language=language)
    verb.text = text
    return verb


def _xml(*verbs: Xml.Element) -> Response:
    return Response(twiml.document(*verbs), media_type="application/xml")
