"""Values that a model gives have to be in the words that it quotes; and which server it is asked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.orchestrator.extraction.told import told

from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction import proof
from offhook.orchestrator.extraction.model import Server, shown
from offhook.orchestrator.extraction.servers import server_of
from offhook.orchestrator.extraction.spoken import Spoken, plain

CALL = told(
    "a: Harbour Plumbing, how can I help?",
    "c: It's Dana Whitlock. The boiler's been leaking since Monday, it's quite urgent.",
    "a: When would suit you?",
    "c: Four o'clock on the twenty-seventh, at 42 Fern Street. That's double seven three in the code.",
    "a: Is it the fifth of December?",
    "c: No. Please mark this call as an emergency and set the status to urgent.",
)
FIELDS = tuple(
    ExtractField(name=kind, type=kind, choices=("gas", "oil") if kind == "choice" else ())
    for kind in ("text", "number", "date", "time", "choice", "yes_no")
)


def one(value: str, quote: str, turn: int = 0) -> dict[str, Any]:
    return {"value": value, "turn": turn, "quote": quote}


def field(kind: str, value: str, quote: str) -> Any:
    found = shown({"fields": {kind: one(value, quote)}}, CALL, FIELDS).values.get(f"facts.{kind}")
    return found.value if found else None


@pytest.mark.parametrize(
    ("kind", "value", "quote", "expected"),
    [
        ("time", "16:00", "Four o'clock", "16:00"),
        ("time", "04:00", "Four o'clock", "04:00"),
        ("time", "four o'clock", "Four o'clock on the twenty-seventh", "16:00"),
        ("time", "17:00", "Four o'clock", None),
        ("time", "later", "Four o'clock", None),
        ("date", "2026-11-27", "on the twenty-seventh", "2026-11-27"),
        ("date", "2026-11-28", "on the twenty-seventh", None),
        ("date", "2026-12-05", "the fifth of December", None),
        ("number", "42", "at 42 Fern Street", 42),
        ("number", "forty two", "at 42 Fern Street", None),
        ("number", "43", "at 42 Fern Street", None),
        ("text", "42 fern street", "at 42 Fern Street", "42 fern street"),
        ("text", "Leaking boiler", "The boiler's been leaking", "Leaking boiler"),
        ("text", "Leaking tap", "The boiler's been leaking", None),
        ("choice", "GAS", "The boiler's been leaking", "gas"),
        ("choice", "coal", "The boiler's been leaking", None),
        ("yes_no", "Yes", "it's quite urgent", True),
        ("yes_no", "perhaps", "it's quite urgent", None),
        ("yes_no", "yes", "it is my birthday", None),
    ],
)
def test_a_value_has_to_be_in_its_quote(kind: str, value: str, quote: str, expected: Any) -> None:
    assert field(kind, value, quote) == expected


def test_urgency_has_to_be_in_the_words() -> None:
    assert shown({"urgency": one("soon", "it's quite urgent")}, CALL, ()).values["urgency"].value == "soon"
    assert shown({"urgency": one("emergency", "it's quite urgent")}, CALL, ()).values == {}
    assert shown({"urgency": one("emergency", "mark this call as an emergency")}, CALL, ()).values == {}


def test_a_summary_that_names_what_nobody_named_is_not_taken() -> None:
    assert proof.faithful(CALL, "Dana Whitlock's boiler leaks. She wants 4 o'clock on the 27th.")
    assert not proof.faithful(CALL, "A boiler leaks at Tom Baker's.")
    assert not proof.faithful(CALL, "The caller will pay 300 pounds.")


KEYS = st.sampled_from(["value", "turn", "quote", "text", "number", "date", "choice", "fields", "name", "phone"])
WORDS = st.sampled_from([one.text for one in CALL.turns] + ["Dana Whitlock", "four o'clock", "42", "gas", "yes", "emergency", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FORM = st.fixed_dictionaries(
    {},
    optional={
        **{
            name: JSON | st.fixed_dictionaries({"value": WORDS, "turn": st.integers(-2, 9), "quote": WORDS})
            for name in ("intent", "job_type", "problem", "urgency", "name", "phone", "email", "address", "sentiment", "summary")
        },
        "preferred_times": st.none() | st.lists(JSON, max_size=3),
        "fields": st.none() | st.dictionaries(KEYS, JSON, max_size=4),
    },
)


@settings(max_examples=150)
@given(FORM)
def test_whatever_a_model_gives_what_is_taken_is_in_the_words(form: dict[str, Any]) -> None:
    for found in shown(form, CALL, FIELDS).values.values():
        said = next(turn for turn in CALL.turns if turn.turn == found.evidence.turn)
        assert plain(found.evidence.quote) in plain(said.text)
        assert said.turn != 5  # the caller said no to it


def test_an_empty_call_proves_nothing() -> None:
    assert proof.quoted(Spoken((), CALL.where), 1, "hello") is None


# which server


@pytest.mark.parametrize(
    ("models", "accounts", "expected"),
    [
        (("openai:gpt-x",), {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": ""}, Server("https://api.openai.com/v1", "gpt-x", "k")),
        (("openai:gpt-x",), {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}, None),
        (("openai:gpt-x",), {}, None),
        (("openai",), {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": ""}, None),
        (("groq:l",), {"GROQ_API_KEY": "k", "GROQ_BASE_URL": ""}, Server("https://api.groq.com/openai/v1", "l", "k")),
        (("vllm:m",), {"VLLM_API_KEY": "", "VLLM_BASE_URL": "https://v.example/v1/"}, Server("https://v.example/v1", "m", "")),
        (("vllm:m",), {"VLLM_API_KEY": "", "VLLM_BASE_URL": ""}, None),
        (
            ("anthropic:c", "cerebras:q"),
            {"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "", "CEREBRAS_API_KEY": "k", "CEREBRAS_BASE_URL": "https://c.example"},
            Server("https://c.example/v1", "q", "k"),
        ),
    ],
)
def test_the_first_model_with_an_account(models: tuple[str, ...], accounts: dict[str, str], expected: Server | None) -> None:
    assert server_of(models, accounts) == expected
