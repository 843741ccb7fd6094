"""Cuts a stream into pieces of one size: 20 ms for the wire, 512 samples for a voice detector."""

from __future__ import annotations

from offhook.core.audio.format import AudioFormat, silence
from offhook.core.audio.frame import PcmFrame


class Chunker:
    """Bytes in, frames of exactly ``samples`` out, with positions counted from ``start``."""

    def __init__(self, format: AudioFormat, samples: int, *, start: int = 0) -> None:
        self._format = format
        self._samples = samples
        self._size = format.bytes_for(samples)
        self._rest = bytearray()
        self._position = start

    def feed(self, data: bytes) -> list[PcmFrame]:
        """Take bytes of any length, even half samples; returns the whole frames."""
        self._rest += data
        count = len(self._rest) // self._size
        if not count:
            return []
        whole = bytes(self._rest[: count * self._size])
        del self._rest[: count * self._size]
        return [self._frame(whole[at : at + self._size]) for at in range(0, len(whole), self._size)]

    def flush(self) -> PcmFrame | None:
        """The last frame, padded with silence; None when nothing waits."""
        if not self._rest:
            return None
        have = -(-len(self._rest) // self._format.sample_bytes)
        data = bytes(self._rest).ljust(self._format.bytes_for(have), b"\x00") + silence(self._format, self._samples - have)
        self._rest.clear()
        return self._frame(data)

    @property
    def waiting(self) -> int:
        """Bytes that make no whole frame yet."""
        return len(self._rest)

    def _frame(self, data: bytes) -> PcmFrame:
        frame = PcmFrame(data, self._format, self._position)
        self._position += self._samples
        return frame
