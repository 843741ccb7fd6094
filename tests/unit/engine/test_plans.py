from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.engine.plans import KEPT_S, FilePlan, OrchestratorPlans, check
from offhook.errors import ConfigError, NoPlan, Refused

pytestmark = pytest.mark.anyio
PLAN: dict[str, Any] = {"call": "c0", "script": {}, "given": {"caller_name": "Ann Lee", "open_now": True}}
ASK = PlanRequest(call="c1", transport="twilio", did="+442079460000", caller="+447700900123")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"script": {}, "voise": "heart"}', "voise"),
        ('{"script": {}, "turn": {"endpointing": {"sure_ms": -1}}}', "turn.endpointing.sure_ms"),
    ],
)
def test_a_bad_plan_file_is_refused_at_start_naming_the_field(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        FilePlan(path)


@pytest.mark.parametrize(
    ("part", "value"),
    [("events_url", "http://127.0.0.1:1/events"), ("tools", {"book": {"url": "http://127.0.0.1:1/book", "effect": "write"}})],
)
def test_a_plan_file_whose_requests_nobody_could_sign_is_refused_at_start(tmp_path: Path, part: str, value: Any) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"script": {}, part: value}))
    with pytest.raises(ConfigError, match=f"{part}, and OFFHOOK_ENGINE_SECRET is empty"):
        FilePlan(path)
    FilePlan(path, "whsec_aGVsbG8=")


@pytest.mark.parametrize("url", ["http://gpu.example.com/v1", "ws://10.1.2.3:9", " HTTP://vllm.lan"])
def test_a_plan_that_would_send_a_key_in_the_clear_is_refused(url: str) -> None:
    def plan(**vendors: str) -> CallPlan:
        return CallPlan.model_validate({"call": "c", "script": {}, "models": {"vendors": vendors}})

    with pytest.raises(ConfigError, match="VLLM_BASE_URL must be https") as refused:
        check(plan(VLLM_API_KEY="vllm-never-shown-1", VLLM_BASE_URL=url), "")
    assert "vllm-never-shown-1" not in str(refused.value)
    check(plan(VLLM_API_KEY="", VLLM_BASE_URL=url), "")
    check(plan(VLLM_API_KEY="key", VLLM_BASE_URL="http://127.0.0.1:8000/v1"), "")
    check(plan(VLLM_API_KEY="key", VLLM_BASE_URL="https://gpu.example.com/v1", GROQ_BASE_URL=url), "")
    check(plan(VLLM_API_KEY="key", VLLM_BASE_URL="http://[no-address"), "")  # refused by whoever would go there


async def test_a_plan_file_serves_every_call_under_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"script": {}}))
    plan = await FilePlan(path).plan(ASK)
    assert plan.call == "c1"
    assert plan.given == {"caller_number": "+447700900123"}


async def ask(handler: httpx.MockTransport, cache: Path) -> CallPlan:
    async with httpx.AsyncClient(transport=handler) as http:
        return await OrchestratorPlans(http, "http://127.0.0.1:1", "whsec_aGVsbG8=", 0.2, cache).plan(ASK)


async def test_a_dead_orchestrator_leaves_the_numbers_last_plan_without_the_last_callers_data(tmp_path: Path) -> None:
    await ask(httpx.MockTransport(lambda _r: httpx.Response(200, json={**PLAN, "call": "c1"})), tmp_path)
    plan = await ask(httpx.MockTransport(lambda _r: httpx.Response(500)), tmp_path)
    assert plan.call == "c1"
    assert plan.given == {"open_now": True}


async def test_a_refusal_is_a_refusal_even_with_a_plan_in_the_cache(tmp_path: Path) -> None:
    await ask(httpx.MockTransport(lambda _r: httpx.Response(200, json={**PLAN, "call": "c1"})), tmp_path)
    with pytest.raises(Refused, match="unknown_number"):
        await ask(httpx.MockTransport(lambda _r: httpx.Response(404, json={"reason": "unknown_number"})), tmp_path)


@pytest.mark.parametrize(("reason", "kept"), [("unknown_number", False), ("suspended", False), ("limit", True), ("bad_token", True)])
async def test_a_number_that_is_nobodys_any_more_leaves_no_plan_behind(tmp_path: Path, reason: str, kept: bool) -> None:
    await ask(httpx.MockTransport(lambda _r: httpx.Response(200, json={**PLAN, "call": "c1"})), tmp_path)
    with pytest.raises(Refused):
        await ask(httpx.MockTransport(lambda _r: httpx.Response(404, json={"reason": reason})), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == (["442079460000.json"] if kept else [])


async def test_a_plan_of_last_week_is_nobodys_word(tmp_path: Path) -> None:
    await ask(httpx.MockTransport(lambda _r: httpx.Response(200, json={**PLAN, "call": "c1"})), tmp_path)
    [path] = tmp_path.iterdir()
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - KEPT_S - 60))
    with pytest.raises(NoPlan):
        await ask(httpx.MockTransport(lambda _r: httpx.Response(500)), tmp_path)
    assert not path.exists()


async def test_nobody_to_ask_and_nothing_cached_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="500"):
        await ask(httpx.MockTransport(lambda _r: httpx.Response(500)), tmp_path)


async def test_an_answer_that_is_no_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="not a call plan"):
        await ask(httpx.MockTransport(lambda _r: httpx.Response(200, json={"hello": 1})), tmp_path)
