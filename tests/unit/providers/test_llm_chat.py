from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from offhook import registry
from offhook.errors import BadOutput, ConfigError, OverQuota, ProviderError, Rejected, Unavailable
from offhook.inference import InferencePool
from offhook.ports.llm import Done, LlmRequest, Message, TextDelta, TokenUsage, ToolCall, ToolOffer
from offhook.providers._vendor import Account
from offhook.providers.llm import azure, cerebras, groq, llamacpp, openai, vllm
from offhook.providers.llm._chat import ChatAnswer, ChatWire, Dialect
from offhook.providers.llm._stream import StreamedLlm, refused_parameter
from offhook.weights import ModelStore

ASK = LlmRequest((Message("system", "Be brief."), Message("user", "hi")), max_tokens=120)
DIALECTS = (openai.DIALECT, groq.DIALECT, cerebras.DIALECT, azure.DIALECT, vllm.DIALECT, llamacpp.DIALECT)


def wire(dialect: Dialect, model: str, base: str = "http://127.0.0.1:1/x", key: str = "k") -> ChatWire:
    return ChatWire(dialect, Account(dialect.provider, base, key), model)


def sent(one: ChatWire, request: LlmRequest = ASK, refused: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The body, with the first values that are not refused."""
    counts = refused or {}
    extra = one.optional(request, counts)
    return one.body(request) | {name: v[counts.get(name, 0)] for name, v in extra.items() if counts.get(name, 0) < len(v)}


def answer(*chunks: Any, thoughts: bool = False) -> list[Any]:
    found = ChatAnswer("llm/x", ASK, thoughts=thoughts)
    events = [event for chunk in chunks for event in found.take("", chunk if isinstance(chunk, str) else json.dumps(chunk))]
    return [*events, *found.finish()]


def delta(why: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": why}]}


# -- what is sent


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("gpt-4o-mini", None), ("gpt-4.1", None), ("ft:gpt-4o:desk", None), ("o3", "low"), ("gpt-5", "minimal"), ("gpt-5-nano", "minimal"),
        ("gpt-5-2025-08-07", "minimal"), ("gpt-5.1", "none"), ("gpt-6-mini", "none"), ("something-else", "none"),
    ],
)  # fmt: skip
def test_a_model_is_asked_to_answer_without_thinking_aloud(model: str, effort: str | None) -> None:
    assert sent(wire(openai.DIALECT, model)).get("reasoning_effort") == effort


def test_the_body_of_a_turn() -> None:
    request = LlmRequest(ASK.messages, cache_key="t:a:1", tools=(ToolOffer("look", "Looks", {"type": "object"}),), stable=1)
    body = sent(wire(openai.DIALECT, "gpt-6"), request)
    assert body == {
        "model": "gpt-6",
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Looks",
                    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
                    "strict": True,
                },
            }
        ],
        "max_completion_tokens": 300,
        "reasoning_effort": "none",
        "verbosity": "low",
        "prompt_cache_key": "t:a:1",
        "store": False,
    }


def test_a_refused_limit_is_sent_by_its_other_name() -> None:
    one = wire(openai.DIALECT, "gpt-4o")
    assert sent(one)["max_completion_tokens"] == 120
    again = sent(one, refused={"max_completion_tokens": 99})
    assert "max_completion_tokens" not in again
    assert again["max_tokens"] == 120
    assert "max_tokens" not in sent(one, refused={"max_completion_tokens": 99, "max_tokens": 99})
    assert sent(wire(vllm.DIALECT, "qwen3"))["max_tokens"] == 120


def test_a_long_cache_key_is_shortened_and_stays_its_own() -> None:
    keys = [
        sent(wire(openai.DIALECT, "m"), LlmRequest(ASK.messages, cache_key=key))["prompt_cache_key"]
        for key in ("a" * 64, "a" * 65, "b" * 65)
    ]
    assert keys[0] == "a" * 64
    assert len(set(keys)) == 3
    assert max(map(len, keys)) == 64
    assert "prompt_cache_key" not in sent(wire(groq.DIALECT, "m"), LlmRequest(ASK.messages, cache_key="k"))


@pytest.mark.parametrize(
    ("dialect", "base", "url", "warm", "header"),
    [
        (openai.DIALECT, "https://a/v1", "https://a/v1/chat/completions", "https://a/v1/models", "authorization"),
        (groq.DIALECT, "https://g", "https://g/openai/v1/chat/completions", "https://g/openai/v1/models", "authorization"),
        (groq.DIALECT, "https://g/openai/v1", "https://g/openai/v1/chat/completions", "https://g/openai/v1/models", "authorization"),
        (cerebras.DIALECT, "https://c", "https://c/v1/chat/completions", "https://c/v1/tcp_warming", "authorization"),
        (azure.DIALECT, "https://z", "https://z/openai/deployments/a%20b%2Fc/chat/completions", "https://z/openai/models", "api-key"),
        (azure.PLAIN, "https://z/openai/v1", "https://z/openai/v1/chat/completions", "https://z/openai/v1/models", "api-key"),
    ],
)
def test_where_it_is_sent(dialect: Dialect, base: str, url: str, warm: str, header: str) -> None:
    one = wire(dialect, "a b/c", base)
    assert (one.url, one.warm_url, list(one.headers)) == (url, warm, [header])


# -- settings


def made(name: str, **env: str) -> StreamedLlm:
    with_pool = registry.ProviderContext(InferencePool(1), ModelStore(), env)
    found = registry.load("llm", name, with_pool)
    assert isinstance(found, StreamedLlm)
    return found


@pytest.mark.parametrize(
    ("name", "env", "words"),
    [
        ("openai:gpt-6", {}, "OPENAI_API_KEY is not set"),
        ("openai", {"OPENAI_API_KEY": "k"}, "needs a model"),
        ("anthropic", {"ANTHROPIC_API_KEY": "k"}, "needs a model"),
        ("anthropic:claude-x", {}, "ANTHROPIC_API_KEY is not set"),
        ("anthropic:claude-x", {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_API_VERSION": "no\nversion"}, "ANTHROPIC_API_VERSION"),
        ("azure:desk", {"AZURE_API_KEY": "k"}, "AZURE_BASE_URL is not set"),
        ("openai:gpt-6", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://example.com/v1"}, "must be https"),
        ("vllm:m", {"VLLM_API_KEY": "k", "VLLM_BASE_URL": "http://gpu:8000/v1"}, "must be https"),
        ("openai:gpt-6", {"OPENAI_API_KEY": "sk-secret\nsk-more"}, "OPENAI_API_KEY holds"),
        ("openai:gpt-6", {"OPENAI_API_KEY": "sk-sécret"}, "OPENAI_API_KEY holds"),
    ],
)
def test_what_is_wrong_with_the_settings_is_named_without_the_key(name: str, env: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        made(name, **env)
    assert "cret" not in str(caught.value) + caught.value.detail


def test_a_server_of_ones_own_needs_no_key_and_then_no_tls() -> None:
    assert made("vllm:m", VLLM_BASE_URL="http://gpu:8000/v1").spec.id == "llm/vllm"
    assert made("llamacpp:m").spec.id == "llm/llamacpp"


def test_all_vendors_are_found_and_say_what_they_need() -> None:
    found = registry.specs("llm")
    assert set(found) >= {"openai", "anthropic", "groq", "cerebras", "azure", "vllm", "llamacpp"}
    for name in ("openai", "anthropic", "groq", "cerebras", "azure", "vllm", "llamacpp"):
        assert found[name].id == f"llm/{name}"
        assert found[name].structured
        assert found[name].tools
        assert f"{name}_api_key" in found[name].settings


@pytest.mark.parametrize("env", [{"AZURE_API_VERSION": "2027-01-01"}, {}])
def test_the_version_of_azure_is_a_setting(env: dict[str, str]) -> None:
    llm = made("azure:desk", AZURE_API_KEY="k", AZURE_BASE_URL="https://z", **env)
    assert llm._wire.url.endswith(f"?api-version={env.get('AZURE_API_VERSION', azure.VERSION)}")


# -- what is refused


@pytest.mark.parametrize(
    ("body", "name", "how"),
    [
        ('{"error": {"param": "temperature", "message": "no"}}', "temperature", "whole"),
        ('{"error": {"param": "stream_options.include_obfuscation", "message": "Unknown parameter"}}', "stream_options", "value"),
        ('{"error": {"param": "reasoning_effort", "message": "Unsupported value: none"}}', "reasoning_effort", "value"),
        ('{"error": {"param": null, "message": "Unrecognized request argument supplied: reasoning_effort"}}', "reasoning_effort", "whole"),
        ('{"error": {"param": "messages[0].role", "message": "temperature"}}', "", "value"),
        ('{"error": {"message": "the reasoning_effort_level is odd"}}', "", "whole"),
        ("{'loc': ('body', 'temperature')}", "temperature", "whole"),
        ('{"error": "no"}', "", "whole"),
        ("[]", "", "whole"),
        ("", "", "whole"),
    ],
)
def test_which_parameter_was_refused(body: str, name: str, how: str) -> None:
    assert refused_parameter(body, ("temperature", "reasoning_effort", "stream_options")) == (name, how)


@pytest.mark.parametrize("code", ["tool_use_failed", "json_validate_failed"])
def test_what_the_model_got_wrong_may_be_right_the_next_time(code: str) -> None:
    error = wire(groq.DIALECT, "m").refusal(400, {}, json.dumps({"error": {"code": code, "failed_generation": "x" * 9_000}}))
    assert isinstance(error, BadOutput)
    assert error.retry
    assert wire(groq.DIALECT, "m").refusal(400, {}, '{"error": {"code": "other"}}') is None


# -- what comes


def test_usage_of_groq_and_of_nobody() -> None:
    used = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 99}}
    assert answer({"x_groq": {"usage": used}}, delta("stop")) == [TokenUsage(9, 2, 9), Done("stop")]
    [usage, _] = answer({"usage": {"prompt_tokens": "9", "completion_tokens": -1}}, delta("stop"))
    assert usage.estimated


def test_errors_that_come_inside() -> None:
    with pytest.raises(Unavailable):
        answer({"x_groq": {"error": "over capacity"}})
    with pytest.raises(OverQuota):
        answer({"error": {"message": "slow"}, "status_code": 429})
    with pytest.raises(Rejected):
        answer({"error": {"message": "no", "code": 400}})
    with pytest.raises(OverQuota) as caught:
        answer({"error": {"message": "no", "code": "insufficient_quota"}})
    assert not caught.value.retry


def test_calls_of_those_who_leave_out_what_they_may_not() -> None:
    """No index, no id, arguments as an object: servers of open models."""
    first = {"id": "a", "function": {"name": "look", "arguments": '{"x":'}}
    rest = {"function": {"arguments": "1}"}}
    second = {"id": "b", "function": {"name": "book", "arguments": {"y": 2}}}
    found = answer(delta(tool_calls=[first]), delta(tool_calls=[rest]), delta("stop", tool_calls=[second, "junk"]))
    calls = [one for one in found if isinstance(one, ToolCall)]
    assert [(one.name, json.loads(one.arguments)) for one in calls] == [("look", {"x": 1}), ("book", {"y": 2})]
    assert found[-1] == Done("tools")
    nameless = {"index": 0, "function": {"arguments": "{}"}}
    with pytest.raises(BadOutput):
        answer(delta("stop", tool_calls=[nameless]))
    [call, *_] = answer(delta("stop", tool_calls=[{"index": 3, "id": "", "function": {"name": "look"}}]))
    assert call == ToolCall("call_3", "look", "{}")


def test_a_model_that_declines_in_so_many_words_is_filtered() -> None:
    assert answer(delta(refusal="I cannot"), delta("stop"))[-1] == Done("filtered")


def test_thoughts_in_the_answer_of_an_open_model_are_not_spoken() -> None:
    found = answer(delta(content="<think>Hm"), delta(content="</think>Yes."), delta("stop"), thoughts=True)
    assert found[0] == TextDelta("Yes.")


def test_the_last_word_without_a_reason_is_an_end_and_a_reason_without_the_last_word_too() -> None:
    assert answer(delta(content="Yes."), "[DONE]")[-1] == Done("stop")
    assert answer(delta("length"))[-1] == Done("length")
    assert answer(delta("a new reason"))[-1] == Done("stop")
    with pytest.raises(Unavailable):
        answer(delta(content="Yes."))


PARTS = ("choices", "delta", "content", "tool_calls", "function", "arguments", "index", "usage", "error", "x_groq", "id", "name")
LEAVES: tuple[Any, ...] = (None, True, 0, 1, -2, 1e300, "", "a", "\ud83d", "{", [], {}, "stop")


def junk(dice: random.Random, parts: Sequence[str], depth: int = 0) -> Any:
    """JSON of a vendor that has lost its mind, with the names that it uses."""
    kind = dice.random()
    if depth > 4 or kind < 0.3:
        return dice.choice(LEAVES)
    if kind < 0.45:
        return [junk(dice, parts, depth + 1) for _ in range(dice.randint(0, 2))]
    return {name: junk(dice, parts, depth + 1) for name in dice.sample(parts, dice.randint(1, 3 if depth < 2 else 2))}


@pytest.mark.parametrize("seed", range(10))
def test_whatever_comes_is_an_event_or_an_error_of_ours(seed: int) -> None:
    dice, whole = random.Random(seed), 0
    for _ in range(120):
        inside = [junk(dice, PARTS) for _ in range(3)]
        chunks = [
            dice.choice([one, {"choices": [{"delta": one}]}, {"choices": [{"index": one, "delta": {"content": "a"}}]}]) for one in inside
        ]
        try:
            found = answer(*map(json.dumps, chunks), dice.choice(["[DONE]", "", '{"choices": []}']), thoughts=True)
        except ProviderError:
            continue
        whole += 1
        assert isinstance(found[-1], Done)
        for one in found:
            if isinstance(one, TextDelta):
                one.text.encode()
    assert whole


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_vendor_gets_a_parameter_twice_or_a_key_in_its_body(dialect: Dialect) -> None:
    body = json.dumps(sent(wire(dialect, "m", key="sk-secret")))
    assert "sk-secret" not in body
    assert ("max_tokens" in body) != ("max_completion_tokens" in body)
