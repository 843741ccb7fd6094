from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.ports.llm import LlmRequest, Message, ToolCall, ToolOffer
from offhook.providers.llm._history import settled
from offhook.providers.llm._text import Pairs, Thoughts, clean, closed, estimated, is_strict


def halves(text: str) -> str:
    """As a JSON escape for each half of a pair would be read alone."""
    return "".join(chr(unit) for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"))


@given(st.text(), st.lists(st.integers(0, 40)))
def test_text_cut_anywhere_is_itself_again(text: str, cuts: list[int]) -> None:
    pairs, whole = Pairs(), halves(text)
    places = sorted({0, *(min(cut, len(whole)) for cut in cuts), len(whole)})
    out = "".join(pairs.take(whole[a:b]) for a, b in pairwise(places))
    assert out + pairs.rest() == text


@given(st.lists(st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010, categories=["Cs", "Lo", "Co"]))))
def test_whatever_comes_what_goes_on_is_text(pieces: list[str]) -> None:
    pairs = Pairs()
    ("".join(pairs.take(one) for one in pieces) + pairs.rest()).encode()


@given(st.text(st.characters()))
def test_what_is_sent_is_text(text: str) -> None:
    clean(text).encode()


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        (["<think>Hm, a leak.</think>\n\nHello."], "Hello."),
        (["<th", "ink>", "Hm</th", "ink>", "Hello", " you"], "Hello you"),
        (["\n<think>\n\n</think>\n", "Hello"], "Hello"),
        (["Hello <think>no</think>"], "Hello <think>no</think>"),
        (["<", "3 you"], "<3 you"),
        (["<thi"], "<thi"),
        (["<think>never ends"], ""),
        (["", "  ", "Hello"], "  Hello"),
    ],
)
def test_thoughts_are_not_spoken(pieces: list[str], answer: str) -> None:
    thoughts = Thoughts()
    assert "".join(thoughts.take(one) for one in pieces) + thoughts.rest() == answer


def test_an_estimate_weighs_everything_that_was_sent() -> None:
    messages = (Message("system", "x" * 400), Message("assistant", "", (ToolCall("a", "look", "y" * 40),)))
    small = estimated(LlmRequest(messages), "z" * 40)
    large = estimated(LlmRequest(messages, {"type": "object"}, (ToolOffer("look", "Looks", {"type": "object"}),)), "")
    assert (small.input, small.output, small.cached, small.estimated) == (100 + 10 + 8, 10, 0, True)
    assert large.input > small.input + 8
    assert large.output == 0


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "required": {"type": "string", "maxLength": 3},
        "maxLength": {"anyOf": [{"type": "object", "properties": {}}, {"type": "null"}]},
        "many": {"type": "array", "items": {"$ref": "#/$defs/one"}},
    },
    "required": ["required", "maxLength", "many"],
    "$defs": {"one": {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]}},
}


def test_a_schema_is_closed_all_the_way_down_and_is_strict_then() -> None:
    before = json.dumps(SCHEMA)
    found = closed(SCHEMA, frozenset({"maxLength", "minimum"}))
    assert json.dumps(SCHEMA) == before
    assert found["additionalProperties"] is False
    assert found["$defs"]["one"]["additionalProperties"] is False
    assert found["properties"]["maxLength"]["anyOf"][0]["additionalProperties"] is False, "the name of a property is no keyword"
    assert found["properties"]["required"] == {"type": "string"}
    assert found["$defs"]["one"]["properties"]["a"] == {"type": "integer"}
    assert is_strict(found)
    assert not is_strict(SCHEMA)


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"type": "string"}]},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": True},
        {"type": "object", "properties": {"a": {"oneOf": []}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"properties": {"b": {}}}}}, "required": ["a"]},
    ],
)
def test_what_cannot_be_kept_strictly_is_not_called_strict(schema: dict[str, Any]) -> None:
    assert not is_strict(closed(schema))


ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
CALLS = st.lists(st.builds(ToolCall, st.sampled_from("abc"), st.just("look"), st.just("{}")), max_size=2, unique_by=lambda one: one.id)


@given(st.lists(st.builds(Message, ROLES, st.text(max_size=3), CALLS.map(tuple), st.sampled_from("abc")), max_size=8))
def test_every_call_is_followed_by_its_result_and_no_result_stands_alone(messages: list[Message]) -> None:
    history = [Message(one.role, one.text, one.calls if one.role == "assistant" else (), one.call) for one in messages]
    left: list[str] = []
    for one in settled(history):
        if one.role == "tool":
            assert one.call in left
            left.remove(one.call)
        else:
            assert not left
            left = [call.id for call in one.calls]
    assert not left


def test_a_late_result_is_moved_and_nothing_else_is() -> None:
    call = ToolCall("a", "look", "{}")
    history = [Message("user", "1"), Message("assistant", "2", (call,)), Message("user", "3"), Message("tool", "4", call="a")]
    assert [one.text for one in settled(history)] == ["1", "2", "4", "3"]
