"""News of live calls, as a terminal shows them."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from offhook.cli.api import Api
from offhook.cli.live import _events, _news
from offhook.client import Client

CALL = {
    "id": "call_1",
    "agent_id": "agt_1",
    "agent_version": 1,
    "transport": "twilio",
    "did": "+442079460000",
    "caller": "+447700900123",
    "test": False,
    "started_at": "2026-11-21T10:00:00Z",
    "seconds": 12.3,
    "last": {"turn": 1, "speaker": "caller", "start_ms": 0, "end_ms": 9, "text": "[bold]hello"},
    "steerable": True,
}


def test_events_are_read_as_they_come() -> None:
    lines = ["event: calls", "data: []", "", ": still here", "", "event: call", 'data: {"a":', "data: 1}", "", "data: cut off"]
    assert list(_events(lines)) == [("calls", "[]"), ("call", '{"a":1}')]


@pytest.mark.parametrize("as_json", [False, True])
def test_news(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    shown = io.StringIO()
    with Client("http://127.0.0.1:9") as client:
        api = Api(client, as_json, console=Console(file=shown, width=200))
        for kind, data in (("calls", [CALL]), ("call", CALL), ("ended", {"id": "call_1"}), ("new", {"later": 1})):
            _news(api, kind, json.dumps(data))
    if as_json:
        said = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
        assert (said, shown.getvalue()) == (["calls", "call", "ended", "new"], "")
    else:
        call = "    12 s call_1 +447700900123 caller: [bold]hello"
        assert shown.getvalue().splitlines() == [call, call, "call_1 has ended"]
