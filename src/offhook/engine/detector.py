"""The voice detector of the process: windows of all calls are scored in one batch per pass, in the inference pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from offhook.errors import ProviderError
from offhook.inference import InferencePool, Priority
from offhook.ports.vad import Vad, VadState


@dataclass(slots=True)
class _Waiting:
    listener: Listener
    data: bytes
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
        """The next whole window, if there is one and none is being scored."""
        size = self.window * 2
        if self.pending or self.closed or len(self._buffer) < size:
            return None
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        start, self._position = self._position, self._position + self.window
        self.pending = True
        return _Waiting(self, data, start)

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
            self.windows += len(batch)
            try:
                scores = await self._pool.run(
                    self.vad.score, [(waiting.listener.state, waiting.data) for waiting in batch], priority=Priority.VAD
                )
            except ProviderError:
                # A deaf window is not the end of a call: it counts as no speech.
                self.failures += 1
                scores = [0.0] * len(batch)
            for waiting, score in zip(batch, scores, strict=True):
                listener = waiting.listener
                listener.pending = False
                if not listener.closed:
                    listener.heard(score, waiting.start, waiting.start + listener.window)
