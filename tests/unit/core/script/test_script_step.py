"""The step on the front desk's script: agreement, corrections, what was heard, failures, limits."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from offhook.authoring.load import load
from offhook.core.script import acts as act
from offhook.core.script.legal import expecting, legal
from offhook.core.script.step import (
    Ask,
    Begin,
    End,
    Hangup,
    Keys,
    Note,
    Out,
    Refused,
    Run,
    Say,
    ScriptEvent,
    ScriptState,
    Silence,
    Spoken,
    ToolDone,
    Transfer,
    Transferred,
    Understood,
    initial,
    reopen,
    step,
)
from offhook.core.understand.types import Context

SCRIPT = load(Path(__file__).resolve().parents[4] / "examples" / "receptionist" / "receptionist.yaml").script
CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC))
ANN = {"given": "Ann", "family": "Lee", "spelling": None}
SLOTS = {"slots": [{"id": "a", "label": "Tuesday at nine"}, {"id": "b", "label": "Wednesday at two"}]}


class Call:
    def __init__(self, **given: object) -> None:
        self.state: ScriptState = initial(SCRIPT)
        self.outs: tuple[Out, ...] = ()
        self.feed(Begin(given, CONTEXT))

    def feed(self, event: ScriptEvent, heard: bool = True) -> tuple[Out, ...]:
        self.state, self.outs = step(SCRIPT, self.state, event)
        for each in self.outs if heard else ():
            if isinstance(each, Say | Ask):
                self.state, _ = step(SCRIPT, self.state, Spoken(each.item, each.text, True))
        return self.outs

    def acts(self, *acts: act.Act, heard: bool = True) -> tuple[Out, ...]:
        return self.feed(Understood(acts, "acts"), heard)

    def run(self) -> Run:
        return next(each for each in self.outs if isinstance(each, Run))

    def done(self, values: dict[str, Any] | None = None, error: str | None = None) -> tuple[Out, ...]:
        return self.feed(ToolDone(self.run().key, values or {}, error))

    @property
    def asks(self) -> str:
        return next((each.item for each in self.outs if isinstance(each, Ask)), "")


def job(heard: bool = True) -> Call:
    """A call at the read-back of a booking."""
    call = Call(caller_number="+441632960111", open_now=True)
    call.acts(act.Set("need", "new_job"), act.Set("problem", "a leak"), act.Set("urgency", "today"), act.Set("name", ANN))
    call.acts(act.Set("address", {"lines": ["4 Mill Lane"], "postcode": "PO5 2AB"}))
    call.acts(act.Affirm())
    call.acts(act.Set("day", "2026-11-24"))
    call.done(SLOTS)
    call.acts(act.Choose(1), heard=heard)
    assert call.asks == "confirm.book"
    return call


def test_a_write_runs_after_a_yes_to_what_was_heard() -> None:
    call = job()
    call.acts(act.Affirm())
    assert call.run().tool == "book"
    assert call.run().args["slot"] == "a"
    assert call.run().args["name"] == "Ann Lee"
    again = job()
    again.acts(act.Affirm())
    assert again.run().key == call.run().key


def test_yes_over_half_a_read_back_starts_it_again() -> None:
    call = job(heard=False)
    assert call.state.open is not None
    call.feed(Spoken("confirm.book", call.state.open.text[: call.state.open.upto - 1], False))
    outs = call.acts(act.Affirm())
    assert Refused(act.Affirm(), "unheard read-back") in outs
    assert call.asks == "confirm.book"
    assert not [each for each in outs if isinstance(each, Run)]


def test_heard_to_the_last_value_is_enough() -> None:
    call = job(heard=False)
    assert call.state.open is not None
    call.feed(Spoken("confirm.book", call.state.open.text[: call.state.open.upto], False))
    call.acts(act.Affirm())
    assert call.run().tool == "book"


def test_a_correction_voids_offer_and_agreement() -> None:
    call = job()
    call.acts(act.Affirm(), act.Correct("day", "2026-11-27"))
    assert call.run().tool == "free_slots"
    assert call.run().args["day"] == "2026-11-27"
    assert "visit" not in call.state.values


def test_a_late_answer_to_an_old_question_is_dropped() -> None:
    call = job()
    outs = call.feed(ToolDone("free_slots:old:1", SLOTS))
    assert outs == (Note("stale result", "free_slots:old:1"),)
    assert call.state.open is not None


def test_a_correction_after_the_write_is_noted_and_undoes_nothing() -> None:
    call = job()
    call.acts(act.Affirm())
    call.done({"ref": "H18"})
    outs = call.acts(act.Correct("name", {"given": "Bob", "family": None, "spelling": None}))
    assert Note("changed after", "book: name") in outs
    assert not [each for each in outs if isinstance(each, Run)]
    assert call.asks == "ask.more.1"


def test_a_conflict_asks_the_diary_again() -> None:
    call = job()
    call.acts(act.Affirm())
    outs = call.done(error="conflict")
    assert any(isinstance(each, Say) and "just gone" in each.text for each in outs)
    assert call.run().tool == "free_slots"


def test_a_tool_that_always_fails_ends_in_a_lead_not_in_a_loop() -> None:
    call = job()
    call.acts(act.Affirm())
    call.done(error="timeout")
    assert call.run().tool == "save_lead"
    call.done(error="unavailable")
    assert End("failed") in call.outs


def test_deny_at_the_read_back_asks_what_to_change() -> None:
    call = job()
    call.acts(act.Deny())
    assert call.asks == "change.book"
    call.acts(act.Correct("name", {"given": "Ann", "family": "Leigh", "spelling": None}))
    assert call.asks == "confirm.book"
    assert call.state.open is not None
    assert "Leigh" in call.state.open.text


def test_an_answer_that_was_cut_off_is_owed_once() -> None:
    call = Call(open_now=True)
    call.acts(act.Raise("fee"), heard=False)
    call.feed(Spoken("topic.fee", "A call-out", False))
    outs = call.acts(act.Set("need", "message"))
    assert next(each.item for each in outs if isinstance(each, Say)) == "topic.fee"
    assert "topic.fee" not in [each.item for each in call.acts(act.Set("name", ANN)) if isinstance(each, Say)]


def test_a_notice_that_was_cut_off_keeps_the_floor_the_third_time() -> None:
    call = Call()
    call = object.__new__(Call)
    call.state = initial(SCRIPT)
    call.feed(Begin({}, CONTEXT), heard=False)
    kept = []
    for _ in range(3):
        notice = next(each for each in call.outs if isinstance(each, Say) and each.kind == "must")
        kept.append(notice.keep)
        call.feed(Spoken(notice.item, "Calls", False), heard=False)
        call.acts(act.Chitchat(), heard=False)
    assert kept == [False, False, True]
    call.feed(Hangup())
    assert Note("disclosure", "unheard recorded") in call.outs


def test_a_transfer_that_fails_takes_a_message() -> None:
    call = Call(open_now=True, staff="+442392000000")
    assert Transfer("staff", "+442392000000") in call.acts(act.Human())
    call.feed(Transferred(False))
    assert call.state.at == "contact"
    assert call.state.stack == ("message",)


@pytest.mark.parametrize(("event", "turns"), [(Silence(), 3), (Understood((act.Abuse(),)), 3), (Understood((act.Unclear(),)), 12)])
def test_every_call_comes_to_an_end(event: ScriptEvent, turns: int) -> None:
    call = Call()
    for _ in range(turns):
        if call.state.ended:
            break
        call.feed(event)
    assert call.state.ended
    assert step(SCRIPT, call.state, event) == (call.state, ())


def test_what_is_not_legal_is_refused_without_effect() -> None:
    call = Call()
    before = call.state.values
    wrong = (act.Set("note", "hello"), act.Set("need", "nonsense"), act.Raise("nothing"))
    outs = call.acts(*wrong)
    assert [each.act for each in outs if isinstance(each, Refused)] == [wrong[2], wrong[0], wrong[1]]
    assert call.state.values == before


def test_keys_speak_for_the_open_question() -> None:
    call = Call(caller_number="+441632960111")
    call.feed(Keys("3"))
    assert call.state.values["need"].value == "cancel"
    assert call.asks == "guess.phone"
    call.feed(Keys("2"))
    call.feed(Keys("02392987654#"))
    assert call.state.values["phone"].value == "+442392987654"
    assert call.run().tool == "find_booking", "a number that was keyed needs no confirming"


def test_what_the_open_question_expects() -> None:
    call = Call()
    assert expecting(SCRIPT, call.state).type == "choice"
    assert "leak" in expecting(SCRIPT, call.state).options["new_job"]
    assert "phone" in legal(SCRIPT, call.state).slots
    assert expecting(SCRIPT, job().state).type == "yes_no"
    assert expecting(SCRIPT, initial(SCRIPT)).type is None


def test_acts_go_to_plain_data_and_back() -> None:
    for each in (
        act.Set("need", "move"),
        act.Correct(),
        act.Affirm(),
        act.Choose(2),
        act.Question("when"),
        act.Raise("fee"),
        act.Use("free_slots", {}),
    ):
        assert act.from_dict(act.as_dict(each)) == each
    assert act.from_dict({"act": "sing"}) is None
    assert act.from_dict({"act": "choose", "m": 1}) is None
    assert act.from_dict({"act": "choose"}) is None


# speaking on after the end


def booked() -> tuple[Call, ScriptState]:
    """A call whose "anything else?" was answered with no, and its state before that answer."""
    call = job()
    call.acts(act.Affirm())
    call.done({"reference": "A12", "label": "Tuesday at nine"})
    assert call.asks.startswith("ask.more")
    before = call.state
    call.acts(act.Deny(), heard=False)
    assert call.state.ended
    return call, before


def test_the_end_is_opened_again_where_the_question_was_that_led_to_it() -> None:
    call, before = booked()
    call.state = reopen(SCRIPT, before, call.state)
    assert (call.state.at, call.state.open, call.state.ended) == (before.at, before.open, False)
    assert call.state.values == before.values
    assert call.state.written
    call.acts(act.Deny())
    assert call.outs[-1] == End("booked")


def test_what_became_known_in_the_answer_that_led_to_the_end_is_kept() -> None:
    call, before = booked()
    ended = dataclasses.replace(
        call.state, values={**call.state.values, "problem": dataclasses.replace(call.state.values["problem"], since=99)}
    )
    again = reopen(SCRIPT, before, ended)
    assert again.values["problem"].since == len(before.path)
    assert "more" not in again.values
