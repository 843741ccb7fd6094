"""Opening hours and holidays on calendars whose clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.contracts.plan import OpeningHours
from offhook.orchestrator.agents.config import DAYS, Holiday, Week
from offhook.orchestrator.agents.hours import Calendar, covers, flat, is_open, opening, week_of

LONDON = ZoneInfo("Europe/London")
WEEK = Week.model_validate({day: [{"opens": "09:00", "closes": "12:00"}, {"opens": "13:00", "closes": "17:30"}] for day in DAYS[:5]})
ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns", "UTC"]
CLOCKS = st.times().map(lambda at: at.strftime("%H:%M"))


def holiday(first: str, last: str | None = None, **more: Any) -> Holiday:
    return Holiday.model_validate({"first": first, "last": last, **more})


def at(text: str, zone: ZoneInfo = LONDON) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T11:59:59", True),
        ("2026-11-23T12:00:00", False),  # lunch
        ("2026-11-23T13:00:00", True),
        ("2026-11-23T17:30:00", False),
        ("2026-11-28T10:00:00", False),  # Saturday
        ("2026-12-25T10:00:00", False),  # every year
        ("2031-12-26T10:00:00", False),
        ("2026-12-28T10:00:00", True),
        ("2026-12-29T10:00:00", False),  # within a range of closings
        ("2026-12-30T11:00:00", True),  # an opening within it: the shorter entry wins
        ("2026-12-30T10:00:00", False),
        ("2027-01-01T10:00:00", False),  # a yearly range over the end of the year
        ("2027-01-04T10:00:00", True),
        ("2026-06-06T10:30:00", True),  # a Saturday with hours of its own
    ],
)
def test_a_week_with_holidays(moment: str, expected: bool) -> None:
    holidays = (
        holiday("2020-12-25", "2020-12-26", yearly=True),
        holiday("2026-12-29", "2026-12-30"),
        holiday("2026-12-30", hours=[{"opens": "11:00", "closes": "12:00"}]),
        holiday("2020-12-31", "2021-01-02", yearly=True),
        holiday("2026-06-06", hours=[{"opens": "10:00", "closes": "11:00"}]),
    )
    assert is_open(Calendar(WEEK, holidays), LONDON, at(moment).astimezone(UTC)) is expected


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        (date(2026, 3, 29), [60 + 60]),  # 00:30 to 03:30, of which 01:00 to 02:00 does not exist
        (date(2026, 10, 25), [240]),  # ... or comes twice
        (date(2026, 6, 1), [180]),
    ],
)
def test_spans_over_a_change_of_clocks_last_as_long_as_they_do(day: date, minutes: list[int]) -> None:
    week = Week.model_validate({name: [{"opens": "00:30", "closes": "03:30"}] for name in DAYS})
    assert [(end - start) / timedelta(minutes=1) for start, end in opening(Calendar(week), LONDON, day)] == minutes


def test_the_hour_that_comes_twice_and_the_one_that_never_comes() -> None:
    week = Calendar(Week.model_validate({"sunday": [{"opens": "01:00", "closes": "02:00"}]}))
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert first.astimezone(LONDON).time() == second.astimezone(LONDON).time() == time(1, 30)
    assert is_open(week, LONDON, first)
    assert is_open(week, LONDON, second)
    assert not list(opening(week, LONDON, date(2026, 3, 29)))  # from a gap to its own end


def test_late_hours_go_on_into_the_next_day_whatever_it_is() -> None:
    week = Week.model_validate({"thursday": [{"opens": "18:00", "closes": "02:00"}]})
    calendar = Calendar(week, (holiday("2026-12-25"),))  # a Friday
    assert is_open(calendar, LONDON, at("2026-12-25T01:59:00"))
    assert not is_open(calendar, LONDON, at("2026-12-25T02:00:00"))
    assert not is_open(Calendar(week, (holiday("2026-12-24"),)), LONDON, at("2026-12-25T01:00:00"))


def test_open_all_day() -> None:
    calendar = Calendar(Week.model_validate({day: [{"opens": "00:00", "closes": "00:00"}] for day in DAYS}))
    for hour in range(24 * 8):
        assert is_open(calendar, LONDON, datetime(2026, 3, 25, tzinfo=UTC) + timedelta(hours=hour))


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(0, 40), st.booleans(), st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_a_holiday_covers_its_days_and_no_others(first: date, days: int, yearly: bool, day: date) -> None:
    one = Holiday(first=first, last=first + timedelta(days=days), yearly=yearly)
    if not yearly:
        assert covers(one, day) == (0 <= (day - first).days <= days)
    elif (day.month, day.day) != (2, 29):
        places = {((first + timedelta(days=n)).month, (first + timedelta(days=n)).day) for n in range(days + 1)}
        assert covers(one, day) == ((day.month, day.day) in places)


@given(
    st.dictionaries(st.sampled_from(DAYS), st.tuples(CLOCKS, CLOCKS)),
    st.sampled_from(ZONES),
    st.integers(1_577_836_800, 2_051_222_400).map(lambda at: datetime.fromtimestamp(at, UTC)),
)
def test_open_is_what_the_wall_clock_says(week: dict[str, tuple[str, str]], zone: str, moment: datetime) -> None:
    """Away from the changes of clocks: compare with the plain reading of the clock on the wall."""
    where = ZoneInfo(zone)
    steady = {(moment + timedelta(hours=hours)).astimezone(where).utcoffset() for hours in range(-60, 60, 6)}
    calendar = Calendar(Week.model_validate({day: [{"opens": opens, "closes": closes}] for day, (opens, closes) in week.items()}))
    if len(steady) != 1:
        is_open(calendar, where, moment)  # any answer, no crash
        return
    local = moment.astimezone(where)
    clock = local.strftime("%H:%M")
    opens, closes = week.get(DAYS[local.weekday()], ("", ""))
    before, until = week.get(DAYS[local.weekday() - 1], ("", ""))
    today = bool(opens) and opens <= clock and (clock < closes or closes <= opens)
    assert is_open(calendar, where, moment) == (today or (bool(before) and until <= before and clock < until))


@given(
    st.sampled_from(ZONES),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    CLOCKS,
    CLOCKS,
)
def test_spans_are_in_order_and_open_from_their_start_to_their_end(zone: str, day: date, opens: str, closes: str) -> None:
    week = Calendar(Week.model_validate({name: [{"opens": opens, "closes": closes}] for name in DAYS}))
    where = ZoneInfo(zone)
    for start, end in opening(week, where, day):
        assert timedelta(0) < end - start <= timedelta(hours=26)
        assert is_open(week, where, start)
        assert is_open(week, where, end - timedelta(seconds=1))


def test_a_week_goes_to_a_plan_and_back() -> None:
    assert week_of(flat(WEEK)) == WEEK
    assert OpeningHours(weekday=0, opens="13:00", closes="17:30") in flat(WEEK)
    assert is_open(flat(WEEK), LONDON, at("2026-11-23T13:00:00"))
