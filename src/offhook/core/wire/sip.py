"""SIP messages as text (RFC 3261): strict reading, small edits, writing. What a gate in front of a SIP stack needs and no more.

Pure. A message that cannot be one is a ``BadMessage`` whose ``reason`` is counted; nothing else is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from offhook.core.wire.dialect import BadMessage

MAX_DATAGRAM: Final = 65_535
MAX_HEADERS: Final = 120
_COMPACT: Final = {
    "v": "Via",
    "f": "From",
    "t": "To",
    "i": "Call-ID",
    "m": "Contact",
    "l": "Content-Length",
    "c": "Content-Type",
    "e": "Content-Encoding",
    "s": "Subject",
    "k": "Supported",
    "o": "Event",
    "r": "Refer-To",
    "b": "Referred-By",
    "x": "Session-Expires",
}
_ONCE: Final = ("from", "to", "call-id", "cseq")
_REQUEST: Final = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,60}) ([^\s<>]{1,2000}) SIP/2\.0")
_STATUS: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.{0,300}))?")
_NAME: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,80}")
_CSEQ: Final = re.compile(r"([0-9]{1,10})\s+(\S{1,60})")
_VIA: Final = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z]{1,10})\s+(\[[0-9A-Fa-f:.]+\]|[^\s;:,\[\]]+)\s*(?::\s*([0-9]{1,5}))?\s*(.*)", re.DOTALL
)
_URI: Final = re.compile(
    r"(sips?):(?:([^@\s<>?]{0,500})@)?(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.\-_]{1,253})(?::([0-9]{1,5}))?([;?][^\s<>]*)?", re.IGNORECASE
)
_TEL: Final = re.compile(r"tel:(\+?[0-9().\-*#A-Fa-f]{1,60})(;[^\s<>]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Uri:
    """Of ``sip:user@host:port``; ``user`` without password and parameters. A ``tel:`` has no host."""

    user: str
    host: str = ""
    port: int = 0


@dataclass(slots=True)
class Message:
    """A request (``method``) or a response (``status``). Header names are as they came, their compact forms written out."""

    method: str = ""
    uri: str = ""
    status: int = 0
    phrase: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str:
        """The first of a name; empty where there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def all(self, name: str) -> list[str]:
        """All of a name, in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def drop(self, name: str) -> None:
        """None of a name."""
        wanted = name.lower()
        self.headers = [(key, value) for key, value in self.headers if key.lower() != wanted]

    def put(self, name: str, values: Iterable[str]) -> None:
        """These of a name and no other, where the first of them stood, or first of all."""
        wanted = name.lower()
        at = next((n for n, (key, _) in enumerate(self.headers) if key.lower() == wanted), 0)
        rest_before = [one for one in self.headers[:at] if one[0].lower() != wanted]
        rest_after = [one for one in self.headers[at:] if one[0].lower() != wanted]
        self.headers = [*rest_before, *((name, value) for value in values), *rest_after]

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method."""
        found = _CSEQ.fullmatch(self.get("cseq"))
        return (int(found[1]), found[2]) if found else (0, "")

    @property
    def in_dialog(self) -> bool:
        """Whether the To has a tag."""
        return bool(parameter(self.get("to"), "tag"))

    def render(self) -> bytes:
        """As it goes on the wire, with the body's true length."""
        first = f"{self.method} {self.uri} SIP/2.0" if self.method else f"SIP/2.0 {self.status} {self.phrase}"
        lines = [first, *(f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length")]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + self.body


def parse(data: bytes) -> Message:
    """A datagram's message. Raises BadMessage."""
    if len(data) > MAX_DATAGRAM:
        raise BadMessage("oversize", "a SIP message over 64 KiB")
    head, found, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not found:
        raise BadMessage("cut", "a SIP message without the end of its headers")
    if b"\x00" in head:
        raise BadMessage("nul", "a SIP message with a NUL in its headers")
    first, *lines = head.decode("latin-1").split("\r\n")
    message = _first(first)
    message.headers = _headers(lines)
    _check(message)
    length = message.get("content-length")
    if length:
        if not length.isascii() or not length.isdigit() or len(length) > 6:
            raise BadMessage("length", "a Content-Length that is no number")
        if int(length) > len(body):
            raise BadMessage("length", "a SIP message that is shorter than it says")
        body = body[: int(length)]
    message.body = body
    return message


def _first(line: str) -> Message:
    if found := _STATUS.fullmatch(line):
        return Message(status=int(found[1]), phrase=found[2] or "")
    if found := _REQUEST.fullmatch(line):
        return Message(method=found[1], uri=found[2])
    raise BadMessage("first_line", "neither a SIP request nor a response")


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    joined: list[str] = []
    for line in lines:
        if line[:1] in {" ", "\t"}:
            if not joined:
                raise BadMessage("fold", "a continued header that never began")
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    if len(joined) > MAX_HEADERS:
        raise BadMessage("headers", "too many headers")
    headers: list[tuple[str, str]] = []
    for line in joined:
        name, found, value = line.partition(":")
        name = name.rstrip(" \t")
        if not found or not _NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise BadMessage("header", "a line among the headers that is none")
        headers.append((_COMPACT.get(name.lower(), name), value.strip()))
    return headers


def _check(message: Message) -> None:
    for name in _ONCE:
        found = message.all(name)
        if len(found) != 1 or not found[0]:
            raise BadMessage(name, f"a SIP message needs one {name}")
    if not message.get("via"):
        raise BadMessage("via", "a SIP message without Via")
    number, method = message.cseq
    if not method or number >= 2**31 or (message.method and method != message.method):
        raise BadMessage("cseq", "a CSeq that is none, or another method's")
    hops = message.get("max-forwards")
    if hops and (not hops.isascii() or not hops.isdigit() or int(hops[:6]) > 255):
        raise BadMessage("max_forwards", "a Max-Forwards that is no number up to 255")
    for name in ("from", "to"):
        if uri(message.get(name)) is None:
            raise BadMessage(name, f"a {name} without an address")


def split(values: Iterable[str]) -> list[str]:
    """Header values with those that share a line told apart; commas in quotes and in angle brackets do not count."""
    parts: list[str] = []
    for value in values:
        start, quoted, deep = 0, False, 0
        for at, sign in enumerate(value):
            if sign == '"' and (at == 0 or value[at - 1] != "\\"):
                quoted = not quoted
            elif not quoted and sign in "<>":
                deep += 1 if sign == "<" else -1
            elif not quoted and deep == 0 and sign == ",":
                parts.append(value[start:at].strip())
                start = at + 1
        parts.append(value[start:].strip())
    return [part for part in parts if part]


def parameter(value: str, name: str) -> str:
    """A parameter of a header's value, outside its address; empty where there is none."""
    outside = value.rpartition(">")[2] if ">" in value else value.partition(";")[2]
    for part in outside.split(";"):
        key, _, found = part.partition("=")
        if key.strip().lower() == name:
            return found.strip()
    return ""


def uri(value: str) -> Uri | None:
    """The address in a header's value or request line; None where there is none that can be read."""
    text = value.strip()
    if text.startswith('"'):
        end = re.match(r'"(?:[^"\\]|\\.)*"', text)
        text = text[end.end() :] if end else ""
    bracketed = re.search(r"<([^<>]*)>", text)
    inner = bracketed[1].strip() if bracketed else text
    found = _URI.match(inner)
    if found:
        port = int(found[4] or 0)
        if port > 65_535:
            return None
        user = (found[2] or "").partition(":")[0].partition(";")[0]
        return Uri(_unescaped(user), found[3].strip("[]").lower(), port)
    tel = _TEL.match(inner)
    return Uri(tel[1]) if tel else None


def _unescaped(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda one: chr(int(one[1], 16)), text)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop. ``rest`` are its parameters, from their first semicolon."""

    transport: str
    host: str
    port: int
    rest: str

    def parameter(self, name: str) -> str:
        """A parameter; empty where there is none or it has no value."""
        return parameter(f"x{self.rest}", name)


def via(value: str) -> Via | None:
    """A Via's value."""
    found = _VIA.fullmatch(value)
    if not found or int(found[3] or 0) > 65_535:
        return None
    return Via(found[1].upper(), found[2].strip("[]"), int(found[3] or 0), found[4])


def answer(request: Message, status: int, phrase: str, tag: str, extra: Iterable[tuple[str, str]] = ()) -> Message:
    """A response of our own to a request that goes no further."""
    headers = [(name, value) for name, value in request.headers if name.lower() in {"via", "from", "call-id", "cseq", "timestamp"}]
    to = request.get("to")
    headers.append(("To", to if parameter(to, "tag") else f"{to};tag={tag}"))
    return Message(status=status, phrase=phrase, headers=[*headers, *extra])
