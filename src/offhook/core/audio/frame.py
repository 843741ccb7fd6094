"""The two shapes of media: decoded frames and encoded packets. Never mixed, so that feeding mu-law to a VAD is a type error.

Tuples by name, here and wherever audio passes frame by frame: a frozen dataclass takes up to ten times as long to make.
"""

from __future__ import annotations

from typing import NamedTuple

from offhook.core.audio.format import AudioFormat


class PcmFrame(NamedTuple):
    """Decoded audio: signed 16-bit little-endian mono. ``start`` is the position of the first sample on its leg, at ``format.rate``."""

    data: bytes
    format: AudioFormat
    start: int

    @property
    def samples(self) -> int:
        """Samples in this frame."""
        return len(self.data) // 2

    @property
    def end(self) -> int:
        """Position just after the last sample."""
        return self.start + len(self.data) // 2


class Packet(NamedTuple):
    """Encoded audio as it is on the wire. ``timestamp`` counts samples at ``format.rate``; ``sequence`` counts packets."""

    payload: bytes
    format: AudioFormat
    sequence: int
    timestamp: int
