"""Values and texts in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.speech.normal import clean, speak


@pytest.mark.parametrize(
    ("kind", "value", "locale", "style", "words"),
    [
        ("phone", "+442079460958", "en-GB", None, "oh two oh, seven nine four six, oh nine five eight"),
        ("phone", "+61445333147", "en-AU", None, "oh four four five, three three three, one four seven"),
        ("phone", "+12125550123", "en-US", None, "two one two, five five five, zero one two three"),
        ("phone", "+442079460958", "en-GB", "last3", "nine five eight"),
        ("phone", "+442079460958", "en-US", "last4", "zero nine five eight"),
        ("date", "2026-11-27", "en-GB", None, "Friday the twenty-seventh of November"),
        ("date", date(2026, 11, 27), "en-GB", "short", "Friday the twenty-seventh"),
        ("date", "2026-11-27", "en-GB", "year", "Friday the twenty-seventh of November twenty twenty-six"),
        ("time", "14:30", "en-GB", None, "half past two in the afternoon"),
        ("time", time(14, 30), "en-US", None, "two thirty in the afternoon"),
        ("time", "09:05", "en-GB", None, "nine oh five in the morning"),
        ("time", "12:00", "en-GB", None, "noon"),
        (
            "datetime",
            {"date": "2026-11-27", "time": "09:00", "part": None},
            "en-GB",
            "short",
            "Friday the twenty-seventh at nine in the morning",
        ),
        ("datetime", {"date": "2026-11-27", "time": None, "part": "morning"}, "en-GB", "short", "Friday the twenty-seventh in the morning"),
        (
            "datetime",
            datetime(2026, 11, 27, 9, 0, tzinfo=UTC),
            "en-GB",
            "short",
            "Friday the twenty-seventh at nine in the morning",
        ),
        ("money", {"minor": 6050, "currency": "GBP"}, "en-GB", None, "sixty pounds and fifty pence"),
        ("money", {"minor": 100, "currency": "USD"}, "en-US", None, "one dollar"),
        ("money", {"minor": 1, "currency": "GBP"}, "en-GB", None, "one penny"),
        ("person_name", {"given": "Ann", "family": "Lee", "spelling": None}, "en-GB", None, "Ann Lee"),
        ("person_name", {"given": "Ann", "family": "Lee", "spelling": "LEE"}, "en-GB", "spelled", "Ann Lee, L E E"),
        ("email", "john.smith_22@gmail.com", "en-GB", None, "john dot smith underscore two two at g mail dot com"),
        (
            "address",
            {"lines": ["21B Baker Street"], "postcode": "NW1 6XE", "text": ""},
            "en-GB",
            None,
            "twenty-one B Baker Street, N W one, six X E",
        ),
        ("number", 21, "en-GB", None, "twenty-one"),
        ("number", 2.5, "en-GB", None, "two point five"),
        ("yes_no", True, "en-GB", None, "yes"),
        ("pattern", "AB12", "en-GB", None, "A B one two"),
        ("choice", "a leaking tap", "en-GB", None, "a leaking tap"),
        ("offer", {"label": "Tuesday at 9:30"}, "en-GB", None, "Tuesday at nine thirty"),
        ("date", "not a day", "en-GB", None, "not a day"),
        ("number", None, "en-GB", None, ""),
    ],
)
def test_speak(kind: str, value: object, locale: str, style: str | None, words: str) -> None:
    assert speak(kind, value, locale, style) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It costs £60.50.", "It costs sixty pounds and fifty pence."),
        ("A 10% deposit & VAT", "A ten percent deposit and VAT"),
        ("We open at 9am.", "We open at nine in the morning."),
        ("Come at 14:30.", "Come at half past two in the afternoon."),
        ("Ring 020 7946 0958", "Ring oh two oh, seven nine four six, oh nine five eight"),
        ("Code 0042", "Code oh oh four two"),
        ("Mr. Smith and Dr Lee", "mister Smith and doctor Lee"),
        ("the 27th", "the twenty-seventh"),
        ("since 1998", "since nineteen ninety-eight"),
        ("1,250 litres", "one thousand two hundred and fifty litres"),
        ("**Great**, see you Mon.", "Great , see you Monday"),
        ("No. That is all.", "No. That is all."),
    ],
)
def test_clean(text: str, words: str) -> None:
    assert clean(text) == words


@given(st.text(max_size=60), st.sampled_from(["en-GB", "en-US"]))
def test_clean_leaves_no_figures(text: str, locale: str) -> None:
    assert not any(each in "0123456789" for each in clean(text, locale).replace(":", ""))


@given(
    st.one_of(
        st.text(max_size=20),
        st.integers(),
        st.none(),
        st.dictionaries(st.sampled_from(["date", "minor", "currency", "given", "lines"]), st.text(max_size=5)),
    )
)
def test_speak_says_something_of_anything(value: object) -> None:
    for kind in ("phone", "date", "time", "datetime", "money", "person_name", "email", "address", "pattern", "number", "choice"):
        assert isinstance(speak(kind, value), str)
