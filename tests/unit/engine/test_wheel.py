"""The media wheel on virtual time."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from offhook.engine.wheel import Wheel
from offhook.errors import FormatError
from offhook.testing.clock import VIRTUAL_TIME, VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def skip(seconds: float) -> None:
    """Let virtual time pass as if the process had been stalled."""
    import asyncio

    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop._jump.now += seconds


async def test_ticks_are_absolute() -> None:
    wheel, times = Wheel(), []
    wheel.add(lambda: times.append(round(anyio.current_time(), 9)))
    with anyio.move_on_after(600.01):
        await wheel.run()
    assert len(times) == 30_000
    assert times[-1] == 600.0
    assert wheel.dropped == 0
    stats = wheel.stats()
    assert (stats["ticks"], stats["p99"], stats["callbacks"]) == (30_000, 0, 1)


async def test_overdue_ticks_are_dropped_and_never_burst() -> None:
    wheel, times = Wheel(), []

    def tick() -> None:
        times.append(round(anyio.current_time(), 6))
        if len(times) == 5:
            skip(0.33)

    wheel.add(tick)
    with anyio.move_on_after(1.001):
        await wheel.run()
    assert times[:8] == [0.02, 0.04, 0.06, 0.08, 0.1, 0.43, 0.44, 0.46]
    assert wheel.dropped == 15
    assert wheel.ticks + wheel.dropped == 50
    assert wheel.stats()["p99"] == pytest.approx(10, abs=0.01)
    assert wheel.stats()["longest"] == pytest.approx(330, abs=0.01)


@pytest.mark.parametrize("error", [FormatError("bad media"), ZeroDivisionError()], ids=["told", "unknown"])
async def test_one_calls_fault_is_told_once_and_does_not_silence_others(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    wheel, count = Wheel(), [0]

    def bad() -> None:
        raise error

    def good() -> None:
        count[0] += 1

    wheel.add(bad)
    wheel.add(good)
    with anyio.move_on_after(0.101):
        await wheel.run()
    assert (count, wheel.failures) == ([5], 5)
    assert [record.message for record in caplog.records] == [f"what is done every 20 ms failed: {type(error).__name__}"]


async def test_callbacks_come_and_go_within_a_tick() -> None:
    wheel, seen = Wheel(), []

    def second() -> None:
        seen.append("second")

    def first() -> None:
        seen.append("first")
        wheel.remove(second)
        wheel.remove(first)
        wheel.add(third)

    def third() -> None:
        seen.append("third")

    wheel.add(first)
    wheel.add(first)
    wheel.add(second)
    with anyio.move_on_after(0.041):
        await wheel.run()
    wheel.remove(second)
    assert seen == ["first", "third"]


def test_a_wheel_that_never_turned_has_figures() -> None:
    assert Wheel().stats()["p50"] == 0
