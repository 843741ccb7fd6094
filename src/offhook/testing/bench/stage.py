"""An engine for the bench: a process of its own, one plan, media taken from loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx

from offhook.errors import ConfigError
from offhook.testing.carrier import TwilioLine

START_LIMIT = 60.0
RING_LIMIT = 5.0
LONG = (
    "Thank you for telling me that. I have written it down, and somebody from the team will look at it today "
    "and ring you back as soon as they can."
)


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine."""

    port: int
    pid: int
    state: Path
    ringing: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def media(self) -> str:
        """Where a carrier sends media."""
        return f"ws://127.0.0.1:{self.port}/media/twilio"

    @asynccontextmanager
    async def ring(self) -> AsyncIterator[tuple[TwilioLine, str]]:
        """A call, and the engine's own name of it. One is placed at a time, so that a new name is this call's."""
        async with AsyncExitStack() as stack:
            async with self.ringing:
                before = await self._calls()
                line = await stack.enter_async_context(TwilioLine.open(self.media))
                new: set[str] = set()
                with anyio.move_on_after(RING_LIMIT):
                    while len(new) != 1:
                        await anyio.sleep(0.01)
                        new = await self._calls() - before
            yield line, new.pop() if len(new) == 1 else ""

    def trace(self, call: str) -> Path:
        """Where the trace of a call lies once it has ended."""
        return self.state / "calls" / call / "trace.jsonl"

    async def _calls(self) -> set[str]:
        async with httpx.AsyncClient(timeout=5) as http:
            return {one["call"] for one in (await http.get(f"http://127.0.0.1:{self.port}/v1/calls")).json()}

    async def health(self) -> dict[str, Any]:
        """Its own figures."""
        async with httpx.AsyncClient(timeout=5) as http:
            values: dict[str, Any] = (await http.get(f"http://127.0.0.1:{self.port}/healthz")).json()
            return values


def script_asking(kind: str, question: str, answer: str = LONG) -> dict[str, Any]:
    """An agent that asks for one thing, answers whatever it was told with ``answer``, and asks on."""
    return {
        "offhook": 1,
        "id": "bench",
        "version": 1,
        "title": "Bench",
        "languages": ["en-GB"],
        "start": "first",
        "slots": {
            "first_answer": {"type": kind, "ask": question, "confirm": "never"},
            "more": {"type": "free_text", "ask": "What else?"},
        },
        "universals": {"human": "bye"},
        "states": {
            "first": {"say": "Hello.", "collect": ["first_answer"], "next": "on"},
            "on": {"say": answer, "collect": ["more"], "next": "on_again"},
            "on_again": {"say": answer, "next": "bye"},
            "bye": {"say": "Goodbye.", "end": "done"},
        },
        "outcomes": {"done": "good"},
    }


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def engine(
    plan: dict[str, Any],
    folder: Path,
    words: tuple[str, ...] = ("offhook.cli.main", "engine"),
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> AsyncIterator[Engine]:
    """Run an engine with one plan; ended at the block's end. ``env``: beside the environment of here. ``log``: where its words go."""
    port = free_port()
    path = folder / f"plan-{port}.json"
    await anyio.Path(path).write_text(json.dumps(plan), encoding="utf-8")
    state = folder / f"state-{port}"
    options = ["--plan", str(path), "--port", str(port), "--state-dir", str(state), "--open-media"]
    whole = {**os.environ, **(env or {})}
    with log.open("ab") if log is not None else nullcontext() as errors:
        process = await anyio.open_process([sys.executable, "-m", *words, *options], env=whole, stdin=None, stdout=None, stderr=errors)
    try:
        await up(process, port)
        yield Engine(port, process.pid, state)
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                with anyio.move_on_after(5):
                    await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


async def up(process: anyio.abc.Process, port: int) -> None:
    """Wait until a process answers. Raises ConfigError when it ends or takes too long."""
    async with httpx.AsyncClient(timeout=2) as http:
        with anyio.move_on_after(START_LIMIT):
            while process.returncode is None:
                try:
                    if (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success:
                        return
                except httpx.HTTPError:
                    await anyio.sleep(0.1)
    raise ConfigError("the engine for the bench did not start: its own message is above")
