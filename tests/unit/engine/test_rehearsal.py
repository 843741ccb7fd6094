"""Rehearsals at the engine's door: who may ask for one, how many at a time, and what a model is asked and its answer comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from tests.scenarios.harness import SCRIPT
from tests.unit.engine.test_app import SECRET, FakeLineup

from offhook.contracts.rehearsal import Rehearsed
from offhook.engine import rehearsal
from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.errors import ConfigError, Unauthorized
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.signing import about, headers
from offhook.testing.fakes import FakeLlm, LlmScript
from offhook.weights import ModelStore

ODD = "my neighbour said you folk could maybe sort out something for me"
SAYS = "That is kind of them."
NICE = json.dumps({"acts": [{"act": "chitchat"}], "say": SAYS})


class OneModel(FakeLineup):
    model: FakeLlm

    async def llm(self, name: str) -> FakeLlm:
        if name != "fake:any":
            raise ConfigError("FAKE_API_KEY is not set")
        return self.model


@dataclass
class Door:
    """An engine whose one model answers by its script."""

    client: TestClient
    model: FakeLlm
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def engine(self) -> Engine:
        found: Engine = self.client.app.state.engine  # type: ignore[attr-defined]
        return found

    def send(self, body: bytes, *, message: str = "", secret: str = SECRET) -> Any:
        signed = headers(secret, message or about("rehearse", "", f"m{next(self.numbers)}"), int(datetime.now(UTC).timestamp()), body)
        answer: Any = self.client.post("/v1/rehearsals", content=body, headers=signed)
        return answer

    def ask(self, *turns: dict[str, Any], **changes: Any) -> Rehearsed:
        answer = self.send(asked(*turns, **changes))
        assert answer.status_code == 200, answer.text
        return Rehearsed.model_validate_json(answer.content)


def asked(*turns: dict[str, Any], results: tuple[dict[str, Any], ...] = (), **changes: Any) -> bytes:
    plan = {"call": "text-test", "script": SCRIPT, "models": {"stt": [], "tts": [], "llm": ["fake:any"], "answer_ms": 2_000}, **changes}
    listed = turns or ({"kind": "caller", "text": ODD},)
    return json.dumps({"plan": plan, "moment": "2026-11-23T10:00:00Z", "turns": listed, "results": results}).encode()


@contextmanager
def door(folder: Path, script: LlmScript | None = None, **changes: Any) -> Iterator[Door]:
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"script": SCRIPT, "record": False}))
    values: dict[str, Any] = {"plan": plan, "state_dir": folder / "state", "warm": (), "secret": SecretStr(SECRET), "drain_s": 0.0}
    model = FakeLlm(script or LlmScript(NICE))

    def lineup(pool: InferencePool) -> Lineup:
        made = OneModel(ProviderContext(pool=pool, weights=ModelStore(None), env={}))
        made.model = model
        return made

    with TestClient(create_app(EngineSettings(**{**values, **changes}), lineup)) as client:
        yield Door(client, model)


def test_a_model_is_asked_what_a_call_would_ask_it(tmp_path: Path) -> None:
    with door(tmp_path) as at:
        found = at.ask(
            {"kind": "caller", "text": "Hello?", "cut_at": "How can"},
            {"kind": "caller", "text": ODD},
        )
        assert (found.by, found.said[0], found.acts, found.refused) == ("model", SAYS, ({"act": "chitchat"},), ())
        assert found.answer is not None
        assert (found.answer.text, found.answer.whole, found.answer.model) == (NICE, True, "fake:any")
        assert found.answer.input_tokens > 0
        (request,) = at.model.asked
        assert request.schema is not None
        text = [one.text for one in request.messages]
        assert any("How can [cut off here by the caller]" in one for one in text)
        assert ODD in text[-1]
        assert at.model.open == 0
        health = at.client.get("/healthz").json()
        assert (health["rehearsals"], health["admission"], health["calls"]) == ({"taken": 1}, {}, 0)


def test_what_is_refused_is_named(tmp_path: Path) -> None:
    acts = [{"act": "set", "slot": "phone", "value": "01632 960111"}, {"act": "chitchat"}]
    with door(tmp_path, LlmScript(json.dumps({"acts": acts, "say": SAYS}))) as at:
        found = at.ask()
        assert [one["act"] for one in found.acts] == ["chitchat"]
        assert ["phone" in one.act for one in found.refused] == [True]


@pytest.mark.parametrize(
    ("script", "changes", "failure"),
    [
        (LlmScript(NICE, fail=Unauthorized, fail_after=0), {}, "Unauthorized: "),
        (LlmScript(NICE, first_token=5.0), {"answer_ms": 50}, "the model is slow"),
        (LlmScript(NICE), {"llm": ["none:any"]}, "FAKE_API_KEY is not set"),
    ],
)
def test_a_model_that_fails_is_an_answer_too(tmp_path: Path, script: LlmScript, changes: dict[str, Any], failure: str) -> None:
    with door(tmp_path, script) as at:
        found = at.ask(models={"llm": ["fake:any"], "answer_ms": 2_000, **changes})
        assert found.by == "policy"
        assert found.said
        assert found.answer is not None
        assert (found.answer.text, found.answer.whole, found.answer.first_words_ms) == ("", False, None)
        assert found.answer.failure.startswith(failure)


def test_calls_do_not_go_by_how_a_model_did_in_tests(tmp_path: Path) -> None:
    with door(tmp_path, LlmScript(NICE, fail=Unauthorized, fail_after=0)) as at:
        for number in range(4):
            found = at.ask()
            assert found.answer is not None
            assert found.answer.failure.startswith("Unauthorized: ")
            assert len(at.model.asked) == number + 1
        assert at.engine.parts.lineup.board.of("llm/fake:any").failures == {}


def test_a_request_sent_again_has_the_first_answer(tmp_path: Path) -> None:
    with door(tmp_path) as at:
        first = at.send(asked(), message=about("rehearse", "", "once"))
        again = at.send(asked(), message=about("rehearse", "", "once"))
        assert (first.status_code, again.content, len(at.model.asked)) == (200, first.content, 1)
        assert at.send(asked({"kind": "caller", "text": "yes"}), message=about("rehearse", "", "once")).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 422, "JSON"),
        (asked(models={"llm": []}), 422, "no model would be asked"),
        (asked({"kind": "caller", "text": "A booking"}), 422, "no model would be asked"),
        (asked({"kind": "keys", "text": "1"}), 422, "no model would be asked"),
        (asked(script={**SCRIPT, "start": "nowhere"}), 422, "nowhere"),
        (asked(models={"vendors": {"FAKE_API_KEY": {"sk": "sk-secret"}}}), 422, "plan.models.vendors"),
        (b" " * 1_048_577, 413, "at most"),
    ],
)
def test_requests_that_are_none(tmp_path: Path, body: bytes, status: int, says: str) -> None:
    with door(tmp_path) as at:
        answer = at.send(body)
        assert answer.status_code == status, answer.text
        assert says in answer.json()["detail"]
        assert "sk-secret" not in answer.text
        assert at.model.asked == []


def test_only_the_orchestrator_may_ask_and_only_for_this(tmp_path: Path) -> None:
    with door(tmp_path) as at:
        assert at.send(asked(), secret="another").status_code == 401
        assert at.send(asked(), message=about("say", "text-test", "x")).status_code == 401
        assert at.client.post("/v1/rehearsals", content=asked()).status_code == 401
    with door(tmp_path, secret=SecretStr("")) as alone:
        assert alone.client.post("/v1/rehearsals", content=asked()).status_code == 403


def test_no_more_than_so_many_and_none_while_draining(tmp_path: Path) -> None:
    with door(tmp_path, max_rehearsals=1) as at:
        with at.engine.rehearsals.places.slot():
            full = at.send(asked())
            assert (full.status_code, "OFFHOOK_ENGINE_MAX_REHEARSALS" in full.json()["detail"]) == (503, True)
        assert at.send(asked()).status_code == 200
        at.engine.admission.draining = True
        assert at.send(asked()).status_code == 503


def test_a_turn_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "SECONDS", 0.2)
    with door(tmp_path, LlmScript(NICE, first_token=30.0)) as at:
        answer = at.send(asked(models={"llm": ["fake:any"], "answer_ms": 60_000}))
        assert (answer.status_code, "0.2 s" in answer.json()["detail"]) == (504, True)
        assert at.model.open == 0
        assert at.engine.rehearsals.places.active == 0
