"""What the bench counts: an artefact must not pass for a result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio

from offhook.cli.bench import end_figures, hold_figures, overlap_figures, percentile, with_decision
from offhook.contracts.plan import CallPlan
from offhook.core.time import MS
from offhook.core.turn import events as ev
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import initial
from offhook.core.turn.step import deadline, step
from offhook.engine.trace import TraceWriter
from offhook.testing.bench.turns import Heard, Overlap, answer_after, longest_silence, speaking_at
from offhook.testing.carrier import FRAME, RATE

SECOND = RATE // FRAME
HOLD = Heard(id="a", file="f", label="hold", trust="high", source="call", text="")
END = replace(HOLD, label="shift")


def test_an_agent_that_was_speaking_already_has_not_answered_in_no_time() -> None:
    loud = [True] * (3 * SECOND)
    assert answer_after(loud, RATE, 2.0) == (True, None)


def test_a_gap_between_the_agents_clauses_does_not_make_it_silent() -> None:
    loud = [True] * 40 + [False] * 10 + [True] * 50
    assert speaking_at(loud, 50 * FRAME)
    assert not speaking_at([True] * 40 + [False] * 60, 60 * FRAME)
    assert not speaking_at([False] * 100, 50 * FRAME)


def test_an_answer_is_timed_from_the_last_word_and_only_within_the_limit() -> None:
    loud = [False] * 80 + [True] * 20
    assert answer_after(loud, 50 * FRAME, 2.0) == (False, 600.0)
    assert answer_after(loud, 50 * FRAME, 0.5) == (False, None)


def test_the_longest_silence_is_not_their_sum() -> None:
    assert longest_silence([True, False, False, True, False]) == 40.0
    assert longest_silence([]) == 0.0


def test_interrupted_pauses_are_counted_with_and_without_those_it_spoke_into() -> None:
    group = [replace(HOLD, in_pause=True, busy=True), replace(HOLD, over_words=True), HOLD, HOLD]
    assert hold_figures(group) == ("1", "1", "2 of 4 (50%)", "1 of 3 (33%)")


def test_ends_it_spoke_over_are_no_answers() -> None:
    group = [replace(END, delay_ms=400.0, decision_ms=300.0), replace(END, busy=True), END]
    n, answered, unanswered, speaking, *_ = end_figures(group)
    assert (n, answered, unanswered, speaking) == ("3", "1", "1", "1")


def test_a_sound_over_nobody_cannot_be_survived() -> None:
    kept = Overlap("a", "okay", lost=False, silent_ms=100.0, resumed=True)
    group = [kept, replace(kept, lost=True), replace(kept, void=True), replace(kept, resumed=False)]
    assert overlap_figures(group) == ("3", "1 (33%)", "1", "100", "1")


def test_percentiles_are_of_what_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert str(percentile([], 0.5)) == "nan"


def test_the_decision_is_the_first_after_the_last_word(tmp_path: Path) -> None:
    """The expected instant is the core's own deadline, not this test's idea of the policy."""
    path = tmp_path / "trace.jsonl"
    values = CallPlan.model_fields["turn"].get_default(call_default_factory=True).model_dump()
    events: list[ev.Event] = [
        ev.Answered(0),
        ev.ReplyDone(MS, 1),
        ev.SpeechStarted(3_000 * MS, 3_000 * MS),
        ev.Final(4_000 * MS, 0, "Half past two.", 0.95),
        ev.SpeechStopped(4_200 * MS, 4_000 * MS),
    ]
    state = initial()
    for event in events:
        state = step(state, event, TurnPolicy.of(values)).state
    due = deadline(state)
    assert due is not None
    writer = TraceWriter(path, "c", values)
    for event in (*events, ev.Tick(due)):
        writer.event(event)
    anyio.run(writer.write)
    case = replace(END, call="c", last_word=4 * RATE)
    assert with_decision(case, path).decision_ms == due / MS - 4_000
    assert with_decision(replace(case, last_word=6 * RATE), path).decision_ms is None, "it was decided before the last word"
    assert with_decision(case, tmp_path / "none").decision_ms is None
