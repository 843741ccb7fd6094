"""Whose calendars count for whom, and what is left of a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from offhook.orchestrator.bookings.outside.places import every, resources, whose, without
from offhook.orchestrator.bookings.slots import Span

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("chosen", "tom", "priya"),
    [
        ({}, (), ()),
        ({"staff/tom": ["a"]}, ("a",), ()),
        ({"calendar/tom": ["a"], "staff/priya": ["b", "a"]}, ("a",), ("b", "a")),
        ({"calendar": ["a", "b"]}, ("a", "b"), ("a", "b")),
        ({"calendar": ["a"], "staff/tom": ["b"]}, ("b",), ()),
        ({"staff/tom": [], "calendar": ["a"]}, ("a",), ("a",)),
        ({"pipeline": ["a"], "staff/tomas": ["b"]}, (), ()),
    ],
)
def test_calendars_are_chosen_for_each_or_for_all(chosen: dict[str, list[str]], tom: tuple[str, ...], priya: tuple[str, ...]) -> None:
    assert (resources(chosen, "tom"), resources(chosen, "priya")) == (tom, priya)
    assert every(chosen, ("tom", "priya")) == tuple(dict.fromkeys(tom + priya))


def test_a_calendar_of_several_is_nobody_s() -> None:
    chosen = {"staff/tom": ["a", "both"], "staff/priya": ["b", "both"]}
    assert [whose(chosen, one, ("tom", "priya")) for one in ("a", "b", "both", "c")] == ["tom", "priya", None, None]


@pytest.mark.parametrize(
    ("holes", "left"),
    [
        ([], [(0, 4)]),
        ([(0, 4)], []),
        ([(-1, 5)], []),
        ([(1, 2)], [(0, 1), (2, 4)]),
        ([(1, 2), (2, 3)], [(0, 1), (3, 4)]),
        ([(-1, 1), (3, 9)], [(1, 3)]),
        ([(4, 5), (-3, 0)], [(0, 4)]),
    ],
)
def test_what_is_left_of_a_time(holes: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    found = without(Span(NINE, NINE + 4 * HOUR, "tom"), [(NINE + a * HOUR, NINE + b * HOUR) for a, b in holes])
    assert found == [Span(NINE + a * HOUR, NINE + b * HOUR, "tom") for a, b in left]
