"""The vendors' own SDKs talk to the doubles, and what the vendors refuse is refused."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import anyio
import httpx
import jsonschema_rs
import openai
import pytest
from tests.conformance.llm_suite import SCHEMA

from offhook.testing.vendors._brain import Asked, Call, Reply, sample
from offhook.testing.vendors.server import Door, Latency, Scenario, Vendors

BOOK: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string"}},
    "required": ["day"],
    "additionalProperties": False,
}
ASK: Any = [{"role": "user", "content": "hello"}]
CALLS = Reply("One moment.", (Call("book", '{"day":"Monday"}'), Call("book", '{"day":"Tuesday"}')))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def gpt(vendors: Vendors, vendor: str = "openai", **options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    env = vendors.env()
    key, base = env[f"{vendor.upper()}_API_KEY"], env[f"{vendor.upper()}_BASE_URL"]
    async with openai.AsyncOpenAI(**{"api_key": key, "base_url": base, "max_retries": 0, **options}) as sdk:
        yield sdk


@asynccontextmanager
async def claude(vendors: Vendors, **options: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    env = vendors.env()
    given = {"api_key": env["ANTHROPIC_API_KEY"], "base_url": env["ANTHROPIC_BASE_URL"], "max_retries": 0, **options}
    async with anthropic.AsyncAnthropic(**given) as sdk:
        yield sdk


# -- OpenAI's SDK


async def test_openai_sdk_reads_a_stream_of_text() -> None:
    async with Vendors() as vendors, gpt(vendors) as sdk:
        vendors.scenario("openai", Scenario(options={"reply": "Sure, Grüße 👍.", "comments": 2}))
        said, usage, why = "", None, None
        stream = await sdk.chat.completions.create(model="gpt-6", messages=ASK, stream=True, stream_options={"include_usage": True})
        async for chunk in stream:
            for choice in chunk.choices:
                said += choice.delta.content or ""
                why = choice.finish_reason or why
            usage = chunk.usage or usage
    assert (said, why) == ("Sure, Grüße 👍.", "stop")
    assert usage is not None
    assert usage.completion_tokens == 3


async def test_openai_sdk_joins_calls() -> None:
    tools: Any = [{"type": "function", "function": {"name": "book", "parameters": BOOK, "strict": True}}]
    async with Vendors() as vendors, gpt(vendors) as sdk:
        vendors.scenario("openai", Scenario(options={"reply": CALLS, "fragment": 2}))
        async with sdk.chat.completions.stream(model="gpt-6", messages=ASK, tools=tools) as stream:
            final = await stream.get_final_completion()
    message = final.choices[0].message
    assert message.content == "One moment."
    assert [one.function.arguments for one in message.tool_calls or [] if one.type == "function"] == [
        '{"day":"Monday"}',
        '{"day":"Tuesday"}',
    ]
    assert final.choices[0].finish_reason == "tool_calls"


async def test_openai_sdk_reads_a_whole_answer_under_a_schema() -> None:
    shape: Any = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": BOOK}}
    async with Vendors() as vendors, gpt(vendors) as sdk:
        answer = await sdk.chat.completions.create(model="gpt-6", messages=ASK, response_format=shape)
        models = await sdk.models.list()
    assert json.loads(answer.choices[0].message.content or "") == {"day": "word"}
    assert models.data == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"extra_body": {"colour": "red"}}, openai.BadRequestError),
        ({"model": "nobody"}, openai.NotFoundError),
        ({"messages": []}, openai.BadRequestError),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, openai.BadRequestError),
        ({"messages": [{"role": "bot", "content": "y"}]}, openai.BadRequestError),
        ({"messages": [{"role": "user", "content": None}]}, openai.BadRequestError),
        ({"max_tokens": 10}, openai.BadRequestError),
        ({"max_completion_tokens": 0}, openai.BadRequestError),
        ({"temperature": 0.2}, openai.BadRequestError),
        ({"reasoning_effort": "none", "model": "gpt-5-mini"}, openai.BadRequestError),
        ({"reasoning_effort": "low", "model": "gpt-4o"}, openai.BadRequestError),
        ({"verbosity": "low", "model": "gpt-4o"}, openai.BadRequestError),
        ({"stream_options": {"include_usage": True}}, openai.BadRequestError),
        ({"prompt_cache_key": "x" * 65}, openai.BadRequestError),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, openai.BadRequestError),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}}}},
            openai.BadRequestError,
        ),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array"}}}}, openai.BadRequestError),
    ],
)
async def test_openai_refuses_what_the_real_one_refuses(given: dict[str, Any], error: type[openai.APIStatusError]) -> None:
    async with Vendors() as vendors, gpt(vendors) as sdk:
        with pytest.raises(error):
            await sdk.chat.completions.create(**{"model": "gpt-6", "messages": ASK, **given})


async def test_openai_refuses_a_call_without_its_result() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "book", "arguments": "{}"}}
    asked: Any = [*ASK, {"role": "assistant", "tool_calls": [call]}]
    async with Vendors() as vendors, gpt(vendors) as sdk:
        with pytest.raises(openai.BadRequestError, match="followed by tool messages"):
            await sdk.chat.completions.create(model="gpt-6", messages=[*asked, *ASK])
        await sdk.chat.completions.create(model="gpt-6", messages=[*asked, {"role": "tool", "tool_call_id": "a", "content": "ok"}])


@pytest.mark.parametrize("vendor", ["openai", "groq", "cerebras"])
async def test_a_wrong_key_is_refused(vendor: str) -> None:
    async with Vendors() as vendors, gpt(vendors, vendor, api_key="wrong") as sdk:
        path: Any = {} if vendor == "openai" else {"base_url": f"{sdk.base_url}{'openai/v1' if vendor == 'groq' else 'v1'}"}
        with pytest.raises(openai.AuthenticationError):
            await sdk.with_options(**path).chat.completions.create(model="gpt-6", messages=ASK)


async def test_azure_sdk_talks_to_its_double() -> None:
    async with Vendors() as vendors:
        env = vendors.env()
        given: Any = {"azure_endpoint": env["AZURE_BASE_URL"], "api_key": env["AZURE_API_KEY"], "max_retries": 0}
        async with openai.AsyncAzureOpenAI(api_version="2025-04-01-preview", **given) as sdk:
            vendors.scenario("azure", Scenario(options={"reply": "Yes."}))
            answer = await sdk.chat.completions.create(model="desk", messages=ASK)
        async with openai.AsyncAzureOpenAI(api_version="tomorrow", **given) as sdk:
            with pytest.raises(openai.NotFoundError):
                await sdk.chat.completions.create(model="desk", messages=ASK)
    assert answer.choices[0].message.content == "Yes."


async def test_openai_sdk_sees_an_error_inside_a_stream() -> None:
    async with Vendors() as vendors, gpt(vendors) as sdk:
        vendors.scenario("openai", Scenario(options={"inside": {"type": "server_error", "message": "sorry"}}))
        stream = await sdk.chat.completions.create(model="gpt-6", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="sorry"):
            _ = [chunk async for chunk in stream]


async def test_openai_sdk_sees_a_door_and_what_it_says() -> None:
    door = Door("status", status=429, headers={"retry-after": "3"}, body='{"error": {"message": "slow down", "code": "rate"}}')
    async with Vendors() as vendors, gpt(vendors) as sdk:
        vendors.scenario("openai", Scenario(door=door))
        with pytest.raises(openai.RateLimitError, match="slow down") as caught:
            await sdk.chat.completions.create(model="gpt-6", messages=ASK)
    assert caught.value.response.headers["retry-after"] == "3"


# -- Anthropic's SDK


async def test_anthropic_sdk_reads_a_stream() -> None:
    tools: Any = [{"name": "book", "input_schema": BOOK}]
    async with Vendors() as vendors, claude(vendors) as sdk:
        vendors.scenario("anthropic", Scenario(options={"reply": CALLS, "fragment": 2}))
        async with sdk.messages.stream(model="claude-x", max_tokens=100, messages=ASK, tools=tools) as stream:
            said = "".join([piece async for piece in stream.text_stream])
            final = await stream.get_final_message()
    assert said == "One moment."
    assert [one.input for one in final.content if one.type == "tool_use"] == [{"day": "Monday"}, {"day": "Tuesday"}]
    assert final.stop_reason == "tool_use"
    assert final.usage.output_tokens > 2


async def test_anthropic_sdk_reads_a_whole_answer_and_the_cache() -> None:
    system: Any = [{"type": "text", "text": "A rule. " * 1_000, "cache_control": {"type": "ephemeral"}}]
    async with Vendors() as vendors, claude(vendors) as sdk:
        vendors.scenario("anthropic", Scenario(options={"reply": "Yes."}))
        first = await sdk.messages.create(model="claude-x", max_tokens=100, messages=ASK, system=system)
        second = await sdk.messages.create(model="claude-x", max_tokens=100, messages=ASK, system=system)
    assert [one.text for one in first.content if one.type == "text"] == ["Yes."]
    assert (first.usage.cache_creation_input_tokens or 0) > 1_900
    assert second.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
    assert first.usage.cache_read_input_tokens == second.usage.cache_creation_input_tokens == 0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"extra_body": {"colour": "red"}}, anthropic.BadRequestError),
        ({"extra_body": {"max_tokens": None}}, anthropic.BadRequestError),
        ({"model": "nobody"}, anthropic.NotFoundError),
        ({"messages": []}, anthropic.BadRequestError),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, anthropic.BadRequestError),
        ({"messages": [*ASK, {"role": "assistant", "content": "hi"}]}, anthropic.BadRequestError),
        ({"messages": [*ASK, *ASK]}, anthropic.BadRequestError),
        ({"messages": [{"role": "tool", "content": "hi"}]}, anthropic.BadRequestError),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]}, anthropic.BadRequestError),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]}, anthropic.BadRequestError),
        ({"extra_body": {"temperature": 0.5}}, anthropic.BadRequestError),
        ({"system": [{"type": "text", "text": ""}]}, anthropic.BadRequestError),
        ({"tools": [{"name": "a b", "input_schema": BOOK}]}, anthropic.BadRequestError),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, anthropic.BadRequestError),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5}, anthropic.BadRequestError),
    ],
)
async def test_anthropic_refuses_what_the_real_one_refuses(given: dict[str, Any], error: type[anthropic.APIStatusError]) -> None:
    async with Vendors() as vendors, claude(vendors) as sdk:
        with pytest.raises(error):
            await sdk.messages.create(**{"model": "claude-x", "max_tokens": 10, "messages": ASK, **given})


async def test_anthropic_takes_both_kinds_of_keys_but_no_wrong_one() -> None:
    async with Vendors() as vendors, claude(vendors, api_key="wrong") as sdk:
        with pytest.raises(anthropic.AuthenticationError):
            await sdk.messages.create(model="claude-x", max_tokens=10, messages=ASK)
        old = {"x-api-key": vendors.env()["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as plain:
            body = {"model": "claude-x", "max_tokens": 10, "messages": ASK}
            url = vendors.base("anthropic") + "/v1/messages"
            assert (await plain.post(url, json=body, headers=old)).status_code == 200
            missing = await plain.post(url, json={"model": "claude-x", "messages": ASK}, headers=old)
    assert missing.status_code == 400
    assert missing.json()["error"] == {"type": "invalid_request_error", "message": "max_tokens: Field required"}


async def test_anthropic_sdk_sees_an_error_inside_a_stream() -> None:
    async with Vendors() as vendors, claude(vendors) as sdk:
        vendors.scenario("anthropic", Scenario(options={"inside": {"type": "overloaded_error", "message": "sorry"}}))
        stream = await sdk.messages.create(model="claude-x", max_tokens=10, messages=ASK, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="sorry"):
            _ = [event async for event in stream]


# -- the brain


async def test_the_reply_may_depend_on_what_was_asked() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply(f"{asked.number}: {asked.body['messages'][-1]['content']}")

    async with Vendors() as vendors, gpt(vendors) as sdk:
        vendors.scenario("openai", Scenario(options={"reply": reply}))
        answers = [await sdk.chat.completions.create(model="gpt-6", messages=ASK) for _ in range(2)]
    assert [one.choices[0].message.content for one in answers] == ["0: hello", "1: hello"]


async def test_the_first_token_and_the_rest_come_at_their_speed() -> None:
    options = {"reply": "one two three four five", "first_token": Latency(0.05), "rate": 100.0}
    async with Vendors() as vendors, gpt(vendors) as sdk:
        vendors.scenario("openai", Scenario(options=options))
        begin = anyio.current_time()
        stream = await sdk.chat.completions.create(model="gpt-6", messages=ASK, stream=True)
        times = [anyio.current_time() - begin async for chunk in stream if chunk.choices and chunk.choices[0].delta.content]
    assert times[0] >= 0.05
    assert times[-1] >= 0.05 + 4 * 0.01


def test_samples_obey_their_schema() -> None:
    tree = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 6},
            "kind": {"const": "x"},
            "more": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "many": {"type": "array", "items": {"type": "integer", "minimum": 3, "maximum": 4}, "minItems": 1, "maxItems": 2},
            "either": {"type": ["boolean", "null"]},
            "rate": {"type": "number"},
        },
        "required": ["name", "kind", "more", "many", "either", "rate"],
    }
    for schema in (tree, SCHEMA):
        for seed in range(200):
            jsonschema_rs.validate(schema, sample(schema, random.Random(seed)))
