"""Transcripts from events."""

from __future__ import annotations

from typing import Any

import pytest

from offhook.orchestrator.calls.transcript import as_text, as_vtt, turns_of, wanted


def agent(text: str, heard: str, start: int = 0, end: int = 1_000) -> dict[str, Any]:
    return {"type": "turn.agent", "turn": 1, "text": text, "heard": heard, "interrupted": text != heard, "start_ms": start, "end_ms": end}


def caller(text: str, start: int = 0, end: int = 1_000) -> dict[str, Any]:
    return {"type": "turn.caller", "turn": 2, "text": text, "start_ms": start, "end_ms": end}


@pytest.mark.parametrize(
    ("text", "heard", "unheard"),
    [("One. Two.", "One.", "Two."), ("One.", "One.", ""), ("One.", "", "One."), ("One.", "Other.", ""), ("", "", "")],
)
def test_what_was_not_heard(text: str, heard: str, unheard: str) -> None:
    [said] = turns_of([agent(text, heard)])
    assert (said.text, said.unheard) == (heard, unheard)


def test_order_and_what_is_no_turn() -> None:
    let_go = {"type": "turn.caller", "turn": 3, "start_ms": 0, "end_ms": 1}
    events = [{"type": "call.started"}, caller("b", 500), agent("a", "a", 0), let_go]
    assert [one.text for one in turns_of(events)] == ["a", "b"]
    assert turns_of([]) == []


def test_vtt_is_well_formed_whatever_is_said() -> None:
    turns = turns_of([caller("--> 00:00\n\nWEBVTT <b>&", -5, -5), agent("", "", 0, 0), caller("x", 86_400_000, 1)])
    assert as_vtt(turns) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.000\n<v caller>--&gt; 00:00 WEBVTT &lt;b&gt;&amp;\n"
        "\n24:00:00.000 --> 24:00:00.001\n<v caller>x\n"
    )
    assert as_vtt([]) == "WEBVTT\n"


def test_text_has_a_line_a_turn() -> None:
    assert as_text(turns_of([agent("Hello. How are you?", "Hello.", 61_000), caller("a\nb", 62_000)])) == (
        "[00:01:01] agent: Hello. [not heard: How are you?]\n[00:01:02] caller: a b\n"
    )


@pytest.mark.parametrize(
    ("format", "accept", "found"),
    [
        (None, "", "json"),
        (None, "*/*", "json"),
        (None, "text/vtt", "vtt"),
        (None, "text/html, text/plain;q=0.8, */*", "text"),
        (None, "application/json, text/vtt", "json"),
        ("vtt", "application/json", "vtt"),
    ],
)
def test_which_form(format: Any, accept: str, found: str) -> None:
    assert wanted(format, accept) == found
