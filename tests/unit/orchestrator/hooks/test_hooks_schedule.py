"""When to try again: over three days, later and later, never together, and as the endpoint asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.hooks.schedule import DELAYS, LONGEST_PAUSE, failing_since, judge, next_try, retry_after

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def test_ten_attempts_over_more_than_three_days() -> None:
    waits = [next_try(tries, 0.0) for tries in range(1, 12)]
    assert waits == [*DELAYS, None, None]
    assert len(DELAYS) == 9
    assert timedelta(days=3) < sum(DELAYS, timedelta()) < timedelta(days=4)
    assert list(DELAYS) == sorted(DELAYS)


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1))
def test_jitter_only_ever_adds_and_keeps_the_order(tries: int, one: float, other: float) -> None:
    first, second = next_try(tries, one), next_try(tries, other)
    assert first is not None
    assert second is not None
    assert DELAYS[tries - 1] <= first <= DELAYS[tries - 1] * 1.2
    assert (first <= second) == (one <= other) or first == second


def test_an_endpoint_that_asks_for_more_time_gets_it_but_no_less() -> None:
    assert next_try(1, 0.0, timedelta(minutes=10)) == timedelta(minutes=10)
    assert next_try(4, 0.0, timedelta(minutes=10)) == timedelta(hours=2)
    assert next_try(10, 0.0, timedelta(minutes=10)) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999999999", LONGEST_PAUSE.total_seconds()),
        ("Mon, 23 Nov 2026 07:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 06:00:00 GMT", 0),
        ("Mon, 23 Nov 2099 06:00:00 GMT", LONGEST_PAUSE.total_seconds()),
        ("Mon, 23 Nov 2026 07:02:00", 120),
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    assert retry_after(text, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "１２", "Mon, 99 Nov 2026 99:00:00 GMT"])
def test_what_is_no_time_is_not_heeded(text: str) -> None:
    assert retry_after(text, NOW) is None


@given(st.text())
def test_retry_after_of_anything(text: str) -> None:
    wait = retry_after(text, NOW)
    assert wait is None or timedelta() <= wait <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("status", "error", "gone"),
    [
        (200, None, False),
        (204, None, False),
        (299, None, False),
        (301, "redirect", False),
        (304, "redirect", False),
        (400, "status", False),
        (404, "status", False),
        (410, "gone", True),
        (429, "status", False),
        (500, "status", False),
        (600, "status", False),
        (199, "status", False),
    ],
)
def test_only_2xx_is_a_success(status: int, error: str | None, gone: bool) -> None:
    found = judge(status, {}, NOW)
    assert (found.error, found.gone, found.ok) == (error, gone, error is None)


def test_only_an_overloaded_endpoint_is_given_a_pause() -> None:
    asks = {"retry-after": "60"}
    assert judge(503, asks, NOW).pause == judge(429, asks, NOW).pause == timedelta(seconds=60)
    assert judge(500, asks, NOW).pause is None
    assert judge(302, asks, NOW).pause is None


def test_failing_since_the_first_of_failures_that_hang_together() -> None:
    earlier = NOW - timedelta(days=3)
    assert failing_since(None, None, NOW) == NOW
    assert failing_since(earlier, NOW - timedelta(hours=29), NOW) == earlier
    assert failing_since(earlier, NOW - timedelta(hours=49), NOW) == NOW
