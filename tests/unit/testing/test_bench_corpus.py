"""What the bench plays: a case must hold what its label says."""

from __future__ import annotations

import json

import pytest
from tests.shared import SHARED, needs_shared

from offhook.testing.bench.corpus import BEFORE, RATE, Pause, pauses


@pytest.fixture(scope="module")
def played() -> list[Pause]:
    """All cases; reading them takes seconds."""
    return pauses(SHARED)


@needs_shared
def test_a_dictated_number_is_played_from_its_first_digit(played: list[Pause]) -> None:
    cases = json.loads((SHARED / "speech" / "turns.json").read_text(encoding="utf-8"))["cases"]
    starts = {case["id"]: case["pause_start"] for case in cases}
    numbers = [pause for pause in played if pause.source == "dictated number"]
    assert any(pause.pause > BEFORE * RATE for pause in numbers), "no number is long enough to tell"
    assert [pause.pause for pause in numbers] == [round(starts[pause.id] * RATE) for pause in numbers]


@needs_shared
def test_other_speech_is_cut_to_the_seconds_before_the_pause(played: list[Pause]) -> None:
    others = [pause for pause in played if pause.source != "dictated number" and pause.label != "no_speech"]
    assert max(pause.pause for pause in others) == BEFORE * RATE
