"""Voice detection over all calls: one batch per pass, in order per call, deaf where the model fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from offhook.engine.detector import COMPANY_S, MANY, MOST, Detector
from offhook.errors import Unavailable
from offhook.inference import InferencePool, Priority
from offhook.ports.vad import VadState
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeVad

pytestmark = pytest.mark.anyio
QUIET = b"\x00\x00" * 256
LOUD = b"\x00\x20" * 256


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Vad(FakeVad):
    """Counts its batches and fails when told."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.broken: Exception | None = None

    def score(self, items: Sequence[tuple[VadState, bytes]]) -> list[float]:
        self.sizes.append(len(items))
        if self.broken is not None:
            raise self.broken
        return super().score(items)


async def test_windows_of_all_calls_are_one_batch_and_each_call_hears_its_own_in_order() -> None:
    vad = Vad()
    detector = Detector(vad, InferencePool(inline=True))
    heard: list[list[tuple[float, int, int]]] = [[], [], []]
    listeners = [detector.listen(lambda *window, n=n: heard[n].append(window)) for n in range(3)]
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        listeners[0].push(LOUD + QUIET)
        listeners[1].push(QUIET + LOUD)
        listeners[2].push(LOUD[:-2])
        await anyio.sleep(0.1)
        assert heard == [[(1.0, 0, 256), (0.0, 256, 512)], [(0.0, 0, 256), (1.0, 256, 512)], []]
        assert vad.sizes == [2, 2], "the first windows of all calls together, then the second ones"
        listeners[2].push(LOUD[:2])
        await anyio.sleep(0.1)
        assert heard[2] == [(1.0, 0, 256)]
        group.cancel_scope.cancel()
    assert (detector.batches, detector.windows, detector.failures) == (2, 5, 0)


@pytest.mark.parametrize(("calls", "sizes", "waits"), [(MANY, [MANY], COMPANY_S), (MANY - 1, [1] * (MANY - 1), 0.0)])
async def test_windows_wait_for_those_of_others_only_where_there_are_many_calls(calls: int, sizes: list[int], waits: float) -> None:
    vad = Vad()
    detector = Detector(vad, InferencePool(inline=True))
    heard: list[float] = []
    begin = anyio.current_time()
    listeners = [detector.listen(lambda *_: heard.append(anyio.current_time() - begin)) for _ in range(calls)]
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        for listener in listeners:
            listener.push(LOUD)
            await anyio.sleep(COMPANY_S / (2 * MANY))
        await anyio.sleep(0.1)
        listeners[0].push(LOUD[:-2])
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    assert vad.sizes == sizes
    assert heard[0] == pytest.approx(waits), "the first window has waited for so long, and no longer"
    assert detector.windows == calls, "what is no whole window wakes nobody"


async def test_the_windows_that_decide_about_speech_wait_for_nobody() -> None:
    """The first one of speech waits; the next ones do not, and take along who waits."""
    vad = Vad()
    detector = Detector(vad, InferencePool(inline=True))
    begin = anyio.current_time()
    heard: list[list[tuple[float, int]]] = [[] for _ in range(MANY)]

    def of(number: int) -> Any:
        return lambda score, *_: heard[number].append((score, round(1000 * (anyio.current_time() - begin))))

    one, other, *_ = listeners = [detector.listen(of(number)) for number in range(MANY)]
    waits = round(1000 * COMPANY_S)
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        for number, sound in enumerate((LOUD, LOUD, LOUD, LOUD, QUIET, QUIET, QUIET, QUIET)):
            await anyio.sleep_until(begin + number * 0.1)
            if number == 1:
                other.push(QUIET)
                await anyio.sleep(0.004)
            one.push(sound)
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    late = [at - 100 * number for number, (_, at) in enumerate(heard[0])]
    assert late == [waits, 4, waits, waits, waits, waits, 0, waits]
    assert heard[1] == [(0.0, 104)]
    assert len(listeners) == MANY


@pytest.mark.parametrize("quiet", range(5, 10))
async def test_that_speech_began_is_heard_8_ms_late_at_most_wherever_windows_end_in_frames(quiet: int) -> None:
    """The second window of speech comes 20 or 40 ms after the first, which waits for company."""
    detector = Detector(Vad(), InferencePool(inline=True))
    begin = anyio.current_time()
    heard: list[int] = []
    listeners = [detector.listen(lambda *_: heard.append(round(1000 * (anyio.current_time() - begin)))) for _ in range(MANY)]
    audio, frame = QUIET * quiet + LOUD * 2, 320
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        for number in range(0, len(audio), frame):
            await anyio.sleep_until(begin + 0.02 * (number // frame))
            listeners[0].push(audio[number : number + frame])
        there = 20 * (number // frame)
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    assert heard[quiet + 1] - there in {0, 8}


async def test_a_call_that_leaves_while_its_window_waits_is_not_scored() -> None:
    vad = Vad()
    detector = Detector(vad, InferencePool(inline=True))
    heard: list[int] = []
    listeners = [detector.listen(lambda *_, n=n: heard.append(n)) for n in range(MANY + 1)]
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        for listener in listeners:
            listener.push(LOUD)
        await anyio.sleep(COMPANY_S / 2)
        listeners[0].close()
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    assert heard == list(range(1, MANY + 1))
    assert vad.sizes == [MANY]


class Slow(Vad):
    """Takes longer for a pass than a window lasts."""

    async def run(self, work: Any, batch: Any, *, priority: Priority) -> Any:
        await anyio.sleep(0.1)
        return work(batch)


async def test_a_call_that_has_fallen_behind_catches_up() -> None:
    """A busy machine: each pass takes as long as three windows. What was said is heard late, but not ever later."""
    vad = Slow()
    detector = Detector(vad, cast("InferencePool", vad))
    late: list[float] = []
    begin = anyio.current_time()
    listener = detector.listen(lambda _score, _begin, end: late.append(anyio.current_time() - begin - end / 8_000))
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        for _ in range(300):
            await anyio.sleep(0.032)
            listener.push(QUIET)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    assert len(late) == 300
    assert max(late) < 0.25
    assert set(vad.sizes) == {1}


async def test_what_a_long_stop_left_is_heard_in_order() -> None:
    detector = Detector(Vad(), InferencePool(inline=True))
    heard: list[int] = []
    listener = detector.listen(lambda _score, begin, _end: heard.append(begin))
    listener.push(QUIET * 50)
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    assert heard == [256 * number for number in range(50)]
    assert (detector.batches, detector.windows) == (-(-50 // MOST), 50)


@pytest.mark.parametrize("error", [Unavailable("vad", "no model"), RuntimeError("the model's own library")])
async def test_a_failing_model_is_no_speech_and_is_counted(error: Exception) -> None:
    vad = Vad()
    detector = Detector(vad, InferencePool(inline=True))
    heard: list[float] = []
    listener = detector.listen(lambda score, _begin, _end: heard.append(score))
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        vad.broken = error
        listener.push(LOUD)
        await anyio.sleep(0.1)
        vad.broken = None
        listener.push(LOUD)
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    assert heard == [0.0, 1.0]
    assert detector.failures == 1


async def test_a_call_that_has_left_hears_nothing() -> None:
    detector = Detector(Vad(), InferencePool(inline=True))
    heard: list[float] = []
    listener = detector.listen(lambda score, _begin, _end: heard.append(score))
    listener.push(LOUD)
    listener.close()
    listener.close()
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        await anyio.sleep(0.1)
        await checkpoint()
        group.cancel_scope.cancel()
    assert heard == []
    assert detector.batches == 0
