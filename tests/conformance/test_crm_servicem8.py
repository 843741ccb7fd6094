"""ServiceM8 against its simulator and its official description; then what is particular to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from tests.conformance.business_suite import HOOK_URL, HOUR, NEW, NOW, VISIT, Bench, BusinessSuite, _all
from tests.conformance.specs import OpenApiChecker
from tests.paperwork.figures import figure

from offhook.adapters.model import Appointment, Customer, Job, Note, Ref
from offhook.errors import AdapterNotFound
from offhook.testing.business.servicem8 import ServiceM8

pytestmark = pytest.mark.paperwork
PEOPLE = 5_500
TOM = ServiceM8.STAFF[0]


class TestServiceM8(BusinessSuite):
    ADAPTER = "crm/servicem8"
    SIGNED = {"X-Api-Key": ServiceM8.KEY}
    RESOURCES = ServiceM8.STAFF
    CHOSEN = {"queue": (ServiceM8.QUEUE,)}
    FIELDS = {"purchase_order_number": "PO-4711"}
    ACCOUNT = "Mill Plumbing"
    # Filters and cursors stand in the text of the description, webhooks beside it.
    CHECKER = OpenApiChecker("servicem8/servicem8-openapi.json", queries=("$filter", "cursor"), outside=("/webhook_subscriptions",))
    DELETES = frozenset({"customer", "job", "appointment"})
    TELLS = frozenset({"customer", "job", "appointment"})
    SIGNS = False

    def simulator(self, timezone: str) -> ServiceM8:
        return ServiceM8(timezone)

    def rows(self, bench: Bench, kind: str) -> dict[str, dict[str, Any]]:
        """The simulator's own."""
        assert isinstance(bench.sim, ServiceM8)
        return bench.sim.rows[kind]

    def put(self, bench: Bench, kind: str, id: str, **fields: object) -> None:
        """Somebody changes a row."""
        assert isinstance(bench.sim, ServiceM8)
        bench.sim._put(kind, {**bench.sim.rows[kind][id], **fields})

    # -- writes --------------------------------------------------------------------------------------------------------------------

    async def test_a_lead_is_a_quote_in_the_chosen_queue_with_the_caller_as_contact(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_lead("k", await self.lead(bench))
        row = self.rows(bench, "job")[ref.id]
        assert (row["status"], row["queue_uuid"], row["purchase_order_number"]) == ("Quote", ServiceM8.QUEUE, "PO-4711")
        assert row["job_description"].splitlines() == ["Boiler loses pressure", "Urgency: today", "Since last night. No hot water."]
        contact = next(iter(self.rows(bench, "jobcontact").values()))
        assert (contact["job_uuid"], contact["first"], contact["last"], contact["mobile"]) == (ref.id, "Maggie", "Tulliver", NEW.phones[0])

    async def test_a_visit_without_a_job_gets_one(self) -> None:
        bench = self.bench()
        person = await self.customer(bench)
        ref = await bench.adapter.create_appointment(
            "k", Appointment(TOM, VISIT, VISIT + HOUR, "Tap drips", customer=person.id, person=person)
        )
        assert await bench.adapter.create_appointment("k", Appointment(TOM, VISIT, VISIT + HOUR, "Tap drips", customer=person.id)) == ref
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert (bench.sim.count("job"), self.rows(bench, "job")[kept.job]["company_uuid"]) == (1, person.id)

    async def test_notes_stand_where_people_look(self) -> None:
        bench = self.bench()
        visit = await self.appointment(bench)
        made = await bench.adapter.create_appointment("k", visit)
        for about, at in ((made, visit.job), (Ref("job", visit.job), visit.job), (Ref("customer", visit.customer), visit.customer)):
            ref = await bench.adapter.add_note(f"note {about.kind}", Note(about, "Called."))
            row = self.rows(bench, "note")[ref.id]
            assert (row["related_object"], row["related_object_uuid"]) == ("company" if about.kind == "customer" else "job", at)

    async def test_a_businesss_customer_has_its_name_and_the_persons(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.upsert_customer("k", replace(NEW, company="Tulliver & Deane"))
        known = (await bench.adapter.get_context(ref.id)).customer
        assert (known.name, known.company) == ("Maggie Tulliver", "Tulliver & Deane")

    async def test_numbers_are_added_where_there_is_room_and_nothing_is_written_over(self) -> None:
        bench = self.bench()
        who = bench.sim.add_customer(Customer(name="Maggie Tulliver", phones=("+447700900123",), email="old@mill.example"))
        for key, phone in (("one", "+442079460123"), ("two", "+447700900777"), ("two", "+447700900777"), ("three", "+447700900123")):
            await bench.adapter.upsert_customer(key, Customer(id=who, phones=(phone,), email="new@mill.example"))
        contacts = [(row.get("mobile"), row.get("phone"), row.get("email")) for row in self.rows(bench, "companycontact").values()]
        assert contacts == [("+447700900123", "+442079460123", "old@mill.example"), ("+447700900777", None, None)]

    @pytest.mark.parametrize("id", ["x' or '1' eq '1", "../company/1", "", "1?cursor=-1", "a" * 500])
    async def test_an_id_that_is_none_of_its_own_is_not_asked_for(self, id: str) -> None:
        bench = self.bench()
        with pytest.raises(AdapterNotFound):
            await bench.adapter.get_context(id)
        with pytest.raises(AdapterNotFound):
            await bench.adapter.reschedule("k", id, Appointment(TOM, VISIT, VISIT + HOUR))
        await bench.adapter.cancel("k", id)
        assert bench.gate.count == 0

    # -- the schedule --------------------------------------------------------------------------------------------------------------

    async def test_what_was_recorded_takes_no_time_and_who_is_hidden_is_not_offered(self) -> None:
        bench = self.bench()
        seen = bench.sim.add_visit(TOM, VISIT, VISIT + HOUR)
        self.rows(bench, "jobactivity")[seen]["activity_was_scheduled"] = "0"
        self.rows(bench, "staff")[TOM]["hide_from_schedule"] = 1
        assert await bench.adapter.find_availability(self.RESOURCES, VISIT, VISIT + HOUR) == ()
        assert [one.label for one in (await bench.adapter.choices())["staff"]] == ["Lucy Miller"]

    # -- changes -------------------------------------------------------------------------------------------------------------------

    async def test_open_jobs_and_coming_visits_are_told_first_and_then_what_becomes_of_them(self) -> None:
        bench = self.bench()
        visit = await self.appointment(bench)
        ref = await bench.adapter.create_appointment("k", visit)
        await bench.adapter.create_appointment("past", replace(visit, start=NOW - 9 * HOUR, end=NOW - 8 * HOUR))
        done = bench.sim.add_job(visit.customer, "Done long ago")
        self.rows(bench, "job")[done]["status"] = "Completed"
        await anyio.sleep(60)
        first, cursor = await _all(bench, "")
        told = {(one.kind, one.id): one.record for page in first for one in page.items}
        assert set(told) == {("customer", visit.customer), ("job", visit.job), ("appointment", ref.id)}
        coming = told["appointment", ref.id]
        assert isinstance(coming, Appointment)
        assert (coming.customer, coming.job, coming.title, coming.start) == (visit.customer, visit.job, "Boiler loses pressure", VISIT)
        self.put(bench, "job", visit.job, status="Completed")
        await anyio.sleep(60)
        delta, _ = await _all(bench, cursor)
        jobs = [one.record for page in delta for one in page.items]
        assert [(one.id, one.open) for one in jobs if isinstance(one, Job)] == [(visit.job, False)]

    async def test_a_number_that_somebody_corrected_is_told(self) -> None:
        bench = self.bench()
        who = bench.sim.add_customer(NEW)
        await anyio.sleep(60)
        _, cursor = await _all(bench, "")
        contact = next(iter(self.rows(bench, "companycontact").values()))
        self.put(bench, "companycontact", contact["uuid"], mobile="07700 900555")
        await anyio.sleep(60)
        delta, _ = await _all(bench, cursor)
        records = [one.record for page in delta for one in page.items]
        assert [(one.id, one.phones) for one in records if isinstance(one, Customer)] == [(who, ("+447700900555",))]

    async def test_what_is_edited_while_pages_are_read_is_told_the_next_time(self) -> None:
        bench = self.bench()
        bench.sim.page_size = 2
        people = sorted(bench.sim.add_customer(Customer(name=f"Customer {n}")) for n in range(5))
        await anyio.sleep(60)
        page = await bench.adapter.changes_since("")
        await anyio.sleep(5)
        bench.sim.edit_customer(people[0], "Edited")
        await anyio.sleep(5)
        pages, cursor = await _all(bench, page.cursor)
        assert people[0] not in [one.id for page in pages for one in page.items]
        delta, _ = await _all(bench, cursor)
        assert [one.id for page in delta for one in page.items] == [people[0]]

    async def test_an_edit_in_the_hour_that_comes_twice_is_told(self) -> None:
        bench = self.bench()
        bench.http.now = bench.sim.clock = lambda: datetime(2031, 10, 26, 0, 50, tzinfo=UTC) + timedelta(seconds=anyio.current_time())
        who = bench.sim.add_customer(Customer(name="Maggie"))
        await anyio.sleep(5)
        _, cursor = await _all(bench, "")
        await anyio.sleep(15 * 60)  # 1:05 for the second time; it was 1:50 when all was read
        bench.sim.edit_customer(who, "Maggie Tulliver")
        await anyio.sleep(60)
        delta, cursor = await _all(bench, cursor)
        assert [one.id for page in delta for one in page.items] == [who]
        await anyio.sleep(60)
        delta, _ = await _all(bench, cursor)
        assert [one.id for page in delta for one in page.items] == []

    @pytest.mark.parametrize("cursor", ["x", "[]", "5", '{"since":5}', '{"part":99}', '{"part":"a"}', '{"since":"yesterday"}'])
    async def test_a_cursor_that_is_none_gives_everything_anew(self, cursor: str) -> None:
        bench = self.bench()
        who = bench.sim.add_customer(NEW)
        pages, _ = await _all(bench, cursor)
        assert pages[0].whole
        assert [one.id for page in pages for one in page.items] == [who]

    async def test_thousands_of_customers_are_copied_with_few_requests(self) -> None:
        bench = self.bench(paced=True)
        self._benches.remove(bench)  # rows of thousands, as described a thousand times before
        bench.sim.paces = self.manifest().paces
        for n in range(PEOPLE):
            bench.sim.add_customer(Customer(name=f"Customer {n}", phones=(f"+4477009{n:05}",)))
        pages, cursor = await _all(bench, "")
        people = [one.record for page in pages for one in page.items]
        assert len({one.id for one in people if isinstance(one, Customer)}) == PEOPLE
        assert {one.phones for one in people if isinstance(one, Customer)} == {(f"+4477009{n:05}",) for n in range(PEOPLE)}
        assert (bench.sim.refused, len(cursor) < 300) == (0, True)
        figure(f"crm/servicem8: {PEOPLE} customers with their numbers copied by {bench.gate.count} requests")
        assert bench.gate.count <= 10

    # -- webhooks ------------------------------------------------------------------------------------------------------------------

    async def test_all_that_is_copied_is_subscribed_to(self) -> None:
        bench = self.bench()
        await bench.adapter.watch(HOOK_URL)
        kinds = ("company", "companycontact", "job", "jobactivity")
        assert isinstance(bench.sim, ServiceM8)
        assert bench.sim.subscriptions == dict.fromkeys(kinds, HOOK_URL)


class TestServiceM8WhereAnIdTwiceUpdates(BusinessSuite):
    """The documents do not say what a new record with the id of an old one does: writes hold either way."""

    ADAPTER = "crm/servicem8"
    SIGNED = TestServiceM8.SIGNED
    RESOURCES = TestServiceM8.RESOURCES
    CHECKER = TestServiceM8.CHECKER

    def simulator(self, timezone: str) -> ServiceM8:
        return ServiceM8(timezone, "updates")


for _name in dir(BusinessSuite):
    if _name.startswith("test_") and not _name.startswith("test_a_write_that_fails"):
        setattr(TestServiceM8WhereAnIdTwiceUpdates, _name, None)
