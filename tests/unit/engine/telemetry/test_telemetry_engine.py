"""The engine's own door to its metrics, and its end beside a collector that hangs. With the real application and scripted providers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tests.scenarios.harness import SCRIPT

from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.engine.telemetry.metrics import CONTENT_TYPE
from offhook.engine.telemetry.spans import Span
from offhook.errors import ConfigError, Unavailable
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeStt, FakeTts, FakeVad
from offhook.weights import ModelStore

STREAM = "MZ" + "0" * 32


class FakeLineup(Lineup):
    async def stt(self, name: str) -> FakeStt:
        return FakeStt()

    async def tts(self, name: str) -> FakeTts:
        return FakeTts()

    async def vad(self, name: str) -> FakeVad:
        return FakeVad()


class Deaf(FakeLineup):
    async def stt(self, name: str) -> FakeStt:
        raise Unavailable("stt/fake", "nobody listens")


@contextmanager
def engine(folder: Path, kind: type[Lineup] = FakeLineup, **changes: Any) -> Iterator[TestClient]:
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"script": SCRIPT, "record": False}))
    settings = EngineSettings(plan=plan, state_dir=folder / "state", warm=(), drain_s=0.0, open_media=True, **changes)

    def lineup(pool: InferencePool) -> Lineup:
        return kind(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    with TestClient(create_app(settings, lineup)) as client:
        yield client


def ring(client: TestClient) -> None:
    """A call that hears the agent's first sound and hangs up."""
    start = {
        "streamSid": STREAM, "accountSid": "AC" + "0" * 32, "callSid": "CA" + "0" * 32, "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, "customParameters": {},
    }  # fmt: skip
    with client.websocket_connect("/media/twilio") as line:
        line.send_text(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        line.send_text(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": start}))
        while line.receive_json()["event"] != "media":
            pass
        line.send_text(json.dumps({"event": "stop", "sequenceNumber": "2", "streamSid": STREAM, "stop": {}}))
        line.close()


def samples(client: TestClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[sample.name + "".join(f" {value}" for value in sample.labels.values())] = sample.value
    return found


def test_metrics_of_a_call(tmp_path: Path) -> None:
    with engine(tmp_path) as client:
        before = samples(client)
        assert (before["voice_calls_active"], before["voice_calls_capacity"]) == (0, 100)
        assert "voice_admission_total taken" not in before
        ring(client)
        while samples(client).get("voice_calls_total hangup") is None:  # until the call has been released
            pass
        after = samples(client)
        assert after["voice_admission_total taken"] == 1
        assert after["voice_call_setup_seconds_count"] == 1
        assert after["voice_calls_total hangup"] == 1
        assert after["voice_calls_active"] == 0
        assert (after["voice_provider_requests_total stt local ok"], after["voice_provider_requests_total tts local ok"]) == (1, 1)
        assert "twilio" not in client.get("/metrics").text


def test_how_the_providers_do_is_asked_of_the_engines_own_board(tmp_path: Path) -> None:
    with engine(tmp_path) as client:
        running: Engine = client.app.state.engine  # type: ignore[attr-defined]
        running.parts.lineup.board.of("stt/deepgram:nova-3").busy = 2
        found = samples(client)
        assert (found["voice_provider_concurrency deepgram"], found["voice_provider_circuit_state deepgram"]) == (2, 0)


def test_a_call_that_is_not_taken_is_counted(tmp_path: Path) -> None:
    with engine(tmp_path, Deaf) as client:
        with pytest.raises(WebSocketDisconnect):
            ring(client)
        after = samples(client)
        assert after["voice_calls_total refused"] == after["voice_admission_total taken"] == 1
        assert after["voice_calls_active"] == 0


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, ExportTraceServiceRequest]]]]:
    """One that takes everything; its address, and what it was sent with which key."""
    taken: list[tuple[str, ExportTraceServiceRequest]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append((self.headers["x-key"], ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_call_is_a_trace_at_the_collector(tmp_path: Path) -> None:
    with collector() as (url, taken):
        with engine(tmp_path, otlp_url=url, otlp_headers=SecretStr("x-key=s3cret")) as client:
            ring(client)
        assert {key for key, _ in taken} == {"s3cret"}
        resources = [resource for _, request in taken for resource in request.resource_spans]
        assert {each.key: each.value.string_value for each in resources[0].resource.attributes}["service.name"] == "offhook-engine"
        spans = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
        (call,) = [span for span in spans if span.name == "voice.call"]
        assert {each.key: each.value.string_value for each in call.attributes}["voice.call.reason"] == "hangup"
        assert 0 < call.end_time_unix_nano - call.start_time_unix_nano < 60e9
        assert len(call.trace_id) == 16


def test_an_engine_ends_in_time_beside_a_collector_that_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with engine(tmp_path, otlp_url=url, otlp_headers=SecretStr("x-key=s3cret")) as client:
            ring(client)
            running: Engine = client.app.state.engine  # type: ignore[attr-defined]
            exporter = running.telemetry.exporter
            assert exporter is not None
            assert exporter.waiting > 0
            assert exporter.sent == 0
            exporter.put([Span("x", b"\x01" * 16, b"\x01" * 8, b"", 0, 1)] * 10_000)
            assert samples(client)["voice_telemetry_spans_dropped_total overflow"] > 5_000
            begun = time.monotonic()
        assert time.monotonic() - begun < 30, "every batch would wait for 5 s"
        assert exporter.waiting == 0
        assert "s3cret" not in repr(running.settings)


def test_headers_that_are_none_stop_the_engine_before_it_takes_calls(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="OFFHOOK_ENGINE_OTLP_HEADERS"),
        engine(tmp_path, otlp_url="http://127.0.0.1:1", otlp_headers=SecretStr("s3cret")),
    ):
        pass
