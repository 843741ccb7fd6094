"""A dialogue after its end: a goodbye that is talked over, taken back, or hung up on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.scenarios.harness import SCRIPT as FRONT_DESK

from offhook.authoring.load import compile as compile_script
from offhook.authoring.load import load
from offhook.core.script import acts as act
from offhook.core.script.dialogue import Dialogue, Proposal
from offhook.core.understand.types import Context

SCRIPT = load(Path(__file__).resolve().parents[4] / "examples" / "receptionist" / "receptionist.yaml").script
CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC))


def said(dialogue: Dialogue, proposal: Proposal) -> str:
    """Accept a reply and have it heard; returns its words."""
    dialogue.accept(proposal)
    for item in proposal.items:
        dialogue.spoken(item.id, item.text, whole=True)
    return " ".join(item.text for item in proposal.items)


def goodbye() -> tuple[Dialogue, Proposal]:
    """A caller who wants nothing, and the goodbye that nobody has heard yet."""
    dialogue = Dialogue(SCRIPT, CONTEXT, {"open_now": True}, ())
    said(dialogue, dialogue.begin())
    ending = dialogue.answer("goodbye")
    dialogue.accept(ending)
    assert ending.end is not None
    return dialogue, ending


def test_words_over_the_goodbye_are_answered() -> None:
    dialogue, _ = goodbye()
    assert "sixty pounds" in said(dialogue, dialogue.answer("how much is the call-out fee"))


def test_an_answer_after_the_end_can_be_taken_back_and_given_again() -> None:
    dialogue, _ = goodbye()
    first = dialogue.answer("how much is")
    dialogue.accept(first)
    dialogue.take_back(first)
    assert "sixty pounds" in said(dialogue, dialogue.answer("how much is the call-out fee"))


def test_a_second_goodbye_ends_the_call_again() -> None:
    dialogue, ending = goodbye()
    assert dialogue.answer("that is all thank you goodbye").end == ending.end


def test_without_words_the_end_stays_one() -> None:
    dialogue, _ = goodbye()
    assert dialogue.answer("").empty
    assert dialogue.silence().empty


def test_a_caller_who_hangs_up_on_the_goodbye_has_ended_the_call_as_it_was_ended() -> None:
    dialogue, ending = goodbye()
    dialogue.hung_up()
    assert dialogue.outcome == ending.end


def test_a_caller_who_goes_on_and_hangs_up_has_left() -> None:
    dialogue, _ending = goodbye()
    said(dialogue, dialogue.answer("hello I need a plumber my kitchen tap is leaking"))
    dialogue.hung_up()
    assert dialogue.outcome != ""
    assert "problem" in dialogue.slots()


def test_last_words_give_values_and_do_nothing_else() -> None:
    dialogue = Dialogue(SCRIPT, CONTEXT, {"open_now": True}, ())
    said(dialogue, dialogue.begin())
    said(dialogue, dialogue.answer("I need somebody to fix a dripping tap"))
    before = dialogue.state
    acts = dialogue.parting("my number is oh seven nine double one one two three four five six, and I want to speak to a person")
    assert dialogue.slots()["phone"]["value"] == "+447911123456"
    assert {act["act"] for act in acts} >= {"set"}
    assert (dialogue.state.path, dialogue.state.open, dialogue.state.pending) == (before.path, before.open, before.pending)
    assert not dialogue.state.ended
    dialogue.hung_up()
    assert dialogue.slots()["phone"]["value"] == "+447911123456"


def test_the_answer_to_what_the_caller_said_first_does_not_replace_the_one_to_what_they_said_since() -> None:
    """The slower one comes last, and the work for what is known now was done: it is not begun again when the goodbye is talked over."""
    dialogue = Dialogue(compile_script(FRONT_DESK), CONTEXT, {}, ())
    said(dialogue, dialogue.begin())
    said(dialogue, dialogue.answer("a message please"))
    keys = []
    for note in ("the boiler leaks", "and the tap as well"):
        saving = dialogue.propose((act.Set("note", note, note),), "model", note)
        said(dialogue, saving)
        keys += [run.key for run in saving.runs]
    first, second = keys
    dialogue.tool_done(second, {}, None)
    ending = dialogue.answer("")
    dialogue.accept(ending)
    assert ending.end == "message"
    dialogue.tool_done(first, {}, None)
    again = dialogue.answer("they talk to you at night")
    assert again.runs == ()
    assert again.end == "message"
