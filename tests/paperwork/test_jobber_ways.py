"""What is Jobber's own: points, errors inside of successes, wall-clock times, properties, a lead's note."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse
from tests.conformance.business_suite import HOUR, NEW, SECRET, VISIT
from tests.paperwork.over import over

from offhook.adapters.crm import _jobber_queries as queries
from offhook.adapters.crm import jobber
from offhook.adapters.model import Appointment, Customer, Job, Lead, Note, Ref
from offhook.adapters.port import Incoming
from offhook.errors import (
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
)
from offhook.testing.business.base import KINDS, FaultKind
from offhook.testing.business.jobber import Jobber
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> tuple[str, Any]:
    return VIRTUAL_TIME


@pytest.fixture
def sim() -> Jobber:
    return Jobber()


@pytest.fixture
def adapter(sim: Jobber) -> jobber.Jobber:
    return over(sim, jobber.Jobber, jobber.MANIFEST.base_url)


async def test_the_simulator_refuses_what_the_schema_has_not(adapter: jobber.Jobber) -> None:
    for query in (
        "query { acount { id } }",
        "query { account { nam } }",
        "mutation { jobCreate(input: { title: 1 }) { job { id } } }",
        "{",
    ):
        with pytest.raises(AdapterRejected):
            await adapter._ask(query, {})


async def test_a_query_without_enough_points_waits_as_long_as_it_takes(sim: Jobber, adapter: jobber.Jobber) -> None:
    await adapter.find_customer(name="Maggie")
    sim._points = -1_500.0
    begun = anyio.current_time()
    assert await adapter.find_customer(name="Maggie") is None
    assert 3 <= anyio.current_time() - begun <= 5
    assert [one.status for one in sim.log] == [200] * 3
    sim._points = -9_000.0
    with pytest.raises(AdapterRateLimited) as caught:
        await adapter.find_customer(name="Maggie")
    assert caught.value.retry.after is not None
    assert 18 < caught.value.retry.after < 19


async def test_all_queries_are_cheap(sim: Jobber, adapter: jobber.Jobber) -> None:
    known = sim.add_customer(NEW)
    await adapter.find_customer(phone=NEW.phones[0])
    await adapter.get_context(known)
    cursor, more = "", True
    while more:
        page = await adapter.changes_since(cursor)
        cursor, more = page.cursor, page.more
    costs = [int(one.reply.decode().partition('"requestedQueryCost":')[2].partition(",")[0]) for one in sim.log]
    assert max(costs) <= 1_500


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"errors": [{"message": "Field 'x' doesn't exist on type 'y'"}]}, AdapterRejected),
        ({"errors": [{"message": "An object was hidden due to permissions"}]}, AdapterUnauthorized),
        ({"errors": [{"message": "Visit does not exist"}]}, AdapterNotFound),
        ({"data": {"visitEditSchedule": {"visit": None, "userErrors": [{"message": "is private: Maggie", "path": []}]}}}, AdapterRejected),
        ({"data": {"visitEditSchedule": {"visit": None, "userErrors": [{"message": "Visit not found", "path": []}]}}}, AdapterNotFound),
        ({"data": {"visitEditSchedule": {"visit": None, "userErrors": []}}}, AdapterUnavailable),
        ({"data": None}, AdapterUnavailable),
        (["x"], AdapterUnavailable),
    ],
)
async def test_an_error_in_a_success_is_an_error(
    sim: Jobber, adapter: jobber.Jobber, monkeypatch: pytest.MonkeyPatch, answer: object, expected: type[AdapterError]
) -> None:
    monkeypatch.setattr(sim, "_inner", JSONResponse(answer))
    with pytest.raises(expected) as caught:
        await adapter._write(queries.MOVE_VISIT, {"id": "x", "input": {}}, "k", "visitEditSchedule", "visit")
    assert "Maggie" not in caught.value.public
    if expected is AdapterUnauthorized:
        assert isinstance(caught.value, AdapterUnauthorized)
        assert caught.value.partly


@pytest.mark.parametrize("start", [datetime(2031, 10, 26, 0, 30, tzinfo=UTC), datetime(2031, 10, 26, 1, 30, tzinfo=UTC)])
async def test_an_hour_that_comes_twice_is_the_right_one(sim: Jobber, adapter: jobber.Jobber, start: datetime) -> None:
    known = sim.add_customer(NEW)
    ref = await adapter.create_appointment("k", Appointment("", start, start + HOUR, customer=known))
    kept = sim.visit(ref.id)
    assert kept is not None
    assert (kept.start, kept.end) == (start, start + HOUR)


async def test_a_visit_without_a_job_gets_one_and_only_one(sim: Jobber, adapter: jobber.Jobber) -> None:
    known = sim.add_customer(NEW)
    visit = Appointment("", VISIT, VISIT + HOUR, "Boiler", customer=known)
    for position in range(8):
        sim.faults.planned = [*[None] * position, "lost"]
        with contextlib.suppress(AdapterUnavailable):
            await adapter.create_appointment(f"k{position}", visit)
        sim.faults.planned = []
        await adapter.create_appointment(f"k{position}", visit)
        assert (sim.count("job"), sim.count("appointment")) == (position + 1, position + 1)


async def test_a_property_is_made_where_there_is_none(sim: Jobber, adapter: jobber.Jobber) -> None:
    known = sim.add_customer(Customer(name="Maggie Tulliver"))
    for key, address in (("a", ""), ("b", ""), ("c", "1 Mill Lane, Norwich"), ("d", "1 mill lane, norwich")):
        await adapter.create_job(key, Job(known, "Boiler", address=address))
    assert [one["address"] for one in sim.rows["Property"].values()] == [
        {"street1": "Address not given"},
        {"street1": "1 Mill Lane", "city": "Norwich"},
    ]


@pytest.mark.parametrize("fault", KINDS)
async def test_a_lead_has_its_words_once(sim: Jobber, adapter: jobber.Jobber, fault: FaultKind) -> None:
    known = sim.add_customer(NEW)
    lead = Lead(known, "Boiler " * 60, "Since last night", NEW.address, "today", person=NEW)
    for position in range(7):
        sim.faults.planned = [*[None] * position, fault]
        ref: Ref | None = None
        while ref is None:
            try:
                ref = await adapter.create_lead(f"k{position}", lead)
            except (AdapterUnavailable, AdapterRateLimited):
                continue
        sim.faults.planned = []
        assert (sim.count("lead"), sim.count("note")) == (position + 1, position + 1)
    assert all("Since last night" in one and "Urgency: today" in one and "Boiler" in one for one in sim.notes())


async def test_a_person_is_known_by_name_with_a_number_or_address(sim: Jobber, adapter: jobber.Jobber) -> None:
    first = await adapter.upsert_customer("a", NEW)
    assert (await adapter.upsert_customer("b", replace(NEW, email=""))).id == first.id
    assert (await adapter.upsert_customer("c", replace(NEW, phones=()))).id == first.id
    other = await adapter.upsert_customer("d", replace(NEW, phones=("+447700900999",), email="other@mill.example"))
    assert other.id != first.id


async def test_notes_are_kept_with_clients_requests_and_jobs_only(sim: Jobber, adapter: jobber.Jobber) -> None:
    known = sim.add_customer(NEW)
    await adapter.add_note("a", Note(Ref("customer", known), "She called."))
    with pytest.raises(AdapterNotFound):
        await adapter.add_note("b", Note(Ref("job", "nobody"), "She called."))
    with pytest.raises(AdapterRejected):
        await adapter.add_note("c", Note(Ref("appointment", "x"), "She called."))
    assert sim.count("note") == 1


async def test_a_message_of_another_topic_changes_nothing(sim: Jobber, adapter: jobber.Jobber) -> None:
    heard = adapter.hear(sim.incoming(SECRET, "2031-02-03T09:00:00Z"), SECRET)
    assert heard.changed
    assert heard.once.endswith(":2031-02-03T09:00:00Z")
    for body in (b'{"data":{"webHookEvent":{"topic":"INVOICE_CREATE","itemId":"x","occurredAt":"y"}}}', b"[]", b"{}", b"no json"):
        signed = sim.signed(body, SECRET)
        assert not adapter.hear(signed, SECRET).changed
    with pytest.raises(AdapterUnauthorized):
        adapter.hear(Incoming({"x-jobber-hmac-sha256": "ü"}, {}, b"{}"), SECRET)


async def test_subscribing_takes_every_topic_once(sim: Jobber, adapter: jobber.Jobber) -> None:
    for _ in range(2):
        await adapter.watch("https://offhook.example/hooks")
    assert {one for one, _ in sim.hooks} == set(jobber.TOPICS)
