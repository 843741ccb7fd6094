"""Telephones on SIP: one UDP socket each, as much of RFC 3261 as a call needs, and RTP by which it is known who hears whom.

Each sends its own tone while it ``speaks``, else silence, and measures which tones it hears.
"""

from __future__ import annotations

import audioop
import math
import re
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from tests.telephony.sbc_peers import media_port, message, parts_of, reply

FRAME = 160
SILENCE = b"\xff" * FRAME
LOUD = 1_000
Headers = dict[str, list[str]]


def sdp(port: int) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", f"m=audio {port} RTP/AVP 0 101"]
    return "\r\n".join([*lines, "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", ""])


def strength(pcm: bytes, hertz: int) -> float:
    """How much of a tone is in 8 kHz audio: about its amplitude (Goertzel)."""
    count = len(pcm) // 2
    if not count:
        return 0.0
    turn, before, last = 2 * math.cos(2 * math.pi * hertz / 8_000), 0.0, 0.0
    for one in struct.unpack(f"<{count}h", pcm):
        before, last = last, one + turn * last - before
    power = last * last + before * before - turn * last * before
    return 2 * math.sqrt(max(0.0, power)) / count


def frames_of(hertz: int) -> list[bytes]:
    """One second of a tone."""
    wave = [int(8_000 * math.sin(2 * math.pi * hertz * n / 8_000)) for n in range(8_000)]
    return [audioop.lin2ulaw(struct.pack(f"<{FRAME}h", *wave[n : n + FRAME]), 2) for n in range(0, 8_000, FRAME)]


