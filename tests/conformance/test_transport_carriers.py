"""The suite of the transport port on a carrier's websocket, in every dialect: the double's words over a socket in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.conformance.transport_suite import Peer, TransportSuite
from tests.memory_socket import MemorySocket

from offhook import registry
from offhook.ports.transport import CallTransport, MediaIn
from offhook.testing.carriers.media import SPEECHES, Speech
from offhook.transports.carrier_ws import CarrierWs

NONSENSE = '{"event": "nonsense"'


class CarrierPeer(Peer):
    """A carrier's double that says and plays what it is told to."""

    def __init__(self, speech: Speech, socket: MemorySocket) -> None:
        self.speech = speech
        self.socket = socket
        self.frame_ms = 20 * speech.ticks
        self.gaps = isinstance(speech.media(1, b"\x01\x01"), str)
        self.marks_by_clear = speech.marks_by_clear
        self.takes_keys = speech.name == "plivo"
        self._number = 0
        self._read = 0
        self._got = bytearray()
        self._clears = 0
        self._waiting: list[str] = []
        self._keys = ""

    async def say(self, frame: bytes) -> None:
        self._number += 1
        self.socket.say(self.speech.media(self._number, frame))

    async def skip(self) -> None:
        self._number += 1

    async def press(self, digit: str) -> None:
        self.socket.say(self.speech.key(digit))

    async def garble(self) -> None:
        self.socket.say(NONSENSE)

    async def hang_up(self) -> None:
        stop = self.speech.stop()
        if stop is not None:
            self.socket.say(stop)
        else:
            self.socket.leave(1000)

    async def vanish(self) -> None:
        self.socket.leave(1006)

    def stall(self) -> None:
        self.socket.stuck = True

    def _take(self) -> None:
        for message in self.socket.sent[self._read :]:
            heard = self.speech.take(message)
            self._got += heard.audio
            self._keys += heard.keys
            if heard.mark is not None:
                self._waiting.append(heard.mark)
            if heard.clear:
                self._clears += 1
                self._return(played=False)
        self._read = len(self.socket.sent)

    def _return(self, *, played: bool) -> None:
        if not played and (answer := self.speech.cleared()) is not None:
            self.socket.say(answer)
        for name in self._waiting if played or self.speech.marks_by_clear else ():
            self.socket.say(self.speech.mark(name, played=played))
        self._waiting.clear()

    def got(self) -> bytes:
        self._take()
        return bytes(self._got)

    def clears(self) -> int:
        self._take()
        return self._clears

    async def play(self) -> None:
        self._take()
        self._return(played=True)

    def keys(self) -> str:
        self._take()
        return self._keys


@asynccontextmanager
async def carrier(speech: Speech) -> AsyncIterator[tuple[CarrierWs, CarrierPeer]]:
    socket = MemorySocket()
    for message in speech.begin({"did": "+6495550100"}, "t0k"):
        socket.say(message)
    leg = await CarrierWs.open(socket, registry.dialect(speech.name).create())
    assert leg is not None
    try:
        yield leg, CarrierPeer(speech, socket)
    finally:
        socket.free()


class _OnCarrier(TransportSuite):
    speech: type[Speech]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[CallTransport, Peer]]:
        async with carrier(self.speech()) as (leg, peer):
            yield leg, peer


class TestTwilio(_OnCarrier):
    name, speech = "twilio", SPEECHES["twilio"]


class TestSignalWire(_OnCarrier):
    name, speech = "signalwire", SPEECHES["signalwire"]


class TestTelnyx(_OnCarrier):
    name, speech = "telnyx", SPEECHES["telnyx"]

    async def test_frames_in_any_order_are_put_in_theirs(self) -> None:
        async with self.up() as up:
            peer = up.peer
            assert isinstance(peer, CarrierPeer)
            for number in (1, 3, 2, 4, 7, 5, 6, 8, 9, 11, 10):
                peer.socket.say(peer.speech.media(number, up.frame(number)))
            await up.until(lambda: len(up.of(MediaIn)) >= 11)
            assert up.audio == b"".join(up.frame(number) for number in range(1, 12))


class TestPlivo(_OnCarrier):
    name, speech = "plivo", SPEECHES["plivo"]


class TestVonage(_OnCarrier):
    name, speech = "vonage", SPEECHES["vonage"]


class TestExotel(_OnCarrier):
    name, speech = "exotel", SPEECHES["exotel"]


class TestJambonz(_OnCarrier):
    name, speech = "jambonz", SPEECHES["jambonz"]


class TestAsterisk(_OnCarrier):
    name, speech = "asterisk", SPEECHES["asterisk"]


class TestPlainAsterisk(_OnCarrier):
    name, speech = "asterisk", SPEECHES["asterisk-plain"]


@pytest.mark.parametrize("name", SPEECHES)
def test_every_double_is_tried(name: str) -> None:
    classes = [one for one in globals().values() if isinstance(one, type) and issubclass(one, _OnCarrier) and one is not _OnCarrier]
    assert SPEECHES[name] in {one.speech for one in classes}
