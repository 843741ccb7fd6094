"""A part of a script's text in another's place: what it then says, and that the rest is as it was written."""

from __future__ import annotations

import difflib
from typing import Any

import pytest

from offhook.errors import Invalid
from offhook.orchestrator.agents import scripts
from offhook.orchestrator.agents.rewrite import expected, put
from offhook.orchestrator.agents.templates import every

TEXTS = {name: one.text for name, one in every().items()}
ODD = """offhook: 1
id: x
start: a
states:
    # first
    a:
        say: "Hi" # greeting
        # then on
        next:
        - {if: x is yes, go: b}   # odd
        - go: b
    # second
    b: {end: done}
# the end
outcomes: {done: good}
"""


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


@pytest.mark.parametrize("name", TEXTS)
def test_every_step_can_be_changed_and_no_line_of_another_is(name: str) -> None:
    text = TEXTS[name]
    document, places = scripts.read(text)
    for step, part in list(document["states"].items())[:6]:
        made = put(text, "states", step, {**part, "goal": "Something: else"})
        assert scripts.read(made)[0] == expected(document, "states", step, {**part, "goal": "Something: else"})
        own = [line for at, (_, line) in places.items() if at[:2] == ("states", step)]
        kept = text.splitlines()[: min(own) - 1] + text.splitlines()[max(own) :]
        assert [line for line in kept if line not in made.splitlines()] == []
        assert len(changed(text, made)) <= 3


def test_comments_and_odd_indents_stay() -> None:
    made = put(ODD, "states", "a", {"say": "Hi", "goal": "g", "next": [{"if": "x is yes", "go": "b"}, {"go": "a"}]})
    assert [line for line in ODD.splitlines() if "#" in line and "odd" not in line and line not in made.splitlines()] == []
    assert "# odd" in made
    assert put(ODD, "states", "b", {"end": "done", "say": "Bye"}).endswith("# the end\noutcomes: {done: good}\n")


def test_the_same_part_changes_nothing() -> None:
    document = scripts.read(ODD)[0]
    assert put(ODD, "states", "a", document["states"]["a"]) == ODD
    assert put(ODD, "states", "none", None) == ODD


def test_a_part_comes_goes_and_begins_a_section() -> None:
    more = put(ODD, "states", "c", {"say": "Well: then", "next": "a"})
    assert changed(ODD, more) == ["+    c:", "+        say: 'Well: then'", "+        next: a"]
    assert put(more, "states", "c", None) == ODD
    slots = put(ODD, "slots", "name", {"type": "person_name", "ask": "Who?"})
    assert slots == ODD + "slots:\n  name:\n    type: person_name\n    ask: Who?\n"


def test_the_order_of_options_counts() -> None:
    text = TEXTS["receptionist"]
    slot = scripts.read(text)[0]["slots"]["need"]
    turned = {**slot, "options": dict(reversed(slot["options"].items()))}
    assert list(scripts.read(put(text, "slots", "need", turned))[0]["slots"]["need"]["options"]) == list(turned["options"])


@pytest.mark.parametrize(
    "text",
    [
        "{offhook: 1, states: {a: {say: hi}}}",
        "offhook: 1\nstates: {a: {say: hi}, b: {say: ho}}\n",
        "offhook: 1\nstates:\n  a: &one {say: hi}\n  b: *one\n",
        "offhook: 1\nstates: []\n",
        "offhook: 1",
        '{"offhook": 1, "states": {"a": {"say": "hi"}}}',
    ],
)
def test_a_text_in_any_form_says_afterwards_what_it_should(text: str) -> None:
    document: dict[str, Any] = scripts.read(text)[0]
    part = {"say": "well, no: yes", "next": [{"if": "x is yes", "go": "b"}, {"go": "a"}]}
    assert scripts.read(put(text, "states", "a", part))[0] == expected(document, "states", "a", part)
    assert scripts.read(put(text, "states", "a", None))[0] == expected(document, "states", "a", None)


def test_a_text_that_cannot_be_read_is_said_to_be_so() -> None:
    with pytest.raises(Invalid):
        put("a: [", "states", "a", {})
