"""What an agent's settings make of a plan, at the moment of the call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.orchestrator.trials.test_fakes import agent as desk

from offhook.authoring.course import Turn
from offhook.authoring.load import compile as compile_script
from offhook.authoring.load import load
from offhook.authoring.rehearse import rehearse
from offhook.contracts.plan import CallPlan
from offhook.orchestrator.agents.config import DAYS
from offhook.orchestrator.calls.plans import plan_of
from offhook.orchestrator.seed import examples
from offhook.orchestrator.tools.fakes import Faking

OPEN = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CLOSED = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SCRIPT: dict[str, Any] = json.loads(json.dumps(load(examples() / "receptionist" / "receptionist.yaml").source, default=str))


def plan(moment: datetime = OPEN, **config: Any) -> CallPlan:
    return plan_of(desk(script=SCRIPT, **config), "c1", moment, "http://127.0.0.1:8080", {"caller_number": "+447700900123"})


def first_words(found: CallPlan, moment: datetime) -> tuple[str, str]:
    """What the agent opens with, and the outcome if that was all."""
    course = rehearse(found, moment, [], Faking(desk(), "", moment))
    return " ".join(one.text for one in course.turns[0].agent), course.outcome if course.ended else ""


def test_what_is_as_it_stands() -> None:
    found = plan(
        voice="amber",
        locale="en-US",
        timezone="America/New_York",
        providers={"stt": ["deepgram:nova-3", "local"], "tts": ["local"], "llm": ["openai:gpt-4o-mini"], "endpoint": None},
        lines={"goodbye": "Bye now."},
        knowledge=[{"title": "Parking", "text": "Behind the house."}],
        tools={"survey_slots": "free_slots", "odd": "no_such_tool"},
    )
    assert (found.voice, found.locale, found.timezone, found.region) == ("amber", "en-US", "America/New_York", "GB")
    assert (found.models.stt, found.models.llm, found.models.endpoint) == (("deepgram:nova-3", "local"), ("openai:gpt-4o-mini",), None)
    assert (found.lines.goodbye, found.knowledge[0].title) == ("Bye now.", "Parking")
    assert found.tools["survey_slots"].effect == "read"
    assert "odd" not in found.tools
    assert (found.ref, found.test, found.given["caller_number"]) == ("harbour/desk", False, "+447700900123")
    assert str(found.events_url) == "http://127.0.0.1:8080/v1/events"


def test_turn_taking_is_the_preset_with_what_differs() -> None:
    found = plan(turn={"preset": "careful", "confirm_ms": 750}, limits={"max_call_ms": 600_000, "idle_ms": 20_000}).turn
    assert (found.confirm_ms, found.resume_ms, found.max_call_ms, found.idle_ms) == (750, 500, 600_000, 20_000)
    assert found.endpointing.sure_ms == 600


def test_hours_and_holidays_say_whether_it_is_open() -> None:
    assert plan().given["open_now"] is True
    assert plan(CLOSED).given["open_now"] is False
    assert plan(holidays=[{"first": "2026-11-23"}]).given["open_now"] is False
    open_late = [{"first": "2026-11-23", "hours": [{"opens": "19:00", "closes": "21:00"}]}]
    assert plan(CLOSED, holidays=open_late).given["open_now"] is True
    assert plan(timezone="Asia/Tokyo").given["open_now"] is False
    assert {entry.weekday for entry in plan().hours} == set(range(5))


def test_greeting_and_disclosure() -> None:
    told = "This call is recorded."
    found = plan(greeting="Good day, this is Harbour.", recording={"record": True, "disclosure": told})
    words, _ = first_words(found, OPEN)
    assert words.startswith("Good day, this is Harbour.")
    assert told in words
    assert words.index(told) < words.index("?")
    assert found.record
    assert found.record_after
    assert set(found.record_after) <= set(found.script["must_say"])
    silent = plan(recording={"record": False, "disclosure": told})
    assert not silent.record
    assert told not in first_words(silent, OPEN)[0]


WEEKDAY = {day: [{"opens": "08:00", "closes": "10:00"}] for day in DAYS[:5]}


def test_whom_callers_can_be_put_through_to_at_that_moment() -> None:
    transfer = {
        "staff": {"number": "+442392000000", "hours": WEEKDAY},
        "night": {"number": "+442392000001", "order": 2},
        "boss": {"number": "+442392000002", "hours": WEEKDAY, "order": 1},
        "nobody": {"number": None},
    }
    by_day = plan(transfer=transfer).transfer_to
    assert by_day == {"staff": "+442392000000", "night": "+442392000001", "boss": "+442392000002"}
    by_night = plan(CLOSED, transfer=transfer)
    assert by_night.transfer_to == {"staff": "+442392000001", "night": "+442392000001", "boss": "+442392000001"}
    assert by_night.given["staff"] == "+442392000001"
    alone = plan(CLOSED, transfer={"staff": transfer["staff"]})
    assert alone.transfer_to == {}
    assert "staff" not in alone.given


@pytest.mark.parametrize(
    ("closed", "begins", "outcome"),
    [
        ({"do": "answer"}, "Harbour Plumbing", ""),
        ({"do": "answer", "line": "We are closed, but go on."}, "We are closed, but go on.", ""),
        ({"do": "message", "entry": "message", "line": "We are closed."}, "We are closed.", ""),
        ({"do": "say", "line": "We are closed. Goodbye."}, "We are closed. Goodbye.", "agent.out_of_hours"),
    ],
)
def test_out_of_hours(closed: dict[str, Any], begins: str, outcome: str) -> None:
    found = plan(CLOSED, out_of_hours=closed)
    words, ended = first_words(found, CLOSED)
    assert words.startswith(begins)
    assert ended == outcome
    by_day, goes_on = first_words(plan(out_of_hours=closed), OPEN)
    assert by_day.startswith("Harbour Plumbing")
    assert goes_on == ""
    compile_script(found.script)


def test_out_of_hours_somebody_else_answers() -> None:
    transfer = {"staff": {"number": None}, "night": {"number": "+442392000001"}}
    found = plan(CLOSED, out_of_hours={"do": "transfer", "target": "night", "line": "One moment."}, transfer=transfer)
    course = rehearse(found, CLOSED, [], Faking(desk(), "", CLOSED))
    assert (course.turns[0].transfer, course.ended) == ("night", True)
    refused = rehearse(found, CLOSED, [Turn("silence")], Faking(desk(), "", CLOSED), frozenset({"night"}))
    assert refused.turns[0].agent[-1].text == found.lines.failed
