"""What a model may say: what the script, its values, results and the tenant's own text say; nothing else."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from offhook.authoring.load import load
from offhook.core.script.facts import Facts, book, facts
from offhook.core.script.promises import promised
from offhook.core.script.prompt import RULES
from offhook.core.script.state import Result, ScriptState, Value
from offhook.core.script.step import initial
from offhook.core.understand.types import Context

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
DESK = load(EXAMPLES / "receptionist" / "receptionist.yaml").script
CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC))
PASSAGES = (
    ("Opening hours", "We are open from eight to six on weekdays. On Saturdays until noon."),
    (
        "Warranty",
        "All work has a twelve month guarantee. Bookings can be cancelled up to a day before. "
        "Write to office@harbour.example or see harbour.co.uk.",
    ),
)
BOOK = book(DESK, PASSAGES, "en-GB", RULES)
VALUES = {
    "name": Value({"given": "Ann", "family": "Lee", "spelling": None}),
    "phone": Value("+441632960111"),
    "day": Value("2026-11-24"),
    "problem": Value("the fee is five pounds, ask Zoltan"),
}
SLOTS = [
    {"id": "a", "label": "Tuesday at nine", "start": "2026-11-24T09:00:00+00:00"},
    {"id": "b", "label": "Wednesday at half past two", "start": "2026-11-25T14:30:00+00:00"},
]


def known(**changes: object) -> Facts:
    """The facts of a call in which some things are known and two visits were offered."""
    state: ScriptState = dataclasses.replace(
        initial(DESK),
        context=CONTEXT,
        values=VALUES,
        given={"staff": "+441632960999", "caller_name": "Ann Lee"},
        results={"free_slots": Result("x", {"slots": SLOTS})},
    )
    return facts(BOOK, DESK, dataclasses.replace(state, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sentence",
    [
        "A call-out is sixty pounds.",
        "It's £60 to come out, with the first half hour in that.",
        "That sounds unpleasant, I'm sorry.",
        "No problem at all, Ann.",
        "Thank you, Ms Lee.",
        "I have Tuesday at nine or Wednesday at half past two.",
        "There is Tuesday the 24th at 9am, and Wednesday at 2:30.",
        "We open at eight, weekdays, from 8 to 6.",
        "On Saturdays we are here until noon.",
        "All our work has a 12 month guarantee.",
        "Bookings can be cancelled up to a day before.",
        "You can write to office@harbour.example.",
        "It is office at harbour dot example.",
        "Have a look at www.harbour.co.uk.",
        "The number I have is oh one six three two, nine six oh, one one one.",
        "One moment, please.",
        "Feel free to ask.",
        "I'll take some details first.",
        "I'll need your address for that.",
        "We can usually sort that out.",
        "Thank you, Sir.",
        "Let me check that for you.",
        "Of course, that is understandable.",
        "Good morning, and welcome.",
        "I can look for another one.",
        "Nothing has been booked yet, don't worry.",
        "Harbour Plumbing looks after that.",
    ],
)
def test_what_is_known_may_be_said(sentence: str) -> None:
    assert known().against(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("A call-out is fifty pounds.", "number"),
        ("A call-out is $60.50.", "number"),
        ("It takes sixty minutes.", "number"),
        ("That is a hundred and sixty pounds.", "number"),
        ("It is one pound.", "number"),
        ("You get 10% off.", "number"),
        ("It is \u00bd price.", "number"),
        ("It is \u2463 of them.", "number"),
        ("It is \uff15\uff10 pounds.", "number"),
        ("It takes one business day.", "number"),
        ("It is a fiver.", "word of promise"),
        ("A couple of hundred, roughly.", "word of promise"),
        ("It's free.", "word of promise"),
        ("It will cost you nothing.", "word of promise"),
        ("You're down for that.", "promise: book"),
        ("He is on his way.", "promise: book"),
        ("A plumber will be out today.", "promise: book"),
        ("We'll see you then.", "promise: book"),
        ("You will get a text.", "promise: send"),
        ("You'll hear from us.", "promise: save"),
        ("Consider it done.", "promise: done"),
        ("It's on the house.", "word of promise"),
        ("The fee is five pounds.", "number"),
        ("The plumber is there at seven.", "number"),
        ("It is the 23rd.", "number"),
        ("Wednesday at nine is free.", "day and hour together"),
        ("Thursday is free.", "day"),
        ("That could be tomorrow.", "day"),
        ("In April, perhaps.", "day"),
        ("This evening is fine.", "day"),
        ("Ring 07700 900123 for that.", "telephone number"),
        ("The manager is on oh one six three two nine six oh nine nine nine.", "telephone number"),
        ("Write to boss@evil.example.", "address"),
        ("See evil dot com for more.", "address"),
        ("See www.evil.com/pay for more.", "address"),
        ("There is a discount for you.", "word of promise"),
        ("It is free of charge.", "word of promise"),
        ("That is for Mr Smith.", "name"),
        ("Zoltan has the details.", "name"),
        ("Our plumber Sarah does that.", "name"),
        ("You are booked.", "promise: book"),
        ("It's all booked in.", "promise: book"),
        ("I'll book that now.", "promise: book"),
        ("We will be with you soon.", "promise: book"),
        ("Someone will come round.", "promise: book"),
        ("I have cancelled it.", "promise: cancel"),
        ("I've sent you a text.", "promise: send"),
        ("I will text you the details.", "promise: send"),
        ("Your message has been passed on.", "promise: save"),
        ("They'll call you back.", "promise: save"),
        ("I'm putting you through.", "promise: transfer"),
        ("You're all set.", "promise: done"),
        ("We'll refund that.", "promise: pay"),
        ("The caller's words reach you as JSON strings under caller.", "our own rules"),
    ],
)
def test_what_is_not_known_may_not_be_said(sentence: str, why: str) -> None:
    assert known().against(sentence) == why


def test_an_effect_may_be_told_once_its_tool_has_said_so() -> None:
    booked = known(results={"free_slots": Result("x", {"slots": SLOTS}), "book": Result("y", {"ref": "H18"})})
    assert booked.against("You are booked for Tuesday at nine.") == ""
    assert booked.against("You're all set.") == ""
    assert booked.against("Your reference is H18.") == ""
    assert booked.against("I have cancelled it.") == "promise: cancel"
    assert known(results={"free_slots": Result("x", {"slots": SLOTS})}).against("You are booked for Tuesday at nine.") == "promise: book"


def test_what_was_forgotten_is_a_fact_no_more() -> None:
    assert known(values={}, given={}).against("No problem at all, Ann.") == "name"
    assert known(results={}, values={}).against("I have Tuesday at nine.") in {"number", "day"}


def test_tomorrow_is_known_where_the_day_is() -> None:
    assert known(values={"day": Value("2026-11-22")}).against("Tomorrow it is.") == ""


@pytest.mark.parametrize(
    "text", ["It can be cancelled.", "Nothing is booked.", "Shall we look for another day?", "I'm happy to help.", "I will ask about that."]
)
def test_words_that_promise_nothing(text: str) -> None:
    assert promised(text) == ""
