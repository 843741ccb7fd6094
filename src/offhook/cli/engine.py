"""``offhook engine``: media and turns, alone with one plan or beside an orchestrator."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import anyio
import typer
import uvicorn
from pydantic import ValidationError

from offhook.engine.app import create_app
from offhook.engine.lineup import Lineup
from offhook.engine.plans import FilePlan
from offhook.engine.settings import EngineSettings
from offhook.errors import ConfigError
from offhook.inference import InferencePool

NOT_STARTED: Final = 3
"""Exit code, as uvicorn has it."""
GARBAGE: Final = (10_000, 10, 10)
"""Thresholds of the garbage collector: what is left over of a hundred calls or so is looked for at once, not of five."""
ENDING: Final = 20
"""Seconds that calls may take to end whose media was closed: their tools' effects, and what is told of them."""


def load_settings(**changes: object) -> EngineSettings:
    """Settings from the environment with the command line's changes. Raises ConfigError naming the variable."""
    try:
        return EngineSettings(**{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(f"OFFHOOK_ENGINE_{name}: {first['msg']}") from error


def main(
    plan: Annotated[Path | None, typer.Option(help="Run alone: give every call this plan (JSON).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where recordings, traces and the outbox are kept.")] = None,
    sip_listen: Annotated[str | None, typer.Option(help="Take SIP calls too, over UDP, at this address:port.")] = None,
    sip_trunks: Annotated[Path | None, typer.Option(help="SIP trunks of an engine that runs alone (YAML or JSON).")] = None,
    webrtc_only: Annotated[bool, typer.Option("--webrtc-only", help="Take WebRTC calls and no others: a process for each core.")] = False,
    open_media: Annotated[bool, typer.Option("--open-media", help="Development only: take media without signature or token.")] = False,
) -> None:
    """Take calls: carrier websockets at /media/twilio, browsers at /webrtc/offer and /media/browser, a page at /talk, SIP trunks."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request, with the address
    try:
        settings = load_settings(
            plan=plan,
            host=host,
            port=port,
            state_dir=state_dir,
            sip_listen=sip_listen,
            sip_trunks=sip_trunks,
            webrtc_only=webrtc_only or None,
            open_media=open_media or None,
        )
        if settings.plan is not None:
            FilePlan(settings.plan, settings.secret.get_secret_value())
    except ConfigError as error:
        typer.echo(error.public, err=True)
        raise typer.Exit(2) from error
    serve(settings)


def serve(settings: EngineSettings, lineup_of: Callable[[InferencePool], Lineup] | None = None) -> None:
    """Run the engine until it is told to stop."""
    config = uvicorn.Config(
        create_app(settings, lineup_of),
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_max_size=65_536,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=ENDING,
    )
    server = _Server(config, settings.drain_s)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


class _Server(uvicorn.Server):
    """Takes what is there once it has started for what will always be there, and lets calls come to their end before it ends."""

    def __init__(self, config: uvicorn.Config, drain: float = 0.0) -> None:
        super().__init__(config)
        self._drain = drain
        self._at_once = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM is a deploy, which waits. Ctrl-C does not, and nor does whoever asks a second time."""
        self._at_once = self._at_once or self.should_exit or sig != signal.SIGTERM
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for the calls that go on: at the server's own end their media is closed at once. New ones are refused meanwhile."""
        engine = getattr(getattr(self.config.app, "state", None), "engine", None)
        if engine is not None:
            engine.admission.draining = True
            with anyio.move_on_after(self._drain):
                while not self._at_once and not await engine.admission.drain(0.2):
                    pass
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then spare the garbage collector all modules and models: it would stop every call to look at them again and again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE)
