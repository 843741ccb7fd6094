"""The small drawings: they are to scale, add up, and say in words what they show."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.calls.schemas import Call, Rhythm
from offhook.orchestrator.portal import outcomes
from offhook.orchestrator.portal.ladder import GAP, WIDTH, Rung, Stage, ladder
from offhook.orchestrator.portal.spark import spark
from offhook.orchestrator.portal.strip import FULL_S, strip
from offhook.orchestrator.portal.strip import WIDTH as LONGEST

STAGES: tuple[Stage, ...] = ("wait", "transcript", "model", "voice", "line")
rungs = st.lists(st.builds(Rung, st.sampled_from(STAGES), st.floats(0, 5_000), st.booleans()), min_size=1, max_size=8)


def test_a_strip_compares_with_others_and_is_never_too_long() -> None:
    short, full, longer = (strip(Rhythm(caller=((0, 1_000),)), seconds) for seconds in (FULL_S / 2, FULL_S, 10 * FULL_S))
    assert (short.width, full.width, longer.width) == (LONGEST / 2, LONGEST, LONGEST)


def test_a_strip_has_the_caller_above_and_the_agent_below() -> None:
    one = strip(Rhythm(caller=((10_000, 20_000), (50_000, 51_000)), agent=((0, 9_000),), cuts=(9_000,)), 107)
    scale = LONGEST / FULL_S
    assert re.findall(r"M([\d.]+) (\d+)h([\d.]+)", one.caller) == [
        (f"{10 * scale:.1f}", "1", f"{10 * scale:.1f}"),
        (f"{50 * scale:.1f}", "1", "1.4"),
    ]
    assert re.findall(r"M([\d.]+) (\d+)h", one.agent) == [("0.0", "11")]
    assert one.cuts == (round(9 * scale, 1),)
    assert one.text == "caller spoke 2 times, agent spoke once, agent was cut off once"


def test_a_strip_holds_turns_that_outlast_the_calls_length() -> None:
    assert strip(Rhythm(agent=((0, 30_000),)), 10).width == pytest.approx(30 * LONGEST / FULL_S, abs=0.1)
    assert strip(Rhythm(), None).width > 0


@given(st.lists(st.tuples(rungs, st.floats(0, 500)), min_size=1, max_size=6), st.floats(100, 2_000))
def test_a_ladders_parts_add_up_to_what_was_measured(replies: list[tuple[list[Rung], float]], budget: float) -> None:
    measured = [sum(one.ms for one in reply) + extra for reply, extra in replies]
    drawn = ladder([reply for reply, _ in replies], measured, budget)
    scale = drawn.budget / budget
    assert max(measured) * scale <= WIDTH + 0.1 * max(1, max(measured) / budget)
    for row, total, (reply, extra) in zip(drawn.rows, measured, replies, strict=True):
        assert sum(one.ms for one in reply) + row.unexplained == pytest.approx(total)
        assert abs(row.end - (total if extra > 5 else total - extra) * WIDTH / max(1.2 * budget, *measured)) < 1
        assert [one.stage for one in row.segments].count("unexplained") == (1 if row.unexplained > 5 else 0)
        assert row.over == (total > budget)


def test_a_ladder_draws_each_part_as_wide_as_it_took_and_a_failed_one_apart() -> None:
    drawn = ladder([(Rung("wait", 150), Rung("model", 700, failed=True), Rung("model", 150))], [1_000], 700)
    assert [(one.stage, one.failed) for one in drawn.rows[0].segments] == [("wait", False), ("model", True), ("model", False)]
    widths = [one.width for one in drawn.rows[0].segments]
    assert widths == pytest.approx([0.15 * WIDTH - GAP, 0.7 * WIDTH - GAP, 0.15 * WIDTH - GAP])
    assert drawn.budget == pytest.approx(0.7 * WIDTH)
    assert drawn.rows[0].text == "1,000 ms: Waiting to be sure 150 ms, Model 700 ms without result, Model 150 ms"
    assert ladder([], [], 700).rows == ()


@given(st.lists(st.floats(0, 1e6), max_size=40))
def test_a_spark_stays_in_its_box(values: list[float]) -> None:
    one = spark(values, 80, 20)
    for pair in one.line.split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 80
        assert 0 <= y <= 20


def call(**fields: object) -> Call:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    known: dict[str, object] = dict.fromkeys(Call.model_fields, None) | {"test": False, "recorded": False, "kept": True}
    known |= dict.fromkeys(
        ("id", "agent_id", "transport", "carrier_call", "did", "caller", "summary", "trace_id", "flag", "flagged_by"), ""
    )
    return Call.model_validate(known | {"state": "ended", "at": at, "planned_at": at} | fields)


@pytest.mark.parametrize(
    ("fields", "word", "kind"),
    [
        ({"outcome": "booked"}, "Booked", "ok"),
        ({"outcome": "left_early"}, "Hung up early", "warn"),
        ({"outcome": "not_qualified"}, "Not qualified", "quiet"),
        ({"outcome": "booked", "reason": "failed"}, "Failed", "bad"),
        ({}, "Hung up early", "warn"),
        ({"state": "live"}, "On the line", "ok"),
        ({"state": "planned"}, "Ringing", "quiet"),
    ],
)
def test_an_outcome_has_an_icon_and_a_word(fields: dict[str, object], word: str, kind: str) -> None:
    found = outcomes.of_call(call(**fields))
    assert (outcomes.word(found), found.kind) == (word, kind)
