"""The voice detector of the process: windows of all calls are scored in one batch per pass, in the inference pool.

Where there are many calls, a window waits a little for those of others: what a pass costs is mostly the model's way back into the
processor's cache, and hardly more for ten windows than for one. The window that may decide does not wait: the second one of speech, the
third one of silence. So nobody is heard more than 8 ms later for it.

A call that has fallen behind, because the machine was busy, has several windows in a pass and catches up. With one only, a delay once got
would last: what was said would be heard ever so late, and from some delay on not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from offhook.core.speech.gate import Gate, GateSettings
from offhook.errors import ProviderError
from offhook.inference import InferencePool, Priority
from offhook.ports.vad import Vad, VadState

log = logging.getLogger("offhook.engine")

MOST: Final = 16
"""Windows of one call in a pass: half a second."""
MANY: Final = 4
"""Calls from which on there is company to wait for: among fewer, a window's neighbours are further away than anybody would wait."""
COMPANY_S: Final = 0.028
"""How long a window waits for those of other calls, at most. The next window comes 20 or 40 ms after it: one that would have been
urgent, had this one been scored, may be scored 8 ms late, and no later, since both are then due at once.
"""


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
        self._gate = Gate(GateSettings())
        self._buffer = bytearray()
        self._position = 0

    def push(self, data: bytes) -> None:
        """Take PCM16 audio in the detector's format, without gaps."""
        self._buffer += data
        if len(self._buffer) >= 2 * self.window:
            self._detector.wake(self)

    def take(self) -> _Waiting | None:
        """The next whole windows, if there are any."""
        size = self.window * 2
        count = min(MOST, len(self._buffer) // size)
        if self.closed or not count:
            return None
        windows = [bytes(self._buffer[at : at + size]) for at in range(0, count * size, size)]
        del self._buffer[: count * size]
        start, self._position = self._position, self._position + count * self.window
        if len(self._buffer) >= size:
            self._detector.wake(self)
        return _Waiting(self, windows, start)

    @property
    def urgent(self) -> bool:
        """Whether the next window may decide that speech begins or ends."""
        return self._gate.undecided

    def scored(self, score: float, start: int) -> None:
        """The window at this sample sounds like speech or not; hand that on."""
        end = start + self.window
        self._gate.feed(score, start, end)
        if not self.closed:
            self.heard(score, start, end)

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
        self._broken = False
        self.batches = 0
        self.windows = 0
        self._pool = pool
        self._listeners: set[Listener] = set()
        self._ready: dict[Listener, None] = {}
        """Those that have a whole window, in the order in which they had it."""
        self._due = asyncio.Event()
        """They are to be scored now."""
        self._timer: asyncio.TimerHandle | None = None

    def listen(self, heard: Callable[[float, int, int], None]) -> Listener:
        """Begin listening to a call."""
        listener = Listener(self, self.vad.open(self.format), self.vad.window(self.format), heard)
        self._listeners.add(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Stop listening."""
        self._listeners.discard(listener)
        self._ready.pop(listener, None)

    def wake(self, listener: Listener) -> None:
        """A listener has a window to score."""
        self._ready[listener] = None
        if listener.urgent or len(self._listeners) < MANY:
            self._due.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COMPANY_S, self._due.set)

    async def run(self) -> None:
        """Score for as long as the process lives."""
        try:
            while True:
                await self._due.wait()
                await self._pass()
        finally:
            self._stop_timer()

    def _stop_timer(self) -> None:
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _pass(self) -> None:
        """Score all windows that are there."""
        self._stop_timer()
        ready, self._ready = self._ready, {}
        batch = [waiting for listener in ready if (waiting := listener.take()) is not None]
        if not batch:
            return
        self.batches += 1
        self.windows += sum(len(waiting.windows) for waiting in batch)
        try:
            scores = await self._pool.run(self._score, batch, priority=Priority.VAD)
        except Exception as error:
            # A deaf window is not the end of a call: it counts as no speech.
            self.failures += 1
            if not isinstance(error, ProviderError) and not self._broken:
                self._broken = True  # told once, as it may be so 50 times a second
                log.error("the voice detector failed: %s", type(error).__name__, exc_info=True)
            scores = [[0.0] * len(waiting.windows) for waiting in batch]
        for waiting, found in zip(batch, scores, strict=True):
            listener = waiting.listener
            for number, score in enumerate(found):
                listener.scored(score, waiting.start + number * listener.window)

    def _score(self, batch: list[_Waiting]) -> list[list[float]]:
        """Runs in the pool: the first windows of all calls together, then the second ones, and so on."""
        found: list[list[float]] = [[] for _ in batch]
        for number in range(max(len(waiting.windows) for waiting in batch)):
            due = [index for index, waiting in enumerate(batch) if len(waiting.windows) > number]
            scores = self.vad.score([(batch[index].listener.state, batch[index].windows[number]) for index in due])
            for index, score in zip(due, scores, strict=True):
                found[index].append(score)
        return found
