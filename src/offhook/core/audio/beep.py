"""The tone by which an answering machine says that it records: pure, steady, short, and silence after it.

Looked for in windows of 20 ms. Speech is never pure and steady for so long and then cut off. A ring-back tone is pure and steady, too: one
as low and as long as those (425 Hz for a second, 440 and 480 Hz together) is not a beep, at the price of a rare beep that is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_MS: Final = 20
LOWEST_HZ: Final = 385.0
HIGHEST_HZ: Final = 2_050.0
SHORTEST_MS: Final = 100
LONGEST_MS: Final = 1_500
AFTER_MS: Final = 140
"""So long it is silent after the tone before it counts as a beep."""
QUIETER_DB: Final = 9.0
"""So much quieter than the tone that silence is."""
PURE: Final = 0.84
"""Share of a window's power that is at its one frequency."""
STEADY_HZ: Final = 18.0
STEADY_DB: Final = 3.0
WHOLE: Final = 3
"""From so many windows on it is a tone and not the beginning of one."""
APART: Final = 4
"""So many windows, at least, are between two tones."""
LOUD: Final = 0.004
"""Root mean square of the quietest tone that counts, of 1."""
RING_HZ: Final = (385.0, 500.0)
RING_MS: Final = 340
"""A tone between those frequencies that is longer than this is a telephone network's."""


@dataclass(frozen=True, slots=True)
class Beep:
    """A tone that was followed by silence; ``start`` and ``end`` are samples."""

    start: int
    end: int
    hz: float


@dataclass(frozen=True, slots=True)
class _Window:
    hz: float
    level: float
    pure: bool


class BeepDetector:
    """One stream's memory. Takes signed 16-bit mono at ``rate`` samples a second."""

    def __init__(self, rate: int) -> None:
        self._size = rate * WINDOW_MS // 1_000
        self._rate = rate
        self._hann = np.hanning(self._size + 1)[:-1]
        self._bins = np.fft.rfftfreq(self._size, 1 / rate)
        self._rest = b""
        self._windows = 0
        self._run: list[_Window] = []
        """Windows of the tone that goes on."""
        self._quiet = 0
        """Windows of silence since the tone ended; the tone is kept meanwhile."""
        self._ended: list[_Window] = []
        self._ended_at = 0
        self._tone_at = 0
        """The last window of a tone."""
        self._glided = False
        """The tone that goes on came out of another one, as in a melody."""

    def feed(self, data: bytes) -> list[Beep]:
        """Take audio; the beeps that are known to be ones now."""
        found = []
        data = self._rest + data
        width = self._size * 2
        for begin in range(0, len(data) - width + 1, width):
            samples = np.frombuffer(data, dtype="<i2", count=self._size, offset=begin).astype(np.float64) / 32_768
            self._windows += 1
            beep = self._window(self._look(samples))
            if beep is not None:
                found.append(beep)
        self._rest = data[len(data) - len(data) % width :]
        return found

    def _look(self, samples: NDArray[np.float64]) -> _Window:
        level = float(np.sqrt(np.mean(samples**2)))
        if level < LOUD:
            return _Window(0.0, level, pure=False)
        power = np.abs(np.fft.rfft(samples * self._hann)) ** 2
        total = float(power[1:].sum())
        top = int(power[1:].argmax()) + 1
        near = power[max(1, top - 2) : top + 3]
        hz = float((near * self._bins[max(1, top - 2) : top + 3]).sum() / max(near.sum(), 1e-12))
        pure = total > 0 and float(near.sum()) / total >= PURE and LOWEST_HZ <= hz <= HIGHEST_HZ
        return _Window(hz, level, pure)

    def _window(self, window: _Window) -> Beep | None:
        """One window more."""
        if window.pure and self._goes_on(window):
            self._run.append(window)
            self._ended = []
            if len(self._run) >= WHOLE:
                self._tone_at = self._windows
            return None
        fades = len(self._run) >= WHOLE and window.level < self._run[-1].level  # the window that it ends in holds a part of it
        if window.pure and not fades:
            # Nor is the window that it begins in whole.
            self._glided = 0 < self._tone_at >= self._windows - APART
            self._run, self._ended = [window], []
            return None
        if self._run:
            self._ended, self._run = self._run, []
            self._ended_at, self._quiet = self._windows - 1, 0
        if not self._ended:
            return None
        if window.level > self._level(self._ended) * 10 ** (-QUIETER_DB / 20):
            if self._windows - self._ended_at > 1:
                self._ended = []
            return None
        self._quiet += 1
        if self._quiet * WINDOW_MS < AFTER_MS:
            return None
        run, self._ended = self._ended, []
        return self._beep(run)

    def _goes_on(self, window: _Window) -> bool:
        if not self._run:
            return False
        steady = abs(window.hz - self._run[-1].hz) <= STEADY_HZ and abs(window.hz - self._run[0].hz) <= 2 * STEADY_HZ
        known = self._run[1:] or self._run  # what it began in may be a part of a window
        return steady and (len(self._run) < 2 or abs(_db(window.level, self._level(known))) <= STEADY_DB)

    def _level(self, run: list[_Window]) -> float:
        return float(np.median([one.level for one in run]))

    def _beep(self, run: list[_Window]) -> Beep | None:
        length = len(run) * WINDOW_MS
        hz = float(np.median([one.hz for one in run]))
        if self._glided or not SHORTEST_MS <= length <= LONGEST_MS or (RING_HZ[0] <= hz <= RING_HZ[1] and length > RING_MS):
            return None
        end = self._ended_at * self._size
        return Beep(end - len(run) * self._size, end, round(hz, 1))


def _db(one: float, other: float) -> float:
    return 20 * float(np.log10(max(one, 1e-9) / max(other, 1e-9)))
