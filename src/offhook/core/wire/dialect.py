"""What all carrier websocket dialects have in common: events, the pure interface, strict reading of JSON.

A dialect holds no state of a call. The socket loop (``transports/carrier_ws.py``) keeps order, streams and counts; it
counts a ``BadMessage`` by its ``reason`` and lets the call go on.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, Protocol, TypeAlias

from offhook.core.audio.format import AudioFormat
from offhook.errors import RemoteWireError

MAX_MESSAGE = 64 * 1024
"""Bytes of one message; a carrier's largest real one is below 2 KiB, a browser's 4 KiB."""
_MAX_TEXT = 4096
_MAX_PARAMETERS = 32
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:=+\-]{1,256}", re.ASCII)
KEYS: Final = frozenset("0123456789*#ABCD")
"""What a telephone can have."""

Frame: TypeAlias = str | bytes
"""A text or a binary frame of a websocket."""


class BadMessage(RemoteWireError):
    """One message broke the protocol. ``reason`` is a stable word, for counting."""

    def __init__(self, reason: str, public: str, *, detail: str = "") -> None:
        super().__init__(public, detail=detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Connected:
    """The peer has said hello."""


@dataclass(frozen=True, slots=True)
class Start:
    """The stream begins."""

    stream: str
    carrier_call: str
    parameters: dict[str, str]
    """Of the carrier's markup; ``token``, ``did`` and ``caller`` are understood."""
    format_in: AudioFormat | None = None
    """Of what the caller sends, where the start says it; else the dialect's."""
    format_out: AudioFormat | None = None
    manner: str = ""
    """How the peer wants to be spoken to, where a dialect has more than one way."""


class Media(NamedTuple):
    """Caller audio. ``sequence`` counts packets from about 1, ``timestamp`` is ms since the stream began; None where there is none."""

    stream: str
    payload: bytes
    sequence: int | None
    timestamp: int | None


@dataclass(frozen=True, slots=True)
class Key:
    """A telephone key."""

    stream: str
    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark came back: its audio was played, or cleared where ``mark_on_clear``."""

    stream: str
    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The carrier ends the stream."""

    stream: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The carrier's buffer is full (``go`` is false), or takes audio again."""

    stream: str
    go: bool


DialectEvent: TypeAlias = Connected | Start | Media | Key | Mark | Stop | Flow


class Outgoing(Protocol):
    """What we send on one stream, as frames ready for the wire."""

    def media(self, data: bytes) -> Frame:
        """Audio in the stream's ``format_out``."""
        ...

    def mark(self, name: str) -> tuple[Frame, ...]:
        """Ask for word when everything before it has been played."""
        ...

    def clear(self) -> tuple[Frame, ...]:
        """Drop what has not been played."""
        ...

    def keys(self, digits: str) -> tuple[Frame, ...]:
        """Send telephone keys to the caller's side; nothing where ``can_send_dtmf`` is false."""
        ...


class Dialect(Protocol):
    """One carrier's wire language, as pure functions and facts."""

    @property
    def name(self) -> str:
        """As in addresses and reports: ``twilio``."""
        ...

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller sends."""
        ...

    @property
    def format_out(self) -> AudioFormat:
        """Of what the caller is sent."""
        ...

    @property
    def subprotocol(self) -> str | None:
        """What the carrier asks for at the upgrade and must be granted; None where it asks for nothing."""
        ...

    @property
    def bearer(self) -> str | None:
        """The header of the upgrade in which the carrier can bring a token, in lower case; None where there is none."""
        ...

    @property
    def chunk_ms(self) -> int:
        """Usual length of a media message."""
        ...

    @property
    def message_ms(self) -> int:
        """How much audio a message of ours should hold where there is no hurry; as ``chunk_ms`` unless the carrier takes any length."""
        ...

    @property
    def exact_ms(self) -> int | None:
        """How much audio every message of ours must hold, neither more nor less; None where it may be any."""
        ...

    @property
    def least_ms(self) -> int:
        """How much audio a message of ours must hold at least, whole frames beyond it; 0 where it may be any."""
        ...

    @property
    def can_clear(self) -> bool:
        """Whether the carrier drops what it has when it is told to."""
        ...

    @property
    def mark_on_clear(self) -> bool:
        """Whether a clear returns all pending marks, so that a mark means "played or cleared"."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether media comes in order."""
        ...

    @property
    def can_send_dtmf(self) -> bool:
        """Whether keys can be sent on the stream."""
        ...

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """What a message says; None for one that we may ignore. Raises BadMessage, and nothing else whatever comes."""
        ...

    def speak(self, start: Start) -> Outgoing:
        """Templates for one stream."""
        ...


