"""Waveform peaks of a two-channel recording, gathered while it is written: at most 1,000 pairs however long it gets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 1_000


class Peaks:
    """Each pair is (caller, agent), 0 to 255, over ``span`` samples; the span doubles whenever there would be too many."""

    def __init__(self, span: int, most: int = MOST) -> None:
        self.span = span
        self._most = most - most % 2
        self._pairs: list[tuple[int, int]] = []
        self._open = (0, 0)
        self._count = 0

    def feed(self, frames: NDArray[np.int16]) -> None:
        """Take frames of shape (n, 2)."""
        at = 0
        while at < len(frames):
            piece = frames[at : at + self.span - self._count]
            loud = np.abs(piece.astype(np.int32)).max(axis=0)
            self._open = (max(self._open[0], int(loud[0])), max(self._open[1], int(loud[1])))
            self._count += len(piece)
            at += len(piece)
            if self._count >= self.span:
                self._close()

    def _close(self) -> None:
        self._pairs.append(self._open)
        self._open, self._count = (0, 0), 0
        if len(self._pairs) >= self._most:
            halves = zip(self._pairs[::2], self._pairs[1::2], strict=True)
            self._pairs = [(max(a[0], b[0]), max(a[1], b[1])) for a, b in halves]
            self.span *= 2

    def pairs(self) -> list[tuple[int, int]]:
        """What has been gathered, the last, shorter span included."""
        every = [*self._pairs, self._open] if self._count else self._pairs
        return [(min(255, caller >> 7), min(255, agent >> 7)) for caller, agent in every]
