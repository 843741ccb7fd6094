"""What the player draws, of calls as engines tell of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.orchestrator.calls.schemas import Call, CallDetail
from offhook.orchestrator.portal.wave import first_sound, silences, wave
from offhook.orchestrator.recordings.schemas import Loudness

NOW = datetime(2026, 11, 26, 11, tzinfo=UTC)


def said(turn: int, begin: int, end: int) -> dict[str, Any]:
    return {"type": "turn.caller", "turn": turn, "text": "yes", "start_ms": begin, "end_ms": end}


def spoke(turn: int, begin: int, end: int, total: float | None = None, **more: Any) -> dict[str, Any]:
    body = {"type": "turn.agent", "turn": turn, "text": "I see you.", "heard": "I see you.", "interrupted": False, "start_ms": begin}
    return {**body, "end_ms": end, "ladder": {} if total is None else {"total": total}, **more}


def detail(turns: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None, **ended: Any) -> CallDetail:
    unknown = dict.fromkeys(("carrier_call", "did", "caller", "summary", "trace_id", "flag", "flagged_by"), "")
    flags = {"test": False, "recorded": False, "kept": True, "transport": "loopback"}
    times = dict.fromkeys(("at", "planned_at", "started_at", "ended_at"), NOW)
    about = {"state": "ended", "reason": "hangup", "outcome": "lead", "seconds": 20.0, "slowest_ms": None, "flagged_at": None}
    call = Call.model_validate({"id": "c1", "agent_id": "a", "agent_version": 1, **unknown, **flags, **times, **about})
    last = {"reason": "hangup", "at_ms": 20_000, **ended}
    return CallDetail(
        call=call, turns=turns, tools=tools or [], recording=None, usage=None, ended=last, result=None, missing=0, appointments=[],
        lead=None, messages=[],
    )  # fmt: skip


def test_a_gap_is_from_the_callers_last_sound_to_the_agents_first() -> None:
    """An agent's turn begins before it is heard: that is when the work on it began."""
    found = wave(detail([said(1, 1_000, 3_000), spoke(1, 3_150, 6_000, 512), said(2, 7_000, 8_000), spoke(2, 8_200, 9_900, 900)]), 700)
    assert [(one.begin, one.end, one.over) for one in found.gaps] == [(3.0, 3.512, False), (8.0, 8.9, True)]
    assert [(one.begin, one.side) for one in found.turns] == [(1.0, "caller"), (3.512, "agent"), (7.0, "caller"), (8.9, "agent")]
    assert [(one.at, one.label, one.kind) for one in found.pins] == [(8.9, "900 ms", "bad")]
    assert found.seconds == 20.0


@pytest.mark.parametrize(
    ("turn", "asked", "first"),
    [
        (spoke(1, 3_150, 6_000, 512, audible_ms=3_530), 3_000, 3_530),  # as told
        (spoke(1, 3_150, 6_000, 512), 3_000, 3_512),  # as the ladder says
        (spoke(1, 3_150, 6_000, 512), 9_000, 3_150),  # numbers that do not belong together
        (spoke(1, 3_150, 6_000), None, 3_150),
        (spoke(1, 3_150, 6_000, audible_ms=None), None, 3_150),
    ],
)
def test_when_the_agent_was_first_heard(turn: dict[str, Any], asked: float | None, first: float) -> None:
    assert first_sound(turn, asked) == first


@pytest.mark.parametrize(
    ("more", "seconds", "label"),
    [
        ({"heard": "I", "unheard_ms": 4_400}, 4.4, "4.4 s made, never heard"),
        ({"heard": "I"}, None, "2 words never heard"),
        ({"heard": "I see"}, None, "one word never heard"),
    ],
)
def test_what_nobody_heard_stands_where_it_was_cut(more: dict[str, Any], seconds: float | None, label: str) -> None:
    found = wave(detail([spoke(0, 0, 2_700, interrupted=True, **more)]), 700)
    assert [(one.begin, one.seconds, one.label) for one in found.unheard] == [(2.7, seconds, label)]
    assert [(one.at, one.label) for one in found.pins] == [(2.7, "Cut off")]
    assert "the agent was cut off once" in found.summary


def test_nothing_is_lost_of_what_was_cut_at_its_end() -> None:
    assert wave(detail([spoke(0, 0, 2_700, interrupted=True, unheard_ms=0)]), 700).unheard == ()
    let_go = {"type": "turn.agent", "turn": 0, "interrupted": True, "start_ms": 0, "end_ms": 900, "ladder": {}}
    assert wave(detail([let_go]), 700).unheard == ()  # its words are no longer kept


def test_tools_and_a_transfer_are_where_they_happened() -> None:
    tools = [
        {"type": "tool.finished", "tool": "free_slots", "took_ms": 380.0, "at_ms": 4_380, "error": None},
        {"type": "tool.finished", "tool": "book", "took_ms": 642.0, "at_ms": 9_642, "error": None},
        {"type": "tool.finished", "tool": "<b>crm", "took_ms": 5_000.0, "at_ms": 3_000, "error": "timeout"},
    ]
    found = wave(detail([], tools, reason="transferred", at_ms=18_000), 700)
    assert [(one.at, one.label, one.kind) for one in found.pins] == [
        (0.0, "<b>crm", "bad"), (4.0, "free_slots 380 ms", ""), (9.0, "book 642 ms", "ok"), (18.0, "Put through", "move"),
    ]  # fmt: skip


def test_a_call_in_words() -> None:
    turns = [spoke(0, 0, 900), said(1, 1_000, 3_000), spoke(1, 3_150, 6_000, 512), said(2, 7_000, 8_000), spoke(2, 8_200, 9_900, 900)]
    text = wave(detail(turns), 700).summary
    assert text == (
        "The call took 0:20, the caller spoke 2 times, the agent spoke 3 times, the typical reply took 706 ms, the slowest 900 ms."
    )
    assert wave(detail([]), 700).summary == "The call took 0:20, the caller spoke 0 times, the agent spoke 0 times."


def test_silences_are_long_and_of_both_sides() -> None:
    caller = bytes([9] * 10 + [0] * 20 + [9] * 10 + [0] * 10)
    agent = bytes([0] * 10 + [3] * 15 + [0] * 25)
    loud = Loudness(seconds=10.0, a_second=5.0, caller=caller, agent=agent)
    assert silences(loud) == [(2.2, 5.8), (8.2, 9.8)]
    assert silences(loud.model_copy(update={"agent": b""})) == [(2.2, 5.8), (8.2, 9.8)]
    assert silences(loud.model_copy(update={"agent": bytes([9] * 50)})) == []
    assert silences(Loudness(seconds=0.0, a_second=5.0)) == []
