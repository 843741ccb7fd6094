"""The voice detector of the process: windows of all calls are scored in one batch per pass, in the inference pool.

A call that has fallen behind, because the machine was busy, has several windows in a pass and catches up. With one only, a delay once
got would last: what was said would be heard ever so late, and from some delay on not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio

from offhook.errors import ProviderError
from offhook.inference import InferencePool, Priority
from offhook.ports.vad import Vad, VadState

MOST: Final = 16
"""Windows of one call in a pass: half a second."""


@dataclass(slots=True)
class _Waiting:
    listener: Listener
    windows: list[bytes]
    start: int


class Listener:
    """One call's side of the detector: audio in, scored windows out through ``heard(probability, start, end)``."""

    def __init__(self, detector: Detector, state: VadState, window: int, heard: Callable[[float, int, int], None]) -> None:
        self._detector = detector
        self.state = state
        self.window = window
        self.heard = heard
        self.closed = False
        self.pending = False
        self._buffer = bytearray()
        self._position = 0

    def push(self, data: bytes) -> None:
        """Take PCM16 audio in the detector's format, without gaps."""
        self._buffer += data
        self._detector.wake()

    def take(self) -> _Waiting | None:
        """The next whole windows, if there are any and none is being scored."""
        size = self.window * 2
        count = min(MOST, len(self._buffer) // size)
        if self.pending or self.closed or not count:
            return None
        windows = [bytes(self._buffer[at : at + size]) for at in range(0, count * size, size)]
        del self._buffer[: count * size]
        start, self._position = self._position, self._position + count * self.window
        self.pending = True
        return _Waiting(self, windows, start)

    def close(self) -> None:
        """No more results are wanted."""
        self.closed = True
        self._detector.forget(self)


class Detector:
    """Scores the windows of all listeners."""

    def __init__(self, vad: Vad, pool: InferencePool) -> None:
        self.vad = vad
        self.format = vad.spec.formats[0]
        self.failures = 0
        self.batches = 0
        self.windows = 0
        self._pool = pool
        self._listeners: set[Listener] = set()
        self._wake = anyio.Event()

    def listen(self, heard: Callable[[float, int, int], None]) -> Listener:
        """Begin listening to a call."""
        listener = Listener(self, self.vad.open(self.format), self.vad.window(self.format), heard)
        self._listeners.add(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Stop listening."""
        self._listeners.discard(listener)

    def wake(self) -> None:
        """There may be a window to score."""
        self._wake.set()

    async def run(self) -> None:
        """Score for as long as the process lives."""
        while True:
            batch = [waiting for listener in self._listeners if (waiting := listener.take()) is not None]
            if not batch:
                self._wake = anyio.Event()
                await self._wake.wait()
                continue
            self.batches += 1
            self.windows += sum(len(waiting.windows) for waiting in batch)
            try:
                scores = await self._pool.run(self._score, batch, priority=Priority.VAD)
            except ProviderError:
                # A deaf window is not the end of a call: it counts as no speech.
                self.failures += 1
                scores = [[0.0] * len(waiting.windows) for waiting in batch]
            for waiting, found in zip(batch, scores, strict=True):
                listener = waiting.listener
                listener.pending = False
                for number, score in enumerate(found):
                    if not listener.closed:
                        start = waiting.start + number * listener.window
                        listener.heard(score, start, start + listener.window)

    def _score(self, batch: list[_Waiting]) -> list[list[float]]:
        """Runs in the pool: the first windows of all calls together, then the second ones, and so on."""
        found: list[list[float]] = [[] for _ in batch]
        for number in range(max(len(waiting.windows) for waiting in batch)):
            due = [index for index, waiting in enumerate(batch) if len(waiting.windows) > number]
            scores = self.vad.score([(batch[index].listener.state, batch[index].windows[number]) for index in due])
            for index, score in zip(due, scores, strict=True):
                found[index].append(score)
        return found
