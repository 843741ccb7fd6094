"""Text tests of an agent with a language model: an orchestrator, a real engine, and the vendor's double, each over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.e2e.business import SECRET, House, open_house
from tests.e2e.test_cli_commands import Terminal
from tests.e2e.test_live_api import served
from tests.unit.engine.test_app import FakeLineup

from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.inference import InferencePool
from offhook.orchestrator.serve import Running, serve
from offhook.reach import Reach
from offhook.registry import ProviderContext
from offhook.testing.vendors._brain import Asked
from offhook.testing.vendors.server import Door, Latency, Scenario, Vendors
from offhook.weights import ModelStore

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
MODEL = "openai:gpt-4.1-mini"
ODD = "my neighbour said you folk could maybe sort out something for me"
"""What the rules of the example make nothing of."""
SAYS = "That is kind of them. I am glad to hear it from you."
CHATTY = json.dumps({"acts": [{"act": "chitchat"}], "say": SAYS})


@dataclass(frozen=True, slots=True)
class Stage:
    """An orchestrator that knows an engine, and the vendors that the engine knows."""

    house: House
    engine: Engine
    vendors: Vendors

    async def ask(self, *turns: dict[str, Any], **more: Any) -> dict[str, Any]:
        answer = await self.answer(*turns, **more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def answer(self, *turns: dict[str, Any], headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.house.ask("POST", "/agents/front-desk/text-tests", {"turns": list(turns), **more}, **(headers or {}))

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What the model was sent, one request after the other."""
        return [one.json for one in self.vendors.sent("openai", "http") if one.data]


@asynccontextmanager
async def engine_of(folder: Path, env: dict[str, str], **settings: Any) -> AsyncIterator[tuple[str, Engine]]:
    made = EngineSettings(
        orchestrator_url=HttpUrl("http://127.0.0.1:9"), state_dir=folder, warm=(), secret=SecretStr(SECRET), drain_s=0.0, **settings
    )

    def lineup(pool: InferencePool) -> Lineup:
        return FakeLineup(ProviderContext(pool=pool, weights=ModelStore(None), env=env, reach=Reach.of(["127.0.0.1"])))

    app = create_app(made, lineup)
    async with served(app) as url:
        yield url, app.state.engine


@asynccontextmanager
async def staged(database_url: str, folder: Path, *, keyed: bool = True, **settings: Any) -> AsyncIterator[Stage]:
    async with Vendors() as vendors:
        vendors.scenario("openai", Scenario(options={"reply": CHATTY}))
        env = vendors.env() if keyed else {}
        async with (
            engine_of(folder / "engine", env, **settings) as (url, engine),
            open_house(database_url, folder / "house", engine_urls=(url,)) as house,
        ):
            house.now[0] = datetime.now(UTC)
            await with_model(house)
            yield Stage(house, engine, vendors)


async def with_model(house: House, *models: str) -> None:
    body = {"providers": {"llm": list(models or (MODEL,)), "answer_ms": 1_000}}
    assert (await house.ask("PATCH", "/agents/front-desk/draft", body, If_Match="*")).is_success


def said(turn: dict[str, Any]) -> str:
    return " ".join(one["text"] for one in turn["agent"])


