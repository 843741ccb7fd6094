"""Streaming polyphase resampler: a windowed-sinc filter with explicit state, constant lag and exact integer arithmetic.

The lag is 16 samples of the lower of the two rates: 2 ms at 8 kHz, 1 ms at 16 kHz. Coefficients are integers and the sums
stay far below 2**53, so they are exact in float64 whatever their order: the same samples in any chunks give the same bytes.
Libraries' streaming modes were measured to return nothing for most 20 ms chunks and then a burst (telephony.md 4).
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

_HALF = 16
"""Lag in samples of the lower rate."""
_SCALE = 1 << 20
_BETA = 5.0
"""Kaiser window: stop band below -50 dB."""
_FEW = 8
"""Phases up to which a product for each is faster than gathering them all."""
_EDGE = 0.915
"""Middle of the transition band, as a part of the lower Nyquist rate: passes 3.3 kHz and stops 4 kHz at 8 kHz."""


@lru_cache(maxsize=64)
def _taps(up: int, down: int) -> NDArray[np.float64]:
    """Coefficients as integers, one row a phase, newest sample last."""
    wide = max(up, down)
    half = _HALF * wide
    t = np.arange(-half, half + 1)
    prototype = np.sinc(t * _EDGE / wide) * np.kaiser(2 * half + 1, _BETA)
    columns = -(-len(prototype) // up)
    padded = np.zeros(columns * up)
    padded[: len(prototype)] = prototype
    phases = padded.reshape(columns, up).T
    # Each phase has unit gain at 0 Hz, or its ripple would be heard as a tone at the input's rate.
    unit = phases / phases.sum(axis=1, keepdims=True)
    taps: NDArray[np.float64] = np.ascontiguousarray(np.round(unit * _SCALE)[:, ::-1])
    taps.setflags(write=False)
    return taps


class Resampler:
    """From one rate to another, PCM16 in and out. State: the newest samples and the position within the ratio."""

    def __init__(self, source: int, target: int) -> None:
        divisor = gcd(source, target)
        self.source = source
        self.target = target
        self._up = target // divisor
        self._down = source // divisor
        self._taps = _taps(self._up, self._down)
        self._width = self._taps.shape[1]
        self.reset()

    @property
    def lag(self) -> float:
        """Seconds by which the output is late."""
        return _HALF / min(self.source, self.target)

    def reset(self) -> None:
        """Forget what was fed."""
        self._history = np.zeros(self._width - 1, dtype=np.float64)
        self._next = 0
        """Of the next output sample: its time in 1/up input samples, from the first sample of the next chunk."""

    def feed(self, data: bytes) -> bytes:
        """Take PCM16 of any whole number of samples; returns every output sample that is due."""
        fresh = np.frombuffer(data, dtype="<i2").astype(np.float64)
        if not len(fresh):
            return b""
        line = np.concatenate((self._history, fresh))
        times = np.arange(self._next, len(fresh) * self._up, self._down)
        self._next += len(times) * self._down - len(fresh) * self._up
        self._history = line[len(fresh) :]
        if not len(times):
            return b""
        sums = self._sums(np.lib.stride_tricks.sliding_window_view(line, self._width), times)
        return bytes(np.clip(np.floor(sums / _SCALE + 0.5), -32768, 32767).astype("<i2").tobytes())

    def _sums(self, windows: NDArray[np.float64], times: NDArray[np.int64]) -> NDArray[np.float64]:
        up, down = self._up, self._down
        if up > _FEW:
            many: NDArray[np.float64] = np.einsum("nk,nk->n", windows[times // up], self._taps[times % up])
            return many
        sums = np.empty(len(times))
        for first in range(min(up, len(times))):
            # Every up-th output has the same phase, and its inputs are down samples apart.
            count = -(-(len(times) - first) // up)
            begin = int(times[first]) // up
            rows = np.ascontiguousarray(windows[begin : begin + (count - 1) * down + 1 : down])
            sums[first::up] = rows @ self._taps[int(times[first]) % up]
        return sums

    def flush(self) -> bytes:
        """The last samples, which the lag has held back; the state is as new afterwards."""
        tail = -(-_HALF * self.source // min(self.source, self.target))
        out = self.feed(bytes(2 * tail))
        self.reset()
        return out
