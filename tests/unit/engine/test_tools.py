"""Runs of a tool against a business that answers in every bad way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

import anyio
import httpx
import pytest
from tests.scenarios.harness import plan_of

from offhook.engine.tools import ANSWER_LIMIT, ToolResult, Tools
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = pytest.mark.anyio
Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


async def run(answer: Answer, tool: str = "book", timeout_ms: int | None = None) -> ToolResult:
    """Run a tool once; the only result that was reported."""
    results: list[ToolResult] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        tools = Tools(http, plan_of(), "whsec_aGVsbG8=")
        await tools.run(tool, {"slot": "s1"}, "c1:book:1", timeout_ms, results.append)
        assert tools.running == 0
    [result] = results
    return result


class Business:
    """Answers in turn; an exception is raised, the last entry repeats."""

    def __init__(self, *answers: httpx.Response | httpx.HTTPError) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer


async def test_a_repeat_carries_the_same_key_and_body() -> None:
    business = Business(httpx.ConnectError("gone"), httpx.Response(500), httpx.Response(200, json={"values": {"ref": "H18"}}))
    result = await run(business)
    assert (result.error, result.values) == (None, {"ref": "H18"})
    assert len(business.requests) == 3
    assert {request.headers["idempotency-key"] for request in business.requests} == {"c1:book:1"}
    assert len({request.content for request in business.requests}) == 1
    assert result.took_ms == pytest.approx(400, abs=1)


async def test_what_a_tool_does_is_in_the_calls_trace() -> None:
    business = Business(httpx.Response(200, json={"values": {}}))
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with httpx.AsyncClient(transport=httpx.MockTransport(business)) as http:
        for told in (parent, ""):
            await Tools(http, plan_of(), "whsec_aGVsbG8=", lambda told=told: told).run("book", {}, "k", None, lambda _: None)  # type: ignore[misc]
    assert [request.headers.get("traceparent") for request in business.requests] == [parent, None]


@pytest.mark.parametrize(
    ("answer", "error", "requests"),
    [
        (httpx.Response(409), "conflict", 1),
        (httpx.Response(500), "unavailable", 3),
        (httpx.Response(429), "unavailable", 3),
        (httpx.ReadError("cut"), "unavailable", 3),
        (httpx.Response(404), "rejected", 1),
        (httpx.Response(302, headers={"location": "http://127.0.0.1:1/"}), "rejected", 1),
        (httpx.Response(200, content=b"{"), "rejected", 1),
        (httpx.Response(200, content=b"\xff\xfe"), "rejected", 1),
        (httpx.Response(200, json=[1]), "rejected", 1),
        (httpx.Response(200, json={"values": "none"}), "rejected", 1),
        (httpx.Response(200, json={"values": {"a": "x" * ANSWER_LIMIT}}), "rejected", 1),
    ],
)
async def test_every_bad_answer_is_one_of_the_kinds(answer: httpx.Response | httpx.HTTPError, error: str, requests: int) -> None:
    business = Business(answer)
    result = await run(business)
    assert (result.error, dict(result.values), len(business.requests)) == (error, {}, requests)


@pytest.mark.parametrize(("asked", "took"), [(None, 5_000), (800, 800), (60_000, 5_000)])
async def test_an_answer_that_does_not_come_is_not_waited_for(asked: int | None, took: int) -> None:
    async def silent(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    result = await run(silent, timeout_ms=asked)
    assert result.error == "timeout"
    assert result.took_ms == pytest.approx(took, abs=1)


async def test_a_tool_that_the_plan_does_not_have_is_never_asked_for() -> None:
    business = Business(httpx.Response(200, json={"values": {}}))
    assert (await run(business, tool="refund")).error == "rejected"
    assert business.requests == []
