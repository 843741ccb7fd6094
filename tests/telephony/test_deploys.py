"""A deploy, with the engine as a real process that is told to stop in the middle of a call."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.scenarios.harness import SCRIPT
from websockets.exceptions import ConnectionClosed

from offhook.testing.bench.stage import Engine, engine
from offhook.testing.caller import Caller, Speech
from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(300)]
PLAN: dict[str, Any] = {
    "script": SCRIPT,
    "tools": {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in SCRIPT["tools"].items()},
    "record": False,
}
PATIENCE = 120.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def in_a_call(folder: Path) -> AsyncIterator[tuple[Engine, str, Caller]]:
    """An engine, where its media goes, and a caller who has heard the greeting."""
    env = {
        "OFFHOOK_ENGINE_DRAIN_S": "60",
        "OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": "0",
        "OFFHOOK_ENGINE_SECRET": "a secret that is long enough to sign with",
    }
    async with engine(PLAN, folder, env=env, log=folder / "engine.log") as running, Speech() as speech:
        media = f"ws://127.0.0.1:{running.port}/media/twilio"
        async with TwilioLine.open(media, parameters={"did": "+442079460000"}) as line:
            caller = Caller(line, speech)
            await caller.agent_says()
            yield running, media, caller


async def refused(media: str) -> bool:
    """Whether the next caller goes elsewhere: the line is closed before anything is heard."""
    try:
        async with TwilioLine.open(media, parameters={"did": "+442079460000"}) as line:
            with anyio.fail_after(PATIENCE):
                await line.closed.wait()
            return not any(line.loud)
    except (ConnectionClosed, OSError):
        return True


async def gone(running: Engine) -> None:
    """Until nothing of the process answers any more."""
    async with httpx.AsyncClient(timeout=30) as http:
        with anyio.fail_after(PATIENCE):
            while True:
                try:
                    await http.get(f"http://127.0.0.1:{running.port}/healthz")
                except httpx.TransportError:
                    return
                await anyio.sleep(0.1)


async def draining(running: Engine) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        with anyio.fail_after(PATIENCE):
            while not (await http.get(f"http://127.0.0.1:{running.port}/healthz")).json()["draining"]:
                await anyio.sleep(0.05)


async def test_field_9_a_deploy_drops_no_call(tmp_path: Path) -> None:
    """livekit/agents#4268, #3020; livekit/livekit#3413: a caller in the middle of a conversation goes on with it to its end."""
    async with in_a_call(tmp_path) as (running, media, caller):
        os.kill(running.pid, signal.SIGTERM)
        await draining(running)
        assert await refused(media)
        await caller.say("How much is it to come out?")
        assert await caller.agent_says(), "the call goes on"
        assert not caller.line.closed.is_set()
        await caller.line.hang_up()
        await gone(running)


async def test_who_asks_a_second_time_does_not_wait(tmp_path: Path) -> None:
    async with in_a_call(tmp_path) as (running, _media, caller):
        os.kill(running.pid, signal.SIGTERM)
        await draining(running)
        assert not caller.line.closed.is_set()
        os.kill(running.pid, signal.SIGTERM)
        with anyio.fail_after(PATIENCE):
            await caller.line.closed.wait()
        await gone(running)
