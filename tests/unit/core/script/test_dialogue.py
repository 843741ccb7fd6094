"""A dialogue after its end: a goodbye that is talked over, taken back, or hung up on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from offhook.authoring.load import load
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
