"""Which calls are taken: capacity, drain, health. A refusal comes before answer, so that the carrier's next verb runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from offhook.errors import Refused


class Admission:
    """Counts the calls of a process, or what else there may be so many of; ``setting`` says how many."""

    def __init__(self, capacity: int, what: str = "calls", setting: str = "OFFHOOK_ENGINE_MAX_CALLS") -> None:
        self.capacity = capacity
        self._full = f"the engine is full ({capacity} {what}); raise {setting} or add an engine"
        self.active = 0
        self.draining = False
        self.decisions: Counter[str] = Counter()
        self._empty = anyio.Event()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a place for as long as the call lives. Raises Refused."""
        if self.draining:
            self.decisions["draining"] += 1
            raise Refused("the engine is draining for a deploy; route the call to another engine")
        if self.active >= self.capacity:
            self.decisions["full"] += 1
            raise Refused(self._full)
        self.decisions["taken"] += 1
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            if self.active == 0:
                self._empty.set()

    async def drain(self, seconds: float) -> bool:
        """Take no new calls and wait for the running ones; True when all have ended in time."""
        self.draining = True
        with anyio.move_on_after(seconds):
            while self.active:
                self._empty = anyio.Event()
                await self._empty.wait()
        return self.active == 0
