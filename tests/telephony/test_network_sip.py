"""Real calls over SIP and RTP through a bad network: no false turn end, no crash, and the recording stays aligned."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import numpy as np
import pytest
import soundfile
from tests.scenarios.harness import SCRIPT
from tests.shared import needs_shared
from tests.telephony.figures import figure
from tests.telephony.network import Network, Way, needs_namespaces, network
from tests.telephony.sipline import DID, needs_baresip
from tests.telephony.test_concealment import FRAME, RATE
from tests.telephony.test_network import PATIENCE, sentence

from offhook.core.audio.g711 import mulaw_to_pcm
from offhook.engine.engine import Engine, running
from offhook.engine.quality import quality
from offhook.engine.settings import EngineSettings
from offhook.engine.sip import sip_line
from offhook.testing.carrier import loud_frames

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(240), needs_namespaces, needs_baresip, needs_shared]
PORT = 5060
CLOSE_MS = 60
"""Of which the recording may be off: three packets."""
LOUD = 3 * RATE // 2
"""Samples of the sentence before a blackout: in the middle of a word, with seconds of it left for afterwards."""
QUIET = b"\xff" * FRAME


@dataclass
class Caller:
    """A telephone of a few lines: rings, sends 20 ms of mu-law every 20 ms, keeps what it hears."""

    line: socket.socket
    media: socket.socket
    there: str
    here: str
    said: bytearray = field(default_factory=bytearray)
    loud: list[int] = field(default_factory=list)
    """Samples of ours at which a packet that can be heard had come."""
    _queue: bytearray = field(default_factory=bytearray)
    _to: tuple[str, int] = ("", 0)
    _tag: str = ""
    over: bool = False

    def _request(self, method: str, number: int, body: str = "") -> bytes:
        to = f"<sip:{DID}@{self.there}>" + (f";tag={self._tag}" if self._tag else "")
        at = f"{self.here}:{self.line.getsockname()[1]}"
        head = [
            f"{method} sip:{DID}@{self.there}:{PORT} SIP/2.0", f"Via: SIP/2.0/UDP {at};branch=z9hG4bK{method}{number}", "Max-Forwards: 70",
            f"From: <sip:+447700900123@{self.here}>;tag=caller", f"To: {to}", "Call-ID: through-a-bad-network", f"CSeq: {number} {method}",
            f"Contact: <sip:caller@{at}>", *(["Content-Type: application/sdp"] if body else []), f"Content-Length: {len(body)}",
        ]  # fmt: skip
        return ("\r\n".join(head) + "\r\n\r\n" + body).encode()

    async def ring(self) -> None:
        """Until it is answered, over a good network."""
        loop = asyncio.get_running_loop()
        port = self.media.getsockname()[1]
        offer = (
            f"v=0\r\no=caller 1 1 IN IP4 {self.here}\r\ns=-\r\nc=IN IP4 {self.here}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
        )
        await loop.sock_sendto(self.line, self._request("INVITE", 1, offer), (self.there, PORT))
        with anyio.fail_after(PATIENCE):
            while True:
                answer = (await loop.sock_recv(self.line, 65_536)).decode()
                status = int(answer.split()[1])
                assert status < 300, answer
                if status == 200:
                    break
        self._tag = re.findall(r"^To:.*;tag=([^;\r\n]+)", answer, re.MULTILINE | re.IGNORECASE)[0]
        self._to = (re.findall(r"c=IN IP4 (\S+)", answer)[0], int(re.findall(r"m=audio (\d+)", answer)[0]))
        await loop.sock_sendto(self.line, self._request("ACK", 1), (self.there, PORT))

    async def talk(self) -> None:
        begin = anyio.current_time()
        while not self.over:
            frame = bytes(self._queue[:FRAME]).ljust(FRAME, b"\xff")
            del self._queue[:FRAME]
            number = len(self.said) // FRAME
            self.media.sendto(struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * FRAME, 7) + frame, self._to)
            self.said += frame
            await anyio.sleep_until(begin + (number + 1) * 0.02)

    async def hear(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data = await loop.sock_recv(self.media, 2_048)
            if len(data) > 12 and data[1] & 0x7F == 0 and loud_frames(data[12:]).any():
                self.loud.append(len(self.said))

    def play(self, mulaw: bytes) -> tuple[int, int]:
        begin = len(self.said)
        self._queue += mulaw
        return begin, begin + len(mulaw)

    async def until(self, sample: int) -> None:
        with anyio.fail_after(PATIENCE):
            while len(self.said) < sample:
                await anyio.sleep(0.02)

    async def hears(self, after: int, quiet: int) -> int:
        """Until the agent has spoken after this sample and been quiet for so many; where it began."""
        with anyio.fail_after(PATIENCE):
            while not (found := [at for at in self.loud if at >= after]) or len(self.said) - found[-1] < quiet:
                await anyio.sleep(0.02)
        return found[0]

    async def hang_up(self) -> None:
        await asyncio.get_running_loop().sock_sendto(self.line, self._request("BYE", 2), (self.there, PORT))
        self.over = True


@asynccontextmanager
async def answering(net: Network, folder: Path) -> AsyncIterator[Engine]:
    """The real engine with the embedded models and a SIP line in namespace a."""
    (folder / "plan.json").write_text(json.dumps({"script": SCRIPT, "region": "GB"}))
    trunk = {"id": "one", "auth": "address", "sources": [net.b], "dids": [DID], "codecs": ["PCMU"]}
    (folder / "trunks.json").write_text(json.dumps({"version": "1", "trunks": [trunk]}))
    settings = EngineSettings(
        plan=folder / "plan.json", state_dir=folder / "state", drain_s=0.1, sip_listen=f"{net.a}:{PORT}", sip_trunks=folder / "trunks.json"
    )
    async with running(settings) as engine:
        line = sip_line(engine)
        with net.inside("a"):  # so are the threads that the stack starts
            await line.__aenter__()
        try:
            yield engine
        finally:
            await line.__aexit__(None, None, None)


@asynccontextmanager
async def calling(net: Network) -> AsyncIterator[Caller]:
    with net.inside("b"):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for one in sockets:
            one.bind((net.b, 0))
            one.setblocking(False)
    with sockets[0], sockets[1]:
        caller = Caller(sockets[0], sockets[1], net.a, net.b)
        await caller.ring()
        async with anyio.create_task_group() as group:
            group.start_soon(caller.talk)
            group.start_soon(caller.hear)
            yield caller
            group.cancel_scope.cancel()


def found(recorded: np.ndarray, pattern: bytes, near: int, most: int = RATE) -> int:
    """Where a piece of what was said lies in the recording."""
    wanted = np.frombuffer(mulaw_to_pcm(pattern), dtype="<i2").astype(np.float64)
    first = max(0, near - most)
    return int(np.argmax(np.correlate(recorded[first : near + most + len(wanted)].astype(np.float64), wanted, mode="valid"))) + first


WAYS: dict[str, tuple[Way, float]] = {
    "5 % loss, 50 ms jitter": (Way(loss=0.05, jitter=0.05), 0.0),
    "20 % loss": (Way(loss=0.2, delay=0.01), 0.0),
    "3 s blackout": (Way(), 3.0),
}


@pytest.mark.parametrize("name", WAYS)
async def test_field_19_a_call_by_sip_through_a_bad_network(name: str, tmp_path: Path) -> None:
    way, dark = WAYS[name]
    words = sentence()
    mark = words[:RATE]
    async with network() as net, answering(net, tmp_path) as engine, calling(net) as caller:
        await caller.hears(0, RATE)
        [call] = engine.calls.values()
        net.way = way
        begin, end = caller.play(words)
        if dark:
            await caller.until(begin + LOUD)
            net.dark = True
            await anyio.sleep(dark)
            net.dark = False
        await caller.until(end)
        net.way = Way()
        answer = await caller.hears(end, RATE)
        with anyio.fail_after(PATIENCE):  # a slow recogniser's words come after a first word of the agent's
            while not (turns := call.reporter.counts["caller_turns"]):
                await anyio.sleep(0.05)
        early = any(begin + RATE // 2 < at < end for at in caller.loud)
        last, _ = caller.play(mark)
        await caller.until(last + 2 * RATE)
        await caller.hang_up()
        with anyio.fail_after(PATIENCE):
            while engine.calls:
                await anyio.sleep(0.05)
        assert answer >= end
        assert not [word for word in engine.failures if word.startswith("crash")]
    media = quality(call.transport.stats(), call._hearing.concealed_ms)
    assert media is not None
    recorded, rate = soundfile.read(next((tmp_path / "state" / "calls").glob("*/call.flac")), dtype="int16", always_2d=True)
    assert rate == RATE
    offsets = [found(recorded[:, 0], mark, at) - at for at in (begin, last)]
    moved = (offsets[1] - offsets[0]) / RATE * 1_000
    figure(
        f"RTP, {name}: {max(0, turns - 1) + early} false turn ends, {net.counts['lost']} of {net.counts['sent']} packets lost, "
        f"{media.concealed_ms} ms made up, MOS {media.mos}, the recording is {moved:.0f} ms off at the end"
    )
    assert (turns, early) == (1, False)
    assert media.concealed_ms > 0
    assert media.received > 0
    assert abs(moved) < CLOSE_MS
