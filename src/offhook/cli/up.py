"""``offhook up``: the whole platform on one machine: embedded Postgres, orchestrator, worker and engine, each a process of its own.

WebRTC calls, which are dear, have an engine of their own, where that can be had: what befalls it, no telephone call notices.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Final

import anyio
import anyio.abc
import anyio.to_thread
import httpx
import typer

from offhook.errors import ConfigError, OffhookError
from offhook.orchestrator.embedded import APP, EmbeddedPostgres
from offhook.signing import new_secret

START_LIMIT = 60.0
STOP_LIMIT = 15.0
_PROCESSES = (("orchestrator", "--no-jobs"), ("engine",), ("worker",))
_AGAIN: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a process that is not all of the platform is started again."""
_TELEPHONES: Final = ("OFFHOOK_ENGINE_AUDIOSOCKET_PORT", "OFFHOOK_ENGINE_SIP_LISTEN", "OFFHOOK_ENGINE_SIP_TRUNKS")
"""Settings that are for one engine on a machine."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets of this installation, made at its first start."""

    secret: str
    admin_token: str
    master_key: str


def keys_of(state_dir: Path) -> Keys:
    """Read, or make and keep, the installation's secrets. Only their owner may read the file."""
    path = state_dir / "keys.json"
    if path.exists():
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            keys = Keys(values["secret"], values["admin_token"], values.get("master_key") or _master_key())
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path} is damaged: restore it, or delete it to make new secrets") from error
        if "master_key" not in values:  # an installation from before there was one
            _write(path.with_suffix(".new"), keys)
            path.with_suffix(".new").replace(path)
        return keys
    keys = Keys(new_secret(), secrets.token_urlsafe(24), _master_key())
    state_dir.mkdir(parents=True, exist_ok=True)
    _write(path, keys)
    return keys


def _master_key() -> str:
    return "first:" + base64.b64encode(secrets.token_bytes(32)).decode()


def _write(path: Path, keys: Keys) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(keys), file)


def main(
    state_dir: Annotated[Path, typer.Option(help="Database, recordings, secrets.")] = Path("var"),
    orchestrator_port: Annotated[int, typer.Option(help="The orchestrator's port.")] = 8080,
    engine_port: Annotated[int, typer.Option(help="The engine's port.")] = 8081,
    webrtc_port: Annotated[int, typer.Option(help="The port of the engine for WebRTC calls; 0: one that is free.")] = 0,
) -> None:
    """Start everything on loopback and stay until Ctrl-C. Development settings: media and carriers need no signature."""
    try:
        anyio.run(_up, state_dir, orchestrator_port, engine_port, webrtc_port or _free() if _webrtc() else 0)
    except OffhookError as error:
        typer.echo(error.public, err=True)
        if error.detail:
            typer.echo(error.detail, err=True)
        raise typer.Exit(1) from error


def _webrtc() -> bool:
    """Whether WebRTC calls are taken here: it is an extra, may be switched off, and may have its place elsewhere."""
    elsewhere = "OFFHOOK_ORCHESTRATOR_WEBRTC_URLS" in os.environ or os.environ.get("OFFHOOK_ENGINE_MAX_WEBRTC_CALLS") == "0"
    return not elsewhere and find_spec("aiortc") is not None


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(
    state_dir: Path, database: str, owner: str, orchestrator_port: int, engine_port: int, webrtc_port: int = 0
) -> dict[str, str]:
    """What the processes need to find and trust each other. With ``webrtc_port`` WebRTC calls are taken there, and not beside others."""
    keys = keys_of(state_dir)
    engine = os.environ.get("OFFHOOK_ENGINE_CONTROL_URL", f"http://127.0.0.1:{engine_port}")
    browsers = f"http://127.0.0.1:{webrtc_port}" if webrtc_port else engine
    return {
        **os.environ,
        **({"OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": "0"} if webrtc_port else {}),
        "OFFHOOK_DATABASE_URL": os.environ.get("OFFHOOK_DATABASE_URL", database),
        "OFFHOOK_MIGRATION_URL": os.environ.get("OFFHOOK_MIGRATION_URL", os.environ.get("OFFHOOK_DATABASE_URL", owner)),
        "OFFHOOK_ORCHESTRATOR_MASTER_KEYS": json.dumps([keys.master_key]),
        "OFFHOOK_ORCHESTRATOR_SECRET": keys.secret,
        "OFFHOOK_ORCHESTRATOR_ADMIN_TOKEN": keys.admin_token,
        "OFFHOOK_ORCHESTRATOR_PORT": str(orchestrator_port),
        "OFFHOOK_ORCHESTRATOR_STATE_DIR": str(state_dir),
        "OFFHOOK_ORCHESTRATOR_DEMO": "true",
        "OFFHOOK_ORCHESTRATOR_UNSIGNED_CARRIERS": "true",
        "OFFHOOK_ORCHESTRATOR_PUBLIC_URL": f"http://127.0.0.1:{orchestrator_port}",
        "OFFHOOK_ORCHESTRATOR_MEDIA_URL": f"ws://127.0.0.1:{engine_port}/media/twilio",
        "OFFHOOK_ORCHESTRATOR_BROWSER_NUMBER": os.environ.get("OFFHOOK_ORCHESTRATOR_BROWSER_NUMBER", "+442079460000"),
        "OFFHOOK_ORCHESTRATOR_ENGINE_URLS": os.environ.get(
            "OFFHOOK_ORCHESTRATOR_ENGINE_URLS", json.dumps(list(dict.fromkeys((engine, browsers))))
        ),
        "OFFHOOK_ORCHESTRATOR_WEBRTC_URLS": os.environ.get("OFFHOOK_ORCHESTRATOR_WEBRTC_URLS", json.dumps([browsers])),
        "OFFHOOK_ENGINE_CONTROL_URL": engine,
        "OFFHOOK_ENGINE_SECRET": keys.secret,
        "OFFHOOK_ENGINE_ORCHESTRATOR_URL": f"http://127.0.0.1:{orchestrator_port}",
        "OFFHOOK_ENGINE_PORT": str(engine_port),
        "OFFHOOK_ENGINE_STATE_DIR": str(state_dir / "engine"),
        "OFFHOOK_ENGINE_OPEN_MEDIA": "true",
        "OFFHOOK_ENGINE_DRAIN_S": os.environ.get("OFFHOOK_ENGINE_DRAIN_S", "2"),  # whoever presses Ctrl-C does not wait for an hour
    }


