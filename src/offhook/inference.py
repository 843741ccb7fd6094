"""The inference pool: a bounded number of threads in which every model of the process runs, by priority.

Model inference never runs on the event loop (house.md 8). One more thread than ``workers`` takes voice detection only, so
that a long decode never delays it. Jobs of one priority run in the order of arrival.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

import anyio
from typing_extensions import TypeVarTuple, Unpack

from offhook.errors import OverQuota, Unavailable

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

_NICENESS = 5
"""General workers yield to the event loop and to voice detection where cores are short."""


class Priority(IntEnum):
    """Who goes first."""

    VAD = 0
    STT_FINAL = 1
    TTS_FIRST = 2
    ENDPOINT = 3
    TTS_REST = 4
    STT_PARTIAL = 5


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Jobs since the start, what is there now, and waiting times in ms of the last 2,000 jobs."""

    workers: int
    queued: int
    running: int
    done: int
    dropped: int
    """Cancelled before they began."""
    skipped: int
    """Refused by ``try_run`` because the pool was busy."""
    wait_p50_ms: float
    wait_p99_ms: float
    vad_wait_p99_ms: float


class _Job(Generic[R]):
    __slots__ = ("args", "dropped", "fn", "future", "loop", "priority", "queued_at")

    def __init__(self, fn: Callable[..., R], args: tuple[Any, ...], priority: Priority, loop: asyncio.AbstractEventLoop) -> None:
        self.fn = fn
        self.args = args
        self.priority = priority
        self.loop = loop
        self.future: asyncio.Future[R] = loop.create_future()
        self.dropped = False
        self.queued_at = time.perf_counter()

    def settle(self, result: R | None, error: BaseException | None) -> None:
        """Hand the outcome to the waiter; called by a worker."""
        with contextlib.suppress(RuntimeError):  # the waiter's loop is closed: nobody is left to tell
            self.loop.call_soon_threadsafe(self._set, result, error)

    def _set(self, result: R | None, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(cast("R", result))
        else:
            self.future.set_exception(error)


class InferencePool:
    """``workers`` general threads (0: one per core) and one for voice detection; started by the first job.

    ``inline`` runs every job at once where it is asked for: for tests on virtual time, in which threads have no part.
    """

    def __init__(self, workers: int = 0, *, max_queued: int = 1_000, inline: bool = False) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._max_queued = max_queued
        self._inline = inline
        lock = threading.Lock()
        self._ready = threading.Condition(lock)
        """For general workers."""
        self._vad_ready = threading.Condition(lock)
        """For the one that detects voices: no job wakes a thread that may not take it."""
        self._heap: list[tuple[int, int, _Job[Any]]] = []
        self._vad: deque[_Job[Any]] = deque()
        self._queued = 0
        self._sequence = 0
        self._running = 0
        self._done = 0
        self._dropped = 0
        self._skipped = 0
        self._waits: deque[tuple[bool, float]] = deque(maxlen=2_000)
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._tell_end: Callable[[], object] = lambda: None

    async def __aenter__(self) -> InferencePool:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def run(self, fn: Callable[[Unpack[Ts]], R], *args: *Ts, priority: Priority) -> R:
        """The result of ``fn(*args)``, whose exceptions pass through. Raises OverQuota when the queue is full.

        A cancelled waiter leaves at once: its job is dropped if it has not begun; if it has, its result is thrown away.
        """
        if self._inline:
            return fn(*args)
        return await self._wait(self._submit(fn, args, priority))

    async def try_run(self, fn: Callable[[Unpack[Ts]], R], *args: *Ts, priority: Priority = Priority.STT_PARTIAL) -> R | None:
        """Like ``run``, but None at once when no general worker is free. One worker is always kept for work that must be done."""
        if self._inline:
            return fn(*args)
        with self._ready:
            if self._queued or self._running >= max(1, self.workers - 1):
                self._skipped += 1
                return None
        return await self._wait(self._submit(fn, args, priority))

    def stats(self) -> PoolStats:
        """A snapshot."""
        with self._ready:
            waits = sorted(wait for _, wait in self._waits)
            vad = sorted(wait for is_vad, wait in self._waits if is_vad)
            return PoolStats(
                workers=self.workers,
                queued=self._queued + len(self._vad),
                running=self._running,
                done=self._done,
                dropped=self._dropped,
                skipped=self._skipped,
                wait_p50_ms=_quantile(waits, 0.50),
                wait_p99_ms=_quantile(waits, 0.99),
                vad_wait_p99_ms=_quantile(vad, 0.99),
            )

    async def aclose(self) -> None:
        """Refuse new work, fail what is queued, wait for what runs, end the threads. Idempotent."""
        with self._ready:
            self._closed = True
            left = [job for _, _, job in self._heap if not job.dropped] + list(self._vad)
            self._heap.clear()
            self._vad.clear()
            self._queued = 0
            threads, self._threads = self._threads, []
            loop, ended = asyncio.get_running_loop(), asyncio.Queue[None]()
            self._tell_end = lambda: loop.call_soon_threadsafe(ended.put_nowait, None)
            self._ready.notify_all()
            self._vad_ready.notify_all()
        for job in left:
            job.settle(None, Unavailable("inference", "the inference pool is closing"))
        with anyio.CancelScope(shield=True):
            for _ in threads:
                await ended.get()
        for thread in threads:
            thread.join()

    def _submit(self, fn: Callable[..., R], args: tuple[Any, ...], priority: Priority) -> _Job[R]:
        job = _Job(fn, args, priority, asyncio.get_running_loop())
        with self._ready:
            if self._closed:
                raise Unavailable("inference", "the inference pool is closed")
            if self._queued + len(self._vad) >= self._max_queued:
                raise OverQuota("inference", "the inference pool has too much to do")
            if not self._threads:
                self._start()
            if priority is Priority.VAD:
                self._vad.append(job)
                self._vad_ready.notify()
            else:
                self._sequence += 1
                self._queued += 1
                heapq.heappush(self._heap, (priority, self._sequence, job))
                self._ready.notify()
        return job

    async def _wait(self, job: _Job[R]) -> R:
        try:
            return await job.future
        finally:
            if job.future.cancelled():
                self._drop(job)

    def _drop(self, job: _Job[Any]) -> None:
        """The waiter has gone. Harmless when the job has begun."""
        with self._ready:
            if job.dropped:
                return
            if job in self._vad:
                self._vad.remove(job)
            elif any(entry[2] is job for entry in self._heap):
                # Left in the heap, where workers pass over it.
                self._queued -= 1
            else:
                return
            job.dropped = True
            self._dropped += 1

    def _start(self) -> None:
        names = ["offhook-vad", *(f"offhook-infer-{n}" for n in range(self.workers))]
        self._threads = [
            threading.Thread(target=self._work, args=(number == 0,), name=name, daemon=True) for number, name in enumerate(names)
        ]
        for thread in self._threads:
            thread.start()

    def _take(self, vad_only: bool) -> _Job[Any] | None:
        """The next job, with the lock held."""
        if vad_only:
            return self._vad.popleft() if self._vad else None
        while self._heap:
            job = heapq.heappop(self._heap)[2]
            if not job.dropped:
                self._queued -= 1
                self._running += 1
                return job
        return None

    def _work(self, vad_only: bool) -> None:
        if not vad_only and sys.platform == "linux":
            with contextlib.suppress(OSError):  # niceness is a courtesy
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        ready = self._vad_ready if vad_only else self._ready
        while True:
            with ready:
                while (job := self._take(vad_only)) is None:
                    if self._closed:
                        self._tell_end()
                        return
                    ready.wait()
                self._waits.append((vad_only, time.perf_counter() - job.queued_at))
            result, error = _outcome(job)
            with ready:
                self._done += 1
                if not vad_only:
                    self._running -= 1
            job.settle(result, error)
            del job, result, error  # an idle worker must not keep a call's audio alive


def _outcome(job: _Job[Any]) -> tuple[object, BaseException | None]:
    try:
        return job.fn(*job.args), None
    except BaseException as error:  # noqa: BLE001 - not handled here: the waiter gets it, whatever it is
        return None, error


def _quantile(ordered: list[float], q: float) -> float:
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1_000, 2)
