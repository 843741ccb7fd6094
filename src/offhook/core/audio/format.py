"""Audio formats: what the bytes on a link mean.

A format is declared by both ends of every hop and checked when the call is linked, before it is answered
(house.md 8): a wrong rate is refused by name and never heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Encoding(Enum):
    """How one sample is written."""

    PCM16 = "pcm16"
    """Signed 16-bit little-endian."""
    MULAW = "mulaw"
    """G.711 mu-law, one byte a sample."""
    ALAW = "alaw"
    """G.711 A-law, one byte a sample."""
    OPUS = "opus"
    """Opus packets; not addressable by sample."""


_BYTES = {Encoding.PCM16: 2, Encoding.MULAW: 1, Encoding.ALAW: 1}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Encoding and sample rate in Hz; always one channel."""

    encoding: Encoding
    rate: int
    sample_bytes: int = field(init=False, repr=False, compare=False)
    """Bytes a sample; 0 for formats whose packets have no fixed size."""

    def __post_init__(self) -> None:
        # Asked a dozen times for every frame of every call, and an enum is slow to look up.
        object.__setattr__(self, "sample_bytes", _BYTES.get(self.encoding, 0))

    def bytes_for(self, count: int) -> int:
        """Bytes that ``count`` samples take."""
        return count * self.sample_bytes

    def samples_in(self, size: int) -> int:
        """Whole samples in ``size`` bytes."""
        return size // self.sample_bytes

    def __str__(self) -> str:
        return f"{self.encoding.value}/{self.rate}"


PCM16_8K = AudioFormat(Encoding.PCM16, 8_000)
PCM16_16K = AudioFormat(Encoding.PCM16, 16_000)
PCM16_24K = AudioFormat(Encoding.PCM16, 24_000)
PCM16_48K = AudioFormat(Encoding.PCM16, 48_000)
MULAW_8K = AudioFormat(Encoding.MULAW, 8_000)
ALAW_8K = AudioFormat(Encoding.ALAW, 8_000)
OPUS_48K = AudioFormat(Encoding.OPUS, 48_000)

_QUIET = {Encoding.PCM16: b"\x00\x00", Encoding.MULAW: b"\xff", Encoding.ALAW: b"\xd5"}


def silence(format: AudioFormat, count: int) -> bytes:
    """``count`` samples of silence; raises KeyError for formats that are not addressable by sample."""
    return _QUIET[format.encoding] * count