def webrtc_environment(env: Mapping[str, str], webrtc_port: int) -> dict[str, str]:
    """The same for the engine that takes WebRTC calls alone."""
    cap = os.environ.get("OFFHOOK_ENGINE_MAX_WEBRTC_CALLS")
    return {
        **{name: value for name, value in env.items() if name not in {*_TELEPHONES, "OFFHOOK_ENGINE_MAX_WEBRTC_CALLS"}},
        **({"OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": cap} if cap else {}),
        "OFFHOOK_ENGINE_CONTROL_URL": f"http://127.0.0.1:{webrtc_port}",
    }


async def _up(state_dir: Path, orchestrator_port: int, engine_port: int, webrtc_port: int) -> None:
    begin = anyio.current_time()
    state_dir = await anyio.to_thread.run_sync(state_dir.resolve)
    async with AsyncExitStack() as stack:
        database = owner = ""
        if "OFFHOOK_DATABASE_URL" not in os.environ:
            server = EmbeddedPostgres(state_dir / "postgres")
            await anyio.to_thread.run_sync(server.start)
            stack.callback(server.stop)
            database, owner = server.url(user=APP), server.url()
        env = environment(state_dir, database, owner, orchestrator_port, engine_port, webrtc_port)
        stopped = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(_signals, stopped)
            try:
                children = [await stack.enter_async_context(_Child(words, env)) for words in _PROCESSES]
                for child in children:
                    group.start_soon(child.watch, stopped)
                if webrtc_port:
                    words = ("engine", "--webrtc-only", "--port", str(webrtc_port), "--state-dir", str(state_dir / "webrtc"))
                    extra = await stack.enter_async_context(_Child(words, webrtc_environment(env, webrtc_port)))
                    group.start_soon(extra.keep, stopped)
                await _healthy(f"http://127.0.0.1:{orchestrator_port}/healthz", children[0], stopped)
                await _healthy(f"http://127.0.0.1:{engine_port}/healthz", children[1], stopped)
                if webrtc_port:
                    await _healthy(f"http://127.0.0.1:{webrtc_port}/healthz", extra, stopped)
                if not stopped.is_set():
                    address = f"http://127.0.0.1:{orchestrator_port}"
                    typer.echo(f"offhook is up after {anyio.current_time() - begin:.1f} s")
                    typer.echo(f"  talk to the receptionist   http://127.0.0.1:{engine_port}/talk/")
                    typer.echo(f"  portal                     {address}/  (sign in; while there is no administrator, by the link above)")
                    typer.echo(f"  API                        {address}/v1/  (admin token in {state_dir / 'keys.json'})")
                    typer.echo(f"  carrier webhook            {address}/carriers/twilio/voice")
                await stopped.wait()
            finally:
                group.cancel_scope.cancel()
    failed = [child for child in children if child.failed]
    if failed:
        raise ConfigError(f"{failed[0].name} ended by itself with code {failed[0].code}: its own message is above")


class _Child:
    """One of our processes; ended with us."""

    def __init__(self, words: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.name = words[0]
        self._words = words
        self.code: int | None = None
        self.failed = False
        self._env = env
        self._process: anyio.abc.Process | None = None

    async def __aenter__(self) -> _Child:
        await self._start()
        return self

    async def _start(self) -> None:
        command = [sys.executable, "-m", "offhook.cli.main", *self._words]
        self._process = await anyio.open_process(command, env=dict(self._env), stdin=None, stdout=None, stderr=None, start_new_session=True)

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with anyio.CancelScope(shield=True):
            process.terminate()
            with anyio.move_on_after(STOP_LIMIT):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def watch(self, stopped: anyio.Event) -> None:
        """A child that ends by itself ends everything."""
        if self._process is not None:
            self.code = await self._process.wait()
            self.failed = not stopped.is_set()
            stopped.set()

    async def keep(self, stopped: anyio.Event) -> None:
        """A child that ends by itself is started again; the others go on meanwhile."""
        for pause in chain(_AGAIN, repeat(_AGAIN[-1])):
            if self._process is None or (await self._process.wait() is not None and stopped.is_set()):
                return
            typer.echo(f"{' '.join(self._words[:2])} ended by itself with code {self._process.returncode}, and is started again", err=True)
            await anyio.sleep(pause)
            with anyio.CancelScope(shield=True):
                await self._start()


async def _signals(stopped: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            stopped.set()
            return


async def _healthy(url: str, child: _Child, stopped: anyio.Event) -> None:
    """Wait until a process answers."""
    async with httpx.AsyncClient(timeout=2) as http:
        with anyio.fail_after(START_LIMIT):
            while not stopped.is_set():
                try:
                    if (await http.get(url)).is_success:
                        return
                except httpx.HTTPError:
                    await anyio.sleep(0.1)
    if child.failed:
        return
