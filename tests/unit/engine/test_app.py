"""The engine's doors: who may bring media, who may steer a call. With the real application and scripted providers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tests.scenarios.harness import SCRIPT
from twilio.request_validator import RequestValidator

from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.errors import ConfigError
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.signing import headers
from offhook.testing.fakes import FakeStt, FakeTts, FakeVad
from offhook.weights import ModelStore

TOKEN = "12345"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PUBLIC = "https://voice.example.com"
STREAM = "MZ" + "0" * 32


class FakeLineup(Lineup):
    async def stt(self, name: str) -> FakeStt:
        return FakeStt()

    async def tts(self, name: str) -> FakeTts:
        return FakeTts()

    async def vad(self, name: str) -> FakeVad:
        return FakeVad()


@contextmanager
def engine(folder: Path, **changes: Any) -> Iterator[TestClient]:
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"script": SCRIPT, "record": False}))
    values: dict[str, Any] = {"plan": plan, "state_dir": folder / "state", "warm": (), "secret": SecretStr(SECRET), "drain_s": 0.0}
    settings = EngineSettings(**{**values, **changes})

    def lineup(pool: InferencePool) -> Lineup:
        return FakeLineup(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    with TestClient(create_app(settings, lineup)) as client:
        yield client


def begin(token: str = "one-time") -> list[str]:
    start = {
        "streamSid": STREAM,
        "accountSid": "AC" + "0" * 32,
        "callSid": "CA" + "0" * 32,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token} if token else {},
    }
    return [
        json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
        json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": start}),
    ]


def rings(client: TestClient, signature: str | None, token: str = "one-time") -> bool:
    """Whether the agent speaks."""
    given = {"X-Twilio-Signature": signature} if signature is not None else {}
    try:
        with client.websocket_connect("/media/twilio", headers=given) as socket:
            for message in begin(token):
                socket.send_text(message)
            return bool(json.loads(socket.receive_text())["event"] == "media")
    except WebSocketDisconnect:
        return False


def test_a_signed_upgrade_is_taken_and_nothing_else(tmp_path: Path) -> None:
    good = RequestValidator(TOKEN).compute_signature("wss://voice.example.com/media/twilio", {})
    with engine(tmp_path, public_url=PUBLIC, twilio_auth_token=SecretStr(TOKEN)) as client:
        assert rings(client, good)
        assert not rings(client, None)
        assert not rings(client, "AAAA")
        assert not rings(client, RequestValidator(TOKEN).compute_signature("https://voice.example.com/media/twilio", {}))
        assert not rings(client, RequestValidator("other").compute_signature("wss://voice.example.com/media/twilio", {}))
        assert client.get("/healthz").json()["failures"]["bad signature"] == 4


def test_media_without_a_token_is_refused_unless_development_says_otherwise(tmp_path: Path) -> None:
    with engine(tmp_path) as client:
        assert not rings(client, None, token="")
        assert client.get("/healthz").json()["failures"]["no token"] == 1
    with engine(tmp_path, open_media=True) as client:
        assert rings(client, None, token="")


def test_an_unknown_dialect_is_refused(tmp_path: Path) -> None:
    with engine(tmp_path, open_media=True) as client:
        for name in ("nobody", "dialect", "..%2f"):
            with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/media/{name}"):
                pass


def test_only_the_orchestrator_steers_a_call(tmp_path: Path) -> None:
    with engine(tmp_path, open_media=True) as client, client.websocket_connect("/media/twilio") as socket:
        for message in begin():
            socket.send_text(message)
        assert json.loads(socket.receive_text())["event"] == "media"
        now = int(datetime.now(UTC).timestamp())
        assert client.get("/v1/calls").status_code == 401
        [live] = client.get("/v1/calls", headers=headers(SECRET, "list..m0", now, b"")).json()
        path = f"/v1/calls/{live['call']}/say"
        body = b'{"text": "One moment please."}'
        assert client.post(path, content=body).status_code == 401
        assert client.post(path, content=body, headers=headers(SECRET, f"say.{live['call']}.m1", now - 3_600, body)).status_code == 401
        assert client.post(path, content=body, headers=headers("whsec_aGVsbG8=", f"say.{live['call']}.m2", now, body)).status_code == 401
        assert client.post(path, content=body, headers=headers(SECRET, f"say.{live['call']}.m3", now, body)).status_code == 202
        bad = b'{"text": ""}'
        answer = client.post(path, content=bad, headers=headers(SECRET, f"say.{live['call']}.m4", now, bad))
        assert answer.status_code == 422
        assert "text" in answer.json()["detail"]
        nobody = client.post("/v1/calls/call_0/end", content=b"{}", headers=headers(SECRET, "end.call_0.m5", now, b"{}"))
        assert nobody.status_code == 404


def test_an_engine_without_plans_or_secret_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ORCHESTRATOR_URL"), engine(tmp_path, plan=None):
        pass
    with (
        pytest.raises(ConfigError, match="SECRET"),
        engine(tmp_path, plan=None, orchestrator_url="http://127.0.0.1:1", secret=SecretStr("")),
    ):
        pass
    with (
        pytest.raises(ConfigError, match=r"OFFHOOK_ENGINE_VENDOR_HOSTS: .* is no host"),
        engine(tmp_path, vendor_hosts=("http://vllm.lan",)),
    ):
        pass
    with pytest.raises(ConfigError, match="base64"), engine(tmp_path, secret=SecretStr("whsec_no such secret")):
        pass


def test_a_plan_whose_requests_nobody_could_sign_is_refused_and_touches_no_other_call(tmp_path: Path) -> None:
    class Plans:
        def __init__(self) -> None:
            self.values: dict[str, Any] = {"script": SCRIPT, "record": False}

        async def plan(self, request: PlanRequest) -> CallPlan:
            return CallPlan.model_validate({**self.values, "call": request.call})

    with engine(tmp_path, secret=SecretStr(""), open_media=True) as client:
        running: Engine = client.app.state.engine  # type: ignore[attr-defined]
        running.plans = plans = Plans()
        with client.websocket_connect("/media/twilio") as earlier:
            for message in begin():
                earlier.send_text(message)
            assert json.loads(earlier.receive_text())["event"] == "media"
            plans.values["events_url"] = "http://127.0.0.1:1/events"
            assert not rings(client, None)
            health = client.get("/healthz").json()
            assert (health["failures"], health["calls"]) == ({"NoPlan": 1}, 1)
            del plans.values["events_url"]
            assert rings(client, None)


def test_an_engine_whose_disk_takes_nothing_says_so_and_takes_calls_all_the_same(tmp_path: Path) -> None:
    class Plans:
        async def plan(self, request: PlanRequest) -> CallPlan:
            values = {"script": SCRIPT, "record": False, "call": request.call, "events_url": "http://127.0.0.1:1/events"}
            return CallPlan.model_validate(values)

    folder = tmp_path / "state" / "outbox"
    folder.parent.mkdir()
    folder.write_text("a file, where a folder is needed")
    with engine(tmp_path, open_media=True) as client:

        def until(status: str) -> dict[str, Any]:
            deadline = time.monotonic() + 120
            while (health := client.get("/healthz")).json()["status"] != status and time.monotonic() < deadline:
                time.sleep(0.02)
            assert health.status_code == 200  # alive, whatever is wrong with its disk
            found: dict[str, Any] = health.json()
            assert found["status"] == status
            return found

        client.app.state.engine.plans = Plans()  # type: ignore[attr-defined]
        assert until("ok")["findings"] == []
        with client.websocket_connect("/media/twilio") as first:
            for message in begin():
                first.send_text(message)
            assert json.loads(first.receive_text())["event"] == "media"
            bad = until("degraded")
            assert [(one["grade"], one["name"]) for one in bad["findings"]] == [("warn", "events")]
            assert bad["events_in_memory"] > 0
            assert "voice_events_in_memory 0\n" not in client.get("/metrics").text
            assert rings(client, None)  # another caller
            folder.unlink()
            good = until("ok")
            assert (good["findings"], good["events_in_memory"], good["events_lost"]) == ([], 0, 0)
