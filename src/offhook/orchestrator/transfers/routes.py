"""What engines ask about transfers, and what the carrier asks about the people who are rung and about the caller."""

from __future__ import annotations

from typing import Annotated, Any, Final
from xml.etree import ElementTree as Xml

import anyio
from fastapi import APIRouter, Path, Request, Response
from pydantic import TypeAdapter

from offhook.contracts.transfer import Outcome, TransferAnswer, TransferRequest, TransferTurn
from offhook.errors import AdapterError, NotPermitted
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.auth.access import ID
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers import fallback, twiml, webhooks
from offhook.orchestrator.carriers.dialects import TALKS, Heard, Say, Step
from offhook.orchestrator.carriers.rest import placing
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.transfers import brief, documents, ops, ringing
from offhook.orchestrator.transfers.repo import TransferRepo
from offhook.orchestrator.transfers.schemas import Transfer

engine = APIRouter(prefix="/v1/transfers", tags=["engine"])
carrier = APIRouter(prefix="/carriers/twilio/people/{tenant}/{transfer}", tags=["carriers"])
_request: TypeAdapter[TransferRequest] = TypeAdapter(TransferRequest)
_turn: TypeAdapter[TransferTurn] = TypeAdapter(TransferTurn)
PROBLEM: Final[dict[int | str, dict[str, Any]]] = {401: {"model": Problem}, 404: {"model": Problem}, 422: {"model": Problem}}
Id = Annotated[str, Path(pattern=ID)]
Place = Annotated[int, Path(ge=0, le=1_000)]
PARTED_S: Final = 2.0
"""The carrier tells of the end of a talk at both its ends; the second is no longer after the first."""
GONE: Final[dict[str, Outcome]] = {"busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "failed"}
_twiml: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {}}}}


def _body(name: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}}


@engine.post("", responses=PROBLEM | {409: {"model": Problem}}, openapi_extra=_body("TransferRequest"))
async def begin_transfer(body: SignedBody, given: Given) -> TransferAnswer:
    """Put a caller through to a person. Signed. A repeated ``key`` is the same transfer."""
    return await ops.begin(given, parse(_request, body))


@engine.post("/{transfer}", responses=PROBLEM, openapi_extra=_body("TransferTurn"))
async def transfer_news(transfer: Id, body: SignedBody, given: Given) -> TransferAnswer:
    """How a transfer stands, when there is news of it or after some seconds; or end it. Signed."""
    return await ops.news(given, transfer, parse(_turn, body))


# -- the carrier ---------------------------------------------------------------------------------------------------------------


async def _asked(request: Request, given: Services, tenant: str, id: str) -> tuple[Transfer, dict[str, str]]:
    """The transfer that a signed webhook is about, with its form; NotPermitted for one that nobody signed, or about none."""
    async with given.database.tenant(tenant) as scope:
        found = await TransferRepo(scope).get(id)
    if found is None:
        raise NotPermitted("the request is not signed by the carrier")
    return found, await webhooks.signed_form(request, given, tenant, found.account_id)


@carrier.post("/{place}/answer", responses=_twiml, response_class=Response)
async def person_answers(tenant: Id, transfer: Id, place: Place, request: Request, given: Given) -> Response:
    """Somebody, or something, has answered: who rings and why is said, and they are asked; or they have the call."""
    found, form = await _asked(request, given, tenant, transfer)
    call, machine = form.get("CallSid", ""), form.get("AnsweredBy", "").startswith("machine")
    async with given.database.tenant(tenant) as scope:
        await placing.placed(scope, found.key(place), call)
        found, now = await ringing.locked(scope, transfer), given.clock()
        current = found.current
        mine = found.state == "trying" and current is not None and current.place == place
        if mine and current is not None and machine:
            await ringing.over(scope, given, found, current, "machine")
        elif mine and current is not None:
            await TransferRepo(scope).mark(transfer, place, leg=call, outcome="asked", asked_at=now, until=now + ringing.BRIEF_S)
            await TransferRepo(scope).change(transfer)
    if mine and machine:
        return _xml(twiml.hang_up())
    if mine and found.warm:
        return _xml(*documents.ask(found.brief, ringing.url_of(given, found, f"{place}/answered"), found.language))
    return await _with_them(given, found, place, frozenset({"asked"}))


@carrier.post("/{place}/answered", responses=_twiml, response_class=Response)
async def person_says(tenant: Id, transfer: Id, place: Place, request: Request, given: Given) -> Response:
    """They have said whether they take the call, or nothing."""
    found, form = await _asked(request, given, tenant, transfer)
    takes = brief.takes(form.get("Digits", ""), form.get("SpeechResult", ""))
    if takes:
        return await _with_them(given, found, place, frozenset({"asked"}))
    async with given.database.tenant(tenant) as scope:
        found = await ringing.locked(scope, transfer)
        current = found.current
        if found.state == "trying" and current is not None and current.place == place:
            await ringing.over(scope, given, found, current, "unaccepted" if takes is None else "refused")
    return _xml(*documents.say(brief.UNANSWERED if takes is None else brief.TURNED_DOWN, found.language))


