"""Questions from the tenant's own text: quoted, or not answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.shared import SHARED, needs_shared

from offhook.core.script.knowledge import find

FAQ = (
    ("Opening hours", "We are open Monday to Friday from eight to six. We are closed on Sunday."),
    ("Prices", "A call-out is sixty pounds and includes the first half hour. Parts are extra."),
    ("Payment", "You can pay by card, by cash or by bank transfer."),
    ("Area", "We cover Portsmouth, Southsea and Gosport."),
)


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("What are your opening hours?", "eight to six"),
        ("what time do you close", "eight to six"),
        ("are you open on Sunday", "closed on Sunday"),
        ("and what do you charge", "sixty pounds"),
        ("can I pay by card?", "by card"),
        ("do you cover Gosport", "Gosport"),
    ],
)
def test_what_the_text_holds_is_quoted(question: str, holds: str) -> None:
    found = find(question, FAQ)
    assert found is not None
    assert holds in found
    assert all(part.strip(". ") in " ".join(text for _, text in FAQ) for part in found.split(". "))


@pytest.mark.parametrize(
    "question", ["do you fix roofs", "what is the weather like", "who are you", "", "?", "do you cover Antarctica with ponies"]
)
def test_what_the_text_does_not_hold_is_not_answered(question: str) -> None:
    assert find(question, FAQ) is None


def test_no_text_answers_nothing() -> None:
    assert find("when are you open", ()) is None


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHARED / "rag" / name).read_text(encoding="utf-8").splitlines()]


@needs_shared
def test_precision_on_questions_that_others_wrote() -> None:
    passages = {row["passage_id"]: (row["title"], row["text"]) for row in rows("passages.jsonl")}
    every = tuple(passages.values())
    answered = right = wrong = 0
    for row in rows("questions.jsonl"):
        found = find(row["question"], every)
        if not row["answerable"]:
            wrong += found is not None
        elif found is not None:
            answered += 1
            right += any(answer.casefold() in found.casefold() for answer in row["answers"])
    assert answered >= 40
    assert right >= 0.8 * answered
    assert wrong <= 3


@needs_shared
def test_phone_numbers_of_businesses() -> None:
    businesses = rows("business_restaurants.jsonl")[:40]
    passages = tuple((row["name"], f"{row['name']} serves {row['food']} food. The phone number is {row['phone']}.") for row in businesses)
    found = [find(f"what is the phone number of {row['name']}?", passages) or "" for row in businesses]
    assert sum(row["phone"] in each for row, each in zip(businesses, found, strict=True)) >= 38
