"""What a call's page is made of: lines, ladders that add up, what was learned, where it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.contracts.analysis import CallResult, Contact, Evidence
from offhook.contracts.events import Ladder as Steps
from offhook.contracts.events import Replacement
from offhook.core.time import MS
from offhook.engine.telemetry.ladder import Marks
from offhook.engine.telemetry.ladder import ladder as measured
from offhook.orchestrator.calls.results import amended
from offhook.orchestrator.hooks.schemas import DeliveryView, WebhookView
from offhook.orchestrator.portal.ladder import SLACK_MS, ladder, rungs, why
from offhook.orchestrator.portal.learned import learned
from offhook.orchestrator.portal.said import WIDTH, spoken
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.portal.went import sent

NOW = datetime(2026, 11, 26, 11, tzinfo=UTC)
LOCAL = Local(ZoneInfo("Europe/London"), "GB", NOW)
LATE = Replacement(kind="llm", failed="one", by="two", why="late", took_ms=162)


def steps(*parts: float) -> Steps:
    names = ("endpoint", "stt_final", "to_llm", "first_token", "first_clause", "tts_first_byte", "playout")
    return Steps(**dict(zip(names, parts, strict=True)), understand=sum(parts[1:4]), tts=parts[5], total=sum(parts))


def agent(turn: int, at: float, to: float, text: str = "I see.", **more: Any) -> dict[str, Any]:
    said = {"type": "turn.agent", "turn": turn, "start_ms": at * 1000, "end_ms": to * 1000, "text": text, "heard": text}
    return {**said, "interrupted": False, "ladder": {}, **more}


def caller(turn: int, at: float, to: float, text: str = "yes", *acts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "turn.caller", "turn": turn, "start_ms": at * 1000, "end_ms": to * 1000, "text": text, "acts": list(acts)}


# -- ladders ----------------------------------------------------------------------------------------------------------------------

instants = st.none() | st.integers(0, 6_000).map(lambda ms: ms * MS)
marks = st.builds(Marks, **dict.fromkeys(Marks.__dataclass_fields__, instants))


@given(st.lists(st.tuples(marks, st.lists(st.builds(Replacement, kind=st.sampled_from(["llm", "tts", "stt"]), failed=st.just("a"),
       by=st.just("b"), why=st.just("late"), took_ms=st.floats(0, 9_000)), max_size=3)), max_size=8))  # fmt: skip
def test_whatever_an_engine_measured_is_drawn_whole(calls: list[tuple[Marks, list[Replacement]]]) -> None:
    """Of every ladder that an engine can make: the parts sum to what was measured, drawn to a pixel, the budget the same for all."""
    events = [agent(turn, turn, turn + 1, ladder=measured(one).model_dump(), replaced=[each.model_dump() for each in changes])
              for turn, (one, changes) in enumerate(calls)]  # fmt: skip
    found = spoken(events, [], 700)
    replies = [line.reply for line in found.lines if line.reply is not None]
    assert len(replies) == sum(measured(one).total is not None for one, _ in calls)
    if found.ladder is None:
        return
    scale = found.ladder.budget / 700
    for reply in replies:
        assert abs(sum(one.ms for one in reply.parts) + reply.row.unexplained - reply.row.measured) < 0.05
        assert reply.adds_up
        drawn = max((one.x + one.width for one in reply.row.segments), default=0)
        assert abs(drawn - reply.row.measured * scale) <= 1.6  # the gap, and what a thin part is widened by
        assert drawn <= WIDTH + 1


def test_what_failed_is_apart_and_named() -> None:
    reply = rungs(steps(150, 40, 0, 862, 0, 86, 46), [LATE])
    assert [(one.label, one.ms, one.failed) for one in reply] == [
        ("Waiting to be sure", 150, False),
        ("Transcript final", 40, False),
        ("Model, one, gave nothing", 700, True),
        ("Model, two, first word", 162, False),
        ("Voice, first audio", 86, False),
        ("Line out, first sample played", 46, False),
    ]
    assert why(reply, 1_184) == "Why 1,184 ms: the first model gave nothing for 700 ms, the second answered in 162 ms"
    assert why(rungs(steps(420, 40, 4, 180, 24, 64, 20)), 752) == "Why 752 ms: the longest part was waiting to be sure, 420 ms"


def test_a_residue_is_a_part_of_its_own_and_says_that_it_does_not_add_up() -> None:
    coarse = {"endpoint": 100, "understand": 200, "first_clause": 0, "tts": 50, "playout": 10, "total": 400}
    (line,) = spoken([agent(1, 0, 1, ladder=coarse)], [], 700).lines
    assert line.reply is not None
    assert line.reply.row.segments[-1].stage == "unexplained"
    assert (line.reply.row.unexplained, line.reply.adds_up) == (40, False)
    near = spoken([agent(1, 0, 1, ladder={"endpoint": 396, "tts": 0, "total": 400})], [], 700).lines[0].reply
    assert near is not None
    assert [one.stage for one in near.row.segments] == ["wait"]
    assert near.row.unexplained <= SLACK_MS
    bare = spoken([agent(1, 0, 1, ladder={"total": 1_184})], [], 700).lines[0].reply
    assert bare is not None
    assert [one.stage for one in bare.row.segments] == ["unexplained"]
    assert "did not say" in bare.why


@pytest.mark.parametrize("slowest", [100, 840, 1_184, 2_140, 30_000])
def test_ticks_never_run_into_the_budget_or_each_other(slowest: float) -> None:
    drawn = ladder([()], [slowest], 700, WIDTH)
    places = sorted(x for x, _ in drawn.ticks)
    assert all(after - before >= 40 for before, after in pairwise(places))
    assert all(abs(x - drawn.budget) >= 40 or x == 0 for x in places)


# -- lines ------------------------------------------------------------------------------------------------------------------------


def test_lines_stand_in_order_and_the_address_points_at_one() -> None:
    events = [agent(2, 7, 9), caller(1, 4, 6), agent(1, 0, 3)]
    assert [(one.number, one.speaker, one.at) for one in spoken(events, [], 700).lines] == [
        (1, "agent", 0),
        (2, "caller", 4),
        (3, "agent", 7),
    ]
    assert [one.now for one in spoken(events, [], 700, at=6.5).lines] == [False, True, False]
    assert [one.now for one in spoken(events, [], 700, at=500).lines] == [False, False, True]
    opened = spoken(events, [], 700, turn=3).lines
    assert [(one.now, one.open) for one in opened] == [(False, False), (False, False), (True, True)]
    assert not any(one.now for one in spoken(events, [], 700, turn=9).lines)
    assert spoken([], [], 700, at=3).lines == ()


def test_who_takes_the_floor_is_said_to_and_a_tool_stands_where_it_was_waited_for() -> None:
    cut = agent(1, 0, 3, "one two three", heard="one two", interrupted=True, stopped_ms=64)
    tools = [{"tool": "book", "at_ms": 8_000, "took_ms": 642.0}, {"tool": "late", "at_ms": 99_000, "took_ms": 1.0, "error": "timeout"}]
    lines = spoken([cut, caller(1, 2.9, 5), agent(2, 7, 9)], tools, 700).lines
    assert (lines[0].text, lines[0].unheard, lines[0].notes) == ("one two", "three", ())
    assert [one.text for one in lines[1].notes] == ["took the floor, agent stopped in 64 ms"]
    assert [(one.code, one.text, one.kind) for one in lines[2].notes] == [
        ("book", "642 ms", ""),
        ("late", "1 ms, no answer in time", "bad"),
    ]
    assert spoken([cut], tools, 700).speed.stopped == 64


def test_words_that_are_not_kept_leave_nothing() -> None:
    bare = agent(1, 0, 1) | {}
    del bare["text"], bare["heard"]
    assert spoken([bare], [], 700).lines == ()


# -- what was learned ---------------------------------------------------------------------------------------------------------------

SCRIPT: dict[str, Any] = {
    "slots": {
        "need": {"type": "choice", "options": {"new_job": {"label": "a new job"}}},
        "name": {"type": "person_name", "guess": "caller_name"},
        "phone": {"type": "phone"},
        "fuel": {"type": "choice", "options": ["gas", "electric"]},
        "day": {"type": "date", "optional": True},
        "more": {"type": "yes_no"},
    },
    "tools": {"book": {"with": {"name": "name", "phone": "phone", "fuel": "maybe fuel", "day": "day"}}},
    "states": {"job": {"collect": ["name", "fuel", "day", "more"]}},
}


def result(**fields: Any) -> CallResult:
    known = {"intent": "new_job", "outcome": "booked", "success": "good", "summary": "", **fields}
    return CallResult.model_validate(known)


def test_each_value_has_the_second_at_which_it_was_told_or_its_source() -> None:
    turns = [caller(1, 7, 9, "x", {"act": "set", "slot": "need", "value": "new_job"}), caller(2, 31, 33, "x", {"act": "affirm"})]
    found = learned(
        result(contact=Contact(name="dana", phone="+447700900151"), facts={"need": "new_job", "more": "no"}),
        SCRIPT, turns, ["job"], "+447700900151", LOCAL,
    )  # fmt: skip
    assert [(one.label, one.value, one.at, one.source) for one in found.known] == [
        ("Wants", "A new job", 7.0, ""),
        ("Name", "Dana", None, "People"),
        ("Phone", "07700 900151", None, "Caller ID"),
    ]
    assert found.missing == ("Fuel",)  # not what is optional, nor what only steers the call
    assert learned(result(), {}, [], [], "", LOCAL) == learned(result(), {"slots": None}, turns, ["none"], "", LOCAL)


def test_a_number_that_the_caller_gave_is_not_called_their_own() -> None:
    script = {"slots": {"phone": {"type": "phone", "guess": "caller_number"}}}
    given = result(contact=Contact(phone="+447700900151"))
    for caller_number, source in (("", ""), ("+447700900999", ""), ("+447700900151", "Caller ID")):
        [phone] = learned(given, script, [], [], caller_number, LOCAL).known
        assert phone.source == source


def test_what_was_read_off_the_words_says_when_it_was_said() -> None:
    given = result(
        contact=Contact(name="Dana"),
        urgency="soon",
        problem="tap",
        facts={"warranty": False, "bedrooms": 3},
        evidence={
            "contact.name": Evidence(by="rules", turn=2, at_ms=4_000, quote="I'm Dana"),
            "urgency": Evidence(by="rules", turn=2, at_ms=4_500, quote="quickly"),
            "facts.warranty": Evidence(by="model", turn=3, at_ms=9_000, quote="no"),
            "facts.bedrooms": Evidence(by="model", turn=4, at_ms=12_000, quote="three"),
        },
    )
    kept = [{"type": "turn.caller", "turn": 2, "start_ms": 4_000, "text": "I'm Dana"}]
    assert [(one.label, one.value, one.at) for one in learned(given, {}, kept, [], "", LOCAL).known] == [
        ("Name", "Dana", 4.0),
        ("Urgency", "Soon", 4.5),
        ("Warranty", "No", 9.0),
        ("Bedrooms", "3", 12.0),
    ]
    assert all(one.at is None for one in learned(given, {}, [], [], "", LOCAL).known)


def test_people_put_right_what_was_heard_wrong() -> None:
    before = result(contact=Contact(name="Dana"), problem="tap", facts={"problem": "tap", "fuel": "gas"})
    after = amended(before, {"name": "Diana", "problem": "cistern", "fuel": "", "email": "d@example.com"})
    assert (after.contact.name, after.contact.email, after.problem, after.facts) == (
        "Diana",
        "d@example.com",
        "cistern",
        {"problem": "cistern"},
    )
    assert amended(before, {}) is before


# -- where it went ------------------------------------------------------------------------------------------------------------------


def delivery(state: str, **fields: Any) -> DeliveryView:
    known: dict[str, Any] = dict.fromkeys(DeliveryView.model_fields) | {"id": "d", "webhook_id": "w", "event_id": "e", "type": "call.ended"}
    return DeliveryView.model_validate({**known, "subject": "c", "state": state, "attempts": 1, "created_at": NOW, **fields})


def endpoint(**fields: Any) -> WebhookView:
    known: dict[str, Any] = dict.fromkeys(WebhookView.model_fields)
    known |= {
        "id": "w",
        "url": "https://hooks.example.com/x",
        "description": "dispatch board",
        "enabled": True,
        "waiting": 0,
        "revision": 1,
    }
    return WebhookView.model_validate({**known, "created_at": NOW, "updated_at": NOW, **fields})


def test_an_endpoint_is_one_line_and_what_needs_somebody_comes_first() -> None:
    ours, theirs = endpoint(), endpoint(id="v", description="", url="https://crm.example.com/in")
    sends = [
        delivery("succeeded", webhook_id="v", id="d1", done_at=NOW - timedelta(minutes=2)),
        delivery("succeeded", webhook_id="v", id="d2"),
        delivery("waiting", id="d3", attempts=9, last_status=503, next_at=NOW + timedelta(days=1)),
        delivery("succeeded", id="d4"),
    ]
    found = sent(sends, {"w": ours, "v": theirs}, LOCAL)
    assert [(one.name, one.said, one.again, one.delivery) for one in found] == [
        ("Webhook, dispatch board", "Refused (503) 9 times, next try Friday 27 November, 11:00 am", True, "d3"),
        ("Webhook, crm.example.com", "2 events arrived, 10:58 am", False, "d1"),
    ]


@pytest.mark.parametrize(
    ("one", "where", "said"),
    [
        (delivery("waiting", attempts=0), endpoint(), "Waits to be sent"),
        (delivery("waiting"), endpoint(enabled=False), "Waits until the endpoint is switched on"),
        (delivery("waiting", last_error="timeout"), endpoint(), "No answer in time"),
        (delivery("failed", last_error="other", attempts=3), endpoint(), "Given up: It did not get through 3 times"),
        (delivery("succeeded"), None, "1 event arrived"),
    ],
)
def test_how_a_delivery_stands(one: DeliveryView, where: WebhookView | None, said: str) -> None:
    (found,) = sent([one], {"w": where} if where else {}, LOCAL)
    assert found.said == said
