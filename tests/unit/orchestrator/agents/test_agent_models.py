"""Voices, models, routes, openers and fillers of an agent: every fault has its path, and what is sound reaches the plan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from offhook.authoring.load import read
from offhook.contracts.plan import Fillers, Lines, Models, Openers, Route
from offhook.orchestrator.agents.check import Checked, Setting, check
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.known import known
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.calls.plans import plan_of
from offhook.orchestrator.tenants.schemas import Tenant

SCRIPT, _ = read(Path(__file__).resolve().parents[4] / "examples" / "receptionist" / "receptionist.yaml")
LLM = ["openai:gpt-a", "groq:llama-b"]
CLOUD: dict[str, Any] = {
    "stt": ["deepgram_flux", "local"],
    "tts": ["cartesia:sonic-3", "elevenlabs", "deepgram", "local"],
    "llm": LLM,
    "voices": {"cartesia": "a-voice-of-cartesia", "elevenlabs": "one-of-elevenlabs", "deepgram": "thalia", "local": "heart"},
    "routes": [
        {"name": "long words", "least_words": 25, "prefer": ["groq:llama-b"], "ceiling": 2.5},
        {"name": "job", "states": ["job"], "wordings": ["guided"], "speculative": False},
    ],
    "costs": {"openai:gpt-a": 4, "groq:llama-b": 0.6},
    "answer_ms": 900,
}


def config(**fields: Any) -> AgentConfig:
    return AgentConfig.model_validate({"name": "x", "script": SCRIPT, "transfer": {"staff": {"number": None}}, **fields})


def checked(locale: str = "en-GB", **fields: Any) -> Checked:
    return check(config(**fields), Setting(locale, "GB", known()))


def faults(**fields: Any) -> dict[str, str]:
    return {one.path: one.message for one in checked(**fields).faults}


def advice(**fields: Any) -> dict[str, str]:
    found = checked(**fields)
    assert not found.faults
    return {one.path: one.message for one in found.warnings if one.path.startswith(("providers", "voice", "fillers", "openers"))}


def test_an_agent_with_vendors_and_models_is_sound() -> None:
    assert advice(providers=CLOUD, openers={"on": True}) == {}


def test_what_it_says_is_in_the_plan_of_a_call() -> None:
    made = config(
        providers=CLOUD,
        turn={"endpointing": {"vendor_ms": 700}},
        lines={"deaf": "The line is bad. Please use your keys."},
        fillers={"after_ms": 1_100, "tool_ms": 500, "lines": ["Let me look.", "A moment."]},
        openers={"on": True, "lines": ["Right,", "Sure,"]},
    )
    given = {"id": "t", "name": "T", "reseller_id": "r", "timezone": "Europe/London", "region": "GB", "locale": "en-GB"}
    tenant = Tenant.model_validate({**given, "fallback_number": None, "suspended": False, "diary": {}})
    agent = Agent.of(tenant, "a", made)
    plan = plan_of(agent, "call", datetime(2026, 7, 1, tzinfo=UTC), "http://tools.invalid", {})
    assert plan.models.voices == CLOUD["voices"]
    assert plan.models.routes[0] == Route(name="long words", least_words=25, prefer=("groq:llama-b",), ceiling=2.5)
    assert plan.models.routes[1].speculative is False
    assert (plan.models.costs, plan.models.answer_ms) == ({"openai:gpt-a": 4, "groq:llama-b": 0.6}, 900)
    assert plan.turn.endpointing.vendor_ms == 700
    assert plan.lines.deaf == "The line is bad. Please use your keys."
    assert plan.fillers == Fillers(after_ms=1_100, tool_ms=500, lines=("Let me look.", "A moment."))
    assert plan.openers == Openers(on=True, lines=("Right,", "Sure,"))
    assert not plan.models.vendors


def test_an_agent_that_says_nothing_has_a_plans_own_values() -> None:
    made = config()
    assert made.providers.models() == Models()
    assert (made.fillers.fillers(), made.openers.openers()) == (Fillers(), Openers())
    assert made.turn_plan().endpointing.vendor_ms == 1_200
    assert made.lines.deaf == Lines().deaf


def test_what_was_stored_before_there_was_any_of_this_can_be_read() -> None:
    stored = config().model_dump(mode="json")
    for name in ("fillers", "openers"):
        del stored[name]
    for name in ("voices", "routes", "costs", "answer_ms"):
        del stored["providers"][name]
    assert AgentConfig.model_validate(stored) == config()


@pytest.mark.parametrize(
    ("providers", "voice", "path", "words"),
    [
        ({"tts": ["cartesia:sonic-3", "local"]}, "heart", "voice", "'heart' is a voice of 'local': name one of 'cartesia'"),
        ({"tts": ["deepgram:thalia"]}, "heart", "voice", "name one of 'deepgram'"),
        ({"tts": ["local"]}, "hart", "voice", "did you mean"),
        ({"tts": ["local"], "voices": {"local": "hart"}}, "heart", "providers.voices.local", "'local' has no voice 'hart'"),
        ({"tts": ["local"], "voices": {"cartesia": "x"}}, "heart", "providers.voices.cartesia", "is not in providers.tts"),
        ({"tts": ["cartesia:a", "local"], "voices": {"cartesia:b": "x"}}, "x1", "providers.voices.cartesia:b", "did you mean"),
    ],
)
def test_a_voice_that_nobody_there_has(providers: dict[str, Any], voice: str, path: str, words: str) -> None:
    found = faults(providers=providers, voice=voice)
    assert list(found) == [path]
    assert words in found[path]


def test_a_voice_behind_the_first_that_would_be_the_accounts_own() -> None:
    found = advice(providers={"tts": ["local", "cartesia", "elevenlabs"], "voices": {"elevenlabs": "theirs"}})
    assert list(found) == ["providers.tts.1"]
    assert "no voice of 'cartesia' is named" in found["providers.tts.1"]
    assert "has no voice 'a-b'" in advice(providers={"tts": ["cartesia", "local"]}, voice="a-b")["providers.tts.1"]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"routes": [{"name": "a", "prefer": ["openai:gpt-b"]}]}, "providers.routes.0.prefer.0", "did you mean 'openai:gpt-a'"),
        ({"routes": [{"name": "a", "states": ["jobb"]}]}, "providers.routes.0.states.0", "did you mean 'job'"),
        ({"routes": [{"name": "a", "speculative": True}, {"name": "a"}]}, "providers.routes.1.name", "routes.0"),
        ({"routes": [{"name": "a", "least_words": 9, "most_words": 5}]}, "providers.routes.0.most_words", "fits no turn"),
        ({"routes": [{"name": "a", "ceiling": 2}], "costs": {}}, "providers.routes.0.ceiling", "without providers.costs"),
        ({"routes": [{"name": "a"}], "llm": [], "costs": {}}, "providers.routes", "no model in providers.llm"),
        ({"costs": {**CLOUD["costs"], "openai:gpt-aa": 1}}, "providers.costs.openai:gpt-aa", "did you mean 'openai:gpt-a'"),
        ({"llm": [*LLM, "opnai:gpt"]}, "providers.llm.2", "no llm provider is called 'opnai'"),
        ({"answer_ms": 4_000}, "providers.answer_ms", "would come too late: after 2800 ms"),
        ({"answer_ms": 100}, "providers.answer_ms", "not within 300 and"),
    ],
)
def test_a_model_or_route_that_makes_no_sense(changes: dict[str, Any], path: str, words: str) -> None:
    found = faults(providers={**CLOUD, **changes})
    assert list(found) == [path]
    assert words in found[path]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"routes": [{"name": "all"}, {"name": "b", "states": ["job"]}]}, "providers.routes.1", "'all' before it fits every turn"),
        ({"routes": [{"name": "a", "locales": ["de"]}]}, "providers.routes.0.locales", "the agent speaks en-GB"),
        ({"routes": [{"name": "a", "locales": ["en-US"]}]}, "providers.routes.0.locales", "fits no turn"),
        (
            {"routes": [{"name": "a", "ceiling": 1}], "costs": {LLM[0]: 3}},
            "providers.routes.0.ceiling",
            "'groq:llama-b' has no cost",
        ),
        ({"llm": ["openai"], "routes": [], "costs": {}}, "providers.llm.0", "such as openai:NAME"),
    ],
)
def test_what_is_odd_about_models(changes: dict[str, Any], path: str, words: str) -> None:
    found = advice(providers={**CLOUD, **changes})
    assert list(found) == [path]
    assert words in found[path]


@pytest.mark.parametrize("kind", ["fillers", "openers"])
@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        (["Okay,", "Okay?"], 1, "asks something"),
        (["Is it 5 pounds,", "Okay,"], 0, "tells something"),
        (["Hello {name},", "Okay,"], 0, "no values"),
        (["Okay,", "Sure,", "OKAY,"], 2, "lines.0"),
    ],
)
def test_a_line_before_the_answer_says_and_asks_nothing(kind: str, lines: list[str], place: int, words: str) -> None:
    found = faults(**{kind: {"lines": lines}})
    assert list(found) == [f"{kind}.lines.{place}"]
    assert words in found[f"{kind}.lines.{place}"]


def test_lines_that_would_hardly_be_said_or_not_be_understood() -> None:
    assert list(faults(openers={"lines": ["Yes, of course, let me see,"]})) == ["openers.lines.0"]
    assert list(advice(openers={"on": True, "lines": ["Sure,"]}, fillers={"lines": ["Hm."]})) == ["fillers.lines", "openers.lines"]
    assert not advice(openers={"lines": ["Sure,"]}, fillers={"after_ms": 0, "lines": ["Hm."]})
    german = checked("de-DE", script={**SCRIPT, "languages": ["de"]}, openers={"on": True})
    assert {"fillers.lines", "openers.lines"} <= {one.path for one in german.warnings}


@pytest.mark.parametrize(
    "fields",
    [
        {"providers": {"costs": {"openai:a": -1}}},
        {"providers": {"costs": {"openai:a": float("inf")}}},
        {"providers": {"routes": [{"name": ""}]}},
        {"providers": {"routes": [{"name": "a", "wordings": ["loud"]}]}},
        {"providers": {"routes": [{"name": "a", "prefer": ["../x"]}]}},
        {"providers": {"voices": {"cartesia": "a\nb"}}},
        {"openers": {"lines": []}},
        {"openers": {"lines": [" "]}},
        {"fillers": {"after_ms": 70_000}},
        {"lines": {"deaf": ""}},
    ],
)
def test_what_cannot_be_is_refused_by_the_document(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(**fields)
