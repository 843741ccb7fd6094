"""What becomes what: for calls of all kinds and systems of all abilities."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from offhook.adapters.model import Appointment, Customer, Job, Lead, Note
from offhook.adapters.port import Capability, Manifest, NoAuth
from offhook.contracts.analysis import CallResult
from offhook.contracts.analysis import Contact as Details
from offhook.orchestrator.bookings.schemas import Appointment as Visit
from offhook.orchestrator.crm.schemas import Contact, LeadStatus, Message
from offhook.orchestrator.crm.schemas import Lead as OwnLead
from offhook.orchestrator.paperwork.plan import (
    CANCELLED,
    SILENT,
    UNABLE,
    Plan,
    Told,
    completed,
    key_of,
    mapped,
    plan,
    title,
)

AT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
PHONE = "+447700900123"
ALL: tuple[Capability, ...] = ("find_customer", "upsert_customer", "create_lead", "create_job", "create_appointment", "add_note")


def system(*capabilities: Capability, writes: tuple[Any, ...] = ("lead", "job", "appointment", "note"), **mappable: str) -> Manifest:
    can = frozenset(capabilities or ALL)
    return Manifest("crm", "any", "Any", "https://any.example", (NoAuth(),), can, (), "id", writes=writes, mappable=mappable)


def result(**fields: Any) -> CallResult:
    contact = Details(name="Ann Lee", phone=PHONE, email="ann@example.com", address="1 Quay Street")
    return CallResult(
        **{"intent": "booking", "outcome": "booked", "success": "good", "summary": "Ann Lee rang.", "contact": contact} | fields
    )


def told(**fields: Any) -> Told:
    common: dict[str, Any] = {"call": "call_1", "phones": (PHONE,), "at": AT, "zone": ZoneInfo("Europe/London"), "said": True}
    return Told(**{**common, "result": result(), **fields})


def visit(number: int = 1, **fields: Any) -> Visit:
    start = AT + timedelta(days=1, hours=number)
    made = {"id": f"apt_{number}", "ref": "A1", "contact_id": "ctc_1", "call_id": "call_1", "staff": "sam", "starts_at": start}
    made |= {"ends_at": start + timedelta(hours=1), "status": "booked", "name": "Ann Lee", "address": "", "problem": "", "extras": {}}
    return Visit(**made | {"revision": 1, "created_at": AT, "updated_at": AT} | fields)


def lead(status: LeadStatus = "new") -> OwnLead:
    common: dict[str, Any] = {"problem": "tap", "extras": {}, "note": "", "assigned": "", "revision": 1, "created_at": AT, "updated_at": AT}
    return OwnLead(id="lead_1", contact_id="ctc_1", call_id="call_1", status=status, **common)


def message(note: str = "ring me") -> Message:
    return Message(id="msg_1", contact_id="ctc_1", call_id="call_1", kind="message", note=note, due=None, created_at=AT)


def steps(made: Plan) -> list[str]:
    return [one.step for one in made.items]


@pytest.mark.parametrize(
    ("call", "can", "expected"),
    [
        (told(visits=(visit(),)), ALL, ["customer", "job", "appointment", "note"]),
        (told(visits=(visit(1), visit(2))), ALL, ["customer", "job", "appointment", "appointment-2", "note"]),
        (told(visits=(visit(),), lead=lead("booked")), ALL, ["customer", "job", "appointment", "note"]),
        (told(lead=lead()), ALL, ["customer", "lead", "note"]),
        (told(messages=(message(),)), ALL, ["customer", "lead", "note"]),
        (told(result=result(problem="a leak")), ALL, ["customer", "lead", "note"]),
        (told(), ALL, ["customer", "note"]),
        # no jobs there: a visit is a lead with an appointment
        (told(visits=(visit(),)), tuple(one for one in ALL if one != "create_job"), ["customer", "lead", "appointment", "note"]),
        (told(visits=(visit(),)), ("find_customer", "upsert_customer", "add_note"), ["customer", "note"]),
        (told(visits=(visit(),)), ("upsert_customer", "create_job"), ["customer", "job"]),
        (told(visits=(visit(status="cancelled"),)), ALL, ["customer", "note"]),
        (told(said=False, visits=(visit(),)), ALL, ["customer", "job", "appointment", "note"]),
    ],
)
def test_what_a_call_becomes(call: Told, can: tuple[Capability, ...], expected: list[str]) -> None:
    assert steps(plan(call, system(*can), {}, {})) == expected


def test_a_caller_who_said_nothing_leaves_nothing() -> None:
    assert plan(told(said=False, lead=lead()), system(), {}, {}) == Plan(reason=SILENT)


@pytest.mark.parametrize("can", [("get_context",), ("find_customer", "upsert_customer"), ("create_lead",)])
def test_a_system_that_takes_nothing_of_it_says_so(can: tuple[Capability, ...]) -> None:
    assert plan(told(lead=lead()), system(*can), {}, {}) == Plan(reason=UNABLE)


def test_what_a_system_does_not_write_is_not_written_though_it_could() -> None:
    assert steps(plan(told(visits=(visit(),)), system(writes=("lead", "note")), {}, {})) == ["customer", "lead", "note"]


def test_only_who_left_something_is_made_a_customer() -> None:
    assert plan(told(lead=lead()), system(), {}, {}).make
    assert not plan(told(), system(), {}, {}).make
    assert not plan(told(lead=lead()), system("find_customer", "create_lead"), {}, {}).make


def test_records_hold_what_is_known_and_refer_to_those_before_them() -> None:
    call = told(visits=(visit(),), result=result(job_type="boiler service", urgency="high", facts={"boiler_make": "Vaillant"}))
    call = replace(call, page="https://p.example/calls/1", recording="https://p.example/calls/1?at=0")
    made = plan(
        call, system(make="Boiler make", other="Other"), {"make": "facts.boiler_make", "gone": "facts.boiler_make"}, {"staff/sam": ["s-7"]}
    )
    who, job, appointment, note = (one.record for one in made.items)
    assert who == Customer(name="Ann Lee", phones=(PHONE,), email="ann@example.com", address="1 Quay Street")
    assert isinstance(job, Job)
    assert (job.title, job.address, job.person, dict(job.fields)) == ("Boiler service", "1 Quay Street", who, {"make": "Vaillant"})
    assert "Urgency: high" in job.description
    assert isinstance(appointment, Appointment)
    assert (appointment.resource, appointment.start, appointment.address) == ("s-7", visit().starts_at, "1 Quay Street")
    assert isinstance(note, Note)
    assert note.link == call.page
    assert all(part in note.text for part in ("Ann Lee rang.", "Boiler make: Vaillant", "Booked: 24 November 2026, 08:00", call.recording))
    assert [one.needs for one in made.items] == [(), ("customer",), ("customer", "job"), ("customer", "job")]
    assert made.items[2].visit == "apt_1"


@pytest.mark.parametrize(
    ("chosen", "resource"),
    [
        ({}, ""),
        ({"calendar": ["c"]}, "c"),
        ({"staff": ["s"], "calendar": ["c"]}, "s"),
        ({"staff/sam": ["m"], "staff": ["s"]}, "m"),
        ({"staff/kim": ["k"]}, ""),
    ],
)
def test_a_visit_goes_to_whom_it_is_of(chosen: dict[str, list[str]], resource: str) -> None:
    [found] = [one.record for one in plan(told(visits=(visit(),)), system(), {}, chosen).items if isinstance(one.record, Appointment)]
    assert found.resource == resource


def test_one_of_two_visits_that_was_cancelled_since_is_not_written() -> None:
    made = plan(told(visits=(visit(1, status="cancelled"), visit(2))), system(), {}, {})
    assert [(one.step, one.reason) for one in made.items if one.visit] == [("appointment", CANCELLED), ("appointment-2", "")]


def test_a_lead_has_the_urgency_and_the_messages() -> None:
    call = told(lead=lead(), messages=(message("ring after six"),), result=result(urgency="emergency", preferred_times=("Friday",)))
    [found] = [one.record for one in plan(call, system(), {}, {}).items if isinstance(one.record, Lead)]
    assert found.urgency == "emergency"
    assert "ring after six" in found.description
    assert "Preferred times: Friday" in found.description


def test_the_built_in_crm_fills_what_the_caller_did_not_say() -> None:
    known = Contact(
        id="c",
        phone=PHONE,
        name="Ann Lee",
        address="2 Hill",
        email="a@example.com",
        no_calls=False,
        note="",
        revision=1,
        created_at=AT,
        updated_at=AT,
    )
    made = plan(told(contact=known, lead=lead(), result=result(contact=Details(phone=PHONE))), system(), {}, {})
    assert made.items[0].record == Customer(name="Ann Lee", phones=(PHONE,), email="a@example.com", address="2 Hill")
    nameless = plan(told(lead=lead(), result=result(contact=Details())), system(), {}, {}).items[0].record
    assert isinstance(nameless, Customer)
    assert nameless.name == PHONE


def test_what_stands_in_the_system_is_never_written_over() -> None:
    ours = Customer(name="Ann", email="a@example.com", address="1 Quay Street")
    assert completed(Customer(id="7", name="A. Lee", email="b@example.com", address="2 Hill"), ours) is None
    assert completed(Customer(id="7", name="A. Lee", email="b@example.com"), ours) == Customer(id="7", address="1 Quay Street")


def test_fields_are_filled_by_paths_into_the_result() -> None:
    call = result(facts={"a": "x", "empty": "", "deep": {"b": 2}}, urgency=None)
    paths = {
        "one": "facts.a",
        "two": "facts.deep.b",
        "three": "contact.name",
        "no": "facts.none.b",
        "nil": "urgency",
        "none": "facts.empty",
    }
    assert mapped(call, paths) == {"one": "x", "two": 2, "three": "Ann Lee"}


def test_titles_are_one_short_line() -> None:
    assert title(result(job_type="  leaky\n tap ")) == "Leaky tap"
    assert title(result(intent="new_job")) == "New job"
    assert len(title(result(problem="word " * 100))) <= 120


def test_two_calls_of_one_caller_are_of_one_person_and_two_withheld_ones_are_not() -> None:
    assert told().person == told(call="call_2").person
    assert PHONE not in told().person
    nobody = {"phones": (), "result": result(contact=Details())}
    assert told(**nobody).person != told(call="call_2", **nobody).person


@pytest.mark.parametrize("call", ["call_1", "c.1 é", "x" * 200, "SIP:1@host"])
def test_a_key_is_what_every_system_takes(call: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_/:-]{1,80}", key_of(call, "appointment-12"))
    assert key_of(call, "job") != key_of(call + "2", "job")
