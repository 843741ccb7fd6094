"""What is Fergus' own: the grid, what an enquiry needs, sites and phases, drafts, duplicates."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.business_suite import HOUR, NEW, NOW, VISIT
from tests.paperwork.over import over

from offhook.adapters.crm import fergus
from offhook.adapters.model import Appointment, Customer, Job, Lead, Note, Ref
from offhook.errors import AdapterNotFound
from offhook.testing.business.fergus import Fergus
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
MIA = "1000001"


@pytest.fixture
def anyio_backend() -> tuple[str, Any]:
    return VIRTUAL_TIME


@pytest.fixture
def sim() -> Fergus:
    return Fergus()


@pytest.fixture
def adapter(sim: Fergus) -> fergus.Fergus:
    return over(sim, fergus.Fergus, fergus.MANIFEST.base_url)


@given(st.integers(0, 400_000_000), st.integers(1, 600))
def test_times_go_outwards_to_the_quarter(seconds: int, minutes: int) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    end = begin + timedelta(minutes=minutes)
    low, high = fergus._grid(begin, end)
    assert low <= begin < low + fergus.GRID
    assert high - fergus.GRID < end <= high
    for one in (low, high):
        assert one.minute % 15 == one.second == one.microsecond == 0


async def test_a_visit_off_the_grid_takes_its_quarters(sim: Fergus, adapter: fergus.Fergus) -> None:
    ref = await adapter.create_appointment("k", Appointment(MIA, VISIT + timedelta(minutes=10), VISIT + timedelta(minutes=50)))
    kept = sim.visit(ref.id)
    assert kept is not None
    assert (kept.start, kept.end) == (VISIT, VISIT + HOUR)
    assert await adapter.create_appointment("k", Appointment(MIA, VISIT + timedelta(minutes=10), VISIT + timedelta(minutes=50))) == ref


@pytest.mark.parametrize(
    ("person", "address", "becomes"),
    [
        (NEW, "", "enquiry"),
        (replace(NEW, address=""), "1 Mill Lane, Norwich", "enquiry"),
        (replace(NEW, email=""), "", "To Price"),
        (replace(NEW, phones=()), "", "To Price"),
        (replace(NEW, address=""), "", "Draft"),
        (Customer(name="Maggie"), "", "Draft"),
    ],
)
async def test_an_enquiry_needs_all_four_and_less_is_a_job(
    sim: Fergus, adapter: fergus.Fergus, person: Customer, address: str, becomes: str
) -> None:
    known = sim.add_customer(person)
    lead = Lead(known, "Boiler loses pressure", "Since last night", address, "today", person=person)
    ref = await adapter.create_lead("k", lead)
    assert ref.kind == "lead"
    assert ref.id.startswith(fergus.ENQUIRY) == (becomes == "enquiry")
    if becomes == "enquiry":
        (row,) = sim.rows["enquiries"].values()
        assert (row["name"], row["email"], row["phoneNumber"]) == (NEW.name, NEW.email, NEW.phones[0])
        assert not sim.rows["jobs"]
    else:
        (row,) = sim.rows["jobs"].values()
        assert (row["jobType"], row["status"], row["customerId"]) == ("Quote", becomes, int(known))
    assert "Since last night" in row["description"]
    assert "Urgency: today" in row["description"]
    assert await adapter.create_lead("k", lead) == ref
    note = await adapter.add_note("k/note", Note(ref, "She called."))
    assert sim.rows["notes"][int(note.id)]["entityName"] == ("ENQUIRY" if becomes == "enquiry" else "JOB")


async def test_two_jobs_at_one_place_have_one_site(sim: Fergus, adapter: fergus.Fergus) -> None:
    known = sim.add_customer(NEW)
    for key, address in (("a", "1 Mill Lane, Norwich"), ("b", "1 mill lane, norwich"), ("c", "2 Mill Lane, Norwich")):
        await adapter.create_job(key, Job(known, "Boiler", address=address))
    assert len(sim.rows["sites"]) == 2
    assert [one["status"] for one in sim.rows["jobs"].values()] == ["To Schedule"] * 3


async def test_visits_hang_on_one_phase_of_work_and_on_the_quote_itself(sim: Fergus, adapter: fergus.Fergus) -> None:
    known = sim.add_customer(NEW)
    work = await adapter.create_job("work", Job(known, "Boiler", address=NEW.address))
    quote = replace(await adapter.create_lead("quote", Lead(known, "Boiler", person=replace(NEW, email=""))), kind="job")
    for n, job in enumerate((work, work, quote)):
        await adapter.create_appointment(f"v{n}", Appointment(MIA, VISIT + n * HOUR, VISIT + (n + 1) * HOUR, job=job.id))
    events = list(sim.rows["calendarEvents"].values())
    assert [one["eventType"] for one in events] == ["JOB_PHASE", "JOB_PHASE", "QUOTE"]
    assert len(sim.rows["phases"]) == 1
    assert {one["jobId"] for one in events} == {int(work.id), int(quote.id)}


async def test_a_draft_that_has_become_whole_is_finalised(sim: Fergus, adapter: fergus.Fergus) -> None:
    known = sim.add_customer(Customer(name="Maggie"))
    ref = await adapter.create_job("k", Job(known, "Boiler"))
    row = sim.rows["jobs"][int(ref.id)]
    assert row["status"] == "Draft"
    row["siteId"] = sim._add("sites", {"siteAddress": {"address1": "1 Mill Lane"}})["id"]
    assert await adapter.create_job("k", Job(known, "Boiler")) == ref
    assert row["status"] == "To Schedule"
    assert [one.method for one in sim.log if one.url.endswith("/finalise")] == ["PUT"]


async def test_a_customer_that_fergus_has_already_is_taken(sim: Fergus, adapter: fergus.Fergus) -> None:
    known = sim.add_customer(NEW)
    assert await adapter.upsert_customer("k", NEW) == Ref("customer", known)
    assert 303 in [one.status for one in sim.log]
    assert sim.count("customer") == 1


async def test_completing_replaces_nothing_that_is_there(sim: Fergus, adapter: fergus.Fergus) -> None:
    known = sim.add_customer(NEW)
    row = sim.rows["customers"][int(known)]
    row["mainContact"] |= {"position": "Miller"}
    row["mainContact"]["contactItems"].append({"contactType": "website", "contactValue": "mill.example"})
    row["postalAddress"] = {"address1": "PO Box 1"}
    before = json.loads(json.dumps(row))
    await adapter.upsert_customer("a", replace(NEW, id=known))
    assert "PUT" not in [one.method for one in sim.log]
    await adapter.upsert_customer("b", Customer(id=known, phones=("+447700900999",)))
    assert row["mainContact"]["position"] == "Miller"
    assert row["mainContact"]["contactItems"][:-1] == before["mainContact"]["contactItems"]
    assert (row["postalAddress"], row["physicalAddress"]) == (before["postalAddress"], before["physicalAddress"])


@pytest.mark.parametrize("id", ["../company", "1?x=1", "", "-1", "１２", "1" * 3 + "/x"])
async def test_what_is_no_number_names_no_record(sim: Fergus, adapter: fergus.Fergus, id: str) -> None:
    for call in (adapter.get_context(id), adapter.reschedule("k", id, Appointment(MIA, VISIT, VISIT + HOUR))):
        with pytest.raises(AdapterNotFound):
            await call
    assert not sim.log


async def test_a_cursor_that_cannot_be_read_begins_anew(sim: Fergus, adapter: fergus.Fergus) -> None:
    sim.add_customer(NEW)
    page = await adapter.changes_since("not ours")
    assert page.whole
    assert page.more
    assert [one.kind for one in page.items] == ["customer"]
    assert NOW.isoformat()[:10] in page.cursor
