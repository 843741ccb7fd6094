"""Feeds the turn core, sleeps to its deadline, applies its effects.

``feed`` is synchronous: the event is stepped and every effect applied before it returns, so a hold follows the detection of
speech in the same pass of the loop. An effect that feeds an event in turn (a reply that has nothing to say) is queued and
stepped after the effects at hand, in order.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

import anyio

from offhook.core.turn import events as ev
from offhook.core.turn.effects import Effect, End, Ignored
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import TurnState, initial
from offhook.core.turn.step import deadline, step
from offhook.engine.callclock import CallClock


class Trace(Protocol):
    """Keeps what was fed, for replay."""

    def event(self, event: ev.Event) -> None:
        """Keep one event."""


class Driver:
    """One call's turn state and the loop around it."""

    def __init__(self, clock: CallClock, policy: TurnPolicy, apply: Callable[[Effect, ev.Event], None], trace: Trace | None) -> None:
        self.clock = clock
        self.policy = policy
        self.state: TurnState = initial()
        self.ignored: Counter[str] = Counter()
        self.ended = anyio.Event()
        self._apply = apply
        self._trace = trace
        self._queue: deque[ev.Event] = deque()
        self._feeding = False
        self._due: int | None = None
        self._changed = asyncio.Event()

    def now(self) -> int:
        """The call's clock."""
        return self.clock.now()

    def wait(self, on: bool) -> None:
        """Stop the call's clock, so that no deadline comes, or let it go on."""
        if on:
            self.clock.stop()
        else:
            self.clock.go()
        self._changed.set()

    def feed(self, event: ev.Event) -> None:
        """Step one event and apply what follows from it."""
        self._queue.append(event)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._queue:
                self._step(self._queue.popleft())
        finally:
            self._feeding = False
        due = deadline(self.state)
        if due != self._due:
            self._due = due
            self._changed.set()

    def _step(self, event: ev.Event) -> None:
        if self._trace is not None:
            self._trace.event(event)
        outcome = step(self.state, event, self.policy)
        self.state = outcome.state
        for effect in outcome.effects:
            if isinstance(effect, Ignored):
                self.ignored[effect.reason] += 1
                continue
            self._apply(effect, event)
            if isinstance(effect, End):
                self.ended.set()

    async def run(self) -> None:
        """Tick at every deadline until the call has ended."""
        while not self.ended.is_set():
            self._changed.clear()
            due = self._due
            with anyio.CancelScope() as scope:
                if due is not None and not self.clock.stopped:
                    scope.deadline = self.clock.loop_time(due)
                await self._changed.wait()
                continue
            # A loop may wake a hair early; the core's clock must have reached the deadline.
            self.feed(ev.Tick(max(self.now(), due or 0)))
