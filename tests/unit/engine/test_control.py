"""Steering a live call: what is signed for what, what is taken twice, and what each command does to the call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient, WebSocketTestSession
from tests.unit.engine.test_app import SECRET, begin, engine

from offhook.engine.control import Answered, target_of
from offhook.engine.settings import EngineSettings
from offhook.signing import about, headers

PLACES = {"desk": "+441134960000", "night": "sip:night@example.com", "nowhere": ""}


@dataclass
class Steered:
    """A live call and signed requests about it."""

    client: TestClient
    socket: WebSocketTestSession
    name: str
    numbers: Iterator[int] = field(default_factory=count)

    def send(self, action: str, body: dict[str, Any], *, call: str = "", message: str = "") -> Any:  # of the client that starlette has
        content = json.dumps(body).encode()
        signed = message or about(action, call or self.name, f"m{next(self.numbers)}")
        return self.client.post(f"/v1/calls/{call or self.name}/{action}", content=content, headers=headers(SECRET, signed, now(), content))

    def ask(self, path: str, message: str) -> Any:  # of the client that starlette has
        return self.client.get(path, headers=headers(SECRET, message, now(), b""))

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/healthz").json()
        return found

    def until(self, done: Callable[[], bool]) -> None:
        for _ in range(500):
            if done():
                return
            time.sleep(0.02)
        pytest.fail("it did not come to that in 10 s")


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@contextmanager
def steered(folder: Path) -> Iterator[Steered]:
    with engine(folder, open_media=True) as client, client.websocket_connect("/media/twilio") as socket:
        for message in begin():
            socket.send_text(message)
        assert json.loads(socket.receive_text())["event"] == "media"
        [live] = client.get("/v1/calls", headers=headers(SECRET, "list..m", now(), b"")).json()
        yield Steered(client, socket, live["call"])


def test_only_of_a_call_that_we_placed_it_is_asked_who_has_answered(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        assert call.send("answered", {"machine": True}).status_code == 409
        assert call.send("answered", {"machine": "perhaps"}).status_code == 422


def test_a_request_is_good_for_what_it_was_signed_for_and_nothing_else(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        other = about("say", "call_other", "m")
        assert call.send("say", {"text": "Hello."}, message=other).status_code == 401
        assert call.send("end", {}, message=about("say", call.name, "m")).status_code == 401
        assert call.send("say", {"text": "Hello."}, message="m").status_code == 401
        assert call.ask("/v1/calls", "show..m").status_code == 401
        assert call.ask(f"/v1/calls/{call.name}", "list..m").status_code == 401
        assert call.client.get(f"/v1/calls/{call.name}").status_code == 401
        seen = call.ask(f"/v1/calls/{call.name}", about("show", call.name, "m"))
        assert (seen.status_code, seen.json()["phase"], seen.json()["transport"]) == (200, "live", "twilio")
        assert call.ask("/v1/calls/call_other", about("show", "call_other", "m")).status_code == 404


def test_a_line_is_said_once_however_often_it_is_sent(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        message = about("say", call.name, "once")
        answers = [call.send("say", {"text": "The engineer is on the way."}, message=message) for _ in range(3)]
        assert [one.status_code for one in answers] == [202, 202, 202]
        assert call.send("say", {"text": "Something else."}, message=message).status_code == 409
        call.send("end", {"at_once": True})
        call.until(lambda: call.health()["ended"].get("stopped") == 1)
        trace = tmp_path / "state" / "calls" / call.name / "trace.jsonl"
        assert trace.read_text().count("on the way") == 1
        assert "Something else" not in trace.read_text()


def test_a_call_takes_no_more_lines_than_can_be_said(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        answers = [call.send("say", {"text": f"Line {n}."}).status_code for n in range(7)]
        assert answers[0] == 202
        assert 409 in answers
        message, spare = about("say", call.name, "late"), about("say", call.name, "spare")
        while call.send("say", {"text": "Wait."}, message=message).status_code != 409:
            message, spare = spare, spare + "x"
        call.until(lambda: call.send("say", {"text": "Wait."}, message=message).status_code == 202)  # refused, so it may come again


def test_a_call_is_put_through_to_the_plans_places_only(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        answer = call.send("transfer", {"target": "+447700900999"})
        assert (answer.status_code, "plan" in answer.json()["detail"]) == (422, True)
        assert call.send("transfer", {}).status_code == 422
    assert target_of(PLACES, "desk") == "desk"
    assert target_of(PLACES, "+441134960000") == "desk"
    assert target_of(PLACES, "sip:night@example.com") == "night"
    assert target_of(PLACES, "nowhere") is None
    assert target_of(PLACES, "") is None


def test_a_call_ends_at_once(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        message = about("end", call.name, "m")
        assert call.send("end", {"at_once": True}, message=message).status_code == 202
        call.until(lambda: call.health()["ended"].get("stopped") == 1)
        assert call.send("end", {"at_once": True}, message=message).status_code == 202  # asked again about a call that has gone
        assert call.send("end", {"at_once": True}).status_code == 404


def test_a_call_ends_after_its_line(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        assert call.send("end", {"line": "We will ring you back."}).status_code == 202
        late = call.send("say", {"text": "One more thing."})
        assert (late.status_code, late.json()["detail"]) == (409, "the call is ending")
        assert call.send("end", {"at_once": True}).status_code == 202
        call.until(lambda: call.health()["ended"].get("stopped") == 1)


def test_a_body_has_an_end(tmp_path: Path) -> None:
    with steered(tmp_path) as call:
        assert call.send("say", {"text": "x" * 20_000}).status_code == 413
        assert call.send("say", {"text": "x" * 2_000}).status_code == 422
        assert call.send("sing", {"text": "la"}).status_code == 404


def test_an_answer_is_remembered_for_as_long_as_its_signature_is_good() -> None:
    answered = Answered(keep=10)
    assert answered.before("m", b"body", 100) is None
    answered.keep("m", b"body", 100, Response(b"done", 202))
    again = answered.before("m", b"body", 109)
    assert again is not None
    assert (again.status_code, again.body) == (202, b"done")
    other = answered.before("m", b"other", 109)
    assert other is not None
    assert other.status_code == 409
    assert answered.before("m", b"body", 110) is None


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"host": "127.0.0.1", "port": 8081}, "http://127.0.0.1:8081"),
        ({"host": "::1", "port": 8081}, "http://[::1]:8081"),
        ({"host": "0.0.0.0", "port": 8081}, ""),  # noqa: S104 - read, not bound
        ({"port": 0}, ""),
        ({"host": "0.0.0.0", "control_url": "http://10.0.0.7:8081/"}, "http://10.0.0.7:8081"),  # noqa: S104
    ],
)
def test_where_an_engine_is_steered(values: dict[str, Any], where: str) -> None:
    assert EngineSettings(**values).steered_at == where