async def _with_them(given: Services, found: Transfer, place: int, from_: frozenset[Outcome]) -> Response:
    before = found.attempt(place)
    if await ringing.accept(given, found, place, from_):
        return _xml(*documents.meet(found.id))
    lost = before is not None and before.outcome in from_
    return _xml(*documents.say(brief.LOST if lost else brief.NOT_NEEDED, found.language))


@carrier.post("/{place}/status", status_code=204)
async def person_status(tenant: Id, transfer: Id, place: Place, request: Request, given: Given) -> None:
    """The leg to a person has come to something. What comes late, or twice, changes nothing."""
    found, form = await _asked(request, given, tenant, transfer)
    call, status = form.get("CallSid", ""), form.get("CallStatus", "")
    async with given.database.tenant(tenant) as scope:
        await placing.placed(scope, found.key(place), call)
        found = await ringing.locked(scope, transfer)
        attempt, current = found.attempt(place), found.current
        if attempt is not None and not attempt.leg:
            await TransferRepo(scope).mark(transfer, place, leg=call)
        ended = status == "completed" or status in GONE
        if ended and found.state == "trying" and current is not None and current.place == place:
            hung_up: Outcome = "refused" if current.outcome == "asked" else "no_answer"
            await ringing.over(scope, given, found, current, GONE.get(status, hung_up))
        elif ended:
            await tolls.free(scope, given, found.key(place))
    if ended and found.taken_by == place and (await ringing.settled(given, found)).state == "done":
        await _not_alone(given, found)


async def _not_alone(given: Services, found: Transfer) -> None:
    """The person has gone. A caller whose talk with them is not over by that waits for them in vain: they are told, and sent on."""
    with anyio.move_on_after(PARTED_S):
        while True:
            async with given.database.tenant(found.tenant_id) as scope:
                now = await TransferRepo(scope).get(found.id)
            if now is None or now.parted:
                return
            await anyio.sleep(0.1)
    try:
        async with rest(given, found.tenant_id, found.account_id, priority="live") as asked:
            await asked.redirect(found.caller_leg, ringing.url_of(given, found, "alone"))
    except AdapterError:
        return  # they have gone too


@carrier.post("/caller", responses=_twiml, response_class=Response)
async def caller_comes(tenant: Id, transfer: Id, request: Request, given: Given) -> Response:
    """The caller has left the agent and is to go to the person. Where nobody has taken the call after all they go to the fallback."""
    found, _ = await _asked(request, given, tenant, transfer)
    async with given.database.tenant(tenant) as scope:
        found = await ringing.locked(scope, transfer)
        welcome = found.state in {"bridging", "done"}
        if welcome:
            await TransferRepo(scope).change(transfer, news=False, fetched=True)
    return _xml(*ops.meeting(given, found)) if welcome else await _sent_on(given, found)


@carrier.post("/parted", responses=_twiml, response_class=Response)
async def caller_parted(tenant: Id, transfer: Id, request: Request, given: Given) -> Response:
    """The talk is over, and with it the call."""
    await _asked(request, given, tenant, transfer)
    async with given.database.tenant(tenant) as scope:
        await TransferRepo(scope).change(transfer, news=False, parted=True)
    return _xml(twiml.hang_up())


@carrier.post("/alone", responses=_twiml, response_class=Response)
async def caller_alone(tenant: Id, transfer: Id, request: Request, given: Given) -> Response:
    """The person was gone before the caller came."""
    found, _ = await _asked(request, given, tenant, transfer)
    return await _sent_on(given, found, Say(brief.ALONE, found.language))


async def _sent_on(given: Services, found: Transfer, *first: Step) -> Response:
    """The fallback of the caller's number: their agent has them no longer, and no person has."""
    async with given.database.platform() as platform:
        owner = await numbers.owner(platform, found.did)
    talk, steps = TALKS["twilio"], [*fallback.plain(None, found.language)]
    if owner is not None and owner.tenant == found.tenant_id:
        async with given.database.tenant(found.tenant_id) as scope:
            caller = (await calls.get(scope, found.call_id)).caller
            heard = Heard(found.caller_leg, found.did, caller, "")
            steps = await fallback.begin(fallback.Stranded(scope, given, owner, heard, talk))
    return Response(talk.document([*first, *steps]), media_type=talk.media)


def _xml(*verbs: Xml.Element) -> Response:
    return Response(twiml.document(*verbs), media_type="application/xml")


routers: tuple[APIRouter, ...] = (engine, carrier)
