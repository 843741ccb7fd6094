"""What engines ask about transfers, and what the carrier asks about the people who are rung and about the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import anyio
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import TypeAdapter

from offhook.contracts.transfer import Outcome, TransferAnswer, TransferRequest, TransferTurn
from offhook.errors import AdapterError, NotPermitted
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.auth.access import ID
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers import fallback, webhooks
from offhook.orchestrator.carriers.dialects import TALKS
from offhook.orchestrator.carriers.rest import placing
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.steps import HangUp, Heard, Step
from offhook.orchestrator.carriers.webhooks import DOCUMENT, Carrier, Word
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.transfers import brief, documents, ops, ringing
from offhook.orchestrator.transfers.repo import TransferRepo
from offhook.orchestrator.transfers.schemas import Transfer

engine = APIRouter(prefix="/v1/transfers", tags=["engine"])
carrier = APIRouter(prefix="/carriers/{kind}/people/{tenant}/{transfer}", tags=["carriers"])
_request: TypeAdapter[TransferRequest] = TypeAdapter(TransferRequest)
_turn: TypeAdapter[TransferTurn] = TypeAdapter(TransferTurn)
PROBLEM: Final[dict[int | str, dict[str, Any]]] = {401: {"model": Problem}, 404: {"model": Problem}, 422: {"model": Problem}}
Id = Annotated[str, Path(pattern=ID)]
Place = Annotated[int, Path(ge=0, le=1_000)]
PARTED_S: Final = 2.0
"""The carrier tells of the end of a talk at both its ends; the second is no longer after the first."""
GONE: Final[dict[str, Outcome]] = {"busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "failed"}


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A transfer, and what a signed webhook says about it."""

    found: Transfer
    word: Word

    @property
    def heard(self) -> Heard:
        """What it says."""
        return self.word.heard

    def answer(self, *steps: Step) -> Response:
        """What the carrier is to do."""
        return webhooks.answer(self.word.talk, *steps)


async def asked_of(kind: Carrier, tenant: Id, transfer: Id, request: Request, given: Given) -> Asked:
    """The transfer that a signed webhook is about, with what it says; NotPermitted for one that nobody signed, or about none."""
    async with given.database.tenant(tenant) as scope:
        found = await TransferRepo(scope).get(transfer)
    if found is None:
        raise NotPermitted(webhooks.UNSIGNED)
    return Asked(found, await webhooks.signed(request, given, tenant, found.account_id, kind))


Signed: TypeAlias = Annotated[Asked, Depends(asked_of)]


@carrier.post("/{place}/answer", responses=DOCUMENT, response_class=Response)
async def person_answers(place: Place, asked: Signed, given: Given) -> Response:
    """Somebody, or something, has answered: who rings and why is said, and they are asked; or they have the call."""
    found, call = asked.found, asked.heard.carrier_call
    async with given.database.tenant(found.tenant_id) as scope:
        await placing.placed(scope, found.key(place), call)
        found, now = await ringing.locked(scope, found.id), given.clock()
        current = found.current
        mine = found.state == "trying" and current is not None and current.place == place
        if mine and current is not None and asked.heard.machine:
            await ringing.over(scope, given, found, current, "machine")
        elif mine and current is not None:
            await TransferRepo(scope).mark(found.id, place, leg=call, outcome="asked", asked_at=now, until=now + ringing.BRIEF_S)
            await TransferRepo(scope).change(found.id)
    if mine and asked.heard.machine:
        return asked.answer(HangUp())
    if mine and found.warm:
        return asked.answer(*documents.ask(found.brief, ringing.url_of(given, found, f"{place}/answered"), found.language))
    return await _with_them(given, asked, place, frozenset({"asked"}))


@carrier.post("/{place}/answered", responses=DOCUMENT, response_class=Response)
async def person_says(place: Place, asked: Signed, given: Given) -> Response:
    """They have said whether they take the call, or nothing."""
    found = asked.found
    takes = brief.takes(asked.heard.digits, asked.heard.speech, found.language)
    if takes:
        return await _with_them(given, asked, place, frozenset({"asked"}))
    async with given.database.tenant(found.tenant_id) as scope:
        found = await ringing.locked(scope, found.id)
        current = found.current
        if found.state == "trying" and current is not None and current.place == place:
            await ringing.over(scope, given, found, current, "unaccepted" if takes is None else "refused")
    return asked.answer(*documents.say("unanswered" if takes is None else "turned_down", found.language))


async def _with_them(given: Services, asked: Asked, place: int, from_: frozenset[Outcome]) -> Response:
    found = asked.found
    before = found.attempt(place)
    if await ringing.accept(given, found, place, from_):
        return asked.answer(*documents.meet(found.id))
    lost = before is not None and before.outcome in from_
    return asked.answer(*documents.say("lost" if lost else "not_needed", found.language))


@carrier.post("/{place}/status", status_code=204)
async def person_status(place: Place, asked: Signed, given: Given) -> None:
    """The leg to a person has come to something. What comes late, or twice, changes nothing."""
    found, call, status = asked.found, asked.heard.carrier_call, asked.heard.status
    async with given.database.tenant(found.tenant_id) as scope:
        await placing.placed(scope, found.key(place), call)
        found = await ringing.locked(scope, found.id)
        attempt, current = found.attempt(place), found.current
        if attempt is not None and not attempt.leg:
            await TransferRepo(scope).mark(found.id, place, leg=call)
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


@carrier.post("/caller", responses=DOCUMENT, response_class=Response)
async def caller_comes(asked: Signed, given: Given) -> Response:
    """The caller has left the agent and is to go to the person. Where nobody has taken the call after all they go to the fallback."""
    async with given.database.tenant(asked.found.tenant_id) as scope:
        found = await ringing.locked(scope, asked.found.id)
        welcome = found.state in {"bridging", "done"}
        if welcome:
            await TransferRepo(scope).change(found.id, news=False, fetched=True)
    return asked.answer(*(ops.meeting(given, found) if welcome else await _sent_on(given, found)))


@carrier.post("/parted", responses=DOCUMENT, response_class=Response)
async def caller_parted(asked: Signed, given: Given) -> Response:
    """The talk is over, and with it the call."""
    async with given.database.tenant(asked.found.tenant_id) as scope:
        await TransferRepo(scope).change(asked.found.id, news=False, parted=True)
    return asked.answer(HangUp())


@carrier.post("/alone", responses=DOCUMENT, response_class=Response)
async def caller_alone(asked: Signed, given: Given) -> Response:
    """The person was gone before the caller came."""
    return asked.answer(documents.line("alone", asked.found.language), *await _sent_on(given, asked.found))


async def _sent_on(given: Services, found: Transfer) -> list[Step]:
    """The fallback of the caller's number: their agent has them no longer, and no person has."""
    async with given.database.platform() as platform:
        owner = await numbers.owner(platform, found.did)
    if owner is None or owner.tenant != found.tenant_id:
        return fallback.plain(None, found.language)
    async with given.database.tenant(found.tenant_id) as scope:
        caller = (await calls.get(scope, found.call_id)).caller
        heard = Heard(found.caller_leg, found.did, caller, "")
        return await fallback.begin(fallback.Stranded(scope, given, owner, heard, TALKS[found.carrier]))


routers: tuple[APIRouter, ...] = (engine, carrier)
