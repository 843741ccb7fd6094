"""Carriers' webhooks of calls that we place: who has answered, and how it went.

Each names the carrier, the tenant, the call and the attempt in its path; an attempt that is over changes nothing any more. They are signed
with the secret of the account that the call was placed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from offhook.errors import Invalid, NotFound, NotPermitted
from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import ID
from offhook.orchestrator.carriers import ops as carriers
from offhook.orchestrator.carriers import webhooks
from offhook.orchestrator.carriers.rest import placing
from offhook.orchestrator.carriers.steps import Connect, HangUp, Heard, Step, Talk
from offhook.orchestrator.carriers.webhooks import DOCUMENT, Carrier
from offhook.orchestrator.outgoing import answered, by_carrier, states
from offhook.orchestrator.outgoing.dialling import PREFIX
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

router = APIRouter(prefix="/carriers/{kind}/outgoing/{tenant}/{outgoing}/{attempt}", tags=["carriers"])
FINAL: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Word:
    """A webhook whose signature is good."""

    tenant: str
    outgoing: str
    attempt: int
    talk: Talk
    heard: Heard

    @property
    def carrier_call(self) -> str:
        """The carrier's id of the call; Invalid without one."""
        if not self.heard.carrier_call:
            raise Invalid("the call is not named")
        return self.heard.carrier_call

    def answer(self, *steps: Step) -> Response:
        """What the carrier is to do."""
        return webhooks.answer(self.talk, *steps)


async def signed_word(
    request: Request,
    given: Given,
    kind: Carrier,
    tenant: Annotated[str, Path(pattern=ID)],
    outgoing: Annotated[str, Path(pattern=ID)],
    attempt: Annotated[int, Path(ge=1, le=99)],
) -> Word:
    """What a request says that the carrier signed; NotPermitted in the same words for whatever is wrong."""
    try:
        async with given.database.tenant(tenant) as scope:
            account = await by_carrier.account_of(scope, await states.locked(scope, outgoing))
    except NotFound as error:
        raise NotPermitted(webhooks.UNSIGNED) from error
    word = await webhooks.signed(request, given, tenant, account, kind)
    return Word(tenant, outgoing, attempt, word.talk, word.heard)


Signed = Annotated[Word, Depends(signed_word)]


async def _row(scope: TenantScope, given: Services, word: Word) -> OutgoingRow | None:
    """The call, if it is this attempt and this call of the carrier's that goes on."""
    row = await states.locked(scope, word.outgoing)
    if row.attempts != word.attempt or row.state not in states.UNDER_WAY:
        return None
    if not row.carrier_call:
        await placing.placed(scope, key_of(row.id, row.attempts), word.carrier_call)
    if row.carrier_call not in {"", word.carrier_call, word.heard.request}:
        return None
    if row.state == "dialling":
        await states.rings(scope, given, row, word.carrier_call)
    elif row.carrier_call != word.carrier_call:  # it had another name before it rang
        await states.is_named(scope, row, word.carrier_call)
    return await states.locked(scope, word.outgoing)


@router.post("/status", status_code=204)
async def outgoing_status(word: Signed, given: Given) -> None:
    """How the call stands; some carriers tell here who has answered, too."""
    heard = word.heard
    async with given.database.tenant(word.tenant) as scope:
        row = await _row(scope, given, word)
        if row is None:
            return
        if heard.status in FINAL:
            await states.attempt_ended(scope, given, row, heard.status)
        elif heard.by:
            await answered.listened(scope, given, row, heard.by)


@router.post("/answer", responses=DOCUMENT, response_class=Response)
async def outgoing_answer(word: Signed, given: Given) -> Response:
    """Somebody, or a machine, has answered: their media comes to an engine at once, which finds out who it is."""
    async with given.database.tenant(word.tenant) as scope:
        row = await _row(scope, given, word)
        if row is None:
            return word.answer(HangUp())
        await states.answered(scope, given, row, word.heard.by or row.answered_by)
        return word.answer(await _media(scope, given, row, word), HangUp())


@router.post("/heard", status_code=204)
async def outgoing_heard(word: Signed, given: Given) -> None:
    """The carrier has listened meanwhile, and says who has answered."""
    async with given.database.tenant(word.tenant) as scope:
        row = await _row(scope, given, word)
        if row is not None:
            await answered.listened(scope, given, row, word.heard.by)


async def _media(scope: TenantScope, given: Services, row: OutgoingRow, word: Word) -> Step:
    now, settings = given.clock(), given.settings
    token = await carriers.mint(scope, word.carrier_call, row.did, row.to, now, settings.token_ttl_s, PREFIX)
    base = f"{settings.public_url.rstrip('/')}/carriers/{word.talk.kind}/outgoing/{word.tenant}/{row.id}/{word.attempt}"
    return Connect(settings.stream_to(word.talk.kind), f"{base}/after", token, row.did, row.to, word.carrier_call)


@router.post("/after", responses=DOCUMENT, response_class=Response)
async def outgoing_after(word: Signed) -> Response:
    """The media has ended: so does the call."""
    return word.answer(HangUp())
