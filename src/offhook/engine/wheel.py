"""One 20 ms wheel per process paces all outgoing audio.

Deadlines are absolute (``t0 + n * 20 ms``). Ticks that are overdue by a whole period are dropped and counted, never burst;
nothing is awaited within a tick. A task per call costs 15 times more (telephony.md 4). Lateness is the engine's first
health figure.
"""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections.abc import Callable
from typing import TypeAlias, TypedDict

import anyio

log = logging.getLogger("offhook.engine")
PERIOD = 0.02
_KEPT = 3_000
"""Lateness of the last minute."""

Tick: TypeAlias = Callable[[], None]


class WheelStats(TypedDict):
    """Of the last minute (lateness in ms, ``longest`` of one tick's work too) and since the start (counts)."""

    ticks: int
    dropped: int
    failures: int
    callbacks: int
    p50: float
    p99: float
    longest: float


class Wheel:
    """Calls every callback once per period, in order of registration."""

    def __init__(self, *, period: float = PERIOD) -> None:
        self.period = period
        self.ticks = 0
        self.dropped = 0
        self.failures = 0
        self._callbacks: dict[Tick, None] = {}
        self._broken: set[Tick] = set()
        """Those whose code has failed, which is told once."""
        self._late = array("d")
        self._busy = array("d")
        self._at = 0

    def add(self, callback: Tick) -> None:
        """From the next tick on. Adding twice is adding once."""
        self._callbacks[callback] = None

    def remove(self, callback: Tick) -> None:
        """At once, also from within a tick; unknown ones are ignored."""
        self._callbacks.pop(callback, None)
        self._broken.discard(callback)

    async def run(self) -> None:
        """Turn until cancelled."""
        time = asyncio.get_running_loop().time
        origin = time()
        number = 0
        while True:
            number += 1
            behind = int((time() - origin) / self.period + 1e-6) - number
            if behind > 0:
                self.dropped += behind
                number += behind
            due = origin + number * self.period
            await anyio.sleep_until(due)
            begun = time()
            self._turn()
            self._keep(max(0.0, begun - due), time() - begun)

    def _turn(self) -> None:
        self.ticks += 1
        for callback in tuple(self._callbacks):
            if callback not in self._callbacks:
                continue
            try:
                callback()
            except Exception as error:
                # One call's fault is no other call's silence.
                self.failures += 1
                if callback not in self._broken:
                    self._broken.add(callback)
                    log.error("what is done every 20 ms failed: %s", type(error).__name__, exc_info=True)

    def _keep(self, late: float, busy: float) -> None:
        if len(self._late) < _KEPT:
            self._late.append(late)
            self._busy.append(busy)
            return
        self._late[self._at] = late
        self._busy[self._at] = busy
        self._at = (self._at + 1) % _KEPT

    def stats(self) -> WheelStats:
        """Figures for health and admission."""
        late = sorted(self._late)
        p50, p99 = (round(1000 * late[min(len(late) - 1, int(len(late) * part))], 3) if late else 0.0 for part in (0.5, 0.99))
        longest = round(1000 * max(self._busy, default=0.0), 3)
        return WheelStats(
            ticks=self.ticks,
            dropped=self.dropped,
            failures=self.failures,
            callbacks=len(self._callbacks),
            p50=p50,
            p99=p99,
            longest=longest,
        )
