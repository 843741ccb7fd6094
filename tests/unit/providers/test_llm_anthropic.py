from __future__ import annotations

import json
import random
from typing import Any

import pytest
from tests.unit.providers.test_llm_chat import junk

from offhook.errors import BadOutput, OverQuota, ProviderError, Unavailable
from offhook.ports.llm import Done, LlmRequest, Message, TextDelta, TokenUsage, ToolCall, ToolOffer
from offhook.providers._vendor import Account
from offhook.providers.llm.anthropic import MessagesAnswer, MessagesWire

ASK = LlmRequest((Message("system", "Be brief."), Message("user", "hi")), max_tokens=120)
WIRE = MessagesWire(Account("llm/anthropic", "https://a", "sk-secret"), "claude-x")


def answer(*events: Any) -> list[Any]:
    found = MessagesAnswer("llm/anthropic", ASK)
    out = [one for event in events for one in found.take("", event if isinstance(event, str) else json.dumps(event))]
    return [*out, *found.finish()]


def marks(body: dict[str, Any]) -> int:
    return json.dumps(body).count("cache_control")


def test_the_body_of_a_turn() -> None:
    history = (
        Message("system", "Rules."),
        Message("system", "Facts."),
        Message("assistant", "Bright Roofs."),
        Message("user", "A leak"),
        Message("user", "  "),
        Message("user", "in the kitchen"),
        Message("system", "It is Monday."),
    )
    request = LlmRequest(history, tools=(ToolOffer("look", "Looks", {"type": "object"}),), stable=2, max_tokens=50, temperature=0.1)
    assert WIRE.body(request) == {
        "model": "claude-x",
        "max_tokens": 50,
        "stream": True,
        "system": [
            {"type": "text", "text": "Rules."},
            {"type": "text", "text": "Facts.", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "It is Monday."},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "(The line opens.)"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Bright Roofs."}]},
            {"role": "user", "content": [{"type": "text", "text": "A leak"}, {"type": "text", "text": "in the kitchen"}]},
        ],
        "tools": [
            {"name": "look", "description": "Looks", "input_schema": {"type": "object", "properties": {}, "additionalProperties": False}}
        ],
    }
    assert WIRE.optional(request, {}) == {"thinking": ({"type": "disabled"},)}


@pytest.mark.parametrize(("stable", "expected"), [(0, 0), (1, 1), (2, 1), (9, 1)])
def test_the_end_of_the_stable_beginning_is_marked_once(stable: int, expected: int) -> None:
    assert marks(WIRE.body(LlmRequest(ASK.messages, stable=stable))) == expected
    assert marks(WIRE.body(LlmRequest((), stable=stable))) == 0


def test_a_result_goes_before_the_words_of_the_same_turn() -> None:
    call = ToolCall("a", "look", "no JSON")
    history = (Message("user", "hi"), Message("assistant", "", (call,)), Message("user", "hello?"), Message("tool", "free", call="a"))
    [_, asked, told] = WIRE.body(LlmRequest(history))["messages"]
    assert asked["content"] == [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]
    assert [one["type"] for one in told["content"]] == ["tool_result", "text"]


def test_the_key_goes_as_the_version_wants_it() -> None:
    old = MessagesWire(WIRE.account, "claude-x", "2023-06-01")
    assert old.headers == {"anthropic-version": "2023-06-01", "x-api-key": "sk-secret"}
    assert WIRE.headers == {"anthropic-version": "2026-10-21", "authorization": "Bearer sk-secret"}
    assert old.optional(LlmRequest((), temperature=0.1), {})["temperature"] == (0.1,)
    assert "sk-secret" not in repr(WIRE.account)


def test_usage_counts_what_the_cache_read_and_wrote_as_input() -> None:
    start = {"input_tokens": 5, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100, "output_tokens": 1}
    events = (
        {"type": "message_start", "message": {"usage": start}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )
    assert answer(*events) == [TokenUsage(125, 7, 100), Done("stop")]


def test_an_answer_that_was_cut_has_used_the_input_that_was_told() -> None:
    cut = MessagesAnswer("llm/anthropic", ASK)
    cut.take("", json.dumps({"type": "message_start", "message": {"usage": {"input_tokens": 50, "output_tokens": 1}}}))
    cut.take("", json.dumps({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "12345678"}}))
    assert cut.usage() == TokenUsage(50, 2, estimated=True)
    with pytest.raises(Unavailable):
        cut.finish()


def test_thoughts_are_counted_and_not_spoken() -> None:
    found = MessagesAnswer("llm/anthropic", ASK)
    for event in (
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
    ):
        assert found.take("", json.dumps(event)) == []
    assert found.ignored == {"thinking": 1, "thinking_delta": 1}


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("tool_use", "tools"), ("refusal", "filtered"), ("a_new_one", "stop"),
    ],
)  # fmt: skip
def test_reasons(reason: str, why: Any) -> None:
    assert answer({"type": "message_delta", "delta": {"stop_reason": reason}})[-1] == Done(why)


def test_a_call_without_a_name_is_none_and_one_given_whole_is_one() -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}
    block = {"type": "tool_use", "id": "a", "name": "", "input": {}}
    with pytest.raises(BadOutput):
        answer({"type": "content_block_start", "index": 0, "content_block": block}, end)
    whole = {"type": "tool_use", "id": "a", "name": "look", "input": {"day": 1}}
    [call, *_] = answer({"type": "content_block_start", "index": 0, "content_block": whole}, end)
    assert call == ToolCall("a", "look", '{"day": 1}')


def test_an_account_without_credit_is_told_by_400() -> None:
    error = WIRE.refusal(400, {}, '{"error": {"message": "Your credit balance is too low"}}')
    assert isinstance(error, OverQuota)
    assert not error.retry
    assert WIRE.refusal(400, {}, '{"error": {"message": "temperature"}}') is None


KINDS = ("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "error", "ping", "new", None, 5)
INNER = ("text", "text_delta", "tool_use", "input_json_delta", "thinking", 3)
PARTS = ("message", "usage", "delta", "text", "index", "content_block", "input", "partial_json", "error", "input_tokens", "stop_reason")


@pytest.mark.parametrize("seed", range(10))
def test_whatever_comes_is_an_event_or_an_error_of_ours(seed: int) -> None:
    dice, whole = random.Random(seed), 0
    for _ in range(120):
        events = []
        for _ in range(4):
            event: dict[str, Any] = {name: junk(dice, PARTS) for name in dice.sample(PARTS, 5)} | {"type": dice.choice(KINDS)}
            for name in ("delta", "content_block"):
                if isinstance(event.get(name), dict):
                    event[name]["type"] = dice.choice(INNER)
            events.append(json.dumps(event))
        try:
            found = answer(*events, json.dumps({"type": "message_stop"}))
        except ProviderError:
            continue
        whole += 1
        assert isinstance(found[-1], Done)
        for one in found:
            if isinstance(one, TextDelta):
                one.text.encode()
    assert whole
