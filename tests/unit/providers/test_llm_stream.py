from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import httpx
import pytest
from tests.conformance.llm_suite import HELLO, SCHEMA, LlmSuite, collect, events, text

from offhook import registry
from offhook.errors import ConfigError, Rejected, Timeout
from offhook.inference import InferencePool
from offhook.ports.llm import LlmEvent, LlmRequest, TokenUsage
from offhook.providers._vendor import trust
from offhook.providers.llm._stream import Deadlines, StreamedLlm, _Wait
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.vendors.server import Door, Scenario
from offhook.weights import ModelStore


async def feed(*seconds: float) -> AsyncGenerator[tuple[str, str], None]:
    for one in seconds:
        await anyio.sleep(one)
        yield "", str(one)


class TestWaits:
    @pytest.fixture
    def anyio_backend(self) -> object:
        return VIRTUAL_TIME

    async def test_the_time_of_whoever_reads_is_not_the_vendors(self) -> None:
        wait, source = _Wait("llm/x", Deadlines(first=1.0, gap=0.5, total=2.0)), feed(0.9, 0.4, 0.4)
        for expected in ("0.9", "0.4", "0.4"):
            assert await wait.next(source) == ("", expected)
            await anyio.sleep(100)
        assert await wait.next(source) is None

    @pytest.mark.parametrize(("seconds", "good", "at"), [((1.1,), 0, 1.0), ((0.9, 0.6), 1, 1.4), ((0.9, 0.4, 0.4, 0.4), 3, 2.0)])
    async def test_each_wait_has_its_end(self, seconds: tuple[float, ...], good: int, at: float) -> None:
        wait, source = _Wait("llm/x", Deadlines(first=1.0, gap=0.5, total=2.0)), feed(*seconds)
        for _ in range(good):
            await wait.next(source)
        with pytest.raises(Timeout) as caught:
            await wait.next(source)
        assert caught.value.retry
        assert anyio.current_time() == pytest.approx(at)
        await source.aclose()

    async def test_comments_do_not_make_up_for_an_answer(self) -> None:
        async with InferencePool(1) as pool:
            llm = registry.load("llm", Line.model, registry.ProviderContext(pool, ModelStore(), {"OPENAI_API_KEY": "key"}))
            assert isinstance(llm, StreamedLlm)
            await llm._http.aclose()
            llm._http._client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Comments())))
            llm.deadlines = Deadlines(first=1.0, gap=0.5, total=2.0)
            found: list[LlmEvent] = []
            with pytest.raises(Timeout):
                await collect(llm, found)
            assert [type(one) for one in found] == [TokenUsage]
            assert anyio.current_time() == pytest.approx(1.0)
            await llm.aclose()


class Comments(httpx.AsyncByteStream):
    """An answer that has begun, and stays alive without a word."""

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while True:
            yield b": still here\n\n"
            await anyio.sleep(0.3)


class Line(LlmSuite):
    """What no vendor differs in, on one. Its tests of the suite run elsewhere."""

    __test__ = False
    vendor = "openai"
    model = "openai:gpt-5-mini"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_values_are_tried_from_the_best_and_the_one_that_is_taken_is_kept() -> None:
    refuse = {"reasoning_effort": "value", "verbosity": "silent", "store": "unsupported"}
    async with Line().line(Scenario(options={"refuse": refuse, "reply": "Yes."})) as line:
        assert text(await events(line.llm)) == "Yes."
        assert line.llm.refused == {"reasoning_effort": 2, "verbosity": 99, "store": 99}
        tried = [one.json.get("reasoning_effort") for one in line.requests()]
        assert list(dict.fromkeys(tried)) == ["minimal", "low", None]
        before = len(line.requests())
        await events(line.llm)
        assert len(line.requests()) == before + 1


async def test_many_that_learn_of_a_refusal_at_once_learn_it_once() -> None:
    async with Line().line(Scenario(options={"refuse": {"reasoning_effort": "value"}, "reply": "Yes."})) as line:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(events, line.llm)
        assert line.llm.refused == {"reasoning_effort": 2}


async def test_padding_is_given_up_before_usage_is() -> None:
    async with Line().line(Scenario(options={"refuse": {"stream_options": "value"}, "reply": "Yes."})) as line:
        await events(line.llm)
        asked = [one.json.get("stream_options") for one in line.requests()]
    assert asked == [{"include_usage": True, "include_obfuscation": False}, {"include_usage": True}, None]


@pytest.mark.parametrize(
    "message",
    [
        "Invalid schema for response_format 'reply': In context=(), 'oneOf' is not permitted.",
        "response_format.json_schema.schema: unknown keyword",
        "response_format: too large",
    ],
)
async def test_a_schema_that_is_wrong_is_no_reason_to_go_without(message: str) -> None:
    door = Door("status", status=400, body=json.dumps({"error": {"param": "response_format", "message": message}}))
    async with Line().line(Scenario(door=door)) as line:
        with pytest.raises(Rejected):
            await events(line.llm, LlmRequest(HELLO.messages, SCHEMA))
        assert len(line.requests()) == 1
        assert line.llm.spec.structured


async def test_an_answer_dropped_without_a_word_frees_its_connection() -> None:
    """Not closed, not cancelled: forgotten, as whoever breaks out of a loop does."""
    async with Line().line(Scenario(options={"reply": "One two three.", "rate": 0.1})) as line:
        async for _ in line.llm.stream(HELLO):
            break
        await line.gone()
        line.vendors.scenario("openai", Scenario(options={"reply": "Fresh."}))
        assert text(await events(line.llm)) == "Fresh."


def test_certificates_that_are_not_there_are_a_setting_that_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    trust.cache_clear()
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        trust()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert trust() is trust()
