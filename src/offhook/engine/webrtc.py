"""Calls over WebRTC: offers and their answers as JSON or by WHIP (RFC 9725), on the same addresses.

::

    GET    /webrtc/settings      {"offered": true, "ice_servers": [...]}: before an offer is made
    POST   /webrtc/offer         {"sdp", "type": "offer", "token", "parameters"} -> {"sdp", "type": "answer", "resume"}
                                 with "resume" in place of the token: another connection for the call that it names
                                 as application/sdp, the token as Bearer: WHIP, 201 with Location
    DELETE /webrtc/calls/{...}   end that call

What a browser may ask across origins, the orchestrator says: a pass in the address (``?visit=``, see ``signing.visit``) is good for the
pages of one origin, for some hours. The token is used up when the first packet has come: a connection that does not come about leaves it
for the websocket.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from offhook import registry, signing
from offhook.engine.admission import Admission
from offhook.engine.control import body_of, problem
from offhook.engine.engine import Engine
from offhook.engine.scopes import process_scope
from offhook.errors import CallError, ConfigError, Refused, RemoteWireError
from offhook.ports.transport import CallStart

log = logging.getLogger("offhook.engine")
MAX_BODY: Final = 65_536
CONNECT_S: Final = 10.0
"""Seconds that an offer may take to become a connection."""
TURN_S: Final = 5 * 3_600
"""How long a name at a TURN server is good: longer than any call."""
_SDP: Final = "application/sdp"


class Offer(BaseModel):
    """What a page sends."""

    model_config = ConfigDict(extra="forbid")

    sdp: str
    type: str = Field(pattern="^offer$")
    token: str = Field("", max_length=200)
    parameters: dict[str, str] = Field({}, max_length=32)
    resume: str = Field("", max_length=100)


class Desk:
    """The WebRTC calls of a process."""

    def __init__(self, engine: Engine, group: TaskGroup, legs: Any) -> None:  # noqa: ANN401 - the transport, which only the registry knows
        self.engine = engine
        self.places = Admission(engine.settings.webrtc_calls, "WebRTC calls", "OFFHOOK_ENGINE_MAX_WEBRTC_CALLS")
        self._group = group
        self._transport = legs
        self._legs: dict[str, Any] = {}
        """By what names them to the page, and to nobody else."""

    @property
    def offered(self) -> bool:
        """Whether another call would be taken now."""
        full = self.places.active >= self.places.capacity or self.engine.admission.active >= self.engine.admission.capacity
        return self._transport is not None and not full and not self.engine.admission.draining

    def servers(self, now: float) -> list[dict[str, Any]]:
        """STUN and TURN servers for a page, with names that expire."""
        found = []
        for server in self.engine.settings.ice_servers:
            name, word = server.username, server.credential.get_secret_value()
            if server.secret.get_secret_value():
                name, word = signing.turn_credentials(server.secret.get_secret_value(), int(now) + TURN_S)
            found.append({"urls": list(server.urls), **({"username": name, "credential": word} if name else {})})
        return found

    async def offer(self, sdp: str, start: CallStart) -> tuple[str, str]:
        """The answer, and what the call is called between the page and us. Raises Refused, RemoteWireError."""
        if not self.offered:
            self.places.decisions["full"] += 1
            raise Refused("the engine takes no more WebRTC calls now; use the websocket, or another engine")
        with ExitStack() as held:
            held.enter_context(self.places.slot())
            stun = [{"urls": url} for one in self.engine.settings.ice_servers for url in one.urls if url.startswith("stun:")]
            leg, answer = await self._transport.WebRtc.offered(sdp, start, stun[:1])
            resume = secrets.token_urlsafe(24)
            self._legs[resume] = leg
            self._group.start_soon(self._carry, leg, resume, held.pop_all(), name="WebRTC call")
        return answer, resume

    async def again(self, sdp: str, resume: str) -> str | None:
        """The answer to another offer for a call; None where there is no such call. Raises RemoteWireError."""
        leg = self._legs.get(resume)
        return None if leg is None else str(await leg.again(sdp))

    async def end(self, resume: str) -> bool:
        """End a call; False where there is no such call."""
        leg = self._legs.get(resume)
        if leg is not None:
            await leg.end()
        return leg is not None

    async def _carry(self, leg: Any, resume: str, held: ExitStack) -> None:  # noqa: ANN401 - as above
        """The outermost scope of a call: every error ends here."""
        failures = self.engine.failures
        with held:
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(leg.run)
                    if await leg.connected(CONNECT_S):
                        await self.engine.take(leg)
                    else:
                        failures["no connection"] += 1
                    await leg.end()
                    group.cancel_scope.cancel()
            except* CallError as errors:
                log.warning("call not taken: %s", ", ".join(str(error) for error in errors.exceptions))
            except* Exception as errors:
                failures["crash webrtc"] += 1
                log.exception("a WebRTC call failed", exc_info=errors)
            finally:
                del self._legs[resume]
                with anyio.CancelScope(shield=True):
                    await leg.end()

    def health(self) -> dict[str, object]:
        """For health checks."""
        return {"calls": self.places.active, "capacity": self.places.capacity if self._transport is not None else 0}


@asynccontextmanager
async def desk(engine: Engine) -> AsyncIterator[Desk]:
    """The desk of an engine, for as long as that runs. Raises ConfigError where WebRTC alone is wanted, and cannot be had."""
    legs = None
    if engine.settings.webrtc_calls:
        try:
            legs = await anyio.to_thread.run_sync(registry.transport, "webrtc")
            if engine.settings.ice_hosts:
                legs.use_hosts([str(one) for one in engine.settings.ice_hosts])
        except ConfigError as error:
            if engine.settings.webrtc_only:
                raise
            log.info("no WebRTC: %s", error.public)
    async with process_scope() as group:
        yield Desk(engine, group, legs)
        group.cancel_scope.cancel()


# -- doors ------------------------------------------------------------------------------------------------------------


async def settings(request: Request) -> Response:
    """GET /webrtc/settings: whether a call would be taken, and how to make an offer."""
    found = _desk(request)
    allowed, cors = _allowed(request, found)
    offered = allowed and found.offered
    body = {"offered": offered, "ice_servers": found.servers(_now()) if offered else []}
    return JSONResponse(body, headers={**cors, "Cache-Control": "no-store"})


async def offer(request: Request) -> Response:
    """POST /webrtc/offer."""
    found = _desk(request)
    allowed, cors = _allowed(request, found)
    answer = await _offered(request, found) if allowed else problem(401, "the address has no pass (visit) that is good for this page")
    answer.headers.update(cors)
    return answer


async def _offered(request: Request, found: Desk) -> Response:
    raw = await body_of(request, MAX_BODY)
    if raw is None:
        return problem(413, f"at most {MAX_BODY} bytes")
    whip = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _SDP
    try:
        asked = _whip(request, raw) if whip else Offer.model_validate_json(raw)
    except (ValidationError, UnicodeDecodeError):
        return problem(400, "an offer is JSON with sdp, type (offer), and token or resume; or an SDP as application/sdp")
    try:
        if asked.resume:
            sdp = await found.again(asked.sdp, asked.resume)
            return problem(404, "no such live call") if sdp is None else _answer(sdp, asked.resume)
        if not asked.token and not found.engine.settings.open_media:
            found.engine.failures["no token"] += 1
            return problem(401, "an offer needs the one-time token of its call")
        did, caller = (asked.parameters.get(name, "")[:64] for name in ("did", "caller"))
        start = CallStart("webrtc", did=did, caller=caller, token=asked.token, parameters=asked.parameters)
        sdp, resume = await found.offer(asked.sdp, start)
    except Refused as error:
        return problem(503, error.public)
    except RemoteWireError as error:
        found.engine.failures["offer: RemoteWireError"] += 1
        return problem(400, error.public)
    if whip:
        return Response(sdp, 201, {"Location": f"/webrtc/calls/{resume}"}, media_type=_SDP)
    return _answer(sdp, resume)


def _whip(request: Request, raw: bytes) -> Offer:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return Offer(sdp=raw.decode(), type="offer", token=token.strip() if scheme.lower() == "bearer" else "")


def _answer(sdp: str, resume: str) -> Response:
    return JSONResponse({"sdp": sdp, "type": "answer", "resume": resume})


async def leave(request: Request) -> Response:
    """DELETE /webrtc/calls/{resume}: goodbye."""
    found = _desk(request)
    gone = await found.end(request.path_params["resume"])
    answer = Response(status_code=200) if gone else problem(404, "no such live call")
    answer.headers.update(_allowed(request, found)[1])
    return answer


async def preflight(request: Request) -> Response:
    """OPTIONS: what a page of another origin may do."""
    allowed, cors = _allowed(request, _desk(request))
    methods = {"Access-Control-Allow-Methods": "GET, POST, DELETE", "Access-Control-Allow-Headers": "authorization, content-type"}
    more = {**methods, "Access-Control-Max-Age": "600"} if cors else {}
    return Response(status_code=204 if allowed else 403, headers={**cors, **more, "Accept-Post": _SDP})


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.webrtc
    return found


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _allowed(request: Request, found: Desk) -> tuple[bool, dict[str, str]]:
    """Whether who asks may, and what a browser is told of it. Where media is open anybody may, but no page of another origin."""
    given, origin = found.engine.settings, request.headers.get("origin", "")
    known = origin in given.webrtc_origins or signing.is_visit(
        given.secret.get_secret_value(), request.query_params.get("visit", ""), origin, _now()
    )
    if known and origin:
        return True, {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Location", "Vary": "Origin"}
    here = not origin or origin.partition("://")[2] == request.headers.get("host", "")
    return known or (given.open_media and here), {}


ROUTES: Final = (
    Route("/webrtc/settings", settings, methods=["GET"]),
    Route("/webrtc/offer", offer, methods=["POST"]),
    Route("/webrtc/calls/{resume}", leave, methods=["DELETE"]),
    Route("/webrtc/{rest:path}", preflight, methods=["OPTIONS"]),
)
