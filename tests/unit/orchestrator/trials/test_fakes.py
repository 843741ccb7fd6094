"""Tools that answer from fakes: as the real ones would, without looking anything up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.contracts.events import ToolAnswer
from offhook.orchestrator.agents.config import DAYS, AgentConfig
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.tenants.schemas import Diary, Tenant
from offhook.orchestrator.tools.builtin import TOOLS
from offhook.orchestrator.tools.fakes import FAKES, Faking

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def agent(**changes: Any) -> Agent:
    tenant = Tenant(
        id="harbour",
        reseller_id="direct",
        name="Harbour",
        timezone="Europe/London",
        region="GB",
        locale="en-GB",
        fallback_number=None,
        suspended=False,
        diary=Diary(staff=("tom",), visit_minutes=60, lead_minutes=60, horizon_days=7),
    )
    hours = {day: [{"opens": "09:00", "closes": "12:00"}] for day in DAYS[:5]}
    return Agent.of(tenant, "desk", AgentConfig.model_validate({"name": "Desk", "script": {}, "hours": hours} | changes))


def faking(now: datetime = MONDAY, **changes: Any) -> Faking:
    return Faking(agent(**changes), "+447700900123", now)


def run(fakes: Faking, tool: str, **args: object) -> ToolAnswer:
    return fakes(tool, args, "k1")


def test_every_built_in_tool_has_a_fake() -> None:
    assert FAKES.keys() == TOOLS.keys()


def test_free_slots_come_from_the_hours_and_the_diary_at_that_moment() -> None:
    found = run(faking(), "free_slots", day="2026-11-23").values["slots"]
    assert [one["start"] for one in found] == [f"2026-11-23T{hour:02d}:00:00+00:00" for hour in (9, 10, 11)]
    assert [one["label"] for one in found] == ["today at nine", "today at ten", "today at eleven"]
    later = run(faking(NOON), "free_slots", day="2026-11-23").values["slots"]
    assert later == []
    tuesday = run(faking(NOON), "free_slots", urgency="today").values["slots"]
    assert tuesday[0]["start"] == "2026-11-24T09:00:00+00:00"
    assert run(faking(), "free_slots", day="2026-11-28").values["slots"] == []  # a Saturday
    assert run(faking(), "free_slots", day="no day").error == "rejected"
    closed = faking(holidays=[{"first": "2026-11-23"}])
    assert run(closed, "free_slots", day="2026-11-23").values["slots"] == []


def test_bookings_succeed_with_the_same_reference_for_the_same_work() -> None:
    slot = run(faking(), "free_slots").values["slots"][0]
    first = run(faking(), "book", slot=slot["id"], name="Ann Lee", phone="+447700900123", address="4 Mill Lane", problem="tap")
    again = run(faking(), "book", slot=slot["id"], name="Ann Lee", phone="+447700900123", address="4 Mill Lane", problem="tap")
    assert first == again
    assert first.error is None
    assert first.values["when"] == slot["start"]
    assert 2 <= len(first.values["ref"]) <= 6
    other = faking()("book", {"slot": "a slot of the test's own"}, "k2")
    assert other.error is None
    assert other.values["ref"] != first.values["ref"]


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("book", {}),
        ("book", {"slot": "s1", "phone": "not a number"}),
        ("book", {"slot": "s1", "problem": "x" * 3_000}),
        ("move_booking", {"id": "b1"}),
        ("save_callback", {"at": "whenever"}),
        ("save_message", {"note": ["a", "list"]}),
        ("no_such_tool", {}),
    ],
)
def test_wrong_arguments_are_rejected_as_they_would_be(tool: str, args: dict[str, Any]) -> None:
    assert run(faking(), tool, **args).error == "rejected"


def test_look_ups_find_nothing_and_the_rest_succeeds() -> None:
    fakes = faking()
    assert run(fakes, "find_booking", phone="07700 900123").values == {"found": False}
    assert run(fakes, "move_booking", id="b7", slot="s1").error is None
    assert run(fakes, "cancel_booking", id="b7").error is None
    for tool in ("save_lead", "save_message", "save_callback", "stop_calls"):
        assert run(fakes, tool, name="Ann Lee") == ToolAnswer()
    assert Faking(agent(), "", MONDAY)("stop_calls", {}, "k").error == "rejected"


def test_an_agents_own_names_for_tools() -> None:
    fakes = faking(tools={"survey_slots": "free_slots"})
    assert len(run(fakes, "survey_slots").values["slots"]) == 3


def test_answers_of_the_tests_own_come_one_by_one_and_the_last_stays() -> None:
    own = {"book": (ToolAnswer(error="conflict"), ToolAnswer(error="timeout"), ToolAnswer(values={"ref": "H18"}))}
    fakes = Faking(agent(), "", MONDAY, own)
    assert [run(fakes, "book").error for _ in range(4)] == ["conflict", "timeout", None, None]
    assert fakes.used == {"book": 4}
    resumed = Faking(agent(), "", MONDAY, own, {"book": 1})
    assert run(resumed, "book").error == "timeout"
    assert run(resumed, "free_slots").error is None
