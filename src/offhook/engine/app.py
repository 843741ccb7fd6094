"""The engine as an ASGI application: media sockets, REST control, health, the page to talk to an agent."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from offhook import registry
from offhook.core.wire.dialect import Dialect
from offhook.engine import control, dialling, rehearsing, watching, webrtc
from offhook.engine.engine import Engine, running
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.engine.sip import sip_line
from offhook.engine.telemetry.metrics import CONTENT_TYPE
from offhook.errors import CallError, ConfigError, OffhookError, WireError
from offhook.inference import InferencePool
from offhook.ports.transport import CallTransport
from offhook.signing import verify_plivo_upgrade, verify_twilio

log = logging.getLogger("offhook.engine")
START_TIMEOUT = 10.0
"""Seconds that a media socket may take to say what call it carries."""
MOST_PARAMETERS = 32
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013


def create_app(settings: EngineSettings, lineup_of: Callable[[InferencePool], Lineup] | None = None) -> Starlette:
    """The application; the engine lives as long as its lifespan. Raises ConfigError at start. See ``engine.running``."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running(settings, lineup_of) as engine:
            app.state.engine = engine
            app.state.answered = control.Answered()
            app.state.watchers = 0
            async with (
                _audiosocket(engine) as app.state.audiosocket,
                webrtc.desk(engine) as app.state.webrtc,
                sip_line(engine) as app.state.sip,
            ):
                yield
                if not engine.admission.draining:  # else whoever runs it has waited
                    await engine.admission.drain(settings.drain_s)

    static = Path(str(files("offhook.transports"))) / "static" / "talk"
    return Starlette(
        lifespan=lifespan,
        routes=[
            WebSocketRoute("/media/{dialect}", media),
            WebSocketRoute("/media/{dialect}/{token}", media),
            Route("/healthz", health),
            Route("/metrics", metrics),
            *watching.ROUTES,
            *control.ROUTES,
            *rehearsing.ROUTES,
            *webrtc.ROUTES,
            *dialling.ROUTES,
            Route("/", lambda _request: RedirectResponse("/talk/")),
            Mount("/talk", StaticFiles(directory=static, html=True, check_dir=False)),
        ],
    )


async def media(websocket: WebSocket) -> None:
    """One call's media socket. The outermost scope of a call: every error ends here, counted and without its text."""
    engine: Engine = websocket.app.state.engine
    dialect = websocket.path_params["dialect"]
    if engine.settings.webrtc_only:
        engine.failures["webrtc only"] += 1
        await websocket.close(TRY_AGAIN_LATER)
        return
    if not _admitted(websocket, engine.settings, dialect):
        engine.failures["bad signature"] += 1
        await websocket.close(POLICY_VIOLATION)
        return
    try:
        transport = await _open(dialect, websocket)
    except WireError as error:
        engine.failures[f"start: {type(error).__name__}"] += 1
        log.info("media socket refused: %s", error.public)
        return
    except OffhookError as error:
        engine.failures[type(error).__name__] += 1
        await websocket.close(POLICY_VIOLATION)
        return
    if transport is None:
        engine.failures["closed before start"] += 1
        return
    await _carry(engine, transport)


async def _carry(engine: Engine, transport: CallTransport) -> None:
    """A call whose media is up, to its end."""
    if not engine.settings.open_media and not transport.start.token:
        engine.failures["no token"] += 1
        await transport.end()
        return
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        try:
            await engine.take(transport)
        except CallError as error:
            log.warning("call not taken: %s", error.public, extra={"pii.detail": error.detail})
        finally:
            await transport.end()
            group.cancel_scope.cancel()


async def _open(dialect: str, websocket: WebSocket) -> CallTransport | None:
    """The transport of a media socket by the last part of its path; None when the peer left before saying who it is.

    Raises ConfigError for an unknown dialect, RemoteWireError (with the socket closed) for a bad beginning.
    """
    if dialect == "browser":
        browser: CallTransport | None = await registry.transport("browser_ws").BrowserWs.open(websocket, timeout=START_TIMEOUT)
        return browser
    create = getattr(registry.dialect(dialect), "create", None)
    if create is None:
        raise ConfigError(f"{dialect!r} is no carrier's dialect")
    words: Dialect = create()
    granted = words.subprotocol if words.subprotocol in websocket.scope.get("subprotocols", ()) else None
    carrier: CallTransport | None = await registry.transport("carrier_ws").CarrierWs.open(
        websocket, words, timeout=START_TIMEOUT, address=_address(websocket, words), subprotocol=granted
    )
    return carrier


def _address(websocket: WebSocket, words: Dialect) -> dict[str, str]:
    """Parameters that the upgrade brings: the query's, and a token in the path or in the carrier's header for it."""
    given = {name: value for name, value in list(websocket.query_params.items())[:MOST_PARAMETERS] if max(len(name), len(value)) <= 256}
    bearer = websocket.headers.get(words.bearer, "") if words.bearer is not None else ""
    token = websocket.path_params.get("token") or bearer.removeprefix("Bearer ")
    return {**given, "token": token} if 0 < len(token) <= 256 else given


def _admitted(websocket: WebSocket, settings: EngineSettings, dialect: str) -> bool:
    """Whether the upgrade proves who sends it. The URL is the configured one: behind a proxy, Host proves nothing."""
    if settings.open_media:
        return True
    query = f"?{websocket.url.query}" if websocket.url.query else ""
    url = settings.public_url.replace("https://", "wss://", 1).rstrip("/") + websocket.url.path + query
    given = websocket.headers.get
    match dialect:
        case "twilio" if token := settings.twilio_auth_token.get_secret_value():
            return verify_twilio(token, url, {}, given("x-twilio-signature", ""))
        case "signalwire" if token := settings.signalwire_signing_key.get_secret_value():
            return verify_twilio(token, url, {}, given("x-signalwire-signature", "") or given("x-twilio-signature", ""))
        case "plivo" if token := settings.plivo_auth_token.get_secret_value():
            nonce, signatures = given("x-plivo-signature-v3-nonce", ""), given("x-plivo-signature-v3", "")
            # What it signs is not said of sockets: the address as it was given, or as a webhook's.
            return any(verify_plivo_upgrade(token, one, nonce, signatures) for one in (url, url.replace("wss://", "https://", 1)))
        case _:
            return True


@asynccontextmanager
async def _audiosocket(engine: Engine) -> AsyncIterator[int | None]:
    """Take Asterisk's framed TCP too, where a setting gives it a port; the port that it got."""
    settings = engine.settings
    if settings.audiosocket_port is None:
        yield None
        return

    async def take(transport: CallTransport | None, error: WireError | None) -> None:
        if transport is not None:
            await _carry(engine, transport)
        else:
            engine.failures[f"start: {type(error).__name__}" if error is not None else "closed before start"] += 1

    listen = registry.transport("audiosocket").listen
    async with listen(settings.audiosocket_host, settings.audiosocket_port, take, timeout=START_TIMEOUT) as port:
        yield port


async def health(request: Request) -> Response:
    """Alive, and how loaded."""
    return JSONResponse({**request.app.state.engine.health(), "webrtc": request.app.state.webrtc.health()})


async def metrics(request: Request) -> Response:
    """Prometheus metrics; as open as health, and as free of anybody's data."""
    return Response(request.app.state.engine.metrics(), media_type=CONTENT_TYPE)
