"""The ladder of an answer: its steps add up, whatever the marks; what was done ahead costs nothing."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.contracts.events import Ladder
from offhook.core.time import ms
from offhook.engine.telemetry.ladder import STEPS, Marks, ladder, overhead


def marks(**at: float) -> Marks:
    return Marks(**{name: ms(value) for name, value in at.items()})


PLAIN = {
    "speech_end": 1_000.0, "decided": 1_260.0, "stt_final": 1_360.0, "llm_request": 1_364.0, "first_token": 1_564.0,
    "first_clause": 1_594.0, "tts_request": 1_595.0, "tts_first_byte": 1_685.0, "first_sent": 1_701.0,
}  # fmt: skip


def steps(found: Ladder) -> list[float | None]:
    return [getattr(found, step) for step in STEPS]


def test_a_plain_answer() -> None:
    found = ladder(marks(**PLAIN))
    assert steps(found) == [260.0, 100.0, 4.0, 200.0, 31.0, 90.0, 16.0]
    assert found.total == 701.0
    assert (found.understand, found.tts) == (304.0, 90.0)
    assert overhead(marks(**PLAIN)) == pytest.approx(0.004 + 0.001 + 0.016)


def test_what_speculation_had_finished_costs_nothing() -> None:
    early = {
        **PLAIN,
        "llm_request": 1_110.0,
        "first_token": 1_240.0,
        "first_clause": 1_250.0,
        "tts_request": 1_251.0,
        "tts_first_byte": 1_255.0,
    }
    early |= {"stt_final": 1_105.0, "first_sent": 1_280.0}
    found = ladder(marks(**early))
    assert steps(found) == [260.0, 0.0, 0.0, 0.0, 0.0, 0.0, 20.0]
    assert overhead(marks(**early)) == pytest.approx(0.02)


def test_what_it_had_begun_costs_what_was_left() -> None:
    begun = {**PLAIN, "stt_final": 1_105.0, "llm_request": 1_110.0, "first_token": 1_310.0, "first_clause": 1_340.0}
    begun |= {"tts_request": 1_340.0, "tts_first_byte": 1_430.0, "first_sent": 1_440.0}
    assert steps(ladder(marks(**begun))) == [260.0, 0.0, 0.0, 50.0, 30.0, 90.0, 10.0]


def test_an_answer_of_the_rules_has_no_steps_of_a_model() -> None:
    found = ladder(marks(speech_end=0, decided=480, worked_out=481, first_clause=481, tts_request=481, tts_first_byte=495, first_sent=500))
    assert steps(found) == [480.0, None, 1.0, None, 0.0, 14.0, 5.0]
    assert found.total == 500.0


def test_an_opener_is_heard_before_the_model_has_said_anything() -> None:
    found = ladder(marks(**{**PLAIN, "first_sent": 1_290.0}))
    assert found.total == 290.0
    assert steps(found) == [260.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_vendor_that_decides_before_the_voice_detector_sees_the_end() -> None:
    assert steps(ladder(marks(**{**PLAIN, "decided": 990.0})))[:2] == [0.0, 360.0]


@pytest.mark.parametrize("missing", ["speech_end", "decided", "first_sent"])
def test_what_was_no_answer_has_no_ladder(missing: str) -> None:
    partly = marks(**{name: at for name, at in PLAIN.items() if name != missing})
    assert ladder(partly) == Ladder()
    assert overhead(partly) is None
    assert not partly.whole


def test_marks_that_cannot_be_make_no_figures() -> None:
    assert ladder(marks(**{**PLAIN, "first_sent": 900.0})) == Ladder()


times = st.none() | st.integers(0, 3_000_000_000)


@given(st.builds(Marks, **{field.name: times for field in fields(Marks)}))
def test_steps_add_up_whatever_the_marks(some: Marks) -> None:
    found = ladder(some)
    own = overhead(some)
    if found.total is None:
        assert all(step is None for step in steps(found))
        return
    assert some.speech_end is not None
    assert some.first_sent is not None
    assert abs(found.total - (some.first_sent - some.speech_end) / 1e6) <= 0.05 + 1e-9
    assert all(step is None or step >= 0 for step in steps(found))
    assert round(sum(step or 0.0 for step in steps(found)), 1) == found.total
    coarse = (found.endpoint, found.understand, found.first_clause, found.tts, found.playout)
    assert round(sum(step or 0.0 for step in coarse), 1) == found.total
    assert own is not None
    assert own >= 0


def test_events_of_before_stay_readable() -> None:
    old = {"endpoint": 480.0, "understand": 1.0, "first_clause": 0.0, "tts": 14.0, "playout": 5.0, "total": 500.0}
    found = Ladder.model_validate(old)
    assert found.first_token is None
    assert found.model_dump(exclude_none=True) == old