def read_object(message: str | bytes) -> dict[str, Any]:
    """A text frame as a JSON object, strictly: size, depth, no NaN, no lone surrogates. Raises BadMessage."""
    if not isinstance(message, str):
        raise BadMessage("binary", "a binary frame where the protocol has text only")
    # A character takes at least one byte, so this bounds the bytes too, within the factor of UTF-8.
    if len(message) > MAX_MESSAGE:
        raise BadMessage("oversize", f"a message over {MAX_MESSAGE // 1024} KiB")
    try:
        value = json.loads(message, parse_constant=_no_constant)
    except RecursionError:
        raise BadMessage("nested", "JSON nested too deeply") from None
    except ValueError as error:
        raise BadMessage("json", "a message that is not JSON", detail=str(error)[:200]) from None
    if not isinstance(value, dict):
        raise BadMessage("not_object", "a message that is no JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def part(value: dict[str, Any], key: str) -> dict[str, Any]:
    """A required object member."""
    found = value.get(key)
    if not isinstance(found, dict):
        raise BadMessage("missing", f"{key} is missing or no object")
    return found


def text(value: dict[str, Any], key: str, *, limit: int = 256) -> str:
    """A required, non-empty, printable-safe string member."""
    found = value.get(key)
    if not isinstance(found, str) or not found:
        raise BadMessage("missing", f"{key} is missing or no text")
    return safe(found, key, limit=limit)


def safe(found: str, key: str, *, limit: int = _MAX_TEXT) -> str:
    """A string that every later stage can hold: bounded, no NUL, no lone surrogate."""
    if len(found) > limit:
        raise BadMessage("too_long", f"{key} is longer than {limit} characters")
    if "\x00" in found or (not found.isascii() and any("\ud800" <= letter <= "\udfff" for letter in found)):
        raise BadMessage("bad_text", f"{key} holds characters that are no text")
    return found


def number(value: dict[str, Any], key: str) -> int:
    """A required count: ASCII digits in a string, or a JSON integer; never negative, never a fraction or a truth value."""
    found = value.get(key)
    if type(found) is int and 0 <= found < 10**15:
        return found
    if isinstance(found, str) and _NUMBER.fullmatch(found):
        return int(found)
    raise BadMessage("bad_number", f"{key} is not a count")


def string_map(value: object, key: str) -> dict[str, str]:
    """An optional object of strings, bounded. Numbers and truth values are taken as their JSON text."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > _MAX_PARAMETERS:
        raise BadMessage("bad_parameters", f"{key} is no object of at most {_MAX_PARAMETERS} strings")
    out: dict[str, str] = {}
    for name, item in value.items():
        if not isinstance(item, str | int | float):
            raise BadMessage("bad_parameters", f"{key} holds something that is no string")
        plain = item if isinstance(item, str) else json.dumps(item)
        out[safe(name, key, limit=256)] = safe(plain, key)
    return out


def scalars(value: dict[str, Any], key: str, *, but: frozenset[str]) -> dict[str, str]:
    """The plain members of an object that somebody else may add to, less those that mean something else; bounded."""
    plain = {name: item for name, item in value.items() if name not in but and isinstance(item, str | int | float)}
    return string_map(dict(list(plain.items())[:_MAX_PARAMETERS]), key)


def identifier(found: object, key: str) -> str:
    """A carrier's name for a stream or call: bounded, harmless in a header, a path or a log line."""
    if not isinstance(found, str) or not _IDENTIFIER.fullmatch(found):
        raise BadMessage("bad_stream", f"{key} is missing or malformed")
    return found


def payload(media: dict[str, Any]) -> bytes:
    """The audio of a JSON media message."""
    found = media.get("payload")
    if not isinstance(found, str) or not found:
        raise BadMessage("bad_payload", "media without a payload")
    try:
        audio = binascii.a2b_base64(found, strict_mode=True)
    except ValueError:
        raise BadMessage("bad_payload", "a payload that is not base64") from None
    if not audio:
        raise BadMessage("bad_payload", "an empty payload")
    return audio


def samples16(message: bytes) -> bytes:
    """The audio of a binary message of 16-bit samples."""
    if len(message) > MAX_MESSAGE:
        raise BadMessage("oversize", f"a message over {MAX_MESSAGE // 1024} KiB")
    if not message or len(message) % 2:
        raise BadMessage("bad_payload", f"{len(message)} bytes are no 16-bit samples")
    return message


def key(digit: object) -> str:
    """A telephone key."""
    if not isinstance(digit, str) or digit not in KEYS:
        raise BadMessage("bad_key", "a key that no telephone has")
    return digit


def encoded(data: bytes) -> str:
    """Base64 for a JSON string."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def rung(start: dict[str, Any], parameters: dict[str, str]) -> dict[str, str]:
    """With ``did`` and ``caller`` as the start itself says in ``to`` and ``from``, where the parameters do not say them."""
    said = {
        ours: safe(start[theirs], theirs, limit=256)
        for ours, theirs in (("did", "to"), ("caller", "from"))
        if isinstance(start.get(theirs), str)
    }
    return said | parameters
