"""What metrics are told of a call's providers: each failure once, by kind, and who did well."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import cast

from offhook.contracts.plan import CallPlan, TracePlan
from offhook.engine.callclock import CallClock
from offhook.engine.failover.health import Replaced
from offhook.engine.failover.tts import CutShort
from offhook.engine.mishaps import Mishaps
from offhook.engine.record import RecordingFailed
from offhook.engine.reporter import Reporter
from offhook.engine.telemetry.calls import Telemetry
from offhook.errors import BadOutput, FormatError, Timeout, TransferFailed
from offhook.ports.llm import TokenUsage


class Clock:
    def now(self) -> int:
        return 0


def mishaps() -> tuple[Mishaps, Telemetry]:
    telemetry = Telemetry()
    plan = CallPlan.model_validate({"call": "c", "script": {}})
    reporter = Reporter(plan, cast("CallClock", Clock()), None, lambda _: None)
    reporter.telemetry = telemetry.call("c", datetime(2026, 1, 1, tzinfo=UTC), TracePlan(), {})
    return Mishaps(Counter(), reporter), telemetry


def test_a_failure_and_a_success_have_the_kind_of_provider_whatever_it_calls_itself() -> None:
    of, telemetry = mishaps()
    requests = telemetry.metrics.requests
    of.failed(Timeout("deepgram:nova-3", "late"), "stt")
    of.failed(Timeout("stt/deepgram", "late"))
    of.served("stt", "deepgram:nova-3")
    of.served("llm", "openai:gpt-4.1-mini")
    assert requests.value("stt", "deepgram", "timeout") == 2
    assert (requests.value("stt", "deepgram", "ok"), requests.value("llm", "openai", "ok")) == (1, 1)
    assert of.counts == {"deepgram:nova-3 Timeout": 1, "stt/deepgram Timeout": 1}


def test_one_failure_that_comes_by_twice_is_one() -> None:
    of, telemetry = mishaps()
    broken = Timeout("cartesia:sonic", "it has stopped")
    cut = CutShort(broken, 0, 10, "rest")
    cut.__cause__ = broken
    for error in (broken, broken, cut):
        of.failed(error, "tts")
    of.failed(Timeout("cartesia:sonic", "again"), "tts")
    assert telemetry.metrics.requests.value("tts", "cartesia", "timeout") == 2
    assert sum(of.counts.values()) == 4


def test_audio_in_another_format_than_promised_is_a_mismatch_and_other_nonsense_is_none() -> None:
    of, telemetry = mishaps()
    of.failed(BadOutput("tts/cartesia", "noise", mismatch=True), "tts")
    of.failed(BadOutput("tts/cartesia", "silence"), "tts")
    try:
        raise BadOutput("tts", "odd") from FormatError("641 bytes are no whole number of samples")
    except BadOutput as error:
        of.failed(error, "tts")
    assert telemetry.metrics.mismatches.value() == 2


def test_a_recording_that_stops_a_change_of_providers_and_what_was_paid_twice_are_told() -> None:
    of, telemetry = mishaps()
    of.failed(RecordingFailed("the disk is full"))
    of.failed(TransferFailed("nobody there"))
    of.replaced(Replaced("llm", "groq:a", "openai:b", "late", 0.7))
    of.wasted(TokenUsage(100, 7, 20))
    metrics = telemetry.metrics
    assert metrics.recording_failures.value() == 1
    assert metrics.failover.value("llm", "groq", "openai", "late") == 1
    assert [metrics.tokens.value(*labels) for labels in (("input", "yes"), ("input", "no"), ("output", "no"))] == [20, 80, 7]
    assert of.counts == {"RecordingFailed": 1, "TransferFailed": 1, "llm replaced": 1}


def test_requests_of_a_call_are_in_its_trace_once_it_is_told_of() -> None:
    of, _ = mishaps()
    assert of.reporter is not None
    assert of.reporter.telemetry is not None
    assert of.reporter.traceparent() == of.reporter.telemetry.traceparent
    of.reporter.telemetry = None
    assert of.reporter.traceparent() == ""


def test_before_there_is_a_call_nobody_is_told_and_nothing_breaks() -> None:
    alone = Mishaps(Counter())
    alone.failed(Timeout("stt/x", "late"))
    alone.served("stt", "x")
    alone.wasted(TokenUsage(1, 1))
    assert alone.counts == {"stt/x Timeout": 1}
