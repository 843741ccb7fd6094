"""The synthetic caller on a line whose other end is scripted: who speaks when, and what the waits and figures say."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.testing import caller as module
from offhook.testing.caller import Caller, CallFailed, Speech
from offhook.testing.carrier import FRAME, QUIET, RATE, TwilioLine, loud_frames

TONE = pcm_to_mulaw((np.sin(2 * np.pi * 1000 * np.arange(RATE // 5) / RATE) * 8_000).astype("<i2").tobytes())
"""A fifth of a second."""
WORDS = QUIET * 10 + TONE + QUIET * 10
"""Something said, with silence before and after as voices have it."""


@pytest.fixture
def anyio_backend() -> str:
    """Websockets' client is asyncio's."""
    return "asyncio"


class Ears:
    """In place of the models: every text sounds alike, and what is heard is told by its length."""

    async def say(self, text: str) -> bytes:
        return WORDS

    async def hear(self, mulaw: bytes) -> str:
        return f"{int(loud_frames(mulaw).sum())} frames"


@dataclass
class Agent:
    """Answers when the caller has been silent for ``patience`` seconds; stops when spoken over, if it ``listens``."""

    answer: bytes = TONE
    greeting: bytes = TONE
    patience: float = 0.2
    listens: bool = True
    hangs_up: bool = False
    keys: list[str] = field(default_factory=list)
    _loud: bool = False

    async def serve(self, socket: ServerConnection) -> None:
        stream, quiet = "", 0
        try:
            async for text in socket:
                message: dict[str, Any] = json.loads(text)
                if message["event"] == "start":
                    stream = message["streamSid"]
                    await self._send(socket, stream, self.greeting)
                elif message["event"] == "dtmf":
                    self.keys.append(message["dtmf"]["digit"])
                    await self._send(socket, stream, self.answer)
                elif message["event"] == "media":
                    if loud_frames(base64.b64decode(message["media"]["payload"]))[0]:
                        quiet = 0
                        if not self._loud and self.listens:
                            await socket.send(json.dumps({"event": "clear", "streamSid": stream}))
                        self._loud = True
                        continue
                    quiet += 1
                    if self._loud and quiet * 0.02 >= self.patience:
                        self._loud = False
                        if self.hangs_up:
                            return
                        await self._send(socket, stream, self.answer)
        except ConnectionClosed:
            pass

    async def _send(self, socket: ServerConnection, stream: str, mulaw: bytes) -> None:
        if mulaw:
            media = {"payload": base64.b64encode(mulaw).decode()}
            await socket.send(json.dumps({"event": "media", "streamSid": stream, "media": media}))


@asynccontextmanager
async def call(agent: Agent) -> AsyncIterator[Caller]:
    async with serve(agent.serve, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with TwilioLine.open(f"ws://127.0.0.1:{port}/") as line:
            yield Caller(line, cast("Speech", Ears()))


async def test_a_turn_is_measured_from_sound_to_sound() -> None:
    async with call(Agent(patience=0.3)) as caller:
        assert await caller.agent_says(quiet=0.2) == f"{len(TONE) // FRAME} frames"
        exchange = await caller.say("Hello.")
        assert await caller.agent_says(quiet=0.2) == f"{len(TONE) // FRAME} frames"
    assert (exchange.caller, exchange.agent) == ("Hello.", f"{len(TONE) // FRAME} frames")
    assert exchange.latency_ms == pytest.approx(320, abs=80), "the silence around the words is not counted"
    assert exchange.interrupted_after_ms is None
    assert caller.turns == [exchange]


async def test_a_recording_is_played_as_it_is() -> None:
    async with call(Agent()) as caller:
        await caller.agent_says(quiet=0.2)
        begin = caller.line.position
        await caller.say("(a recording)", TONE * 2)
        assert bytes(caller.line.said).count(TONE * 2, begin) == 1


@pytest.mark.parametrize(("listens", "low", "high"), [(True, 20, 120), (False, 190, 210)])
async def test_an_interruption_is_measured_from_the_caller_s_first_sound(listens: bool, low: int, high: int) -> None:
    async with call(Agent(greeting=TONE * 20, listens=listens)) as caller:
        exchange = await caller.interrupt("Sorry?", 300)
        assert exchange.interrupted_after_ms is not None
        assert low <= exchange.interrupted_after_ms <= high, "a deaf agent is heard to the caller's last sound"
        if listens:
            assert await caller.agent_says(quiet=0.2) == f"{len(TONE) // FRAME} frames"
            assert exchange.latency_ms == pytest.approx(220, abs=80)


async def test_keys_and_hanging_up() -> None:
    agent = Agent()
    async with call(agent) as caller:
        await caller.agent_says(quiet=0.2)
        caller.press("12#")
        assert await caller.agent_says(quiet=0.2) == f"{3 * len(TONE) // FRAME} frames"
        await caller.hang_up()
        assert caller.line.closed.is_set()
    assert agent.keys == ["1", "2", "#"]
    assert caller.turns == []


async def test_a_silent_agent_and_an_endless_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with call(Agent(greeting=b"")) as caller:
        with pytest.raises(CallFailed, match=r"said nothing for 0\.3 s"):
            await caller.agent_says(limit=0.3)
    monkeypatch.setattr(module, "LONGEST", 0.5)
    async with call(Agent(greeting=TONE * 30)) as caller:
        with pytest.raises(CallFailed, match=r"not finished after 0\.5 s"):
            await caller.agent_says()


async def test_an_agent_that_hangs_up_while_it_is_waited_for() -> None:
    async with call(Agent(hangs_up=True)) as caller:
        await caller.agent_says(quiet=0.2)
        await caller.say("Hello.")
        with pytest.raises(CallFailed, match="the line was closed"):
            await caller.agent_says()
        with pytest.raises(CallFailed, match="the caller to finish"):
            await caller.say("Are you there?")


async def test_the_embedded_models_speak_and_hear() -> None:
    async with Speech() as speech:
        said = await speech.say("My kitchen tap is leaking.")
        assert loud_frames(said).any()
        assert "kitchen tap" in (await speech.hear(said)).lower()
        assert await speech.hear(b"") == ""
    with anyio.fail_after(150), pytest.raises(CallFailed, match="not open"):
        await Speech().say("Hello.")
