"""The script with greeting, disclosure and what happens out of hours: what is heard, when open and when closed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offhook.authoring.course import Course, Turn
from offhook.authoring.load import load
from offhook.authoring.rehearse import rehearse
from offhook.contracts.events import ToolAnswer
from offhook.orchestrator.agents.check import Setting, check
from offhook.orchestrator.agents.compose import DISCLOSURE, compose, origin
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.known import known
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.calls.plans import plan_of
from offhook.orchestrator.tenants.schemas import Diary, Tenant

SCRIPT = dict(load(Path(__file__).resolve().parents[4] / "examples" / "receptionist" / "receptionist.yaml").source)
TENANT = Tenant(
    id="harbour",
    reseller_id="direct",
    name="Harbour",
    timezone="Europe/London",
    region="GB",
    locale="en-GB",
    fallback_number=None,
    suspended=False,
    diary=Diary(),
)
OPEN, CLOSED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC), datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HOURS = {"monday": [{"opens": "09:00", "closes": "17:00"}]}
OFFICE = {"staff": {"number": "+442079460000"}, "night": {"number": "+441134960000"}}


def config(**fields: Any) -> AgentConfig:
    return AgentConfig.model_validate({"name": "x", "script": copy.deepcopy(SCRIPT), "hours": HOURS, "transfer": OFFICE, **fields})


def fakes(tool: str, args: Mapping[str, Any], key: str) -> ToolAnswer:
    return ToolAnswer(values={})


def call(made: AgentConfig, moment: datetime, *turns: Turn, unreachable: frozenset[str] = frozenset()) -> Course:
    assert not check(made, Setting("en-GB", "GB", known())).faults
    plan = plan_of(Agent.of(TENANT, "desk", made), "c1", moment, "http://127.0.0.1", {})
    course = rehearse(plan, moment, turns, fakes, unreachable)
    assert not course.mishaps
    return course


def words(course: Course, turn: int = 0) -> list[str]:
    return [one.text for one in course.turns[turn].agent]


def test_the_greeting_is_said_first_and_the_disclosure_before_the_first_question() -> None:
    made = config(greeting="Good day, Harbour.", recording={"disclosure": "This call is recorded for the team."})
    said = words(call(made, OPEN))
    assert said == ["Good day, Harbour.", "This call is recorded for the team.", "Calls are recorded.", "How can I help?"]
    agent = Agent.of(TENANT, "desk", made)
    assert agent.record_after == (DISCLOSURE,)
    assert Agent.of(TENANT, "desk", config()).record_after == ("recorded",)  # the script says it itself
    quiet = config(recording={"record": False, "disclosure": "This call is recorded for the team."})
    assert "This call is recorded for the team." not in words(call(quiet, OPEN))
    assert Agent.of(TENANT, "desk", quiet).record_after == ()


def test_a_message_is_taken_when_closed_and_nothing_changes_when_open() -> None:
    made = config(greeting="Good day.", out_of_hours={"do": "message", "entry": "message", "line": "We are closed."})
    assert words(call(made, OPEN))[0] == "Good day."
    closed = call(made, CLOSED)
    assert words(closed)[0] == "We are closed."
    assert "I will take a message for the team." in words(closed)
    assert closed.turns[0].asks == "name"


def test_a_line_is_said_and_the_call_ends() -> None:
    made = config(out_of_hours={"do": "say", "line": "We are closed. Goodbye."})
    closed = call(made, CLOSED)
    assert words(closed) == ["We are closed. Goodbye."]
    assert (closed.ended, closed.outcome) == (True, "agent.out_of_hours")
    assert not call(made, OPEN).ended


def test_callers_are_put_through_when_closed() -> None:
    made = config(out_of_hours={"do": "transfer", "target": "night", "line": "I am putting you through to the night desk."})
    closed = call(made, CLOSED)
    assert closed.turns[0].transfer == "night"
    assert call(made, OPEN).turns[0].transfer is None
    missed = call(made, CLOSED, unreachable=frozenset({"night"}))
    assert missed.ended
    assert "something has gone wrong" in " ".join(text for one in missed.turns for text in [said.text for said in one.agent])


def test_the_usual_call_with_another_first_line_when_closed() -> None:
    made = config(greeting="Good day.", out_of_hours={"do": "answer", "line": "We are closed, but I can help."})
    assert words(call(made, OPEN))[0] == "Good day."
    closed = call(made, CLOSED, Turn("caller", "put me through to somebody please"))
    assert words(closed)[0] == "We are closed, but I can help."
    assert closed.turns[1].asks == "name"  # nobody is put through when closed


def test_the_tenants_own_script_is_not_touched() -> None:
    made = config(greeting="Good day.", recording={"disclosure": "We record."}, out_of_hours={"do": "say", "line": "Closed."})
    before = copy.deepcopy(made.script)
    assert compose(made) != before
    assert made.script == before
    odd = made.model_copy(update={"script": {"states": []}})
    assert compose(odd) == {"states": []}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (("states", "greet", "say"), ("greeting",)),
        (("must_say", DISCLOSURE, "text"), ("recording", "disclosure")),
        (("states", "agent.closed", "next"), ("out_of_hours", "entry")),
        (("states", "agent.closed", "say"), ("out_of_hours", "line")),
        (("states", "route", "next", 1), ("script", "states", "route", "next", 1)),
    ],
)
def test_where_a_fault_comes_from(path: tuple[str | int, ...], field: tuple[str | int, ...]) -> None:
    made = config(greeting="Good day.", recording={"disclosure": "We record."}, out_of_hours={"do": "message", "entry": "message"})
    assert origin(made, path) == field


def test_whom_callers_are_put_through_to_at_what_time() -> None:
    nights = {day: [{"opens": "17:00", "closes": "09:00"}] for day in ("monday", "tuesday")}
    made = config(
        transfer={
            "staff": {"number": "+442079460000", "hours": HOURS},
            "night": {"number": "+441134960000", "hours": nights, "order": 2},
            "boss": {"number": "+441134960001", "order": 3},
            "nobody": {"number": None},
        }
    )
    agent = Agent.of(TENANT, "desk", made)
    assert agent.transfer_at(OPEN) == {"staff": "+442079460000", "night": "+441134960001", "boss": "+441134960001"}
    assert agent.transfer_at(CLOSED) == {"staff": "+441134960000", "night": "+441134960000", "boss": "+441134960001"}
    weekend = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
    assert agent.transfer_at(weekend) == {"staff": "+441134960001", "night": "+441134960001", "boss": "+441134960001"}
    alone = Agent.of(TENANT, "desk", config(transfer={"staff": {"number": "+442079460000", "hours": HOURS}}))
    assert alone.transfer_at(weekend) == {}


def test_an_agents_own_time_zone() -> None:
    agent = Agent.of(TENANT, "desk", config(timezone="Australia/Sydney"))
    assert not agent.open_at(OPEN)
    assert agent.open_at(datetime(2026, 11, 22, 23, 0, tzinfo=UTC))  # Monday, ten in the morning there
