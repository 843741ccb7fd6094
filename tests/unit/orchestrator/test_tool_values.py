"""Typed values of scripts: lenient in form; anything else is Invalid."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.errors import Invalid
from offhook.orchestrator.tools import values
from offhook.orchestrator.tools.values import When

KEYS = st.sampled_from(["text", "date", "id", "given", "lines", "part"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "date", "id", "given", "lines", "part"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ({"given": "Ann", "family": "Lee"}, "Ann Lee"),
        ({"given": "Ann", "family": None, "spelling": "A N N"}, "Ann"),
        (" Ann Lee ", "Ann Lee"),
        ({"text": "Ann"}, "Ann"),
        (None, ""),
    ],
)
def test_person(name: object, text: str) -> None:
    assert values.person({"name": name}) == text


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ({"lines": ["4 Quay St", ""], "postcode": "SO14 2AB", "text": "x"}, "4 Quay St, SO14 2AB"),
        ({"lines": "4 Quay St"}, "4 Quay St"),
        ({"text": "the blue house"}, "the blue house"),
        ("4 Quay St", "4 Quay St"),
    ],
)
def test_address(address: object, text: str) -> None:
    assert values.address({"address": address}) == text


def test_phone() -> None:
    assert values.phone({"phone": "07700 900123"}, "GB") == "+447700900123"
    assert values.phone({"phone": {"value": "+1 201 555 0123"}}, "GB") == "+12015550123"
    assert values.phone({}, "GB") is None
    with pytest.raises(Invalid):
        values.phone({"phone": "seven"}, "GB")


@pytest.mark.parametrize(
    ("day", "wish"),
    [
        ("2026-11-24", When(date(2026, 11, 24))),
        ("2026-11-24T09:30", When(date(2026, 11, 24), None, time(9, 30))),
        ({"date": "2026-11-24", "part": "morning"}, When(date(2026, 11, 24), "morning")),
        ({"date": "2026-11-24", "time": "14:00"}, When(date(2026, 11, 24), None, time(14))),
        ({"part": "evening"}, When(None, "evening")),
        (None, When()),
    ],
)
def test_when(day: object, wish: When) -> None:
    assert values.when({"day": day}) == wish


def test_moment_is_in_the_tenants_zone() -> None:
    zone = ZoneInfo("Europe/London")
    assert values.moment({"at": "2026-07-01T14:00"}, zone) == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert values.moment({"at": "2026-07-01"}, zone) == datetime(2026, 7, 1, 8, tzinfo=UTC)
    assert values.moment({}, zone) is None


@given(JSON)
def test_anything_else_is_invalid_and_nothing_crashes(value: object) -> None:
    args = dict.fromkeys(("name", "address", "phone", "day", "at", "slot"), value)
    zone = ZoneInfo("Europe/London")
    readers = (
        lambda: values.person(args),
        lambda: values.address(args),
        lambda: values.phone(args, "GB"),
        lambda: values.when(args),
        lambda: values.moment(args, zone),
        lambda: values.slot(args),
        lambda: values.rest(args),
    )
    for read in readers:
        with suppress(Invalid):
            read()
