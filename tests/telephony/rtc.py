"""A WebRTC caller made of aiortc, on loopback: says what it is given, keeps what it hears and what it is told."""

from __future__ import annotations

import fractions
import json
import re
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio
import av
import httpx
import numpy as np
import pytest
import uvicorn
from aioice.candidate import Candidate
from aioice.ice import Connection, StunProtocol
from aiortc import MediaStreamTrack, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import is_rtcp
from starlette.applications import Starlette
from tests.e2e.browser import free_port

from offhook.transports.webrtc import PING

RATE = 48_000
FRAME = RATE // 50


def loopback(patch: pytest.MonkeyPatch, *ours: str) -> None:
    """Have ICE of this process use loopback, which it leaves out otherwise (or ``ours``), and nothing but loopback."""
    add = Connection.add_remote_candidate

    async def near(self: Connection, candidate: Candidate | None) -> None:
        if candidate is None or candidate.host == "127.0.0.1":
            await add(self, candidate)

    received = StunProtocol.datagram_received

    def from_near(self: StunProtocol, data: bytes | str, addr: tuple[str, int]) -> None:
        if addr[0] == "127.0.0.1":  # a browser tries its other addresses too, and is not answered there
            received(self, data, addr)

    patch.setattr(StunProtocol, "datagram_received", from_near)
    patch.setattr("aioice.ice.get_host_addresses", lambda *_, **__: list(ours or ("127.0.0.1",)))
    patch.setattr(Connection, "add_remote_candidate", near)


class Loss:
    """Has some of a caller's RTP packets lost on the way, from ``begin`` on."""

    def __init__(self, made: Caller, share: float, seed: int = 1) -> None:
        self.dropped = self.sent = 0
        self.on = False
        self._chance = Random(seed)
        self._share = share
        [sender] = made.connection.getSenders()
        self._send = sender.transport._send_rtp
        setattr(sender.transport, "_send_rtp", self._passed)  # noqa: B010 - a method in its place

    async def _passed(self, data: bytes) -> None:
        if self.on and not is_rtcp(data):
            self.sent += 1
            if self._chance.random() < self._share:
                self.dropped += 1
                return
        await self._send(data)


class Microphone(MediaStreamTrack):
    """20 ms every 20 ms: what it was given to say, else silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.queue: deque[bytes] = deque()
        self._begun: float | None = None
        self.count = 0
        """Frames that have been sent."""
        self.sending = True
        """Sends nothing at all while it is off."""

    def say(self, pcm: bytes) -> None:
        """PCM of 48 kHz."""
        self.queue.extend(pcm[at : at + 2 * FRAME].ljust(2 * FRAME, b"\x00") for at in range(0, len(pcm), 2 * FRAME))

    async def recv(self) -> av.AudioFrame:
        self._begun = self._begun or anyio.current_time()
        await anyio.sleep_until(self._begun + self.count * 0.02)
        while not self.sending:
            await anyio.sleep(0.02)
            self._begun = anyio.current_time() - self.count * 0.02
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(self.queue.popleft() if self.queue else bytes(2 * FRAME))
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.count * FRAME, fractions.Fraction(1, RATE)
        self.count += 1
        return frame


@dataclass
class Caller:
    """One connection of a caller's. ``heard``: PCM of ``rate``."""

    microphone: Microphone
    connection: RTCPeerConnection
    channel: RTCDataChannel
    heard: bytearray = field(default_factory=bytearray)
    told: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0
    rate: int = RATE

    def tell(self, text: str) -> None:
        if text != PING:
            self.told.append(json.loads(text))

    def press(self, digit: str) -> None:
        self.channel.send(json.dumps({"type": "dtmf", "digit": digit}))

    def hang_up(self) -> None:
        self.channel.send(json.dumps({"type": "hangup"}))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]

    async def listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame: Any = await track.recv()
                self.frames += 1
                self.rate = frame.sample_rate
                values = np.frombuffer(bytes(frame.planes[0]), "<i2")[: frame.samples * len(frame.layout.channels)]
                self.heard += values.reshape(-1, len(frame.layout.channels))[:, 0].tobytes()
        except MediaStreamError:
            pass

    async def until(self, reached: Any, limit: float = 20.0) -> None:
        """Wait for something to be so."""
        with anyio.fail_after(limit):
            while not reached():
                await anyio.sleep(0.02)


@asynccontextmanager
async def caller(
    microphone: Microphone | None = None, codec: str = "opus", configuration: RTCConfiguration | None = None
) -> AsyncIterator[Caller]:
    """A caller who has not rung yet."""
    connection = RTCPeerConnection(configuration or RTCConfiguration(iceServers=[]))
    made = Caller(microphone or Microphone(), connection, connection.createDataChannel("offhook"))
    made.channel.on("message", made.tell)
    connection.addTrack(made.microphone)
    [transceiver] = connection.getTransceivers()
    wanted = [one for one in RTCRtpSender.getCapabilities("audio").codecs if one.mimeType.lower() == f"audio/{codec}".lower()]
    transceiver.setCodecPreferences(wanted)
    async with anyio.create_task_group() as group:
        connection.on("track", lambda track: group.start_soon(made.listen, track))
        try:
            yield made
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()
            group.cancel_scope.cancel()


async def offer(made: Caller) -> str:
    """What the caller offers."""
    await made.connection.setLocalDescription(await made.connection.createOffer())
    return str(made.connection.localDescription.sdp)


async def accept(made: Caller, sdp: str) -> None:
    """Take the answer."""
    await made.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


async def ring(made: Caller, address: str, query: str = "", **words: Any) -> httpx.Response:
    """Offer it to an engine; takes a good answer."""
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{address}/webrtc/offer?{query}", json={"sdp": await offer(made), "type": "offer", **words}, timeout=20)
    if answer.is_success:
        await accept(made, answer.json()["sdp"])
    return answer


def without_audio(sdp: str) -> str:
    """An offer whose audio stream is gone."""
    return re.sub(r"m=audio .*?(?=m=application)", "", sdp, flags=re.DOTALL)


@contextmanager
def serving(app: Starlette, port: int = 0) -> Iterator[str]:
    """An application in a thread of this process, whose ICE uses loopback; its address."""
    port = port or free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio", lifespan="on"))
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "it did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
