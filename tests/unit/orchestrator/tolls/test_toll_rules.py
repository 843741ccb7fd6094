"""Where calls may go, how many of them, and when there are too many to one place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from offhook.orchestrator.numbers.dialling import NOWHERE
from offhook.orchestrator.tolls.caps import Caps, Used, full, longest, unusual
from offhook.orchestrator.tolls.ranges import FRAUD
from offhook.orchestrator.tolls.rules import SAID, Rules, Why, prefix_of

HOME = Rules("GB", frozenset({"US", "LV", "FR"}), frozenset({"pbx.example.com"}))
CAPS = Caps(at_once=5, per_minute=10, minutes_per_hour=120, spend_per_hour=1_000, max_minutes=30)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("+442079460000", None),
        ("+447700900123", None),  # nobody's, but at home
        ("+12025550100", None),
        ("+33142685300", None),
        ("+448001111111", None),
        ("+449098790000", "premium"),
        ("+448451234567", "premium"),
        ("+447012345678", "premium"),  # a personal number
        ("+19005551234", "premium"),
        ("+8816123456789", "satellite"),
        ("+8835100001234", "satellite"),
        ("+870776001234", "satellite"),
        ("+12645551234", "fraud_range"),
        ("+37160000000", "fraud_range"),  # although its country is allowed
        ("+5355555555", "fraud_range"),
        ("+18095551234", "country"),  # looks like the United States
        ("+441481960194", "country"),  # Guernsey is not Great Britain
        ("+61412345678", "country"),
        ("+15555550100", "unallocated"),
        ("+4420", "no_number"),
        ("999", "no_number"),
        ("", "no_number"),
        ("+44abc", "no_number"),
        ("sip:desk@pbx.example.com", None),
        ("sips:desk@PBX.example.com:5061;transport=tls", None),
        ("sip:desk@pbx.example.com.evil.example", "host"),
        ("sip:pbx.example.com@evil.example", "host"),
        ("sip:desk", "host"),
    ],
)
def test_where_calls_may_go(to: str, why: Why | None) -> None:
    assert HOME.why_not(to) == why


def test_a_range_known_for_fraud_is_an_ordinary_one_at_home() -> None:
    assert Rules("LV").why_not("+37167222222") is None
    assert {why for range_, own in FRAUD if (why := Rules("GB", frozenset({own})).why_not(f"+{range_}5551234")) is not None} <= {
        "fraud_range", "no_number",
    }  # fmt: skip
    assert all(Rules("GB").why_not(f"+{code}1234567890"[:14]) in {"satellite", "no_number"} for code in NOWHERE)


def test_nothing_but_home_is_allowed_at_first() -> None:
    fresh = Rules("GB")
    assert fresh.why_not("+442079460000") is None
    assert {fresh.why_not(to) for to in ("+12025550100", "+33142685300", "+61412345678")} == {"country"}
    assert fresh.why_not("sip:desk@pbx.example.com") == "host"


def test_every_reason_is_said_in_words() -> None:
    assert all(text and "_" not in text for text in SAID.values())


@pytest.mark.parametrize(
    ("used", "why"),
    [
        (Used(0, 0, 0.0, 0.0), None),
        (Used(4, 9, 119.9, 999.0), None),
        (Used(5, 0, 0.0, 0.0), "at_once"),
        (Used(0, 10, 0.0, 0.0), "per_minute"),
        (Used(0, 0, 120.0, 0.0), "minutes_per_hour"),
        (Used(0, 0, 0.0, 1_000.0), "spend_per_hour"),
        (Used(5, 10, 120.0, 1_000.0), "at_once"),
    ],
)
def test_each_cap_is_kept(used: Used, why: Why | None) -> None:
    assert full(CAPS, used) == why


@pytest.mark.parametrize(
    ("used", "price", "minutes"),
    [
        (Used(0, 0, 0.0, 0.0), 2, 30.0),
        (Used(0, 0, 110.0, 0.0), 2, 10.0),  # the hour's minutes
        (Used(0, 0, 0.0, 900.0), 25, 4.0),  # the hour's money
        (Used(0, 0, 119.9, 999.0), 25, 1.0),
        (Used(0, 0, 0.0, 999.0), 0, 30.0),
    ],
)
def test_a_call_lasts_no_longer_than_what_is_left(used: Used, price: int, minutes: float) -> None:
    assert longest(CAPS, used, price) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("now", "before", "hours", "found"),
    [
        (9, 0, 0, False),
        (10, 0, 0, True),
        (10, 300, 100, False),
        (15, 300, 100, True),
        (11, 1, 1, True),
        (499, 1_000, 10, False),
        (500, 1_000, 10, True),
    ],
)
def test_five_times_what_is_usual_is_too_many(now: int, before: int, hours: int, found: bool) -> None:
    assert unusual(now, before, hours) is found


def test_calls_are_counted_by_range_and_never_by_number() -> None:
    assert prefix_of("+442079460000") == prefix_of("+442079461111") == "442079"
    assert prefix_of("sip:desk@PBX.example.com:5060") == "sip:pbx.example.com"
