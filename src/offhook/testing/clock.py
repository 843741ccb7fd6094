"""Virtual time for tests: an asyncio loop whose clock jumps to the next timer whenever nothing is ready.

Use it with anyio's pytest plugin::

    @pytest.fixture
    def anyio_backend() -> tuple[str, dict[str, object]]:
        return VIRTUAL_TIME

Nothing is patched, because nothing in offhook reads a clock other than the loop's. Exact comparison of times is meant.
Threads do not take part: code under virtual time must not wait for one, or time runs away from it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

REAL_WAIT = 5.0
"""Seconds of real time to wait for input from outside when no timer is set: a deadlocked test fails instead of hanging."""


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set, and no input came: the test would wait for ever."""


class _JumpSelector(selectors.DefaultSelector):
    """Polls without waiting; when nothing is ready it moves the clock instead of sleeping."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            ready = super().select(REAL_WAIT)
            if not ready:
                msg = "virtual time has stopped: nothing is ready and no timer is set"
                raise Deadlock(msg)
            return ready
        self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that starts at 0 and whose time passes only when everybody waits."""

    def __init__(self) -> None:
        self._jump = _JumpSelector()
        super().__init__(self._jump)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jump.now


VIRTUAL_TIME: tuple[str, Mapping[str, Any]] = ("asyncio", {"loop_factory": VirtualTimeLoop})
"""The value of an ``anyio_backend`` fixture that runs a test in virtual time."""
