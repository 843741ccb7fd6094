from __future__ import annotations

import asyncio
import threading
import time

import anyio
import pytest

from offhook.errors import OverQuota, Unavailable
from offhook.inference import InferencePool, Priority
from offhook.testing.clock import VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Gate:
    """A job that holds a worker until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self.go.wait(60)
        return "done"

    async def wait_entered(self) -> None:
        with anyio.fail_after(150):
            while not self.entered.is_set():
                await anyio.lowlevel.checkpoint()


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("offhook-")}


async def test_runs_off_the_loop_and_gives_results_and_errors() -> None:
    async with InferencePool(2) as pool:
        assert await pool.run(lambda a, b: a + b, 2, 3, priority=Priority.TTS_REST) == 5
        assert await pool.run(threading.get_ident, priority=Priority.VAD) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0, priority=Priority.STT_FINAL)
        assert pool.stats().done == 3


async def test_no_thread_before_the_first_job_and_none_after_close() -> None:
    pool = InferencePool(2)
    assert names() == set()
    await pool.run(int, priority=Priority.VAD)
    assert names() == {"offhook-vad", "offhook-infer-0", "offhook-infer-1"}
    await pool.aclose()
    await pool.aclose()
    assert names() == set()


async def test_jobs_run_by_priority_then_by_arrival() -> None:
    ran: list[int] = []
    gate = Gate()
    async with InferencePool(1) as pool, anyio.create_task_group() as tasks:

        async def job(number: int, priority: Priority) -> None:
            await pool.run(ran.append, number, priority=priority)

        async def hold() -> None:
            await pool.run(gate, priority=Priority.TTS_REST)

        tasks.start_soon(hold)
        await gate.wait_entered()
        for number, priority in enumerate(
            (Priority.STT_PARTIAL, Priority.ENDPOINT, Priority.TTS_FIRST, Priority.STT_FINAL, Priority.STT_FINAL)
        ):
            tasks.start_soon(job, number, priority)
        while pool.stats().queued < 5:
            await anyio.lowlevel.checkpoint()
        gate.go.set()
    assert ran == [3, 4, 2, 1, 0]


async def test_voice_detection_does_not_wait_for_long_jobs() -> None:
    gates = [Gate(), Gate()]
    async with InferencePool(2) as pool, anyio.create_task_group() as tasks:
        for gate in gates:

            async def hold(gate: Gate = gate) -> None:
                await pool.run(gate, priority=Priority.STT_FINAL)

            tasks.start_soon(hold)
            await gate.wait_entered()
        with anyio.fail_after(150):
            assert await pool.run(int, "7", priority=Priority.VAD) == 7
        for gate in gates:
            gate.go.set()


async def test_a_job_wakes_one_thread_and_only_one_that_may_take_it() -> None:
    """Every thread that wakes in vain costs a switch; there is a job of voice detection every few milliseconds."""
    woken: dict[str, list[int]] = {"all": [], "vad": []}

    class Counted(threading.Condition):
        def __init__(self, lock: threading.Lock, who: str) -> None:
            super().__init__(lock)
            self.who = who

        def notify(self, n: int = 1) -> None:
            woken[self.who].append(n)
            super().notify(n)

    lock = threading.Lock()
    pool = InferencePool(3)
    pool._ready, pool._vad_ready = Counted(lock, "all"), Counted(lock, "vad")
    async with pool:
        for _ in range(20):
            await pool.run(int, priority=Priority.VAD)
            await pool.run(int, priority=Priority.TTS_REST)
        assert woken == {"all": [1] * 20, "vad": [1] * 20}


async def test_a_cancelled_waiter_takes_its_queued_job_along() -> None:
    gate = Gate()
    ran: list[int] = []
    async with InferencePool(1) as pool, anyio.create_task_group() as tasks:

        async def hold() -> None:
            await pool.run(gate, priority=Priority.STT_FINAL)

        tasks.start_soon(hold)
        await gate.wait_entered()
        for priority in (Priority.TTS_REST, Priority.STT_FINAL):
            with anyio.move_on_after(0.01) as scope:
                await pool.run(ran.append, 1, priority=priority)
            assert scope.cancelled_caught
        assert pool.stats().queued == 0
        assert pool.stats().dropped == 2
        gate.go.set()
        await pool.run(ran.append, 2, priority=Priority.STT_PARTIAL)
    assert ran == [2]


async def test_a_cancelled_waiter_leaves_a_running_job_at_once_and_its_error_is_nobodys() -> None:
    gate = Gate()

    def fail_late() -> None:
        gate()
        msg = "too late"
        raise LookupError(msg)

    async with InferencePool(1) as pool:
        begun = time.perf_counter()
        with anyio.move_on_after(0.01):
            await pool.run(fail_late, priority=Priority.STT_FINAL)
        assert time.perf_counter() - begun < 30, "the job would have gone on for 60 s"
        gate.go.set()
        assert await pool.run(int, "1", priority=Priority.STT_FINAL) == 1


async def test_partials_are_skipped_while_one_runs_and_leave_a_worker_free() -> None:
    gate = Gate()
    async with InferencePool(2) as pool, anyio.create_task_group() as tasks:

        async def hold() -> None:
            assert await pool.try_run(gate) == "done"

        tasks.start_soon(hold)
        await gate.wait_entered()
        assert await pool.try_run(int, "1") is None
        assert pool.stats().skipped == 1
        assert await pool.run(int, "2", priority=Priority.STT_FINAL) == 2
        gate.go.set()


async def test_the_queue_is_bounded() -> None:
    gate = Gate()
    async with InferencePool(1, max_queued=2) as pool, anyio.create_task_group() as tasks:

        async def hold() -> None:
            await pool.run(gate, priority=Priority.STT_FINAL)

        tasks.start_soon(hold)
        await gate.wait_entered()
        tasks.start_soon(hold)
        tasks.start_soon(hold)
        while pool.stats().queued < 2:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(OverQuota):
            await pool.run(int, priority=Priority.VAD)
        gate.go.set()


async def test_closing_fails_what_is_queued_and_waits_for_what_runs() -> None:
    gate = Gate()
    pool = InferencePool(1)
    async with anyio.create_task_group() as tasks:
        outcomes: list[str] = []

        async def runs() -> None:
            outcomes.append(await pool.run(gate, priority=Priority.STT_FINAL))

        async def waits() -> None:
            with pytest.raises(Unavailable):
                await pool.run(gate, priority=Priority.STT_FINAL)
            outcomes.append("refused")
            gate.go.set()

        tasks.start_soon(runs)
        await gate.wait_entered()
        tasks.start_soon(waits)
        while pool.stats().queued < 1:
            await anyio.lowlevel.checkpoint()
        await pool.aclose()
    assert outcomes == ["refused", "done"]
    with pytest.raises(Unavailable):
        await pool.run(int, priority=Priority.VAD)


async def test_waiting_times_are_kept() -> None:
    async with InferencePool(1) as pool:
        for _ in range(20):
            await pool.run(int, priority=Priority.VAD)
        stats = pool.stats()
    assert 0 <= stats.wait_p50_ms <= stats.wait_p99_ms < 5_000
    assert stats.vad_wait_p99_ms == stats.wait_p99_ms


def test_inline_takes_no_virtual_time() -> None:
    async def main() -> float:
        async with InferencePool(inline=True) as pool:
            assert await pool.run(int, "1", priority=Priority.VAD) == 1
            assert await pool.try_run(int, "2") == 2
            assert names() == set()
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) == 0.0


def test_completes_on_a_virtual_time_loop() -> None:
    async def main() -> int:
        async with InferencePool(1) as pool:
            return await pool.run(int, "3", priority=Priority.STT_FINAL)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) == 3
