"""The keyless understander on single utterances, against the front desk's script."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from offhook.authoring.load import load
from offhook.core.script import acts as act
from offhook.core.script.rules import understand
from offhook.core.script.step import Ask, Begin, Run, Say, ScriptEvent, ScriptState, Spoken, ToolDone, Understood, initial, step
from offhook.core.understand.types import Context

SCRIPT = load(Path(__file__).resolve().parents[4] / "examples" / "receptionist" / "receptionist.yaml").script
HOURS = tuple((day, "08:00", "18:00") for day in range(5))
CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC), HOURS)
FAQ = (("Opening hours", "We are open Monday to Friday from eight to six."),)
OFFERS = [
    {"id": "a", "label": "Tuesday at nine", "start": "2026-11-24T09:00:00+00:00"},
    {"id": "b", "label": "Wednesday at two", "start": "2026-11-25T14:00:00+00:00"},
]


def play(*events: ScriptEvent, given: dict[str, Any] | None = None) -> ScriptState:
    state = initial(SCRIPT)
    for event in (Begin(given or {}, CONTEXT, FAQ), *events):
        state, outs = step(SCRIPT, state, event)
        for run in [each for each in outs if isinstance(each, Run)]:
            state, more = step(
                SCRIPT, state, ToolDone(run.key, {"slots": OFFERS, "found": True, "id": "b7", "when": "2026-11-24T09:00:00+00:00"})
            )
            outs = (*outs, *more)
        for each in outs:
            if isinstance(each, Say | Ask):
                state, _ = step(SCRIPT, state, Spoken(each.item, each.text, True))
    return state


def said(*acts: act.Act) -> Understood:
    return Understood(acts, "acts")


def plain(state: ScriptState, text: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for each in understand(SCRIPT, state, text).acts:
        if isinstance(each, act.Set | act.Correct):
            value = (
                " ".join(v for v in (each.value.get("given"), each.value.get("family")) if v)
                if isinstance(each.value, dict) and "given" in each.value
                else each.value
            )
            found.append((act.name_of(each), each.slot, value))
        elif isinstance(each, act.Choose):
            found.append(("choose", each.n))
        elif isinstance(each, act.Raise):
            found.append(("raise", each.topic))
        else:
            found.append((act.name_of(each),))
    return found


NEED = play()
JOB = said(
    act.Set("need", "new_job"),
    act.Set("problem", "a leak"),
    act.Set("urgency", "today"),
    act.Set("address", {"lines": ["4 Mill Lane"], "postcode": "PO5 2AB"}),
)
NAME = play(JOB)
PHONE = play(JOB, said(act.Set("name", {"given": "Ann", "family": "Lee", "spelling": None})))
GUESS = play(JOB, said(act.Set("name", {"given": "Ann", "family": "Lee", "spelling": None})), given={"caller_number": "+441632960111"})
DAY = play(
    JOB,
    said(act.Set("name", {"given": "Ann", "family": "Lee", "spelling": None})),
    said(act.Affirm()),
    given={"caller_number": "+441632960111"},
)
OFFER = play(
    JOB,
    said(act.Set("name", {"given": "Ann", "family": "Lee", "spelling": None})),
    said(act.Affirm()),
    said(act.Set("day", "2026-11-24")),
    given={"caller_number": "+441632960111"},
)
READ = play(
    JOB,
    said(act.Set("name", {"given": "Ann", "family": "Lee", "spelling": None})),
    said(act.Affirm()),
    said(act.Set("day", "2026-11-24")),
    said(act.Choose(1)),
    given={"caller_number": "+441632960111"},
)
NOTE = play(
    said(act.Set("need", "message")),
    said(act.Set("name", {"given": "Ann", "family": "Lee", "spelling": None})),
    said(act.Affirm()),
    given={"caller_number": "+441632960111"},
)

CASES: list[tuple[str, ScriptState, str, list[tuple[Any, ...]]]] = [
    ("need", NEED, "I'd like to leave a message", [("set", "need", "message")]),
    ("need", NEED, "can I speak to a person", [("human",)]),
    ("need", NEED, "operator", [("human",)]),
    ("need", NEED, "sorry?", [("repeat",)]),
    ("need", NEED, "say that again please", [("repeat",)]),
    ("need", NEED, "hang on", [("hold",)]),
    ("need", NEED, "one moment please", [("hold",)]),
    ("need", NEED, "help", [("help",)]),
    ("need", NEED, "goodbye", [("goodbye",)]),
    ("need", NEED, "never mind", [("cancel",)]),
    ("need", NEED, "when are you open?", [("ask",)]),
    ("need", NEED, "how much do you charge?", [("raise", "fee")]),
    ("need", NEED, "there's water everywhere", [("raise", "emergency")]),
    ("need", NEED, "the moon is made of cheese", [("unclear",)]),
    ("need", NEED, "...", [("unclear",)]),
    ("name", NAME, "Ann Lee", [("set", "name", "Ann Lee")]),
    ("name", NAME, "my name is Bob Stone", [("set", "name", "Bob Stone")]),
    ("phone", PHONE, "023 9298 7654", [("set", "phone", "+442392987654")]),
    ("guess", GUESS, "yes it is", [("affirm",)]),
    ("guess", GUESS, "no", [("deny",)]),
    ("guess", GUESS, "no, it's 023 9298 7654", [("correct", "phone", "+442392987654"), ("deny",)]),
    ("day", DAY, "next Tuesday", [("set", "day", "2026-11-24")]),
    ("day", DAY, "I don't mind", [("skip",)]),
    ("offer", OFFER, "the second one", [("choose", 2)]),
    ("offer", OFFER, "Wednesday at two", [("choose", 2)]),
    ("offer", OFFER, "none of those", [("none_of_these",)]),
    ("read", READ, "yes", [("affirm",)]),
    ("read", READ, "yes please", [("affirm",)]),
    ("read", READ, "no", [("deny",)]),
    ("note", NOTE, "Tell Dave the parts came on Friday", [("set", "note", "Tell Dave the parts came on Friday")]),
]


@pytest.mark.parametrize(("where", "state", "text", "acts"), CASES, ids=[f"{each[0]}-{each[2]}" for each in CASES])
def test_these_words_are_these_acts(where: str, state: ScriptState, text: str, acts: list[tuple[Any, ...]]) -> None:
    assert plain(state, text) == acts


def test_several_values_in_one_sentence() -> None:
    found = plain(NEED, "My boiler is leaking, it's Ann Lee, can you come tomorrow morning?")
    assert ("set", "need", "new_job") in found
    assert ("set", "name", "Ann Lee") in found
    assert ("set", "day", "2026-11-22") in found
    assert ("set", "problem", "My boiler is leaking") in found


@pytest.mark.parametrize("text", ["yes but Friday instead", "no, Friday", "actually make it Friday"])
def test_a_correction_at_the_read_back_is_no_agreement(text: str) -> None:
    state, outs = step(SCRIPT, READ, understand(SCRIPT, READ, text))
    assert state.values["day"].value == "2026-11-27"
    assert [each.tool for each in outs if isinstance(each, Run)] == ["free_slots"]


def test_a_phone_number_is_taken_where_something_else_was_asked() -> None:
    found = plain(NAME, "you can reach me on 023 9298 7654")
    assert ("set", "phone", "+442392987654") in found


@pytest.mark.parametrize(
    "text", ["the kitchen is flooded with paint", "it's broken", "I'm calling about my tap", "that's fine", "I'm in a hurry", "hello there"]
)
def test_no_name_comes_out_of_an_ordinary_sentence(text: str) -> None:
    for state in (NEED, NAME):
        assert not [each for each in plain(state, text) if each[:2] == ("set", "name")]


def test_a_day_in_a_story_is_not_the_day_of_the_visit() -> None:
    state = play(said(act.Set("need", "new_job")))
    assert state.open is not None
    assert state.open.slot == "problem"
    found = plain(state, "The shower has been dripping since Tuesday")
    assert found == [("set", "problem", "The shower has been dripping since Tuesday")]
