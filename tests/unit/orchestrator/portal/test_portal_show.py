"""Times, lengths, money and numbers as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from offhook.orchestrator.portal.show import Local, duration, initials, many, milliseconds, money

LONDON = Local(ZoneInfo("Europe/London"), "GB", datetime(2026, 11, 26, 11, tzinfo=UTC))


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0, "0:00"), (11.4, "0:11"), (59.6, "1:00"), (131, "2:11"), (3_599.7, "1:00:00"), (7_384, "2:03:04")]
)
def test_lengths(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0.061", "USD", "$0.061"),
        ("12", "GBP", "£12.00"),
        ("-3.5", "EUR", "-€3.50"),
        ("1234.5", "AUD", "A$1,234.50"),
        ("1E+3", "JPY", "JPY 1,000.00"),
    ],
)
def test_money(amount: str, currency: str, text: str) -> None:
    assert money(Decimal(amount), currency) == text


def test_small_things() -> None:
    assert milliseconds(1184.2) == "1,184 ms"
    assert milliseconds(None) == "–"
    assert [initials(name) for name in ("Harbour Plumbing", "ann", "Dr. Ana-Maria van den Berg", "  ", "+44 7700", "& Sons")] == [
        "HP", "A", "DB", "?", "7", "S",
    ]  # fmt: skip
    assert (many("one call", "{n} calls", 1), many("one call", "{n} calls", 1_200)) == ("one call", "1,200 calls")


def test_numbers_are_national_at_home_and_international_elsewhere() -> None:
    assert LONDON.phone("+442079460841") == "020 7946 0841"
    assert LONDON.phone("+61491570156") == "+61 491 570 156"
    assert Local(ZoneInfo("UTC"), "AU", LONDON.now).phone("+61491570156") == "0491 570 156"
    assert [LONDON.phone(one) for one in ("", "anonymous", "sip:desk@example.com")] == ["", "anonymous", "sip:desk@example.com"]


def test_a_day_is_as_long_as_it_is_there() -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    hours = [(LONDON.begin(date(day.year, day.month, day.day + 1)) - LONDON.begin(day)).total_seconds() / 3600 for day in (spring, autumn)]
    assert hours == [23, 25]
    assert LONDON.day_of(datetime(2026, 3, 29, 23, 30, tzinfo=UTC)) == date(2026, 3, 30)
    assert LONDON.clock(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == LONDON.clock(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "1:30 am"
    stamps = [LONDON.stamp(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    assert stamps == ["2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00+00:00"]


def test_a_day_without_midnight_begins_after_it() -> None:
    beirut = Local(ZoneInfo("Asia/Beirut"), "LB", LONDON.now)
    begin = beirut.begin(date(2026, 3, 29))
    assert begin == datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert beirut.day_of(begin) == date(2026, 3, 29)


def test_days_and_hours_have_names() -> None:
    assert LONDON.day(date(2026, 11, 19)) == "Thursday 19 November"
    assert LONDON.day(date(2025, 1, 1)) == "Wednesday 1 January 2025"
    assert [LONDON.clock(datetime(2026, 11, 26, hour, 5, tzinfo=UTC)) for hour in (0, 9, 12, 23)] == [
        "12:05 am",
        "9:05 am",
        "12:05 pm",
        "11:05 pm",
    ]
    assert LONDON.monday() == date(2026, 11, 23)
