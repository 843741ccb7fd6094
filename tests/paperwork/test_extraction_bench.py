"""How much of 150 real bookings is read off their words: by rules alone, and through a model's answers in every form."""

from __future__ import annotations

import pytest
from tests.paperwork.figures import figure
from tests.shared import SHARED

from offhook.cli.bench_extraction import read_by_rules, summed, through_a_model
from offhook.errors import ConfigError
from offhook.testing.bench.extraction import FORMS, answer, bookings, measure

DIALOGUES = SHARED / "dialogues"
pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
needs_dialogues = pytest.mark.skipif(
    not (DIALOGUES / "booking_dialogues.jsonl").is_file(), reason="the shared dialogues are not beside the repository"
)
BEFORE = 352
"""Slots that a first trial of rules had right."""


@needs_dialogues
async def test_rules_alone() -> None:
    score = await measure(bookings(DIALOGUES), read_by_rules)
    figure(summed("rules alone", score))
    assert score.slots == 416
    assert score.right >= BEFORE
    assert score.wrong <= 45


@needs_dialogues
async def test_through_a_models_answers_in_every_form() -> None:
    score, failed = await through_a_model(bookings(DIALOGUES))
    figure(summed(f"a model that knows, through BAML in {len(FORMS)} forms", score))
    assert failed == 0
    assert score.wrong == 0
    assert score.right >= 0.9 * score.slots


@needs_dialogues
def test_every_form_is_another() -> None:
    text = answer(bookings(DIALOGUES)[0])
    assert len({form(text) for form in FORMS.values()}) == len(FORMS)


def test_without_the_data() -> None:
    with pytest.raises(ConfigError, match="needs the shared dialogues"):
        bookings(SHARED / "nowhere")
