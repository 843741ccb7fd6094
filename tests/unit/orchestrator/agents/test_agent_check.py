"""All faults at once, each with its path and its line; and that nothing that comes in can break the checker."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from offhook.authoring.load import read
from offhook.errors import Invalid
from offhook.orchestrator.agents import scripts
from offhook.orchestrator.agents.check import Setting, check
from offhook.orchestrator.agents.config import SCRIPT_BYTES, AgentConfig
from offhook.orchestrator.agents.known import known

SCRIPT, LINES = read(Path(__file__).resolve().parents[4] / "examples" / "receptionist" / "receptionist.yaml")
SETTING = Setting("en-GB", "GB", known(), frozenset({"+442079460000"}))


def config(**fields: Any) -> AgentConfig:
    return AgentConfig.model_validate({"name": "x", "script": SCRIPT, "transfer": {"staff": {"number": None}}, **fields})


def test_a_sound_agent_has_no_faults() -> None:
    assert not check(config(), SETTING, LINES).faults


def test_all_faults_at_once_with_lines() -> None:
    script = copy.deepcopy(SCRIPT)
    script["tools"]["book"]["effect"] = "read"
    made = config(
        script=script,
        transfer={"staf": {"number": "premium"}},
        voice="hart",
        providers={"stt": ["nobody", "local"]},
        holidays=[{"first": "2026-12-25", "last": "2026-12-01"}, {"first": "2026-01-01"}, {"first": "2026-01-01"}],
        out_of_hours={"do": "message", "entry": "mesage"},
        hours={"sunday": [{"opens": "20:00", "closes": "03:00"}], "monday": [{"opens": "02:00", "closes": "04:00"}]},
        limits={"tool_ms": 600},
        turn={"confirm_ms": 60},
    )
    found = check(made, SETTING, LINES).faults
    lines = {one.path: one.line for one in found}
    assert set(lines) == {
        "script.tools.book.effect",
        "script.states.connect.transfer",
        "out_of_hours.entry",
        "hours.monday.0.opens",
        "holidays.0.last",
        "holidays.2",
        "turn.confirm_ms",
        "providers.stt.0",
        "voice",
        "transfer.staf.number",
    }
    assert lines["script.states.connect.transfer"] == LINES["states", "connect", "transfer"][1]
    assert lines["voice"] is None
    words = {one.path: one.message for one in found}
    assert "did you mean 'staf'" in words["script.states.connect.transfer"]
    assert "did you mean 'message'" in words["out_of_hours.entry"]
    assert "did you mean 'heart'" in words["voice"]


def test_a_fault_is_told_in_a_text_that_says_line_numbers() -> None:
    plain, lines = scripts.read("offhook: 1\nid: x\nstart: a\nuniversals: {human: a}\nstates:\n  a: {say: Hi., end: gone}\n")
    found = check(config(script=plain), SETTING, lines).faults
    assert ("script.states.a.end", 6) in {(one.path, one.line) for one in found}


@pytest.mark.parametrize(
    ("number", "message"),
    [("+442079460000", "come back"), ("020 7946 0000", "come back"), ("+870776001234", "premium"), ("sip:x", "SIP"), ("12", "neither")],
)
def test_numbers_that_nobody_is_sent_to(number: str, message: str) -> None:
    found = check(config(transfer={"staff": {"number": number}}), SETTING).faults
    assert [one.path for one in found] == ["transfer.staff.number"]
    assert message in found[0].message


def test_places_and_names_are_had_once() -> None:
    both = {"staff": {"number": "+441134960000", "order": 1}, "boss": {"number": "+441134960001", "order": 1}}
    assert {one.path for one in check(config(transfer=both), SETTING).faults} == {"transfer.boss.order"}
    taken = {"staff": {"number": None}, "caller_number": {"number": "+441134960000"}}
    assert {one.path for one in check(config(transfer=taken), SETTING).faults} == {"transfer.caller_number"}


@pytest.mark.parametrize(
    "document",
    [
        {"a": "x" * SCRIPT_BYTES},
        {"a": float("nan")},
        {"a": "\ud800"},
        {"a": {"b": "\x00"}},
        {"\x00": 1},
        {"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
    ],
)
def test_documents_that_cannot_be_stored(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(script=document)


@pytest.mark.parametrize(
    "change",
    [
        {"states": {f"s{number}": {"end": "x"} for number in range(301)}},
        {"states": {"a": {"say": [{"if": "(" * 480 + "x is yes", "text": "x"}], "end": "b"}}},
        {"states": {"a": {"say": [{"if": "not " * 120 + "x is yes", "text": "x"}], "end": "b"}}},
        {"states": {"a": {"say": [{"if": "x is " + "9" * 5_000, "text": "x"}], "end": "b"}}},
        {"states": {"a": {"say": "word " * 1_000, "end": "b"}}},
        {"version": 10**30},
        {"states": []},
        {"states": {"a": None}},
        {"start": ["a"]},
        {"must_say": {"a": []}},
        {"tools": {"a": {"with": 1}}},
    ],
)
def test_scripts_that_are_out_of_all_bounds_are_faults(change: dict[str, Any]) -> None:
    begin = time.process_time()
    found = check(config(script={**SCRIPT, **change}), SETTING).faults
    assert found
    assert all(one.path.startswith("script") for one in found)
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("text", ["a: {<<: *b}", "a: " + "[" * 60, "a: [b\nc: d", "a: !!int x", "x" * 10, "\t"])
def test_texts_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        scripts.read(text)
    assert caught.value.faults[0].path == "script"


def test_a_script_is_written_as_it_was_read() -> None:
    assert scripts.read(scripts.write(SCRIPT))[0] == SCRIPT
    assert list(scripts.read(scripts.write(SCRIPT))[0]["states"]) == list(SCRIPT["states"])


ODD = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=6), st.lists(st.text(max_size=3), max_size=2), st.just({}))


def _places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(node, dict):
        for key, value in node.items():
            found += _places(value, (*at, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            found += _places(value, (*at, index))
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_to_a_script_is_a_fault_or_none_and_never_a_crash(data: st.DataObject) -> None:
    script = copy.deepcopy(SCRIPT)
    places = data.draw(st.lists(st.sampled_from(_places(SCRIPT)), min_size=1, max_size=3))
    for place in places:
        node: Any = script
        try:
            for part in place[:-1]:
                node = node[part]
            if data.draw(st.booleans()):
                node[place[-1]] = data.draw(ODD)
            else:
                del node[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    fields: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {},
                {"greeting": "Good day."},
                {"recording": {"disclosure": "We record."}},
                {"out_of_hours": {"do": "message", "entry": "message"}},
            ]
        )
    )
    try:
        made = config(script=script, **fields)
    except ValidationError:
        return
    for fault in check(made, SETTING, LINES).faults:
        assert fault.path
        assert fault.message
