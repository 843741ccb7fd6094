"""Steering live calls over REST: which there are, and saying, transferring, ending in one of them.

Every request is signed, and its ``webhook-id`` says what it is about (``signing.about``), so that one that was listened in on is good
for nothing else. One that had its effect is answered as the first time when it is sent again, and has no second.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from offhook import signing
from offhook.contracts.control import AnsweredBy, EndCall, LiveCall, Say, TransferTo
from offhook.core.turn import events as ev
from offhook.core.turn.state import Phase
from offhook.engine.call import Call
from offhook.engine.engine import Engine
from offhook.errors import RemoteWireError

MAX_BODY: Final = 16_384
ACTIONS: Final[dict[str, type[BaseModel]]] = {"say": Say, "transfer": TransferTo, "end": EndCall, "answered": AnsweredBy}
ENDING: Final = frozenset({Phase.CLOSING, Phase.ENDED})


class Answered:
    """Requests that had their effect, by their id, while their signature is good. A repetition gets the same answer."""

    def __init__(self, keep: float = 2 * signing.TOLERANCE) -> None:
        self._keep = keep
        self._known: OrderedDict[str, tuple[float, bytes, int, bytes]] = OrderedDict()

    def before(self, id: str, body: bytes, now: float) -> Response | None:
        """The first answer; None for a request that is new. Another request under a used id is 409."""
        while self._known and next(iter(self._known.values()))[0] <= now:
            self._known.popitem(last=False)
        known = self._known.get(id)
        if known is None:
            return None
        _, digest, status, answer = known
        if digest != _digest(body):
            return problem(409, "this webhook-id was used for another request")
        return Response(answer, status)

    def keep(self, id: str, body: bytes, now: float, answer: Response) -> None:
        """Remember it, for longer than its signature can be good."""
        self._known[id] = (now + self._keep, _digest(body), answer.status_code, bytes(answer.body))


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


async def calls(request: Request) -> Response:
    """GET /v1/calls: the live calls."""
    engine, refusal = await _asked(request, "list", "")
    return refusal or JSONResponse([_seen(call).model_dump(mode="json") for call in engine.calls.values()])


async def call(request: Request) -> Response:
    """GET /v1/calls/{call}: one live call, or 404."""
    name = request.path_params["call"]
    engine, refusal = await _asked(request, "show", name)
    found = engine.calls.get(name)
    return refusal or (JSONResponse(_seen(found).model_dump(mode="json")) if found else problem(404, "no such live call"))


async def _asked(request: Request, action: str, name: str) -> tuple[Engine, Response | None]:
    engine: Engine = request.app.state.engine
    return engine, refused(engine, request.headers, action, name, b"", datetime.now(UTC).timestamp())


def _seen(call: Call) -> LiveCall:
    return LiveCall(
        call=call.plan.call,
        ref=call.plan.ref,
        seconds=round(call.clock.now() / 1e9, 1),
        transport=call.transport.start.transport,
        phase=call.phase.value,
    )


async def control(request: Request) -> Response:
    """POST /v1/calls/{call}/{action}: 202 when the turn machine has taken the command; it is carried out at its next safe moment."""
    engine: Engine = request.app.state.engine
    name, action = request.path_params["call"], request.path_params["action"]
    body = await body_of(request, MAX_BODY)
    if body is None:
        return problem(413, f"at most {MAX_BODY} bytes")
    now = datetime.now(UTC).timestamp()
    if (refusal := refused(engine, request.headers, action, name, body, now)) is not None:
        return refusal
    answered: Answered = request.app.state.answered
    message = request.headers.get(signing.ID, "")
    if (before := answered.before(message, body, now)) is not None:
        return before
    answer = _carry_out(engine.calls.get(name), ACTIONS.get(action), body)
    if message and answer.status_code < 400:  # what had no effect may be sent again
        answered.keep(message, body, now, answer)
    return answer


async def body_of(request: Request, most: int) -> bytes | None:
    """The request's body; None where it is longer."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            return None
    return bytes(body)


def refused(engine: Engine, headers: Mapping[str, str], action: str, name: str, body: bytes, now: float) -> Response | None:
    """Why the request is not the orchestrator's, if it is not. An engine that runs alone has no secret and asks for none."""
    secret = engine.settings.secret.get_secret_value()
    if not secret:
        return None
    try:
        message = signing.verify((secret,), headers, body, now)
    except RemoteWireError as error:
        return problem(401, error.public)
    if not message.startswith(signing.about(action, name, "")):
        return problem(401, "the request was signed for something else: webhook-id is action.call.anything")
    return None


def _carry_out(call: Call | None, model: type[BaseModel] | None, body: bytes) -> Response:
    if call is None or model is None:
        return problem(404, "no such live call or action (say, transfer, end, answered)")
    try:
        command = model.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors()[0]
        return problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    refusal = _command(call, command)
    return problem(*refusal) if refusal else Response(status_code=202)


def _command(call: Call, command: BaseModel) -> tuple[int, str] | None:
    """Hand it to the turn machine; why not, if not."""
    if call.driver.state.phase in ENDING and not (isinstance(command, EndCall) and command.at_once):
        return 409, "the call is ending"
    match command:
        case Say():
            return _fed(call, "say", command.text)
        case TransferTo():
            target = target_of(call.plan.transfer_to, command.target)
            return _fed(call, "transfer", target) if target else (422, "target: not one of the places that the plan allows")
        case AnsweredBy():
            if call.voicemail is None:
                return 409, "this call was not placed by us"
            call.voicemail.told(machine=command.machine)
        case EndCall(at_once=True):
            call.stop()
        case EndCall():
            refusal = _fed(call, "say", command.line) if command.line else None
            if refusal is not None:
                return refusal
            return _fed(call, "end")
    return None


def target_of(places: Mapping[str, str], wanted: str) -> str | None:
    """The plan's name for a place: given by that name or by its number or address; None for any other."""
    if places.get(wanted):
        return wanted
    return next((name for name, address in places.items() if address == wanted and address), None)


def _fed(call: Call, kind: Any, text: str = "") -> tuple[int, str] | None:  # noqa: ANN401 - a Command's kind
    before = call.driver.ignored.copy()
    call.driver.feed(ev.Command(call.clock.now(), kind, text))
    why = call.driver.ignored - before
    return (409, f"not now: {next(iter(why))}") if why else None


def problem(status: int, detail: str) -> Response:
    """RFC 9457."""
    return JSONResponse({"status": status, "detail": detail}, status_code=status, media_type="application/problem+json")


ROUTES: Final = (
    Route("/v1/calls", calls),
    Route("/v1/calls/{call}", call),
    Route("/v1/calls/{call}/{action}", control, methods=["POST"]),
)
