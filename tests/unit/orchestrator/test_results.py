"""The result of a call from its last event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.calls.results import make_result, value_text

SCRIPT: dict[str, Any] = {
    "slots": {"need": {"type": "choice"}, "problem": {"type": "free_text"}, "urgency": {"type": "choice"}},
    "outcomes": {"booked": "good", "message": "neutral", "lost": "bad"},
}
VISIT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_a_booking() -> None:
    slots = {
        "need": "new_job",
        "problem": "a leak",
        "urgency": "today",
        "name": {"given": "Ann", "family": "Lee"},
        "phone": "+447700900123",
        "address": {"lines": ["4 Quay St"], "postcode": "SO14 2AB"},
        "day": "2026-11-24",
        "visit": {"id": "x", "label": "tomorrow at nine"},
        "more": False,
    }
    result = make_result(SCRIPT, {"outcome": "booked", "reason": "finished", "slots": slots}, "", [VISIT], "booked")
    assert (result.intent, result.problem, result.urgency, result.outcome, result.success) == (
        "new_job",
        "a leak",
        "today",
        "booked",
        "good",
    )
    assert result.contact.model_dump() == {"name": "Ann Lee", "phone": "+447700900123", "email": None, "address": "4 Quay St, SO14 2AB"}
    assert result.preferred_times == ("2026-11-24", "tomorrow at nine")
    assert result.appointment == VISIT
    assert result.summary == "Ann Lee rang about new job: a leak. Outcome: booked. The lead is booked."
    assert result.facts["more"] == "no"


def test_a_hang_up_before_anything() -> None:
    result = make_result(SCRIPT, {"outcome": "left_early", "reason": "hangup", "slots": {}}, "+447700900123", [], None)
    assert (result.intent, result.success, result.contact.phone) == ("enquiry", "bad", "+447700900123")
    assert result.summary == "+447700900123 rang with a question. Outcome: left early. The caller hung up."


def test_a_call_whose_end_never_came() -> None:
    assert make_result({}, None, "", [], None).outcome == "left_early"


@pytest.mark.parametrize("outcome", ["message", "made_up", "limit", "lost", "booked"])
def test_success_is_the_scripts_word(outcome: str) -> None:
    expected = {"message": "neutral", "made_up": "neutral", "limit": "bad", "lost": "bad", "booked": "good"}
    assert make_result(SCRIPT, {"outcome": outcome}, "", [], None).success == expected[outcome]


KEYS = st.sampled_from(["value", "text", "lines", "given", "id"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "text", "lines", "given", "id"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(JSON)
def test_any_value_has_words_or_none(value: object) -> None:
    found = value_text(value)
    assert found is None or isinstance(found, str)
