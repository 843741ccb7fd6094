"""The suite of the transport port on WebRTC, with aiortc at its other side. By PCMU: what its peer hears can be compared."""

from __future__ import annotations

import audioop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.conformance.transport_suite import Peer, TransportSuite
from tests.telephony import rtc

from offhook.ports.transport import CallStart, CallTransport
from offhook.transports import webrtc
from offhook.transports.webrtc import WebRtc

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(120)]


class FarPeer(Peer):
    """It says something all the time, silence too; it is never told of a clear, since what it has is a few frames."""

    gaps = stalls = tells_clear = exact = False
    marks_by_clear = True

    def __init__(self, caller: rtc.Caller) -> None:
        self.caller = caller

    async def say(self, frame: bytes) -> None:
        pcm = audioop.ulaw2lin(frame, 2)
        self.caller.microphone.say(audioop.ratecv(pcm, 2, 1, 8_000, rtc.RATE, None)[0])

    async def press(self, digit: str) -> None:
        self.caller.press(digit)

    async def garble(self) -> None:
        self.caller.channel.send('{"type": 5}')

    async def hang_up(self) -> None:
        self.caller.hang_up()

    async def vanish(self) -> None:
        self.caller.microphone.stop()
        await self.caller.connection.close()

    def got(self) -> bytes:
        return audioop.lin2ulaw(bytes(self.caller.heard), 2).replace(b"\xff", b"")

    def clears(self) -> int:
        return 0

    async def play(self) -> None:
        return


class TestWebRtc(TransportSuite):
    name = "webrtc"

    @pytest.fixture
    def anyio_backend(self) -> object:
        return "asyncio"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[CallTransport, Peer]]:
        with pytest.MonkeyPatch.context() as patch:
            rtc.loopback(patch)
            patch.setattr(webrtc, "STALL_S", 5.0)
            patch.setattr(webrtc, "RESUME_S", 6.0)
            async with rtc.caller(codec="PCMU") as caller:
                leg, answer = await WebRtc.offered(await rtc.offer(caller), CallStart("webrtc"))
                await rtc.accept(caller, answer)
                assert await leg.connected(20)
                await caller.until(lambda: caller.channel.readyState == "open" and caller.frames > 0)
                yield leg, FarPeer(caller)
