"""Breakers open, wait, probe and close; what is thrown away is closed; of several attempts one is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.failover.health import BreakerPolicy, Candidate, Circuit, Health, HealthBoard, in_order
from offhook.engine.failover.race import Closer, first_of
from offhook.errors import OverQuota, ProviderError, Rejected, Retry, Timeout, Unauthorized, Unavailable
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = pytest.mark.anyio
DOWN = Unavailable("x", "no")


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def health(clock: Clock, chance: float = 1.0, changed: Callable[[Health], None] = lambda _: None) -> Health:
    return Health("x", "", None, clock, lambda: chance, changed)


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    clock = Clock()
    one = health(clock)
    for _ in range(2):
        one.failed(DOWN)
    one.ok()
    one.failed(DOWN)
    one.failed(DOWN)
    assert one.admits()
    one.failed(DOWN)
    assert not one.admits()
    assert one.circuit is Circuit.OPEN


def test_mostly_failing_opens_it_too() -> None:
    clock = Clock()
    one = health(clock)
    for number in range(8):
        clock.now += 1
        one.failed(DOWN) if number % 2 else one.ok()
    assert one.circuit is Circuit.OPEN
    rare = health(clock)
    for number in range(100):
        clock.now += 1
        rare.failed(DOWN) if number % 5 == 0 else rare.ok()
    assert rare.circuit is Circuit.CLOSED
    assert rare.report().error_share == pytest.approx(0.2, abs=0.05)


def test_one_probe_at_a_time_decides() -> None:
    clock = Clock()
    turned: list[Circuit] = []
    one = health(clock, changed=lambda it: turned.append(it.circuit))
    for _ in range(3):
        one.failed(DOWN)
    clock.now += 2.0
    assert one.admits()
    one.begin()
    assert turned[-1] is Circuit.HALF
    assert not one.admits()
    one.failed(DOWN)
    assert not one.admits()
    clock.now += 3.9
    assert not one.admits()
    clock.now += 0.2
    one.begin()
    one.ok()
    assert one.circuit is Circuit.CLOSED
    assert turned == [Circuit.OPEN, Circuit.HALF, Circuit.OPEN, Circuit.HALF, Circuit.CLOSED]
    assert one.report().opened == 2


def test_a_probe_that_came_to_nothing_does_not_keep_the_next_away() -> None:
    clock = Clock()
    one = health(clock)
    for _ in range(3):
        one.failed(DOWN)
    clock.now += 2.0
    one.begin()
    one.dropped()
    assert one.admits()
    one.begin()
    clock.now += 5.0
    assert one.admits()


def test_waits_double_to_a_bound_and_are_not_in_step() -> None:
    clock = Clock()
    waits = []
    one = health(clock)
    for _ in range(3):
        one.failed(DOWN)
    for _ in range(8):
        waits.append(one.report().opens_in)
        clock.now = one.until
        one.begin()
        one.failed(DOWN)
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    early = health(clock, chance=0.0)
    for _ in range(3):
        early.failed(DOWN)
    assert early.report().opens_in == 1.0


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (Unauthorized("x", "no"), 300.0),
        (OverQuota("x", "no", retry=Retry(None)), 300.0),
        (OverQuota("x", "no", retry=Retry(20.0)), 20.0),
        (Unavailable("x", "no", retry=Retry(7.0)), 7.0),
        (OverQuota("x", "no", retry=Retry(9_999.0)), 300.0),
        (OverQuota("x", "no", retry=Retry(0.5)), 2.0),
    ],
)
def test_a_vendor_that_says_when_to_come_back_is_believed(error: ProviderError, wait: float) -> None:
    one = health(Clock())
    one.failed(error)
    assert one.report().opens_in == wait


def test_a_refused_request_says_nothing_about_the_account() -> None:
    one = health(Clock())
    for _ in range(50):
        one.failed(Rejected("x", "no such voice"))
    assert one.admits()
    assert one.report().failed == {"Rejected": 50}


def test_an_old_answer_does_not_close_what_is_open() -> None:
    one = health(Clock())
    one.failed(Unauthorized("x", "no"))
    one.ok()
    assert not one.admits()


def test_latencies_are_forgotten_in_time() -> None:
    clock = Clock()
    one = health(clock)
    for number in range(1, 101):
        one.measured(number / 100)
    assert (one.quantile(0.5), one.quantile(0.95), one.quantile(1.0)) == (0.51, 0.96, 1.0)
    assert one.quantile(0.5, at_least=101) is None
    clock.now += 601
    assert one.quantile(0.5) is None


def test_a_board_knows_accounts_apart_and_does_not_grow() -> None:
    board = HealthBoard(clock=Clock(), most=3)
    assert board.of("stt/a", "one") is board.of("stt/a", "one")
    assert board.of("stt/a", "one") is not board.of("stt/a", "two")
    for number in range(5):
        board.of("stt/a", str(number))
    assert [report.account for report in board.report()] == ["2", "3", "4"]


def test_shut_ones_come_last_the_soonest_first() -> None:
    board = HealthBoard(clock=Clock(), chance=lambda: 1.0)
    found = [Candidate(name, None, board.of(name)) for name in "abc"]
    found[0].health.failed(Unauthorized("a", "no"))
    found[1].health.failed(OverQuota("b", "no", retry=Retry(5.0)))
    assert [one.name for one in in_order(found)] == ["c", "b", "a"]
    assert [one.name for one in in_order(found, last_resort=False)] == ["c"]


EVENTS = st.lists(
    st.sampled_from(["ok", "down", "unauthorized", "quota", "rejected", "begin", "dropped"]) | st.floats(0.1, 400.0), max_size=60
)


@given(EVENTS)
def test_a_breaker_always_opens_again_for_a_probe(events: list[str | float]) -> None:
    clock = Clock()
    one = health(clock)
    for event in events:
        match event:
            case float():
                clock.now += event
            case "ok":
                one.ok()
            case "begin":
                one.begin()
            case "dropped":
                one.dropped()
            case _:
                one.failed({"down": DOWN, "unauthorized": Unauthorized("x", "")}.get(event, OverQuota("x", "", retry=Retry(3.0))))
    clock.now += BreakerPolicy().hard + BreakerPolicy().longest
    assert one.admits()
    one.begin()
    one.ok()
    assert one.circuit is Circuit.CLOSED


# -- attempts -----------------------------------------------------------------------------------------------------------


async def after(seconds: float, result: str | ProviderError) -> str:
    await anyio.sleep(seconds)
    if isinstance(result, ProviderError):
        raise result
    return result


async def race(
    *attempts: tuple[float, str | ProviderError], stagger: float = 0.4, limit: float = 3.0, at_once: int = 2
) -> tuple[str, float]:
    began = anyio.current_time()
    discarded: list[str] = []
    found = await first_of(
        [partial(after, *one) for one in attempts], stagger=stagger, limit=limit, discard=discarded.append, at_once=at_once
    )
    assert discarded == []
    return found, round(anyio.current_time() - began, 6)


async def test_the_first_result_counts() -> None:
    assert await race((0.1, "a"), (0.1, "b")) == ("a", 0.1)
    assert await race((1.0, "a"), (0.1, "b")) == ("b", 0.5)
    assert await race((1.0, "a"), (2.0, "b"), (0.0, "c")) == ("a", 1.0)
    assert await race((0.2, DOWN), (0.1, "b")) == ("b", 0.3)
    assert await race((0.2, DOWN), (0.2, DOWN), (0.1, "c")) == ("c", 0.5)
    assert await race((1.0, "a"), (0.1, "b"), at_once=1) == ("a", 1.0)


async def test_all_failing_is_the_last_ones_error_and_hanging_is_a_timeout() -> None:
    last = Unavailable("y", "last")
    with pytest.raises(Unavailable) as failed:
        await race((0.1, DOWN), (0.1, last))
    assert failed.value is last
    began = anyio.current_time()
    with pytest.raises(Timeout):
        await race((9.0, "a"), (9.0, "b"))
    assert anyio.current_time() - began == pytest.approx(3.0)


async def test_what_comes_too_late_is_discarded_even_when_nobody_waits_any_more() -> None:
    discarded: list[str] = []

    async def stubborn(result: str) -> str:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(1)
        return result

    found = await first_of([partial(stubborn, "a"), partial(stubborn, "b")], stagger=0.1, limit=5, discard=discarded.append)
    assert (found, discarded) == ("a", ["b"])
    with anyio.move_on_after(0.5):
        await first_of([partial(stubborn, "c")], stagger=0.1, limit=5, discard=discarded.append)
    assert discarded == ["b", "c"]


async def test_a_closer_closes_beside_and_is_not_held_up() -> None:
    closed: list[str] = []

    async def close(name: str, seconds: float) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(seconds)
        if name == "bad":
            raise DOWN
        if name == "worse":
            raise OSError("a socket of a vendor's library")
        closed.append(name)

    closer = Closer()
    closer.add(partial(close, "before", 0.1))
    async with anyio.create_task_group() as group:
        group.start_soon(closer.run)
        await anyio.sleep(0.2)
        for name in ("slow", "bad", "worse", "quick"):
            closer.add(partial(close, name, 1.5 if name == "slow" else 0.1))
        await closer.drain()
        await anyio.sleep(0.2)
        assert closed == ["before", "quick"]
        group.cancel_scope.cancel()
    closer.add(partial(close, "after", 0.1))
    await closer.drain()
    assert closed == ["before", "quick", "slow", "after"]
    assert closer.failures == 2
