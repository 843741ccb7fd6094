"""What differs between two versions, in words; and how sliders and drawings follow their values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from offhook.orchestrator.agents.config import Holiday, Span, Week
from offhook.orchestrator.agents.diff import changes
from offhook.orchestrator.agents.hours import Calendar
from offhook.orchestrator.portal.differences import parts, words
from offhook.orchestrator.portal.drawings import KINDS, WIDTH, drawing, gap_of
from offhook.orchestrator.portal.knobs import FIRST, NAMES, SLIDER, position
from offhook.orchestrator.portal.openings import ahead
from offhook.orchestrator.portal.openings import changes as clock_changes
from offhook.orchestrator.portal.show import Local


def test_words_that_are_gone_and_new() -> None:
    pieces = words("Which day suits you best?", "Which day would suit you?")
    assert "".join(text for kind, text in pieces if kind != "new") == "Which day suits you best?"
    assert "".join(text for kind, text in pieces if kind != "gone") == "Which day would suit you?"
    assert pieces[0] == ("same", "Which day ")
    assert words("", "a") == (("new", "a"),)


def test_differences_stand_under_their_step_or_part() -> None:
    before = {"greeting": "", "script": {"states": {"ask_day": {"say": "Which day?"}}}, "limits": {"idle_ms": None}}
    after = {
        "greeting": "Hello.",
        "script": {"states": {"ask_day": {"say": "Which day, please?"}, "end": {"say": "Bye"}}},
        "limits": {"idle_ms": 9_000},
    }
    found = parts(changes(before, after))
    assert [(one.title, one.step) for one in found] == [("Greeting", False), ("ask day", True), ("end", True), ("Turns", False)]
    assert found[1].differences[0].where == "say"
    assert found[1].differences[0].pieces == (("same", "Which day"), ("new", ", please"), ("same", "?"))
    assert found[2].differences[0].pieces == (("new", "say: Bye"),)


def test_long_texts_are_compared_word_by_word_too() -> None:
    text = "\n".join(f"Line {number} of what it knows, which goes on for a while." for number in range(9))
    [part] = parts(changes({"greeting": text}, {"greeting": text.replace("Line 4", "Row 4")}))
    assert [one for one in part.differences[0].pieces if one[0] != "same"] == [("gone", "Line"), ("new", "Row")]


def test_a_slider_stands_where_its_value_is() -> None:
    assert (position(60, 60, 5_000), position(5_000, 60, 5_000), position(9_000, 60, 5_000)) == (0, SLIDER, SLIDER)
    values = [position(value, 60, 5_000) for value in range(60, 5_000, 100)]
    assert values == sorted(values)
    assert set(FIRST) <= NAMES.keys()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_longer_wait_is_drawn_longer_and_stays_in_the_drawing(kind: str) -> None:
    short, long = drawing(kind, 200), drawing(kind, 120_000)
    assert 0 < short.gap < long.gap
    assert long.at + long.gap <= WIDTH + 20
    assert 0 <= long.label_x <= WIDTH
    assert gap_of(0, 700) == 0


def test_the_days_to_come_have_holidays_and_changed_clocks() -> None:
    week = Week(sunday=(Span(opens="00:30", closes="03:30"),))
    local = Local(ZoneInfo("Australia/Lord_Howe"), "AU", datetime(2026, 11, 26, 0, 0, tzinfo=UTC))
    holiday = Holiday(name="Boxing Day", first=date(2026, 12, 26), yearly=True)
    found = {one.date: one for one in ahead(Calendar(week, (holiday,)), local)}
    assert found[date(2026, 12, 26)].note == "Boxing Day"
    # Lord Howe's clocks go back by half an hour only, in the night to the first Sunday of April, and forward in October.
    assert list(clock_changes(local.zone, local.today)) == [date(2027, 4, 4), date(2027, 10, 3)]
    assert found[date(2027, 4, 4)].note == "The clocks go back by 30 minutes"
    assert found[date(2027, 10, 3)].note == "The clocks go forward by 30 minutes"
    assert found[date(2027, 4, 4)].hours == "12:30 am to 3:30 am"
    assert found[date(2026, 11, 27)].hours == "Closed"
