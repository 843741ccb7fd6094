"""The suite of the transport port on SIP: the stack without its gate, and a telephone of a few lines that rings it and sends RTP."""

from __future__ import annotations

import asyncio
import audioop
import re
import socket
import struct
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import anyio
import pytest
from tests.conformance.transport_suite import HANG_S, Peer, TransportSuite
from tests.telephony.ports import free_port
from tests.telephony.sbc_peers import media_port, message, parts_of, reply, sdp
from tests.telephony.sipline import DID, needs_baresip

from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.ports.transport import CallStart, CallTransport, Closed, MediaIn
from offhook.transports import sip_stack
from offhook.transports.sip import SipTransport
from offhook.transports.sip_stack import SipStack

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(120), needs_baresip]
FRAME = 160
SILENCE = b"\xff" * FRAME
KEYS = "0123456789*#ABCD"
EVENT = 101
Packet = tuple[int, int, bytes]
"""Payload type, samples since the one before began (it has the same time where there are none), payload."""


class Telephone(Peer):
    """It says something all the time, silence too; it is never told of a clear, since what it has is a few frames."""

    gaps = garbles = stalls = tells_clear = exact = False
    marks_by_clear = takes_keys = leaves_out = True

    def __init__(self, stack: int) -> None:
        self.stack = ("127.0.0.1", stack)
        self.wire, self.media = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self.wire, self.media):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
        self.silent = False
        self.jitter = 0.0
        """Seconds by which each packet is sent later, at most."""
        self.sent = 0
        """Packets' times that have passed, lost ones too."""
        self.answered = asyncio.Event()
        self._queue: deque[Packet | None] = deque()
        self._heard = bytearray()
        self._pressed: dict[int, str] = {}
        self._to: tuple[str, int] | None = None
        self._dialog = ""
        self._call = uuid.uuid4().hex
        self._sequence = self._time = 0

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self.wire, self._signalled)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.wire)
        self.wire.close()
        self.media.close()

    # -- SIP --------------------------------------------------------------------------------------------------------

    def _request(self, method: str, number: int, body: str = "") -> None:
        port = self.wire.getsockname()[1]
        headers = [("Via", f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{self._call};rport"), ("Max-Forwards", "70")]
        headers += [("From", f"<sip:caller@127.0.0.1>;tag={self._call[:8]}"), ("To", f"<sip:{DID}@127.0.0.1>{self._dialog}")]
        headers += [("Call-ID", self._call), ("CSeq", f"{number} {method}"), ("Contact", f"<sip:caller@127.0.0.1:{port}>")]
        self.wire.sendto(message(f"{method} sip:{DID}@127.0.0.1:{self.stack[1]} SIP/2.0", headers, body), self.stack)

    def ring(self) -> None:
        offer = sdp(self.media.getsockname()[1]).replace("RTP/AVP 0", f"RTP/AVP 0 {EVENT}")
        self._request("INVITE", 1, offer + f"a=rtpmap:{EVENT} telephone-event/8000\r\na=fmtp:{EVENT} 0-15\r\n")

    def _signalled(self) -> None:
        with suppress(BlockingIOError):
            while True:
                first, headers, body = parts_of(self.wire.recv(65_535))
                method = first.split()[0]
                if method.startswith("SIP/2.0"):
                    self._answered(first, headers, body)
                elif method != "ACK":  # of offers of its own, and of REFER, it is told no, as the gate does
                    status = {"INVITE": "488 Not here", "REFER": "603 Decline"}.get(method, "200 OK")
                    self.wire.sendto(reply(status, headers, self._call[:8], "<sip:caller@127.0.0.1>"), self.stack)

    def _answered(self, first: str, headers: dict[str, list[str]], body: str) -> None:
        status, invite = first.split()[1], headers["cseq"][0].endswith("INVITE")
        if invite and status == "200":
            found = re.search(r";tag=[^;>\s]+", headers["to"][0])
            assert found is not None
            self._dialog, self._to = found[0], ("127.0.0.1", media_port(body))
            self._request("ACK", 1)
            self.answered.set()

    # -- RTP --------------------------------------------------------------------------------------------------------

    async def talk(self) -> None:
        await self.answered.wait()
        begun, due, chance = anyio.current_time(), 0, Random(7)
        while True:
            if not self.silent:
                self._speak(self._queue.popleft() if self._queue else (0, FRAME, SILENCE))
            due += 1
            await anyio.sleep_until(begun + due * 0.02 + self.jitter * chance.random())

    def _speak(self, packet: Packet | None) -> None:
        self._sequence += 1
        kind, samples, payload = packet or (0, FRAME, b"")
        self._time += samples
        self.sent += samples > 0
        if packet is not None and self._to is not None:
            head = struct.pack("!BBHII", 0x80, kind, self._sequence & 0xFFFF, (self._time - FRAME) & 0xFFFFFFFF, 7)
            self.media.sendto(head + payload, self._to)

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            while True:
                data = self.media.recv(2_048)
                if len(data) <= 12:
                    continue
                kind, at = data[1] & 0x7F, int.from_bytes(data[4:8], "big")
                if kind == EVENT:
                    self._pressed[at] = KEYS[data[12]]
                elif kind == 0:
                    self._heard += data[12:]

    async def say(self, frame: bytes) -> None:
        self._queue.append((0, FRAME, pcm_to_mulaw(frame)))

    async def skip(self) -> None:
        self._queue.append(None)

    async def press(self, digit: str) -> None:
        key = KEYS.index(digit)
        going = [(EVENT, FRAME if not n else 0, struct.pack("!BBH", key, 10, FRAME * (n + 1))) for n in range(5)]
        self._queue += [*going, *[(EVENT, 0, struct.pack("!BBH", key, 0x80 | 10, FRAME * 5))] * 3, *[(0, FRAME, SILENCE)] * 5]

    async def hang_up(self) -> None:
        after = self.sent + len(self._queue) + 10  # what it has said is through the jitter buffer then
        with anyio.fail_after(HANG_S):
            while self.sent < after:
                await anyio.sleep(0.02)
        self._request("BYE", 2)

    async def vanish(self) -> None:
        self.silent = True

    def got(self) -> bytes:
        self._listen()
        return mulaw_to_pcm(bytes(self._heard).replace(b"\xff", b"").replace(b"\x7f", b""))

    def clears(self) -> int:
        return 0

    async def play(self) -> None:
        return

    def keys(self) -> str:
        self._listen()
        return "".join(self._pressed[at] for at in sorted(self._pressed))


def audible(event: MediaIn) -> bool:
    return audioop.max(event.data, 2) > 1_000


@asynccontextmanager
async def line() -> AsyncIterator[tuple[SipTransport, Telephone]]:
    """A stack, and a call to it that has been answered."""
    arrived: asyncio.Queue[Any] = asyncio.Queue()
    port, low = free_port(), free_port(22)
    stack = SipStack(port, 0, (low, low + 20), arrived.put_nowait, ("PCMU",))
    await stack.open()
    telephone = Telephone(port)
    telephone.open()

    async def beat() -> None:
        while True:
            stack.beat()
            await anyio.sleep(0.02)

    try:
        async with anyio.create_task_group() as group:
            telephone.ring()
            with anyio.fail_after(HANG_S):
                leg = stack.leg(await arrived.get(), CallStart("sip"), "PCMU", "127.0.0.1")
                await leg.answer()
            group.start_soon(telephone.talk)
            group.start_soon(beat)
            yield leg, telephone
            with anyio.fail_after(HANG_S):
                await leg.end()
            group.cancel_scope.cancel()
    finally:
        telephone.close()
        await stack.close()


class TestSip(TransportSuite):
    name = "sip"

    @pytest.fixture
    def anyio_backend(self) -> object:
        return "asyncio"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[CallTransport, Peer]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sip_stack, "RTP_TIMEOUT_S", 6)
            async with line() as (leg, telephone):
                yield leg, telephone

    async def test_what_was_lost_leaves_a_gap_and_what_comes_later_lies_where_it_was_said(self) -> None:
        async with self.up() as up:
            peer = up.peer
            assert isinstance(peer, Telephone)
            steps = [struct.pack("<h", 2_000 * (number + 1)) * FRAME for number in range(10)]
            """Each louder than the one before: any that comes tells where the first one belongs."""

            def begins() -> list[int]:
                found = []
                for event in (event for event in up.events if isinstance(event, MediaIn)):
                    for at in range(0, len(event.data), 2 * FRAME):
                        number = round(audioop.max(event.data[at : at + 2 * FRAME], 2) / 2_000) - 1
                        if number >= 0:
                            found.append(event.start + at // 2 - number * FRAME)
                return found

            for step in steps:
                await peer.say(step)
            await up.until(lambda: len(begins()) >= 3)
            first, peer.jitter = begins()[0], 0.05
            for number in range(200):
                await (peer.skip() if number % 5 == 2 else peer.say(bytes(2 * FRAME)))
            for step in steps:
                await peer.say(step)
            await up.until(lambda: sum(at > first + 100 * FRAME for at in begins()) >= 3)
            assert abs(begins()[-1] - first - 210 * FRAME) <= 3 * FRAME

    async def test_nonsense_in_media_is_skipped(self) -> None:
        async with self.up() as up:
            peer = up.peer
            assert isinstance(peer, Telephone)
            assert peer._to is not None
            for size in range(40):
                peer.media.sendto(bytes([0x80 | size % 32, 255 - size]) + bytes(size), peer._to)
            await peer.say(up.frame(30))
            await up.until(lambda: any(isinstance(event, MediaIn) and audible(event) for event in up.events))
            assert not up.of(Closed)
