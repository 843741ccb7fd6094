"""One form of a number, and where calls are never sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.numbers.dialling import costly, e164, target


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+44 20 7946 0000", "GB", "+442079460000"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("020 7946 0000", "US", None),
        ("(201) 555-0123", "US", "+12015550123"),
        ("tel:+44-20-7946-0000", "GB", "+442079460000"),
        ("0044 20 7946 0000", "GB", "+442079460000"),
        ("999", "GB", None),
        ("desk", "GB", None),
        ("", "GB", None),
        ("+", "GB", None),
    ],
)
def test_one_form(text: str, region: str, expected: str | None) -> None:
    assert e164(text, region) == expected


@pytest.mark.parametrize(
    ("number", "dear"),
    [
        ("+442079460000", False),
        ("+447700900123", False),
        ("+12025550123", False),
        ("+448008085000", False),
        ("+449098790000", True),  # premium, United Kingdom
        ("+448450001234", True),  # shared cost
        ("+19002345678", True),  # premium, United States
        ("+881612345678", True),  # satellite
        ("+870773111111", True),
        ("+8835100123456", True),  # international network
    ],
)
def test_where_toll_fraud_sends_calls(number: str, dear: bool) -> None:
    assert costly(number) is dear
    if dear:
        with pytest.raises(ValueError, match="premium"):
            target(number, "GB")
    else:
        assert target(number, "GB") == number


def test_sip_addresses() -> None:
    for good in ("sip:desk@example.com", "sips:desk+1@pbx.example.com:5061", "sip:+442079460000@10.0.0.1"):
        assert target(good, "GB") == good
    for bad in ("sip:example.com", "sip:a b@example.com", "sip:desk@", "sip:desk@example.com?Header=x", "sip:desk@-x", "sip:d@e.com\n"):
        with pytest.raises(ValueError, match="SIP"):
            target(bad, "GB")
    with pytest.raises(ValueError, match="at most"):
        target("sip:" + "a" * 200 + "@example.com", "GB")


@given(st.text(max_size=60), st.sampled_from(["GB", "US", "IN", "DE"]))
def test_any_text_is_a_number_or_none(text: str, region: str) -> None:
    number = e164(text, region)
    if number is not None:
        assert number.startswith("+")
        assert number[1:].isascii()
        assert number[1:].isdigit()
        assert e164(number, "US") == number  # a number with its country code belongs to no region
