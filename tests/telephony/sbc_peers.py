"""Small SIP peers over UDP for what stands between them: one that answers (a process, to be killed), and a caller who goes where referred.

They speak as much of RFC 3261 as such a call needs, and send RTP of one byte value each, by which a caller knows whom it hears.
"""

from __future__ import annotations

import re
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

FRAME = 0.02
SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact"}


def parts_of(data: bytes) -> tuple[str, dict[str, list[str]], str]:
    """First line, headers by lower-case name, body."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        found = name.strip().lower()
        headers.setdefault(SHORT.get(found, found), []).append(value.strip())
    return first, headers, body


def sdp(port: int) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", f"s=from {port}", "c=IN IP4 127.0.0.1", "t=0 0"]
    return "\r\n".join([*lines, f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""])


def media_port(body: str) -> int:
    found = re.search(r"m=audio (\d+)", body)
    assert found is not None, body
    return int(found[1])


def message(first: str, headers: list[tuple[str, str]], body: str = "") -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def reply(status: str, headers: dict[str, list[str]], tag: str, contact: str, body: str = "") -> bytes:
    """An answer to a request."""
    to = headers["to"][0] if "tag=" in headers["to"][0] else f"{headers['to'][0]};tag={tag}"
    kept = [("Via", via) for via in headers["via"]] + [("Record-Route", route) for route in headers.get("record-route", ())]
    kept += [
        ("From", headers["from"][0]),
        ("To", to),
        ("Call-ID", headers["call-id"][0]),
        ("CSeq", headers["cseq"][0]),
        ("Contact", contact),
    ]
    return message(f"SIP/2.0 {status}", kept, body)


def answer_calls(port: int, voice: int, mode: str) -> None:
    """Answer for ever: OPTIONS, calls, their ends. ``mode`` full: refuses calls with 503."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", port))
    media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    media.bind(("127.0.0.1", 0))
    wire.settimeout(FRAME)
    contact, speaking, count = f"<sip:peer@127.0.0.1:{port}>", {}, 0
    ours = media.getsockname()[1]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        with suppress(TimeoutError):
            data, source = wire.recvfrom(65_535)
            first, headers, body = parts_of(data)
            method, call = first.split()[0], headers.get("call-id", [""])[0]
            if method == "OPTIONS":
                wire.sendto(reply("503 Full" if mode == "full" else "200 OK", headers, "t", contact), source)
            elif method == "INVITE" and mode == "full":
                wire.sendto(reply("503 Full", headers, "t", contact), source)
            elif method == "INVITE":
                wire.sendto(reply("180 Ringing", headers, f"t{port}", contact), source)
                wire.sendto(reply("200 OK", headers, f"t{port}", contact, sdp(ours)), source)
                speaking[call] = media_port(body)
            elif method in {"BYE", "CANCEL"}:
                speaking.pop(call, None)
                wire.sendto(reply("200 OK", headers, f"t{port}", contact), source)
        for target in speaking.values():
            count += 1
            media.sendto(bytes([0x80, 0]) + count.to_bytes(2, "big") + bytes(8) + bytes([voice]) * 160, ("127.0.0.1", target))


