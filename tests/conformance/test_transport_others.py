"""The suite of the transport port on the transports that are no carrier's websocket: memory, a browser's socket, AudioSocket."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
from tests.conformance.transport_suite import Peer, TransportSuite
from tests.memory_socket import MemorySocket

from offhook.core.audio.format import PCM16_16K
from offhook.core.wire import audiosocket as wire
from offhook.ports.transport import CallTransport
from offhook.transports.audiosocket import AudioSocket
from offhook.transports.browser_ws import BrowserWs
from offhook.transports.loopback import Loopback


class MemoryPeer(Peer):
    """Plays in the leg's own time: a clear is all that the leg does."""

    garbles = stalls = tells_clear = False
    marks_by_clear = takes_keys = True

    def __init__(self, leg: Loopback) -> None:
        self.leg = leg
        self._at = 0

    async def say(self, frame: bytes) -> None:
        self.leg.say(frame, self._at)
        self._at += self.leg.format_in.samples_in(len(frame))

    async def skip(self) -> None:
        self._at += self.leg.format_in.rate // 50

    async def press(self, digit: str) -> None:
        self.leg.key(digit)

    async def hang_up(self) -> None:
        self.leg.hang_up()

    async def vanish(self) -> None:
        self.leg.hang_up(lost=True)

    def got(self) -> bytes:
        return self.leg.heard.replace(b"\x00", b"")  # silence is where nothing was sent

    def clears(self) -> int:
        return self.leg.clears

    async def play(self) -> None:
        return

    def keys(self) -> str:
        return self.leg.pressed


class TestLoopback(TransportSuite):
    name = "loopback"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[CallTransport, Peer]]:
        leg = Loopback(PCM16_16K)
        yield leg, MemoryPeer(leg)


class BrowserPeer(Peer):
    """The page."""

    gaps = False
    marks_by_clear = True

    def __init__(self, socket: MemorySocket) -> None:
        self.socket = socket
        self._read = 1  # the answer to its start
        self._got = bytearray()
        self._clears = 0
        self._waiting: list[str] = []

    async def say(self, frame: bytes) -> None:
        self.socket.say(frame)

    async def press(self, digit: str) -> None:
        self.socket.say(json.dumps({"type": "dtmf", "digit": digit}))

    async def garble(self) -> None:
        self.socket.say('{"type": 5}')

    async def hang_up(self) -> None:
        self.socket.say('{"type": "hangup"}')

    async def vanish(self) -> None:
        self.socket.leave(1006)

    def stall(self) -> None:
        self.socket.stuck = True

    def _take(self) -> None:
        for message in self.socket.sent[self._read :]:
            if isinstance(message, bytes):
                self._got += message
                continue
            value = json.loads(message)
            if value["type"] == "mark":
                self._waiting.append(value["name"])
            elif value["type"] == "clear":
                self._clears += 1
                self._return()
        self._read = max(1, len(self.socket.sent))

    def _return(self) -> None:
        for name in self._waiting:
            self.socket.say(json.dumps({"type": "mark", "name": name}))
        self._waiting.clear()

    def got(self) -> bytes:
        self._take()
        return bytes(self._got)

    def clears(self) -> int:
        self._take()
        return self._clears

    async def play(self) -> None:
        self._take()
        self._return()


class TestBrowser(TransportSuite):
    name = "browser"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[CallTransport, Peer]]:
        socket = MemorySocket()
        socket.say('{"type": "start", "rate": 16000, "rate_out": 24000}')
        leg = await BrowserWs.open(socket)
        assert leg is not None
        try:
            yield leg, BrowserPeer(socket)
        finally:
            socket.free()


class Bytes(anyio.abc.ByteStream):
    """An end of a TCP connection in memory."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.stuck = False
        self.closed = False
        self._push, self._pull = anyio.create_memory_object_stream[bytes | None](math.inf)

    def say(self, data: bytes) -> None:
        self._push.send_nowait(data)

    def leave(self) -> None:
        self._push.close()

    def abort(self) -> None:
        self._push.send_nowait(None)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        found = await self._pull.receive()
        if found is None:
            raise anyio.BrokenResourceError
        return found

    async def send(self, item: bytes) -> None:
        if self.stuck:
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        self.sent += item

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.closed = True

    def free(self) -> None:
        self._push.close()
        self._pull.close()


class AsteriskPeer(Peer):
    """Plays what it gets when it gets it: marks and clears are the leg's own."""

    gaps = tells_clear = False
    marks_by_clear = True

    def __init__(self, stream: Bytes) -> None:
        self.stream = stream
        self._reader = wire.Reader()
        self._read = 0
        self._got = bytearray()

    async def say(self, frame: bytes) -> None:
        self.stream.say(wire.sound(frame, PCM16_16K))

    async def press(self, digit: str) -> None:
        self.stream.say(b"\x03\x00\x01" + digit.encode())

    async def garble(self) -> None:
        self.stream.say(b"\x77\x00\x01x")

    async def hang_up(self) -> None:
        self.stream.say(wire.hang_up())

    async def vanish(self) -> None:
        self.stream.abort()

    def stall(self) -> None:
        self.stream.stuck = True

    def got(self) -> bytes:
        new, self._read = bytes(self.stream.sent[self._read :]), len(self.stream.sent)
        for kind, payload in self._reader.feed(new):
            if kind in wire.SOUND:
                self._got += payload
        return bytes(self._got)

    def clears(self) -> int:
        return 0

    async def play(self) -> None:
        return


class TestAudioSocket(TransportSuite):
    name = "audiosocket"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[CallTransport, Peer]]:
        stream = Bytes()
        stream.say(b"\x01\x00\x10" + uuid.uuid4().bytes)
        stream.say(wire.sound(bytes(640), PCM16_16K))
        leg = await AudioSocket.open(stream)
        assert leg is not None
        assert leg.format_in == PCM16_16K
        leg._waiting.clear()  # the first sound is not the suite's
        try:
            yield leg, AsteriskPeer(stream)
            assert stream.closed
        finally:
            stream.free()
