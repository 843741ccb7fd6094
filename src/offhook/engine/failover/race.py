"""Several attempts of which one is wanted, and the closing of what is not wanted any more. Beside scopes.py the only task groups here."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import anyio

from offhook.errors import OffhookError, ProviderError, Timeout

log = logging.getLogger("offhook.engine")

T = TypeVar("T")

CLOSE_S: Final = 2.0
"""Longest that a session which was thrown away may take to close."""


async def first_of(
    attempts: Sequence[Callable[[], Awaitable[T]]],
    *,
    stagger: float,
    limit: float,
    discard: Callable[[T], None],
    at_once: int = 2,
    started: Callable[[int], None] = lambda _: None,
) -> T:
    """The first result. The next attempt starts when one fails, or ``stagger`` seconds after the one before; ``at_once`` run at most.

    What else succeeds goes to ``discard``, what still runs is cancelled. Raises the last ProviderError, Timeout when there was none within
    ``limit`` seconds. ``started`` hears the number of each attempt.
    """
    won: list[T] = []
    errors: list[ProviderError] = []
    running = 0
    wake = anyio.Event()
    handed_over = False

    async def run(attempt: Callable[[], Awaitable[T]]) -> None:
        nonlocal running
        try:
            won.append(await attempt())
        except ProviderError as error:
            errors.append(error)
        finally:
            running -= 1
            wake.set()

    try:
        with anyio.move_on_after(limit):
            async with anyio.create_task_group() as group:
                number = 0
                while not won and (running or number < len(attempts)):
                    may = number < len(attempts) and running < at_once
                    if may:
                        started(number)
                        running += 1
                        group.start_soon(run, attempts[number], name="attempt")
                        number += 1
                    wake = anyio.Event()
                    with anyio.move_on_after(stagger if number < len(attempts) and running < at_once else None):
                        await wake.wait()
                group.cancel_scope.cancel()
        handed_over = bool(won)
    finally:
        for result in won[1:] if handed_over else won:
            discard(result)
    if won:
        return won[0]
    raise errors[-1] if errors else Timeout("plan", f"no provider answered within {limit:g} s")


async def all_of(works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Several things beside each other; returns when all are done."""

    async def run(work: Callable[[], Awaitable[None]]) -> None:
        await work()

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work)


def alone(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a task group whose body and tasks are one piece of work to whoever called it."""
    first = errors.exceptions[0]
    return alone(first) if isinstance(first, BaseExceptionGroup) else first


class Closer:
    """Closes what calls have thrown away, so that no call waits for a broken connection's goodbye."""

    def __init__(self) -> None:
        self.failures = 0
        self._waiting: deque[Callable[[], Awaitable[None]]] = deque()
        self._wake = anyio.Event()
        self._running = False

    def add(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something closed soon; by ``run``, or by whoever drains next."""
        self._waiting.append(close)
        self._wake.set()

    async def run(self) -> None:
        """Close for as long as the process lives."""
        self._running = True
        try:
            async with anyio.create_task_group() as group:
                while True:
                    while self._waiting:
                        group.start_soon(self._close, self._waiting.popleft(), name="closing")
                    self._wake = anyio.Event()
                    await self._wake.wait()
        finally:
            self._running = False

    async def drain(self, *, always: bool = False) -> None:
        """Close what waits, unless ``run`` does so; ``always`` at the end of the process."""
        if self._running and not always:
            return
        async with anyio.create_task_group() as group:
            while self._waiting:
                group.start_soon(self._close, self._waiting.popleft(), name="closing")

    async def _close(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            with anyio.move_on_after(CLOSE_S, shield=True):
                await close()
        except OffhookError:
            self.failures += 1
        except Exception as error:
            self.failures += 1
            log.error("what a call has thrown away could not be closed: %s", type(error).__name__, exc_info=True)