@dataclass
class Ringing:
    """A caller. Times are seconds since it rang."""

    server: int
    number: str = "+442079460001"
    heard: list[tuple[float, int]] = field(default_factory=list)
    """Every packet: when, and whose voice."""
    sources: set[int] = field(default_factory=set)
    """Ports that they came from."""
    own: set[int] = field(default_factory=set)
    """Ports that those who answered have as their own."""
    statuses: list[str] = field(default_factory=list)
    ended: float | None = None
    referred: float | None = None
    can_refer: bool = True

    def __post_init__(self) -> None:
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.bind(("127.0.0.1", 0))
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind(("127.0.0.1", 0))
        for each in (self.wire, self.media):
            each.settimeout(0.005)
        self.begun = time.monotonic()
        self._target: tuple[str, tuple[str, int], list[str], str] | None = None
        self._call = ""
        self._cseq = 1

    def now(self) -> float:
        return time.monotonic() - self.begun

    def close(self) -> None:
        self.wire.close()
        self.media.close()

    def ring(self, to: tuple[str, int] | None = None) -> None:
        """Send an INVITE, to the proxy or to whom we were referred."""
        self._call = uuid.uuid4().hex
        self._to = to or ("127.0.0.1", self.server)
        self._from = f"<sip:+447700900123@127.0.0.1>;tag={uuid.uuid4().hex[:8]}"
        body = sdp(self.media.getsockname()[1])
        uri = f"sip:{self.number}@{self._to[0]}:{self._to[1]}"
        self._send("INVITE", uri, self._to, f"<sip:{self.number}@127.0.0.1>", [], body)

    def _send(self, method: str, uri: str, to: tuple[str, int], header_to: str, routes: list[str], body: str = "") -> None:
        port = self.wire.getsockname()[1]
        headers = [("Via", f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{uuid.uuid4().hex};rport"), ("Max-Forwards", "70")]
        headers += [("Route", route) for route in routes]
        headers += [("From", self._from), ("To", header_to), ("Call-ID", self._call), ("CSeq", f"{self._cseq} {method}")]
        headers += [("Contact", f"<sip:caller@127.0.0.1:{port}>")]
        self.wire.sendto(message(f"{method} {uri} SIP/2.0", headers, body), to)

    def turn(self) -> None:
        """Take what has come."""
        with suppress(TimeoutError, BlockingIOError):
            while True:
                data, source = self.media.recvfrom(2_048)
                self.sources.add(source[1])
                self.heard.append((self.now(), data[12]))
        with suppress(TimeoutError, BlockingIOError):
            data, source = self.wire.recvfrom(65_535)
            self._take(*parts_of(data), source)

    def _take(self, first: str, headers: dict[str, list[str]], body: str, source: tuple[str, int]) -> None:
        contact = f"<sip:caller@127.0.0.1:{self.wire.getsockname()[1]}>"
        if first.startswith("SIP/2.0"):
            status, method = first.split(maxsplit=1)[1], headers["cseq"][0].split()[1]
            if method != "INVITE" or headers["call-id"][0] != self._call:
                return
            self.statuses.append(status)
            self.own |= {int(port) for port in re.findall(r"s=from (\d+)", body)}
            if status[0] == "1":
                return
            found = re.search(r"<([^>]+)>", headers.get("contact", ["<sip:none>"])[0])
            uri = found[1] if found and status[0] == "2" else f"sip:{self.number}@127.0.0.1"
            routes = list(reversed(headers.get("record-route", [])))
            self._send("ACK", uri, self._to, headers["to"][0], routes)
            self._target = (uri, self._to, routes, headers["to"][0])
            return
        method = first.split()[0]
        if method == "REFER":
            self.wire.sendto(reply("202 Accepted" if self.can_refer else "603 Decline", headers, "c", contact), source)
            if self.can_refer:
                self.referred = self.now()
                found = re.search(r"sip:[^@>]*@([\d.]+):(\d+)", headers["refer-to"][0])
                assert found is not None
                self.ring((found[1], int(found[2])))
        elif method == "BYE":
            self.wire.sendto(reply("200 OK", headers, "c", contact), source)
            if headers["call-id"][0] == self._call:
                self.ended = self.now()
        elif method != "ACK":
            self.wire.sendto(reply("200 OK", headers, "c", contact), source)

    def voices(self) -> list[int]:
        """Whom the caller heard, in order."""
        found: list[int] = []
        for _, voice in self.heard:
            if found[-1:] != [voice]:
                found.append(voice)
        return found

    def gap(self) -> float:
        """The longest silence between two packets."""
        times = [at for at, _ in self.heard]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    def hang_up(self) -> None:
        """Say goodbye."""
        if self._target is not None and self.ended is None:
            uri, to, routes, header_to = self._target
            self._cseq += 1
            self._send("BYE", uri, to, header_to, routes)


def until(callers: list[Ringing], reached: Iterator[bool], limit: float) -> None:
    """Let callers listen until it is so; fails after ``limit``."""
    end = time.monotonic() + limit
    while not next(reached):
        assert time.monotonic() < end, [(each.statuses, each.voices(), each.ended) for each in callers]
        for each in callers:
            each.turn()


if __name__ == "__main__":
    answer_calls(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
