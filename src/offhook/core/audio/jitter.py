"""Puts packets back in order and says where their samples belong. Adds no delay while packets come in order.

Carriers' media comes over TCP: nothing is lost, but some promise no order, and a stream may have gaps. A gap becomes a jump in
``start``; whoever needs continuous audio fills it with exactly that many samples (``fill``), so that positions hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from offhook.core.audio.format import AudioFormat, silence

_RESYNC = 5
"""So many late packets in a row, rising, mean that the sequence itself has jumped back."""


class Placed(NamedTuple):
    """Audio in order; ``start`` in samples from the beginning of the stream."""

    data: bytes
    start: int


@dataclass(slots=True)
class _Waiting:
    data: bytes
    timestamp: int | None


@dataclass(slots=True)
class Jitter:
    """Reorders by sequence within ``bound`` packets and places by timestamp (in samples)."""

    format: AudioFormat
    bound: int = 4
    tolerance: int = 320
    """Samples that a timestamp may differ from the sum of what came before it without being a gap."""
    late: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Sequence numbers given up."""
    wild: int = 0
    """Timestamps that could not be."""
    _next: int | None = None
    _position: int = 0
    _missing: int = 0
    """Packets given up just before the next one."""
    _size: int = 0
    _origin: int | None = None
    _waiting: dict[int, _Waiting] = field(default_factory=dict)
    _late_run: list[int] = field(default_factory=list)

    def push(self, sequence: int, timestamp: int | None, data: bytes, *, latest: int | None = None) -> list[Placed]:
        """Take one packet; returns what is in order now. ``latest`` bounds positions: no sample can be later than now."""
        if self._next is None:
            self._next = sequence
        if sequence == self._next and not self._waiting:
            # As nearly all come.
            self._late_run.clear()
            return [self._in_order(data, timestamp, latest)]
        if sequence < self._next:
            return self._behind(sequence, timestamp, data, latest)
        self._late_run.clear()
        if sequence in self._waiting:
            self.duplicates += 1
            return []
        self._waiting[sequence] = _Waiting(data, timestamp)
        out = self._ready(latest)
        while len(self._waiting) >= self.bound:
            first = min(self._waiting)
            self._missing = first - self._next
            self.skipped += self._missing
            self._next = first
            out += self._ready(latest)
        return out

    def drain(self) -> list[Placed]:
        """The stream has ended: what still waits, in order."""
        out = []
        for sequence in sorted(self._waiting):
            self._next = sequence
            out += self._ready(None)
        return out

    def _ready(self, latest: int | None) -> list[Placed]:
        out: list[Placed] = []
        while self._next in self._waiting:
            packet = self._waiting.pop(self._next)
            out.append(self._in_order(packet.data, packet.timestamp, latest))
        return out

    def _in_order(self, data: bytes, timestamp: int | None, latest: int | None) -> Placed:
        """The packet that is next."""
        self._next = (self._next or 0) + 1
        placed = Placed(data, self._place(timestamp, latest))
        self._size = self.format.samples_in(len(data))
        self._position = placed.start + self._size
        return placed

    def _place(self, timestamp: int | None, latest: int | None) -> int:
        missing, self._missing = self._missing, 0
        if timestamp is None:
            return self._position + self._size * (missing if missing <= _RESYNC else 0)
        if self._origin is None:
            self._origin = timestamp
        start = timestamp - self._origin
        if start <= self._position + (0 if missing else self.tolerance):
            return self._position
        if latest is not None and start > latest:
            self.wild += 1
            return self._position
        return start

    def _behind(self, sequence: int, timestamp: int | None, data: bytes, latest: int | None) -> list[Placed]:
        if self._late_run and sequence <= self._late_run[-1]:
            self.duplicates += 1
            return []
        self.late += 1
        self._late_run.append(sequence)
        if len(self._late_run) < _RESYNC:
            return []
        self._late_run.clear()
        self._waiting.clear()
        self._next = sequence
        return self.push(sequence, timestamp, data, latest=latest)


@dataclass(slots=True)
class Filler:
    """Makes placed audio continuous: a gap becomes exactly as many samples from ``conceal``, or silence."""

    format: AudioFormat
    most: int
    """Samples that a gap may have; a larger one is only skipped."""
    conceal: Callable[[int, bytes], bytes] | None = None
    """Given the gap in samples and the audio before it, may return up to that much; the rest becomes silence."""
    position: int = 0
    _before: bytes = b""

    def push(self, data: bytes, start: int) -> bytes:
        """Take audio at a position; returns what continues the stream (an overlap is cut off)."""
        gap = start - self.position
        lead = b""
        if gap < 0:
            data = data[self.format.bytes_for(-gap) :]
            if not data:
                return b""
            start = self.position
        elif 0 < gap <= self.most:
            size = self.format.bytes_for(gap)
            lead = self.conceal(gap, self._before)[:size] if self.conceal is not None else b""
            lead += silence(self.format, gap - self.format.samples_in(len(lead)))
        self.position = start + self.format.samples_in(len(data))
        self._before = data
        return lead + data
