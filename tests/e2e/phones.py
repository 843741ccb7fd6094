"""Callers for every transport, who keep what they are sent as it came: what was played late by a busy machine is not what sounds wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from offhook.core.audio.format import ALAW_8K, MULAW_8K, OPUS_48K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, AudioFormat, silence
from offhook.engine.engine import Engine
from offhook.ports.transport import CallStart
from offhook.testing.carrier import TwilioLine
from offhook.testing.carriers.media import SPEECHES, Line
from offhook.transports.loopback import Loopback

FORMATS = {"8k": PCM16_8K, "16k": PCM16_16K, "24k": PCM16_24K, "48k": PCM16_48K, "mulaw": MULAW_8K, "alaw": ALAW_8K, "opus": OPUS_48K}
CARRIERS = {name for name in SPEECHES if name != "asterisk-plain"}
"""Dialects that a caller here can speak."""


class Phone(Protocol):
    """A caller's end of a transport. ``raw``: all audio that the agent sent, in the order of its arrival, in ``format_out``."""

    raw: bytearray

    @property
    def format_in(self) -> AudioFormat: ...

    @property
    def format_out(self) -> AudioFormat: ...

    def say(self, data: bytes) -> None: ...


@dataclass
class Twilio(TwilioLine):
    """Keeps what arrives, besides playing it."""

    format_in: AudioFormat = MULAW_8K
    format_out: AudioFormat = MULAW_8K
    raw: bytearray = field(default_factory=bytearray)

    def _media(self, value: dict[str, Any]) -> None:
        super()._media(value)
        self.raw += base64.b64decode(value["media"]["payload"])

    def say(self, data: bytes) -> None:
        self.play(data)


@dataclass
class Browser:
    """The page at /talk, as its protocol has it: plays in real time, answers marks once they are played."""

    socket: ClientConnection
    format_in: AudioFormat
    format_out: AudioFormat
    raw: bytearray = field(default_factory=bytearray)
    errors: list[str] = field(default_factory=list)
    _said: bytearray = field(default_factory=bytearray)
    _until: float = 0.0
    _marks: list[tuple[float, str]] = field(default_factory=list)

    def say(self, data: bytes) -> None:
        self._said += data

    async def run(self) -> None:
        begin, frame = anyio.current_time(), self.format_in.bytes_for(self.format_in.rate // 50)
        try:
            for number in range(50 * 60):
                data, self._said = bytes(self._said[:frame]), self._said[frame:]
                await self.socket.send(data.ljust(frame, b"\0"))
                for _, name in [due for due in self._marks if due[0] <= anyio.current_time()]:
                    await self.socket.send(json.dumps({"type": "mark", "name": name}))
                self._marks = [due for due in self._marks if due[0] > anyio.current_time()]
                await anyio.sleep_until(begin + number * 0.02)
        except ConnectionClosed:
            return

    async def receive(self) -> None:
        try:
            async for message in self.socket:
                now = anyio.current_time()
                if isinstance(message, bytes):
                    self.raw += message
                    self._until = max(self._until, now) + self.format_out.samples_in(len(message)) / self.format_out.rate
                elif (value := json.loads(message))["type"] == "mark":
                    self._marks.append((max(self._until, now), value["name"]))
                elif value["type"] == "clear":
                    self.errors.append("a clear that nobody gave cause for")
        except ConnectionClosed:
            return


class Memory(Loopback):
    """A leg in memory that keeps what arrives."""

    def __init__(self, format_in: AudioFormat, format_out: AudioFormat, start: CallStart) -> None:
        super().__init__(format_in, format_out, start)
        self.raw = bytearray()
        self._waiting = bytearray()

    def send(self, data: bytes) -> None:
        super().send(data)
        self.raw += data

    def say(self, data: bytes, start: int | None = None) -> None:
        self._waiting += data

    async def speak(self) -> None:
        begin, number = anyio.current_time(), 0
        samples = self.format_in.rate // 50
        size = self.format_in.bytes_for(samples)
        while not self.ended:
            data, self._waiting = bytes(self._waiting[:size]), self._waiting[size:]
            super().say(data + silence(self.format_in, samples - self.format_in.samples_in(len(data))))
            number += 1
            await anyio.sleep_until(begin + number * 0.02)


@asynccontextmanager
async def phone(transport: str, did: str, address: str, engine: Engine) -> AsyncIterator[Phone]:
    """A call to an engine at an address. ``transport``: a carrier, ``browser in out`` or ``loopback in out``, formats by their names."""
    kind, *formats = transport.split()
    if kind in SPEECHES and kind != "twilio":
        async with Line.open(f"{address}/media", SPEECHES[kind](), parameters={"did": did}) as other:
            yield other
        assert not other.errors
        assert not other.clears
        return
    if kind == "twilio":
        async with Twilio.open(f"{address}/media/{kind}", parameters={"did": did}) as line:
            assert isinstance(line, Twilio)
            yield line
        assert not line.errors
        assert not line.clears
        return
    into, out = (FORMATS[name] for name in formats)
    async with anyio.create_task_group() as group:
        if kind == "browser":
            async with connect(f"{address}/media/browser", compression=None) as socket:
                first = {"type": "start", "version": 1, "token": "", "rate": into.rate, "rate_out": out.rate, "parameters": {"did": did}}
                await socket.send(json.dumps(first))
                assert json.loads(await socket.recv())["type"] == "started"
                page = Browser(socket, into, out)
                group.start_soon(page.run)
                group.start_soon(page.receive)
                yield page
                with suppress(ConnectionClosed):
                    await socket.send('{"type": "hangup"}')
            assert not page.errors
            group.cancel_scope.cancel()
        else:
            leg = Memory(into, out, CallStart("loopback", did=did))
            group.start_soon(leg.run)
            group.start_soon(leg.speak)
            group.start_soon(engine.take, leg)
            yield leg
            leg.hang_up()
            assert not leg.clears
