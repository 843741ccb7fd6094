"""Faults of the fields that a tenant has read off the transcript."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.orchestrator.agents.test_agent_check import config

from offhook.errors import Fault
from offhook.orchestrator.agents.check_extract import fields


def faults(*extract: dict[str, Any]) -> tuple[list[tuple[str, str]], list[Fault]]:
    advice: list[Fault] = []
    return [(one.path, one.message) for one in fields(config(extract=extract), advice)], advice


def test_sound_fields() -> None:
    assert faults({"name": "boiler_make", "description": "the make"}, {"name": "tenure", "type": "choice", "choices": ["own", "rent"]}) == (
        [],
        [],
    )


@pytest.mark.parametrize(
    ("extract", "expected"),
    [
        ([{"name": "urgency"}], ("extract.0.name", "every result has 'urgency' already")),
        ([{"name": "phone"}], ("extract.0.name", "every result has 'phone' already")),
        ([{"name": "make"}, {"name": "make"}], ("extract.1.name", "'make' is in the list already")),
        ([{"name": "tenure", "type": "choice"}], ("extract.0.choices", "a choice needs two or more to choose from")),
        ([{"name": "tenure", "choices": ["own"]}], ("extract.0.choices", "a text has no choices: make it a choice")),
        (
            [{"name": "tenure", "type": "choice", "choices": ["own", "rent", "Own"]}],
            ("extract.0.choices.2", "'Own' is in the list already"),
        ),
    ],
)
def test_faults(extract: list[dict[str, Any]], expected: tuple[str, str]) -> None:
    assert faults(*extract)[0] == [expected]


def test_a_slot_of_the_script_is_no_fault() -> None:
    slot = next(
        one for one in config().script["slots"] if one not in {"name", "phone", "email", "address", "problem", "urgency", "postcode"}
    )
    found, advice = faults({"name": slot})
    assert (found, [one.path for one in advice]) == ([], ["extract.0.name"])


@pytest.mark.parametrize(
    "one", [{"name": "Bad Name"}, {"name": ""}, {"name": "a", "type": "list"}, {"name": "a", "description": "x" * 201}, {"name": "a\n"}]
)
def test_what_is_refused_outright(one: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(extract=[one])


def test_no_more_than_twenty() -> None:
    config(extract=[{"name": f"f{place}"} for place in range(20)])
    with pytest.raises(ValidationError):
        config(extract=[{"name": f"f{place}"} for place in range(21)])
