"""The carrier's double against a small server on loopback, in real time: what it sends, and how it plays what it is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.testing.carrier import FRAME, QUIET, RATE, TwilioLine, loud_frames

TONE = pcm_to_mulaw((np.sin(2 * np.pi * 1000 * np.arange(RATE // 5) / RATE) * 8_000).astype("<i2").tobytes())
"""A fifth of a second at 1 kHz."""
NOISE = np.random.default_rng(1).integers(0, 127, RATE // 5, dtype=np.uint8).tobytes()
"""As long, and no part of it like another."""


@pytest.fixture
def anyio_backend() -> str:
    """Websockets' client is asyncio's."""
    return "asyncio"


@dataclass
class Engine:
    """The far end: keeps what it is sent, and says what the test or its ``answer`` tells it to."""

    answer: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: None
    address: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    socket: ServerConnection | None = None

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.messages if one["event"] == event]

    @property
    def stream(self) -> str:
        return str(self.of("start")[0]["streamSid"])

    async def send(self, event: str, **fields: object) -> None:
        assert self.socket is not None
        await self.socket.send(json.dumps({"event": event, "streamSid": self.stream, **fields}))

    async def sound(self, mulaw: bytes) -> None:
        await self.send("media", media={"payload": base64.b64encode(mulaw).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    async def serve(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.headers = dict(socket.request.headers) if socket.request else {}
        try:
            async for message in socket:
                self.messages.append(json.loads(message))
                if (reply := self.answer(self.messages[-1])) is not None:
                    await socket.send(json.dumps(reply))
        except ConnectionClosed:
            pass


@asynccontextmanager
async def call(engine: Engine, **named: Any) -> AsyncIterator[TwilioLine]:
    async with serve(engine.serve, "127.0.0.1", 0, compression=None) as server:
        engine.address = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with TwilioLine.open(engine.address, **named) as line:
            with anyio.fail_after(150):
                while not engine.of("media"):
                    await anyio.sleep(0.005)
            yield line


async def reached(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(150):
        while not condition():
            await anyio.sleep(0.005)


async def test_a_call_begins_and_ends_as_twilio_s_does() -> None:
    engine = Engine()
    async with call(engine, parameters={"token": "t", "did": "+442079460000"}, call="CA7", signature="sig") as line:
        line.press("1#")
        await reached(lambda: len(engine.of("dtmf")) == 2)
    connected, start = engine.messages[:2]
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"]["customParameters"] == {"token": "t", "did": "+442079460000"}
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert (start["start"]["callSid"], start["streamSid"]) == ("CA7", start["start"]["streamSid"])
    assert [one["dtmf"]["digit"] for one in engine.of("dtmf")] == ["1", "#"]
    assert engine.messages[-1]["event"] == "stop"
    assert engine.headers["x-twilio-signature"] == "sig"
    assert "sec-websocket-extensions" not in engine.headers
    assert line.closed.is_set()


async def test_the_caller_is_heard_at_once_and_silence_never_stops() -> None:
    engine = Engine()
    async with call(engine) as line:
        began = anyio.current_time()
        first = line.position
        begin, end = line.play(TONE)
        assert (begin, end) == (line.position, line.position + len(TONE))
        assert line.play(TONE)[0] == end, "what is queued is said first"
        assert await line.until(begin + RATE)
        took, frames = anyio.current_time() - began, (line.position - first) / FRAME
        assert frames * 0.02 == pytest.approx(took, abs=0.2), "the clock neither drifts nor bursts"
    media = [one["media"] for one in engine.of("media")]
    assert [int(one["timestamp"]) for one in media] == [20 * i for i in range(len(media))]
    assert [int(one["chunk"]) for one in media] == list(range(1, len(media) + 1))
    sent = b"".join(base64.b64decode(one["payload"]) for one in media)
    assert sent == bytes(line.said[: len(sent)])
    assert sent[begin : end + len(TONE)] == TONE * 2
    assert set(sent[:begin] + sent[end + len(TONE) :]) == {0xFF}
    assert {len(base64.b64decode(one["payload"])) for one in media} == {FRAME}


async def test_an_echo_is_heard_sample_for_sample() -> None:
    def echo(message: dict[str, Any]) -> dict[str, Any] | None:
        if message["event"] != "media":
            return None
        return {"event": "media", "streamSid": message["streamSid"], "media": {"payload": message["media"]["payload"]}}

    async with call(Engine(echo)) as line:
        begin, end = line.play(TONE)
        assert await line.until(end + RATE // 2)
    first, last = line.first_audible(begin), line.last_audible()
    assert first is not None
    assert last is not None
    assert 0 <= first - begin <= RATE // 2
    # Frame by frame: a busy machine may put a gap between two, but changes no sample.
    heard = b"".join(bytes(line.heard[i * FRAME : (i + 1) * FRAME]) for i, loud in enumerate(line.loud) if loud)
    assert heard == TONE
    spectrum = np.abs(np.fft.rfft(np.frombuffer(mulaw_to_pcm(heard), dtype="<i2")))
    assert np.argmax(spectrum) * RATE / len(heard) == 1000
    assert not line.audible(0, begin)
    assert line.audible(first, last)
    assert line.errors == []


async def test_sound_is_played_in_real_time_and_marks_come_when_it_is_out() -> None:
    engine = Engine()
    async with call(engine) as line:
        await engine.sound(TONE[:100])  # no whole frame
        await engine.mark("inside")
        await engine.sound(TONE[100:])
        await engine.mark("end")
        await reached(lambda: line.most_ahead_ms > 100)
        assert [one["mark"]["name"] for one in engine.of("mark")] in ([], ["inside"])
        await reached(lambda: len(engine.of("mark")) == 2)
        assert line.position - (line.first_audible(0) or 0) >= len(TONE) - FRAME
    assert [one["mark"]["name"] for one in engine.of("mark")] == ["inside", "end"]
    first = line.first_audible(0) or 0
    assert bytes(line.heard[first : first + len(TONE)]) == TONE, "no gap at a mark or at an odd size"
    assert line.most_ahead_ms == pytest.approx(200, abs=41)


async def test_a_clear_empties_the_buffer_and_returns_every_mark_at_once() -> None:
    engine = Engine()
    async with call(engine) as line:
        await engine.sound(TONE * 10)
        await engine.mark("a")
        await engine.sound(TONE * 10)
        await engine.mark("b")
        await reached(lambda: line.first_audible(0) is not None)
        await engine.send("clear")
        await reached(lambda: len(engine.of("mark")) == 2)
        assert len(line.clears) == 1
        stopped = line.clears[0]
        assert await line.until(stopped + RATE // 4)
        assert not line.audible(stopped + FRAME, line.position)
        await engine.sound(TONE)
        await reached(lambda: line.first_audible(stopped + FRAME) is not None)
    assert (line.marks, [one["mark"]["name"] for one in engine.of("mark")]) == (2, ["a", "b"])


@pytest.mark.parametrize(("again", "lost"), [(NOISE[-160:] + NOISE, 0), (NOISE[FRAME:] + TONE, 0), (NOISE[::-1], 1), (b"", 1)])
async def test_what_a_clear_dropped_was_held_if_it_comes_again_and_else_given_up(again: bytes, lost: int) -> None:
    engine = Engine()
    async with call(engine) as line:
        await engine.sound(NOISE)
        await engine.send("clear")
        await reached(lambda: bool(line.clears))
        assert line.given_up == 1
        await engine.send("clear")
        if again:
            await engine.sound(again)
            await engine.mark("a")
        await reached(lambda: len(line.clears) == 2 and bool(line.marks or not again))
        assert line.given_up == lost
        await engine.sound(TONE)
        await engine.send("clear")
        await reached(lambda: len(line.clears) == 3)
        assert line.given_up == lost + 1


async def test_what_twilio_would_not_take_is_noted_and_the_call_goes_on() -> None:
    engine = Engine()
    async with call(engine) as line:
        assert engine.socket is not None
        await engine.socket.send(b"\x00")
        await engine.socket.send("{")
        await engine.socket.send("[]")
        await engine.socket.send(json.dumps({"event": "media", "streamSid": "MZ0", "media": {"payload": "AAAA"}}))
        await engine.send("media", media={"payload": "not base64!"})
        await engine.send("media", media={"payload": "é"})
        await engine.send("media", media={"payload": ""})
        await engine.send("media", media=7)
        await engine.send("mark")
        await engine.send("mark", mark={"name": 7})
        await engine.send("hello")
        await engine.sound(TONE)
        await reached(lambda: line.first_audible(0) is not None)
    assert len(line.errors) == 11
    assert "'hello'" in line.errors[-1]


async def test_the_engine_hangs_up() -> None:
    engine = Engine()
    async with call(engine) as line:
        assert engine.socket is not None
        await engine.socket.close()
        with anyio.fail_after(150):
            await line.closed.wait()
        assert not await line.until(line.position + RATE)


def test_loud_frames() -> None:
    assert loud_frames(QUIET + TONE[:FRAME] + QUIET[:50]).tolist() == [False, True]
    assert loud_frames(b"").tolist() == []
