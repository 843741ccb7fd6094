"""What is told of a call becomes metrics and one trace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from offhook.contracts.events import MediaQuality
from offhook.contracts.plan import TracePlan
from offhook.core.time import ms
from offhook.engine.failover.health import HealthBoard
from offhook.engine.telemetry.calls import CallTelemetry, LlmUse, Telemetry, TurnTold, outcome_of, reason_of, vendor_of
from offhook.engine.telemetry.export import Collector, Exporter
from offhook.engine.telemetry.ladder import Marks
from offhook.engine.telemetry.spans import Span, TraceContext
from offhook.errors import BadOutput, OverQuota, ProviderError, Rejected, Timeout, Unauthorized, Unavailable, Untrusted

ANSWERED = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
UNIX = 1_795_262_400_250_000_000
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Kept(Exporter):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__(Collector("http://127.0.0.1:1"), {}, "1")
        self.spans: list[Span] = []

    def put(self, spans: Any) -> None:
        self.spans.extend(spans)

    def one(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


def marks(**at: float) -> Marks:
    return Marks(**{name: ms(value) for name, value in at.items()})


PLAIN = marks(
    speech_end=1_000, decided=1_260, stt_final=1_360, llm_request=1_364, first_token=1_564, first_clause=1_594, tts_request=1_595,
    tts_first_byte=1_685, first_sent=1_701,
)  # fmt: skip


def told(turn: int = 4, **changes: Any) -> TurnTold:
    values: dict[str, Any] = {
        "cause": "speech", "marks": PLAIN, "begun": ms(1_260), "ended": ms(4_000), "stt": "deepgram:nova-3", "tts": "cartesia:sonic-3",
        "llm": LlmUse("openai:gpt-4.1-mini", input=900, output=40, cached=800, finish="stop", ended=ms(1_900)), "characters": 120,
        "said": "My number is 07700 900123.", "heard": "Thank you, Mrs Jones.",
    }  # fmt: skip
    return TurnTold(turn, **{**values, **changes})


def call(kept: Kept | None, *, parent: str = "", text: bool = False) -> tuple[Telemetry, CallTelemetry]:
    telemetry = Telemetry(kept)
    return telemetry, telemetry.call("call_1", ANSWERED, TracePlan(parent=parent, text=text), {"voice.transport": "twilio"})


def test_one_call_is_one_trace() -> None:
    kept = Kept()
    _, one = call(kept)
    one.tool("book", "key-1", ms(5_000), 250.0, "timeout")
    one.turn(told())
    one.ended("finished", "booked", ms(9_000))
    root = kept.one("voice.call")
    turn = kept.one("voice.turn")
    assert {span.trace for span in kept.spans} == {root.trace}
    assert root.parent == b""
    assert root.trace.hex() == one.trace_id
    assert one.traceparent == f"00-{one.trace_id}-{root.id.hex()}-01"
    assert (root.start, root.end) == (UNIX, UNIX + ms(9_000))
    assert root.attributes["gen_ai.conversation.id"] == "call_1"
    assert (root.attributes["voice.call.reason"], root.attributes["voice.call.outcome"]) == ("finished", "booked")
    assert turn.parent == root.id
    assert (turn.start, turn.end) == (UNIX + ms(1_000), UNIX + ms(4_000))
    steps = {span.name: span for span in kept.spans if span.parent == turn.id}
    assert set(steps) == {"voice.eot", "voice.stt", "voice.llm", "voice.tts", "voice.playout"}
    assert (steps["voice.eot"].start, steps["voice.eot"].end) == (UNIX + ms(1_000), UNIX + ms(1_260))
    assert (steps["voice.llm"].start, steps["voice.llm"].end) == (UNIX + ms(1_364), UNIX + ms(1_900))
    assert len({span.id for span in kept.spans}) == len(kept.spans)
    tool = kept.one("voice.tool")
    assert (tool.parent, tool.failed, tool.end - tool.start) == (root.id, "timeout", ms(250))
    assert tool.attributes["gen_ai.tool.name"] == "book"


def test_models_are_told_by_the_conventions_names() -> None:
    kept = Kept()
    call(kept)[1].turn(told())
    model = kept.one("voice.llm").attributes
    assert model["gen_ai.operation.name"] == "chat"
    assert (model["gen_ai.provider.name"], model["gen_ai.request.model"]) == ("openai", "gpt-4.1-mini")
    assert (model["gen_ai.usage.input_tokens"], model["gen_ai.usage.output_tokens"]) == (900, 40)
    assert model["gen_ai.usage.cache_read.input_tokens"] == 800
    assert model["gen_ai.response.finish_reasons"] == ("stop",)
    assert model["gen_ai.response.time_to_first_chunk"] == 0.2
    voice = kept.one("voice.tts").attributes
    assert (voice["gen_ai.output.type"], voice["gen_ai.provider.name"]) == ("speech", "cartesia")
    assert voice["gen_ai.response.time_to_first_chunk"] == 0.09


def test_the_names_are_the_official_ones() -> None:
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

    official = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_") and isinstance(value, str)}
    kept = Kept()
    _, one = call(kept, text=True)
    one.turn(told())
    one.tool("book", "k", ms(1), 1.0, None)
    one.ended("hangup", "", ms(9_000))
    used = {name for span in kept.spans for name in span.attributes if name.startswith("gen_ai.")}
    assert len(used) == 13
    assert used <= official


def test_words_leave_only_where_the_plan_asks_for_them() -> None:
    for text in (False, True):
        kept = Kept()
        _, one = call(kept, text=text)
        one.turn(told())
        one.ended("hangup", "", ms(9_000))
        assert ("07700 900123" in repr(kept.spans)) is text
        assert ("Mrs Jones" in repr(kept.spans)) is text
        assert any(name.startswith("voice.pii.") for span in kept.spans for name in span.attributes) is text
    assert "Jones" not in repr(told())


def test_a_call_goes_on_in_the_trace_of_whoever_asked_for_it() -> None:
    kept = Kept()
    _, one = call(kept, parent=PARENT)
    one.ended("hangup", "", ms(1))
    root = kept.one("voice.call")
    assert one.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert root.parent.hex() == "00f067aa0ba902b7"


def test_a_trace_that_is_not_recorded_sends_nothing_and_says_so() -> None:
    kept = Kept()
    _, one = call(kept, parent=PARENT[:-2] + "00")
    one.turn(told())
    one.ended("hangup", "", ms(1))
    assert kept.spans == []
    assert one.traceparent.endswith("-00")


@pytest.mark.parametrize(
    "bad", ["", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", PARENT.replace("b7-", "b7"), PARENT.upper(), "01" + PARENT[2:]]
)
def test_a_parent_that_is_none_begins_a_trace_of_its_own(bad: str) -> None:
    assert TraceContext.of(bad) is None


def test_without_a_collector_there_are_metrics_all_the_same() -> None:
    telemetry, one = call(None)
    steps = one.turn(told())
    one.ended("hangup", "", ms(9_000))
    one.ended("hangup", "", ms(9_000))
    assert steps.total == 701.0
    metrics = telemetry.metrics
    assert metrics.response.count() == metrics.overhead.count() == 1
    assert [
        metrics.stage.count(stage) for stage in ("endpoint", "stt_final", "to_llm", "llm_first", "sentence", "tts_first", "playout")
    ] == [1] * 7
    assert metrics.calls.value("hangup") == 1
    tokens = [metrics.tokens.value(*labels) for labels in (("input", "yes"), ("input", "no"), ("output", "no"))]
    assert tokens == [800, 100, 40]
    assert metrics.characters.value() == 120


def test_a_greeting_is_no_answer() -> None:
    telemetry, one = call(None)
    assert one.turn(told(marks=marks(decided=0, first_sent=60), llm=None)).total is None
    assert telemetry.metrics.response.count() == 0


def test_what_happens_in_a_turn_is_an_event_of_it_and_what_comes_after_the_last_one_of_the_call() -> None:
    kept = Kept()
    telemetry, one = call(kept)
    one.failover("llm", "openai:gpt-4.1-mini", "anthropic:claude", "Timeout", ms(1_500))
    one.barge_in(ms(2_000), ms(2_140))
    one.turn(told())
    one.failover("stt", "deepgram", "assemblyai", "stalled", ms(8_000))
    one.ended("hangup", "", ms(9_000))
    assert [event.name for event in kept.one("voice.turn").events] == ["voice.failover", "voice.barge_in"]
    (last,) = kept.one("voice.call").events
    assert last.at == UNIX + ms(8_000)
    assert dict(last.attributes)["voice.failover.to"] == "assemblyai"
    assert dict(last.attributes)["voice.failover.reason"] == "stalled"
    metrics = telemetry.metrics
    assert metrics.failover.value("llm", "openai", "anthropic", "timeout") == 1
    assert metrics.barge_in.count() == 1


def test_speculation_is_seen_with_its_waste() -> None:
    kept = Kept()
    telemetry, one = call(kept)
    one.speculation("aborted", ms(1_100), ms(1_180), 4, LlmUse("openai:x", input=900, output=12, cached=900))
    one.speculation("committed", ms(1_110), ms(1_260), 5, LlmUse("openai:x", input=900, output=20))
    one.turn(told(5))
    aborted, committed = (span for span in kept.spans if span.name == "voice.speculation")
    assert aborted.links == ()
    assert aborted.attributes["voice.speculation.tokens_wasted"] == 912
    assert committed.links == (kept.one("voice.turn").id,)
    metrics = telemetry.metrics
    assert (metrics.speculation.value("aborted"), metrics.speculation.value("committed"), metrics.wasted.value()) == (1, 1, 912)
    assert metrics.tokens.value("output", "no") == 12 + 40


def test_providers_by_vendor_and_outcome() -> None:
    telemetry, one = call(None)
    kinds = (Timeout, Unauthorized, OverQuota, Rejected, BadOutput, Untrusted, Unavailable, ProviderError)
    assert [outcome_of(kind("stt/x", "y")) for kind in kinds] == [
        "timeout", "unauthorized", "over_quota", "rejected", "bad_output", "untrusted", "unavailable", "failed",
    ]  # fmt: skip
    reasons = ("OverQuota", "Untrusted", "stalled", "late", "Boom")
    assert [reason_of(word) for word in reasons] == ["over_quota", "untrusted", "stalled", "late", "failed"]
    assert vendor_of("deepgram:nova-3") == vendor_of("stt/deepgram") == vendor_of("deepgram") == "deepgram"
    one.provider("stt", "deepgram:nova-3")
    one.provider("stt", "deepgram:nova-3", Unauthorized("stt/deepgram", "no key"))
    board = HealthBoard(clock=lambda: 0.0)
    board.of("stt/deepgram", "one").ok()
    board.of("stt/deepgram", "two").failed(Unauthorized("stt/deepgram", "no key"))
    board.of("tts/cartesia").ok()
    telemetry.health = board.report
    board.of("stt/deepgram", "one").busy, board.of("stt/deepgram", "two").busy = 4, 3
    one.underruns(1)
    for event in (one.mismatch, one.recording_failed, one.false_interruption):
        event()
    one.dead_air(ms(0), ms(4_500))
    one.media(MediaQuality(received=970, lost=20, late=10, concealed_ms=600, jitter_ms=14.0, mos=4.04, codec="PCMU"))
    text = telemetry.text(3, 50, {"taken": 3})
    assert 'voice_provider_requests_total{kind="stt",vendor="deepgram",outcome="unauthorized"} 1' in text
    assert 'voice_provider_circuit_state{vendor="deepgram"} 2' in text
    assert 'voice_provider_circuit_state{vendor="cartesia"} 0' in text
    assert 'voice_provider_concurrency{vendor="deepgram"} 7' in text
    assert "voice_calls_active 3" in text
    assert 'voice_dead_air_seconds_bucket{le="5"} 1' in text
    assert 'voice_media_loss_ratio_bucket{transport="twilio",le="0.02"} 0' in text
    assert 'voice_media_loss_ratio_bucket{transport="twilio",le="0.05"} 1' in text
    assert 'voice_media_jitter_seconds_bucket{transport="twilio",le="0.02"} 1' in text
    assert 'voice_media_mos_bucket{transport="twilio",le="4"} 0' in text
    assert 'voice_media_concealed_seconds_total{transport="twilio"} 0.6' in text
    for name in ("audio_underruns", "tts_format_mismatch", "recording_failures", "false_interruptions"):
        assert f"voice_{name}_total 1" in text


def test_the_lag_of_the_loop_is_watched() -> None:
    async def main() -> None:
        telemetry = Telemetry()
        async with anyio.create_task_group() as group:
            group.start_soon(telemetry.watch)
            while telemetry.metrics.lag.count() < 2:
                await checkpoint()
            group.cancel_scope.cancel()

    anyio.run(main)