async def test_the_rules_answer_what_they_explain_and_the_model_the_rest(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        done = await stage.ask({"caller": "Hello?"}, {"caller": ODD}, {"caller": "It's leaking."})
        assert [one["answered_by"] for one in done["turns"]] == ["", "rules", "model", "rules"]
        assert (done["faults"], done["notice"]) == ([], "")
        turn = done["turns"][2]
        assert said(turn).startswith(SAYS)
        assert turn["acts"] == [{"act": "chitchat"}]
        answer = turn["answer"]
        assert (answer["text"], answer["whole"], answer["model"], answer["failure"]) == (CHATTY, True, MODEL, "")
        assert 0 < answer["first_token_ms"] <= answer["first_words_ms"] <= answer["total_ms"] < 1_000
        assert answer["input_tokens"] > 100 > answer["output_tokens"] > 0
        assert [one["answer"] for one in done["turns"] if one is not turn] == [None] * 3
        (asked,) = stage.asked
        assert ODD in asked["messages"][-1]["content"]
        history = [one["content"] for one in asked["messages"][1:-1]]
        assert any("Hello?" in one for one in history)
        assert stage.engine.rehearsals.places.decisions == {"taken": 1}
        assert stage.engine.admission.decisions == {}  # no call, and no place of one


async def test_an_answer_that_is_sent_back_is_played_again_and_nobody_is_asked(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        first = await stage.ask({"caller": ODD})
        stage.vendors.scenario("openai", Scenario(options={"reply": json.dumps({"acts": [], "say": "Something else."})}))
        told = {"caller": ODD, "answer": first["turns"][1]["answer"]}
        again = await stage.ask(told, {"caller": "It's leaking."}, former=[one["digest"] for one in first["turns"]])
        assert again["turns"][:2] == first["turns"]
        assert again["same_until"] == 2
        assert len(stage.asked) == 1
        by_rules = await stage.ask({"caller": ODD}, rules_only=True)
        assert (by_rules["turns"][1]["answered_by"], by_rules["notice"]) == ("rules", "")
        assert len(stage.asked) == 1


async def test_what_the_model_may_not_do_has_no_effect_and_plain_words_are_spoken(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        booked = {
            "acts": [{"act": "set", "slot": "phone", "value": "never said"}, {"act": "chitchat"}],
            "say": "You are booked in for Tuesday.",
        }
        stage.vendors.scenario("openai", Scenario(options={"reply": json.dumps(booked)}))
        turn = (await stage.ask({"caller": ODD}))["turns"][1]
        assert "booked" not in said(turn)
        assert turn["tools"] == []
        assert "phone" not in turn["slots"]
        assert any(one["code"] == "model refused" and "phone" in one["text"] for one in turn["reasons"])
        assert any(one["code"] == "say withheld" for one in turn["reasons"])
        stage.vendors.scenario("openai", Scenario(options={"reply": SAYS}))
        done = await stage.ask({"caller": ODD})
        assert (done["turns"][1]["answered_by"], done["faults"]) == ("plain", [])
        assert said(done["turns"][1]).startswith(SAYS)


FAILURES = (
    (Scenario(door=Door("status", 500)), "Unavailable"),
    (Scenario(options={"reply": CHATTY, "first_token": Latency(5.0)}), "the model is slow"),
    (Scenario(options={"reply": "{}", "models": "nothing"}), "Rejected"),
)


async def test_a_model_that_fails_has_its_turn_taken_by_the_rules(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        alone = await stage.ask({"caller": ODD}, rules_only=True)
        for scenario, why in FAILURES:
            stage.vendors.scenario("openai", scenario)
            done = await stage.ask({"caller": ODD})
            turn = done["turns"][1]
            assert (turn["answered_by"], done["faults"]) == ("policy", [])
            assert turn["why"].startswith(why)
            assert turn["answer"]["failure"] == turn["why"]
            assert said(turn) == said(alone["turns"][1])


async def test_a_model_whose_key_the_engine_has_not(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, keyed=False) as stage:
        turn = (await stage.ask({"caller": ODD}))["turns"][1]
        assert turn["answered_by"] == "policy"
        assert "OPENAI_API_KEY is not set" in turn["why"]


async def test_the_tenants_own_account_is_asked(database_url: str, tmp_path: Path) -> None:
    loopback: dict[str, Any] = {"webhook_http": True, "webhook_ports": (), "webhook_networks": ("127.0.0.0/8",)}
    async with (
        Vendors() as theirs,
        engine_of(tmp_path / "engine", {"OPENAI_API_KEY": "sk-engine"}) as (url, _engine),
    ):
        theirs.scenario("openai", Scenario(options={"reply": CHATTY}))
        async with open_house(database_url, tmp_path / "house", engine_urls=(url,), **loopback) as house:
            house.now[0] = datetime.now(UTC)
            await with_model(house)
            key = theirs.env()["OPENAI_API_KEY"]
            put = await house.ask("PUT", "/vendor-accounts/openai", {"api_key": key, "base_url": theirs.base("openai")})
            assert put.is_success, put.text
            answer = await house.ask("POST", "/agents/front-desk/text-tests", {"turns": [{"caller": ODD}]})
            assert answer.json()["turns"][1]["answered_by"] == "model", answer.text
            assert key not in answer.text
            (sent,) = theirs.sent("openai", "http")
            assert sent.headers["authorization"] == f"Bearer {key}"


async def test_who_only_reads_agents_has_no_models_asked(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        done = await stage.ask({"caller": ODD}, headers=await stage.house.key("agents.read"))
        assert done["turns"][1]["answered_by"] == "rules"
        assert "agents.write" in done["notice"]
        assert stage.asked == []


async def test_without_an_engine_the_rules_answer_and_it_says_so(house: House) -> None:
    await with_model(house)
    answer = await house.ask("POST", "/agents/front-desk/text-tests", {"turns": [{"caller": ODD}]})
    assert answer.json()["turns"][1]["answered_by"] == "rules"
    assert "OFFHOOK_ORCHESTRATOR_ENGINE_URLS" in answer.json()["notice"]
    bad = (
        {"keys": "1", "answer": {"text": "x"}},
        {"caller": "x", "answer": {"text": "x" * 20_001}},
        {"caller": "x", "answer": {"none": 1}},
    )
    for turn in bad:
        answer = await house.ask("POST", "/agents/front-desk/text-tests", {"turns": [turn]})
        assert answer.status_code == 422


async def test_an_engine_that_is_full_and_one_that_is_gone(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, max_rehearsals=0) as stage:
        answer = await stage.answer({"caller": ODD})
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:offhook:problem:too_many_requests")
        plain = await stage.ask({"caller": "It's leaking."})  # nobody is asked
        assert plain["turns"][1]["answered_by"] == "rules"
    async with open_house(database_url, tmp_path / "later", engine_urls=("http://127.0.0.1:9",)) as house:
        await with_model(house)
        answer = await house.ask("POST", "/agents/front-desk/text-tests", {"turns": [{"caller": ODD}]})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:offhook:problem:unavailable")


STRANGE: tuple[tuple[int, dict[str, Any], tuple[int, str]], ...] = (
    (401, {}, (503, "secret")),
    (413, {}, (422, "too long")),
    (504, {}, (503, "in time")),
    (500, {}, (503, "one version")),
    (200, {"by": "nobody"}, (503, "one version")),
)


async def test_engines_that_answer_strangely(database_url: str, tmp_path: Path) -> None:
    given: list[tuple[int, dict[str, Any]]] = []

    async def strange(_request: Request) -> Response:
        status, body = given[-1]
        return JSONResponse(body, status)

    app = Starlette(routes=[Route("/v1/rehearsals", strange, methods=["POST"])])
    async with served(app, lifespan="off") as url, open_house(database_url, tmp_path, engine_urls=(url,)) as house:
        await with_model(house)
        for status, body, found in STRANGE:
            given.append((status, body))
            answer = await house.ask("POST", "/agents/front-desk/text-tests", {"turns": [{"caller": ODD}]})
            assert answer.status_code == found[0]
            assert found[1] in answer.json()["title"]
        given.append((200, {"by": "model", "said": ["I say something else."], "answer": {"text": CHATTY, "model": MODEL}}))
        done = (await house.ask("POST", "/agents/front-desk/text-tests", {"turns": [{"caller": ODD}]})).json()
        assert [(one["turn"], "one version" in one["message"]) for one in done["faults"]] == [(1, True)]


async def test_one_test_asks_only_so_often(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        answer = await stage.answer(*[{"caller": f"{ODD} {number}"} for number in range(21)], now="2026-11-23T12:00:00Z")
        assert answer.status_code == 422, answer.text
        assert "20 times" in answer.json()["title"]
        assert len(stage.asked) == 20


async def test_by_typing_in_a_terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line sends the whole conversation again; the model is asked once for each of its turns."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    numbers: list[int] = []

    def numbered(asked: Asked) -> str:
        numbers.append(asked.number)
        return json.dumps({"acts": [{"act": "chitchat"}], "say": f"I have heard that {'again' if asked.number else 'once'}."})

    started: list[Running] = []
    up = anyio.Event()

    def ready(running: Running) -> None:
        started.append(running)
        up.set()

    async with staged(database_url, tmp_path) as stage, anyio.create_task_group() as group:
        stage.vendors.scenario("openai", Scenario(options={"reply": numbered}))
        settings = stage.house.settings.model_copy(update={"port": 0})

        async def run() -> None:
            await serve(settings, jobs=False, ready=ready)

        group.start_soon(run)
        with anyio.fail_after(150):
            await up.wait()
        terminal = Terminal(started[0].url)
        shown = await terminal.do("agents", "test", "front-desk", typed=f"{ODD}\nYes, {ODD} too\n/hangup\n")
        assert numbers == [0, 1]
        assert shown.count("I have heard that once.") == 1
        assert shown.count("I have heard that again.") == 1
        assert shown.count(f"[answered by {MODEL}, ") == 2
        assert " ms to its first words, " in shown
        plain = await terminal.do("agents", "test", "front-desk", "--rules", typed=f"{ODD}\n/hangup\n")
        assert "answered by" not in plain
        stage.vendors.scenario("openai", Scenario(door=Door("status", 500)))
        down = await terminal.do("agents", "test", "front-desk", typed=f"{ODD}\n/hangup\n")
        assert f"[answered by the rules in place of {MODEL}: Unavailable: " in down
        group.cancel_scope.cancel()
