"""From probabilities of speech to "started" and "stopped": hysteresis over windows.

Speech has started when ``start_windows`` of the last ``start_windows + 1`` windows are likely speech, and has stopped
after ``stop_windows`` unlikely ones in a row. A start is dated back to its first likely window, a stop to the end of the
last one that was not unlikely, so that deadlines count from the audio and not from the detector.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Thresholds and windows (one window is 32 ms with Silero)."""

    start: float = 0.5
    stop: float = 0.35
    start_windows: int = 2
    stop_windows: int = 3


@dataclass(frozen=True, slots=True)
class Edge:
    """Speech began or ended at ``sample`` (a position in the stream that was scored)."""

    started: bool
    sample: int


class Gate:
    """One call's detector memory."""

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self.speaking = False
        self._likely: list[int] = []
        self._unlikely = 0
        self._last_speech = 0

    @property
    def last_speech(self) -> int:
        """The sample at which the last window ended that was not unlikely."""
        return self._last_speech

    @property
    def pausing(self) -> bool:
        """Whether the last window was unlikely to be speech: long before it is sure that speech has stopped."""
        return not self.speaking or self._unlikely > 0

    @property
    def undecided(self) -> bool:
        """Whether the next window may be an edge."""
        return self._unlikely == self._settings.stop_windows - 1 if self.speaking else len(self._likely) >= self._settings.start_windows - 1

    def feed(self, probability: float, start: int, end: int) -> Edge | None:
        """Take one window's probability; ``start`` and ``end`` are its samples."""
        settings = self._settings
        if not self.speaking:
            if probability >= settings.start:
                self._likely.append(start)
            if len(self._likely) < settings.start_windows:
                self._likely = [sample for sample in self._likely if end - sample <= (end - start) * settings.start_windows]
                return None
            self.speaking = True
            self._unlikely = 0
            self._last_speech = end
            first, self._likely = self._likely[0], []
            return Edge(True, first)
        if probability >= settings.stop:
            self._unlikely = 0
            self._last_speech = end
            return None
        self._unlikely += 1
        if self._unlikely < settings.stop_windows:
            return None
        self.speaking = False
        return Edge(False, self._last_speech)
