"""Where scopes are opened: the only file of the engine with task groups.

========  ==========================================  ======================================
scope     holds                                       ended by
========  ==========================================  ======================================
process   wheel, voice detector, outbox               SIGTERM after drain
call      transport, hearing, driver, recorder, tools hangup, end, admission
turn      understanding, clauses, TTS, feeder         barge-in, resume, failure, done
========  ==========================================  ======================================

anyio task groups, since their cancellation is repeated until the children have left (house.md 6). A turn is cancelled as
a whole and without waiting: what lingers longer than ``LINGER`` is counted as an overrun and its session is not reused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import anyio
from anyio.abc import TaskGroup

from offhook.errors import OffhookError

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

A = TypeVar("A")
B = TypeVar("B")
LINGER = 0.5
"""Seconds that a cancelled turn may take to leave."""


@dataclass(slots=True)
class ScopeReport:
    """Counts for health and tests."""

    turns_opened: int = 0
    turns_closed: int = 0
    overruns: int = 0


@dataclass(slots=True)
class TurnScope:
    """The cancellable work of one turn."""

    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    done: anyio.Event = field(default_factory=anyio.Event)


@dataclass(slots=True)
class CallScope:
    """The work of one call; everything started here ends with it."""

    group: TaskGroup
    report: ScopeReport = field(default_factory=ScopeReport)

    def start(self, work: Work, name: str) -> None:
        """Run something for as long as the call lasts."""
        self.group.start_soon(work, name=name)

    def start_turn(self, work: Work, name: str) -> TurnScope:
        """Run a turn's work in a scope of its own."""
        turn = TurnScope()
        self.report.turns_opened += 1

        async def run() -> None:
            try:
                with turn.scope:
                    # Work that was cancelled in the same pass of the loop would run up to its first wait.
                    if not turn.scope.cancel_called:
                        await work()
            finally:
                turn.done.set()
                self.report.turns_closed += 1

        self.group.start_soon(run, name=name)
        return turn

    def cancel_turn(self, turn: TurnScope) -> None:
        """End all the turn's work; returns at once, and counts a turn that does not leave in time."""
        turn.scope.cancel()
        if not turn.done.is_set():
            self.group.start_soon(self._watch, turn, name="turn leaving")

    async def _watch(self, turn: TurnScope) -> None:
        with anyio.move_on_after(LINGER):
            await turn.done.wait()
        if not turn.done.is_set():
            self.report.overruns += 1

    def cancel(self) -> None:
        """End the call's work."""
        self.group.cancel_scope.cancel()


@asynccontextmanager
async def closing(events: AsyncIterator[A]) -> AsyncIterator[AsyncIterator[A]]:
    """An iterator that is closed where it is left, if it can be: here, in the task that reads it, and not when it is found lying about."""
    try:
        yield events
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()


@asynccontextmanager
async def beside(work: Work) -> AsyncIterator[None]:
    """Run something beside the body, within the same turn; it ends with it. Neither may raise: a turn says what failed as values."""
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


async def both(
    first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]], undo: Callable[[Any], Awaitable[None]]
) -> tuple[A, B]:
    """Two things at once. If one fails, the other is ended, or undone if it was there already, and the first failure is raised."""
    done: dict[int, Any] = {}
    failures: list[OffhookError] = []
    async with anyio.create_task_group() as group:

        async def one(number: int, work: Callable[[], Awaitable[Any]]) -> None:
            try:
                done[number] = await work()
            except OffhookError as error:
                failures.append(error)
                group.cancel_scope.cancel()

        group.start_soon(one, 0, first)
        group.start_soon(one, 1, second)
    if failures:
        for there in done.values():
            await undo(there)
        raise failures[0]
    return done[0], done[1]


@asynccontextmanager
async def call_scope() -> AsyncIterator[CallScope]:
    """The scope of a call; leaves when all its work has left."""
    async with anyio.create_task_group() as group:
        yield CallScope(group)


@asynccontextmanager
async def process_scope() -> AsyncIterator[TaskGroup]:
    """The scope of the process; cancelled when its body ends."""
    async with anyio.create_task_group() as group:
        try:
            yield group
        finally:
            group.cancel_scope.cancel()
