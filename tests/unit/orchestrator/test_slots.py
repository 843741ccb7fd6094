"""Opening hours and visits on days when clocks change, and what is offered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.contracts.plan import OpeningHours
from offhook.orchestrator.agents.hours import is_open, opening
from offhook.orchestrator.bookings import slots
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.tenants.schemas import Diary

LONDON = ZoneInfo("Europe/London")
WEEK = tuple(OpeningHours(weekday=day, opens="08:00", closes="18:00") for day in range(5))
EVERY_NIGHT = tuple(OpeningHours(weekday=day, opens="00:00", closes="04:00") for day in range(7))
DIARY = Diary(staff=("tom", "priya"), visit_minutes=90, lead_minutes=120, horizon_days=14)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday


def spans(
    hours: tuple[OpeningHours, ...] = WEEK, busy: list[Span] | None = None, now: datetime = NOW, day: date | None = None
) -> list[Span]:
    return list(slots.possible(DIARY, hours, LONDON, now, busy or [], day))


def test_within_hours_after_the_lead_time_before_the_horizon() -> None:
    found = spans()
    assert found[0].start == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    assert {span.end - span.start for span in found} == {timedelta(minutes=90)}
    assert max(span.start for span in found).date() == date(2026, 12, 7)
    assert all(is_open(WEEK, LONDON, span.start) and is_open(WEEK, LONDON, span.end - timedelta(seconds=1)) for span in found)
    assert not spans(day=date(2026, 11, 22))
    assert not spans(day=date(2026, 12, 8))
    assert not spans(day=date(2026, 11, 28))


def test_the_second_of_staff_comes_when_the_first_is_busy_and_nobody_when_both_are() -> None:
    first = spans()[0]
    assert first.staff == "tom"
    overlap = Span(first.start + timedelta(minutes=80), first.end + timedelta(minutes=80), "tom")
    assert spans(busy=[overlap])[0].staff == "priya"
    both = [overlap, Span(overlap.start, overlap.end, "priya")]
    assert spans(busy=both)[0].start > overlap.start
    touching = [Span(first.end, first.end + timedelta(hours=1), one) for one in DIARY.staff]
    assert spans(busy=touching)[0] == first


@pytest.mark.parametrize(
    ("day", "hours_open", "starts"),
    [
        (date(2026, 3, 29), 3, ["00:00", "02:30"]),  # 01:00 to 02:00 does not exist
        (date(2026, 10, 25), 5, ["00:00", "01:30", "02:00"]),  # 01:00 to 02:00 comes twice
        (date(2026, 6, 1), 4, ["00:00", "01:30"]),
    ],
)
def test_nights_when_clocks_change(day: date, hours_open: int, starts: list[str]) -> None:
    ((begins, ends),) = opening(EVERY_NIGHT, LONDON, day)
    assert ends - begins == timedelta(hours=hours_open)
    now = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    found = spans(EVERY_NIGHT, now=now, day=day)
    assert [f"{span.start.astimezone(LONDON):%H:%M}" for span in found] == starts
    assert all(later.start >= sooner.end for sooner, later in pairwise(found))


def test_hours_over_midnight() -> None:
    late = (OpeningHours(weekday=4, opens="20:00", closes="02:00"),)
    friday = datetime(2026, 11, 27, 23, 0, tzinfo=UTC)
    assert is_open(late, LONDON, friday)
    assert is_open(late, LONDON, friday + timedelta(hours=2))
    assert not is_open(late, LONDON, friday + timedelta(hours=3))
    assert not is_open(late, LONDON, friday - timedelta(hours=4))


@given(st.lists(st.integers(0, 400), unique=True, max_size=40), st.booleans(), st.none() | st.integers(0, 400))
def test_at_most_three_different_ones_in_order(hours: list[int], soon: bool, near: int | None) -> None:
    every = [Span(NOW + timedelta(hours=h), NOW + timedelta(hours=h + 1), "tom") for h in sorted(hours)]
    chosen = slots.spread(every, LONDON, soon=soon, near=None if near is None else NOW + timedelta(hours=near))
    assert len(chosen) == min(3, len(every))
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(every)
    if soon and near is None:
        assert chosen == every[:3]


def test_one_day_is_offered_from_end_to_end_and_several_days_by_turns() -> None:
    one = spans(day=date(2026, 11, 24))
    assert [f"{span.start:%H:%M}" for span in slots.spread(one, LONDON, soon=False)] == ["08:00", "12:30", "15:30"]
    several = slots.spread(spans(), LONDON, soon=False)
    assert [f"{span.start:%a %H:%M}" for span in several] == ["Mon 11:00", "Tue 12:30", "Wed 08:00"]
    near = slots.spread(spans(), LONDON, soon=False, near=datetime(2026, 11, 26, 11, 0, tzinfo=UTC))
    assert [f"{span.start:%a %H:%M}" for span in near] == ["Thu 09:30", "Thu 11:00", "Thu 12:30"]


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2026-11-23T15:00", "today at three"),
        ("2026-11-24T09:00", "tomorrow at nine"),
        ("2026-11-25T14:30", "Wednesday at half past two"),
        ("2026-11-29T12:00", "Sunday at twelve"),
        ("2026-11-30T09:45", "Monday the 30th at quarter to ten"),
        ("2026-12-01T12:45", "Tuesday the 1st at quarter to one"),
        ("2026-12-02T08:15", "Wednesday the 2nd at quarter past eight"),
        ("2026-12-11T08:10", "Friday the 11th at 8:10"),
        ("2026-11-25T19:00", "Wednesday at seven in the evening"),
        ("2026-11-25T06:30", "Wednesday at half past six in the morning"),
    ],
)
def test_labels(start: str, said: str) -> None:
    assert slots.label(datetime.fromisoformat(start).replace(tzinfo=LONDON), LONDON, NOW) == said


def test_a_slot_id_is_ours_or_nothing() -> None:
    span = spans()[0]
    made = slots.slot_id("secret", "harbour", span)
    assert slots.read_slot("secret", "harbour", made) == span
    assert slots.read_slot("secret", "quayside", made) is None
    assert slots.read_slot("other", "harbour", made) is None
    assert slots.read_slot("secret", "harbour", made.replace(".tom.", ".priya.")) is None


@given(st.text())
def test_made_up_slot_ids(text: str) -> None:
    assert slots.read_slot("secret", "harbour", text) is None
