"""Each check against a machine in order and one that is not."""

from __future__ import annotations

import dataclasses
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import anyio
import pytest
import typer
from typer.testing import CliRunner

from offhook.cli import doctor
from offhook.engine.settings import EngineSettings
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.weights import KNOWN, SILERO_VAD, ModelStore


def test_an_old_python_is_told() -> None:
    assert doctor.python_version().grade == "ok"
    line = doctor.python_version((3, 10, 4))
    assert (line.grade, line.told) == ("fail", "3.10.4")
    assert "3.11" in line.todo


def test_packages_are_looked_up() -> None:
    assert [line.grade for line in doctor.packages()] == ["ok"]
    found = list(doctor.packages(["no-such-package-of-ours>=1", "numpy>=99", "numpy==1.0", "anyio>=4", "x>=1; sys_platform == 'none'"]))
    assert [line.grade for line in found] == ["fail", "fail", "fail", "ok"]
    assert found[0].told == "not installed"
    assert "needed is >=99" in found[1].told
    assert found[-1].told == "1 there"


def test_models_are_hashed(tmp_path: Path) -> None:
    assert {line.grade for line in doctor.models(ModelStore())} == {"ok"}
    (tmp_path / "x.onnx").write_bytes(b"not it")
    files = (
        dataclasses.replace(SILERO_VAD, name="x.onnx", package="no_such_package", also=()),
        dataclasses.replace(SILERO_VAD, name="y.onnx", package="no_such_package", also=()),
    )
    damaged, missing = doctor.models(ModelStore(tmp_path), files)
    assert (damaged.grade, missing.grade) == ("fail", "fail")
    assert "has not the expected content" in damaged.told
    assert "pip install" in damaged.todo
    assert "is not there" in missing.told
    assert "pip install" in missing.todo
    assert len(KNOWN) == 6


def test_settings_are_shown_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_SECRET", "whsec_c2VjcmV0")
    monkeypatch.setenv("OFFHOOK_DATABASE_URL", "postgresql://bob:hunter2@localhost/x")
    monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_PORT", "9000")
    found, lines = doctor.settings_of(OrchestratorSettings, "orchestrator settings")
    assert found is not None
    shown = "\n".join(map(str, lines))
    assert "port = 9000" in shown
    assert "secret = ***" in shown
    assert "c2VjcmV0" not in shown
    assert "hunter2" not in shown


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ENGINE_PORT", "70000")
    found, [line] = doctor.settings_of(EngineSettings, "engine settings")
    assert found is None
    assert line.grade == "fail"
    assert "OFFHOOK_ENGINE_PORT" in line.told
    assert "70000" not in str(line)


def test_a_missing_secret_is_no_fault_of_a_fresh_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFHOOK_ORCHESTRATOR_SECRET", raising=False)
    _, [line] = doctor.settings_of(OrchestratorSettings, "orchestrator settings")
    assert line.grade == "warn"
    assert "OFFHOOK_ORCHESTRATOR_SECRET" in line.told


@contextmanager
def answering(body: object) -> Iterator[int]:
    """Something that answers on a port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_ports() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert "free" in doctor.port("engine", "127.0.0.1", free).told
    with answering({"calls": 0, "capacity": 100}) as number:
        assert doctor.port("engine", "0.0.0.0", number).told == "offhook's engine is running there"  # noqa: S104 - looked for, not bound
        assert doctor.port("orchestrator", "127.0.0.1", number).grade == "fail"
    with answering({"status": "ok"}) as number:
        assert doctor.port("orchestrator", "127.0.0.1", number).grade == "ok"
        line = doctor.port("engine", "127.0.0.1", number)
        assert line.grade == "fail"
        assert "OFFHOOK_ENGINE_PORT" in line.todo


def test_what_a_running_engine_finds_wrong_with_itself_is_told() -> None:
    found = {"grade": "fail", "name": "events", "told": "the disk takes no events", "todo": "make room"}
    with answering({"capacity": 100, "status": "degraded", "findings": [found, {**found, "grade": "warn"}]}) as number:
        assert doctor.port("engine", "127.0.0.1", number).grade == "ok"
        lines = list(doctor.engine_findings("0.0.0.0", number))  # noqa: S104 - looked for, not bound
    assert [(one.grade, one.what, one.told, one.todo) for one in lines] == [
        (grade, "engine events", "the disk takes no events", "make room") for grade in ("fail", "warn")
    ]
    with answering({"findings": ["many", 1, {}]}) as number:  # another program's
        assert [(one.grade, one.told) for one in doctor.engine_findings("127.0.0.1", number)] == [("warn", "")]
    with answering({"capacity": 100}) as number:  # an older one
        assert list(doctor.engine_findings("127.0.0.1", number)) == []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert list(doctor.engine_findings("127.0.0.1", probe.getsockname()[1])) == []


def test_disk_and_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.disk(tmp_path / "not" / "there" / "yet").grade in {"ok", "warn"}
    for free, grade in ((100e6, "fail"), (2e9, "warn"), (50e9, "ok")):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr("shutil.disk_usage", lambda _place, usage=usage: usage)
        assert doctor.disk(tmp_path).grade == grade
    installed = datetime(2026, 11, 1, tzinfo=UTC)
    assert doctor.clock(installed + timedelta(days=1), installed).grade == "ok"
    assert doctor.clock(datetime(1970, 1, 1, tzinfo=UTC), installed).grade == "fail"


def test_a_database_that_is_not_there() -> None:
    line = doctor.database("postgresql+psycopg://bob:hunter2@127.0.0.1:1/x")
    assert line.grade == "fail"
    assert "hunter2" not in str(line)
    assert "OFFHOOK_DATABASE_URL" in line.todo


def test_an_embedded_database_starts() -> None:
    line = doctor.database(None)
    assert line.grade == "ok"
    assert "embedded Postgres" in line.told


@pytest.mark.parametrize(("each", "grade"), [(0.5, "ok"), (5.0, "warn")])
def test_the_voice_is_heard_back(each: float, grade: str) -> None:
    """Saying it and hearing it take so many seconds each, by a clock of ours: how busy this machine is says nothing of a call's."""
    clock = itertools.count(0.0, each).__next__
    line = anyio.run(partial(doctor.round_trip, ModelStore(), clock=clock))
    assert line.grade == grade, str(line)
    assert "appointment" in line.told


def test_a_voice_that_is_not_there() -> None:
    line = anyio.run(doctor.round_trip, ModelStore(), "no-such-voice")
    assert line.grade == "fail"
    assert "no-such-voice" in line.told


def test_the_command_fails_where_something_must_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(doctor.main)
    monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_SECRET", "whsec_c2VjcmV0")
    monkeypatch.setenv("OFFHOOK_ENGINE_PORT", "70000")
    done = CliRunner().invoke(app, ["--quick"])
    assert done.exit_code == 1
    assert "fail  engine settings: OFFHOOK_ENGINE_PORT" in done.output
    with answering({"calls": 0, "capacity": 1}) as engine, answering({"status": "ok"}) as orchestrator:
        monkeypatch.setenv("OFFHOOK_ENGINE_PORT", str(engine))
        monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_PORT", str(orchestrator))
        done = CliRunner().invoke(app, ["--quick"])
    assert done.exit_code == 0, done.output
    assert " 0 failed" in done.output
