"""What calls feed of the catalogue, in calls that give cause to: with everything of a call that is real but the vendors and the line."""

from __future__ import annotations

import json

import anyio
import pytest
from tests.scenarios.harness import Scene, exchange, greeted, plan_of, scene

from offhook.contracts.plan import TracePlan
from offhook.engine.telemetry.calls import Telemetry
from offhook.errors import Unavailable
from offhook.testing.fakes import FakeLlm, FakeTts, LlmScript, TtsScript

pytestmark = pytest.mark.anyio
ODD = "my neighbour said you folk could maybe sort out something for me"
KIND = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them."})


def tell(telemetry: Telemetry, stage: Scene) -> None:
    """As an engine does before a call runs."""
    call = stage.call
    call.reporter.telemetry = telemetry.call(call.plan.call, call.clock.answered, TracePlan(), {})


def fed(telemetry: Telemetry) -> set[str]:
    """Series that have counted something."""
    lines = [line for line in telemetry.text(0, 1, {}).splitlines() if not line.startswith("#")]
    return {line.split()[0].split("{")[0] for line in lines if float(line.rpartition(" ")[2]) > 0}


async def test_an_ordinary_call_feeds_what_is_ordinary() -> None:
    telemetry = Telemetry()
    async with scene(plan_of(models={"endpoint": None, "llm": ("model",)}), llm=FakeLlm(LlmScript(KIND, first_token=0.1))) as stage:
        tell(telemetry, stage)
        await greeted(stage)
        await exchange(stage, ODD)
        await exchange(stage, "I would like a booking please")
        await stage.line.say("oh seven nine double one one two three four five six")
        await stage.line.agent_speaks()
        await anyio.sleep(0.5)
        await stage.line.say("", 0.3)  # a cough
        await stage.line.agent_done(quiet=1.5)
        await stage.line.say("the first one please")
        await stage.line.agent_speaks()
        await anyio.sleep(0.5)
        await stage.line.say("no wait I want to leave a message")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
    ordinary = {
        "voice_turn_response_seconds_count", "voice_turn_stage_seconds_count", "voice_engine_overhead_seconds_count", "voice_tokens_total",
        "voice_characters_total", "voice_tools_total", "voice_speculation_total", "voice_provider_requests_total",
        "voice_barge_in_stop_seconds_count", "voice_false_interruptions_total",
    }  # fmt: skip
    assert ordinary <= fed(telemetry), ordinary - fed(telemetry)
    ok = telemetry.metrics.requests
    assert [ok.value(kind, name, "ok") > 0 for kind, name in (("stt", "local"), ("tts", "local"), ("llm", "model"))] == [True] * 3
    assert telemetry.metrics.mismatches.value() == telemetry.metrics.recording_failures.value() == telemetry.metrics.underruns.value() == 0


@pytest.mark.parametrize("kind", ["llm", "tts"])
async def test_a_failover_is_told_with_its_kind_and_its_reason(kind: str) -> None:
    telemetry = Telemetry()
    model = FakeLlm(LlmScript(fail=Unavailable) if kind == "llm" else LlmScript(KIND))
    voice = TtsScript(fail_clause=0) if kind == "tts" else None
    spare = {"llm": FakeLlm(LlmScript(KIND, first_token=0.1)), "tts": FakeTts()}
    names = {"endpoint": None, "llm": ("first", "spare"), "tts": ("first", "spare")}
    async with scene(plan_of(models=names), llm=model, tts=voice, spare=spare) as stage:
        tell(telemetry, stage)
        await greeted(stage)
        await exchange(stage, ODD)
        telemetry.health = stage.call._parts.lineup.board.report
        assert 'voice_provider_circuit_state{vendor="first"}' in telemetry.text(0, 1, {})
    metrics = telemetry.metrics
    assert metrics.failover.value(kind, "first", "spare", "unavailable") >= 1
    assert metrics.requests.value(kind, "fake", "unavailable") >= 1
    assert metrics.requests.value(kind, "spare", "ok") >= 1


async def test_an_answer_that_nobody_should_wait_for_so_long_is_dead_air() -> None:
    telemetry = Telemetry()
    plan = plan_of(
        models={"endpoint": None, "llm": ("model",), "answer_ms": 6_000},
        turn={"stalled_ms": 8_000, "ahead": False},
        fillers={"after_ms": 0},
    )
    async with scene(plan, llm=FakeLlm(LlmScript(KIND, first_token=4.0))) as stage:
        tell(telemetry, stage)
        await greeted(stage)
        assert telemetry.metrics.dead_air.count() == 0
        await exchange(stage, ODD)
    assert telemetry.metrics.dead_air.count() == 1
