"""Asterisk's AudioSocket: a stream of frames over TCP, each a kind, a length and so many bytes.

The first frame is the connection's UUID, sixteen bytes. Then sound, signed 16-bit little-endian at a rate that its kind says, keys as one
character, and a hang-up or an error at the end. What we send is sound of the same kind, or a hang-up. Nothing acknowledges what was
played and nothing drops it: whoever sends keeps the time.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from offhook.core.audio.format import PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, AudioFormat
from offhook.core.wire.dialect import BadMessage, Key, key

HANGUP: Final = 0x00
IDENTIFIER: Final = 0x01
DIGIT: Final = 0x03
ERROR: Final = 0xFF
SOUND: Final[dict[int, AudioFormat]] = {0x10: PCM16_8K, 0x12: PCM16_16K, 0x13: PCM16_24K, 0x16: PCM16_48K}
"""Kinds of sound by their rates; 12, 32, 44.1, 96 and 192 kHz are refused."""
_KINDS = {rate: kind for kind, rate in SOUND.items()}
_HEADER = struct.Struct("!BH")


@dataclass(frozen=True, slots=True)
class Hello:
    """Which connection it is."""

    id: str


@dataclass(frozen=True, slots=True)
class Sound:
    """Caller audio."""

    data: bytes
    format: AudioFormat


@dataclass(frozen=True, slots=True)
class Bye:
    """The end. ``lost`` when Asterisk says that something broke."""

    lost: bool


SocketEvent: TypeAlias = Hello | Sound | Key | Bye


@dataclass(slots=True)
class Reader:
    """Cuts a stream of bytes into frames. A frame is 64 KiB at most by its very length."""

    _held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes; returns the frames that are whole, by kind."""
        self._held += data
        found: list[tuple[int, bytes]] = []
        at = 0
        while len(self._held) - at >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._held, at)
            if len(self._held) - at - _HEADER.size < size:
                break
            at += _HEADER.size
            found.append((kind, bytes(self._held[at : at + size])))
            at += size
        del self._held[:at]
        return found


def parse(kind: int, payload: bytes) -> SocketEvent:
    """What a frame says. Raises BadMessage with one of the reasons: unknown media_format bad_payload bad_key bad_stream."""
    if kind in SOUND:
        if not payload or len(payload) % 2:
            raise BadMessage("bad_payload", f"{len(payload)} bytes are no 16-bit samples")
        return Sound(payload, SOUND[kind])
    match kind:
        case 0x00:
            return Bye(lost=False)
        case 0x01:
            if len(payload) != 16:
                raise BadMessage("bad_stream", "an identifier that is no UUID")
            return Hello(str(uuid.UUID(bytes=payload)))
        case 0x03:
            return Key("", key(payload.decode("ascii", "replace")))
        case 0xFF:
            return Bye(lost=True)
        case _ if 0x10 <= kind <= 0x18:
            raise BadMessage("media_format", "sound at a rate that is not taken: 8, 16, 24 and 48 kHz are")
        case _:
            raise BadMessage("unknown", "a kind of frame that the protocol does not have")


def sound(data: bytes, format: AudioFormat) -> bytes:
    """A frame of sound; KeyError for a format that AudioSocket does not have."""
    return _HEADER.pack(_KINDS[format], len(data)) + data


def hang_up() -> bytes:
    """The frame that ends the connection."""
    return _HEADER.pack(HANGUP, 0)