@dataclass
class Softphone:
    """``rings`` what an INVITE to it gets before it answers; ``lifts``: it answers. ``takes_refer``: what it says to a REFER."""

    hertz: int
    status: str = ""
    """An INVITE is refused so."""
    takes_refer: bool = True
    speaks: bool = False
    rang: anyio.Event = field(default_factory=anyio.Event)
    lifts: anyio.Event = field(default_factory=anyio.Event)
    up: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    cancelled: bool = False
    heard: bytearray = field(default_factory=bytearray)
    """PCM at 8 kHz, what was lost left out."""
    keys: list[int] = field(default_factory=list)
    """Each once, however many packets it had."""
    referred: str = ""
    """Where a REFER wanted it to go."""
    asserted: str = ""
    sent: int = 0
    numbers: dict[str, Softphone] = field(default_factory=dict)
    """Others that are rung by this one's socket."""
    _wire: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    _media: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    _to: tuple[str, int] | None = None
    _peer: tuple[str, int] = ("", 0)
    _call: str = ""
    _local: str = ""
    _remote: str = ""
    _target: str = ""
    _routes: list[str] = field(default_factory=list)
    _cseq: int = 1
    _tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _last_key: int = -1
    _typed: list[tuple[int, int]] = field(default_factory=list)

    @property
    def port(self) -> int:
        found: int = self._wire.getsockname()[1]
        return found

    @classmethod
    @asynccontextmanager
    async def on(cls, hertz: int, *, trunk: Softphone | None = None, number: str = "", **more: object) -> AsyncIterator[Softphone]:
        """One that is there; behind the socket of ``trunk``, by its number, where that is given."""
        phone = cls(hertz, **more)  # type: ignore[arg-type]
        if trunk is not None:
            phone._wire.close()
            phone._wire, trunk.numbers[number] = trunk._wire, phone
        for each in (phone._media, *(() if trunk is not None else (phone._wire,))):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        try:
            async with anyio.create_task_group() as group:
                for work in (phone._hears, phone._talks, *(() if trunk is not None else (phone._signals,))):
                    group.start_soon(work)
                phone._group = group
                yield phone
                group.cancel_scope.cancel()
        finally:
            phone._wire.close()
            phone._media.close()

    _group: anyio.abc.TaskGroup | None = None

    # -- what its owner does --------------------------------------------------------------------------------------

    def ring(self, server: int, number: str) -> None:
        """Ring somebody."""
        self._call, self._peer = uuid.uuid4().hex, ("127.0.0.1", server)
        self._local, self._remote = f"<sip:+447700900123@127.0.0.1>;tag={self._tag}", f"<sip:{number}@127.0.0.1>"
        self._target = f"sip:{number}@127.0.0.1:{server}"
        self._ask("INVITE", sdp(self._media.getsockname()[1]))

    def press(self, digit: int) -> None:
        """A key, for 100 ms."""
        self._typed += [(digit, number) for number in range(7)]

    def hang_up(self) -> None:
        self._ask("BYE")
        self.over.set()

    async def hears(self, hertz: int, seconds: float = 20.0) -> None:
        """Until it hears this tone steadily; fails where it does not."""
        begun = len(self.heard)
        with anyio.fail_after(seconds):
            while strength(self.newest(begun), hertz) < LOUD:
                await anyio.sleep(0.02)

    def newest(self, since: int = 0) -> bytes:
        """The last 200 ms of what it heard, of what came after ``since``; nothing where there is less."""
        return bytes(self.heard[-3_200:]) if len(self.heard) - since >= 3_200 else b""

    async def quiet(self, seconds: float = 0.6, limit: float = 40.0) -> None:
        """Until it has heard something and then nothing for so long."""
        size = round(16_000 * seconds)
        with anyio.fail_after(limit):
            while audioop.max(bytes(self.heard), 2) < LOUD or len(self.heard) < size or audioop.max(bytes(self.heard[-size:]), 2) >= LOUD:
                await anyio.sleep(0.05)

    # -- signals --------------------------------------------------------------------------------------------------

    def _contact(self) -> str:
        return f"<sip:phone@127.0.0.1:{self.port}>"

    def _ask(self, method: str, body: str = "", extra: tuple[tuple[str, str], ...] = ()) -> None:
        headers = [("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{uuid.uuid4().hex};rport"), ("Max-Forwards", "70")]
        headers += [("Route", route) for route in self._routes]
        headers += [("From", self._local), ("To", self._remote), ("Call-ID", self._call), ("CSeq", f"{self._cseq} {method}")]
        headers += [("Contact", self._contact()), ("Supported", "replaces"), *extra]
        self._cseq += method != "ACK"
        sent = message(f"{method} {self._target} SIP/2.0", headers, body)
        self._wire.sendto(sent.replace(b"Content-Type: application/sdp\r\n", b"") if extra else sent, self._peer)

    async def _signals(self) -> None:
        while True:
            await anyio.wait_readable(self._wire)
            data, source = self._wire.recvfrom(65_535)
            first, headers, body = parts_of(data)
            phone = self._whose(first, headers)
            if first.startswith("SIP/2.0"):
                phone._answered(first, headers, body)
            else:
                phone._asked(first.split()[0], headers, body, source)

    def _whose(self, first: str, headers: Headers) -> Softphone:
        call, rung = headers["call-id"][0], re.match(r"INVITE sip:([^@;>]+)@", first)
        found = next((one for one in self.numbers.values() if one._call == call), None)
        return found or (self.numbers.get(rung[1], self) if rung and self._call != call else self)

    def _answered(self, first: str, headers: Headers, body: str) -> None:
        number, method = headers["cseq"][0].split()
        status = int(first.split()[1])
        if method != "INVITE" or status < 200:
            return
        if status < 300:
            self._remote, found = headers["to"][0], re.search(r"<([^>]+)>", headers["contact"][0])
            assert found is not None
            self._target, self._routes = found[1], list(reversed(headers.get("record-route", [])))
            self._to = ("127.0.0.1", media_port(body))
        before, self._cseq = self._cseq, int(number)
        self._ask("ACK")
        self._cseq = before
        (self.up if status < 300 else self.over).set()

    def _asked(self, method: str, headers: Headers, body: str, source: tuple[str, int]) -> None:
        if method == "INVITE" and not self._call:
            assert self._group is not None
            self._call, self._peer = headers["call-id"][0], source
            self.asserted = headers.get("p-asserted-identity", [""])[0]
            self._group.start_soon(self._rung, headers, body)
        elif method == "INVITE" and "tag=" in headers["to"][0]:
            self._say("488 Not Acceptable Here", headers)
        elif method == "CANCEL":
            self.cancelled = True
            self._say("200 OK", headers)
            self.over.set()
        elif method == "REFER":
            self._say("202 Accepted" if self.takes_refer else "603 Decline", headers)
            self.referred = headers["refer-to"][0]
        elif method == "BYE":
            self._say("200 OK", headers)
            self.over.set()
        elif method != "ACK":
            self._say("200 OK", headers)

    def _say(self, status: str, headers: Headers, body: str = "") -> None:
        sent = reply(status, headers, self._tag, self._contact(), body)
        self._wire.sendto(sent.replace(b"\r\nCSeq:", b"\r\nSupported: replaces\r\nCSeq:"), self._peer)

    async def _rung(self, headers: Headers, body: str) -> None:
        self._say("180 Ringing", headers)
        self.rang.set()
        if self.status:
            self._say(self.status, headers)
            return
        async with _first(self.lifts.wait, self.over.wait):
            pass
        if self.cancelled:
            self._say("487 Request Terminated", headers)
            return
        found = re.search(r"<([^>]+)>", headers["contact"][0])
        assert found is not None
        self._target, self._routes = found[1], headers.get("record-route", [])
        self._local, self._remote = f"{headers['to'][0]};tag={self._tag}", headers["from"][0]
        self._to = ("127.0.0.1", media_port(body))
        self._say("200 OK", headers, sdp(self._media.getsockname()[1]))
        self.up.set()

    def taken_over(self, by: Softphone) -> None:
        """As a trunk does that has brought this one and another together: its leg to the other is over, this one's REFER has worked."""
        by.hang_up()
        words = (
            ("Event", "refer"),
            ("Subscription-State", "terminated;reason=noresource"),
            ("Content-Type", "message/sipfrag;version=2.0"),
        )
        self._ask("NOTIFY", "SIP/2.0 200 OK\r\n", words)

    # -- media ----------------------------------------------------------------------------------------------------

    async def _hears(self) -> None:
        while True:
            await anyio.wait_readable(self._media)
            data, _ = self._media.recvfrom(2_048)
            kind = data[1] & 0x7F
            stamp = int.from_bytes(data[4:8], "big")
            if kind == 101 and stamp != self._last_key:
                self._last_key = stamp
                self.keys.append(data[12])
            elif kind == 0:
                self.heard += audioop.ulaw2lin(data[12:], 2)

    async def _talks(self) -> None:
        await self.up.wait()
        tone, begun, pressed = frames_of(self.hertz), anyio.current_time(), 0
        while not self.over.is_set():
            kind, stamp, data = 0, self.sent * FRAME, tone[self.sent % len(tone)] if self.speaks else SILENCE
            if self._typed:
                digit, number = self._typed.pop(0)
                pressed = stamp if number == 0 else pressed
                last = number >= 4
                kind, stamp, data = 101, pressed, struct.pack("!BBH", digit, 10 | (0x80 if last else 0), min(800, FRAME * (number + 1)))
            head = struct.pack("!BBHII", 0x80, kind, self.sent & 0xFFFF, stamp & 0xFFFFFFFF, self.hertz)
            self.sent += 1
            if self._to is not None:
                self._media.sendto(head + data, self._to)
            await anyio.sleep_until(begun + self.sent * 0.02)


@asynccontextmanager
async def _first(*waits: Callable[[], object]) -> AsyncIterator[None]:
    """Wait for the first of some."""
    async with anyio.create_task_group() as group:

        async def one(wait: Callable[[], object]) -> None:
            await wait()  # type: ignore[misc]
            group.cancel_scope.cancel()

        for wait in waits:
            group.start_soon(one, wait)
    yield
