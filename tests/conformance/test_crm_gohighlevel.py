"""HighLevel's adapter against its simulator, and both against HighLevel's own OpenAPI files."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.conformance.business_suite import HOUR, NEW, NOW, VISIT, BusinessSuite, now
from tests.conformance.specs import OpenApiChecker, Several, SpecChecker

from offhook.adapters.model import Appointment, Customer, Lead, Note, Ref
from offhook.errors import AdapterNotFound, AdapterRateLimited, AdapterRejected, AdapterUnauthorized
from offhook.testing.business.base import Simulator
from offhook.testing.business.gohighlevel import CALENDARS, LOCATION, PIPELINE, PUBLIC, STAGE, GoHighLevelSimulator

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
FILES = ("contacts", "opportunities", "calendars", "locations")


def mend(document: dict[str, Any]) -> None:
    """What these files call wrong: times are texts, as in their examples; stages are no lists; a search's body is described elsewhere."""
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        for one in schema.get("properties", {}).values():
            if one.get("type") == "object" and isinstance(one.get("example"), str):
                one["type"] = "string"
    if "SearchBodyV2DTO" in schemas:
        schemas["SearchBodyV2DTO"]["additionalProperties"] = True
    if "PipelinesResponseSchema" in schemas:
        schemas["PipelinesResponseSchema"]["properties"]["stages"]["items"] = {"type": "object", "additionalProperties": True}


class TestGoHighLevel(BusinessSuite):
    ADAPTER = "crm/gohighlevel"
    SETTINGS: ClassVar[Mapping[str, str]] = {"location": LOCATION}
    RESOURCES: ClassVar[tuple[str, str]] = tuple(CALENDARS)  # type: ignore[assignment]
    CHOSEN: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "pipeline": (f"{PIPELINE['id']}/{STAGE['id']}",),
        **{f"staff/{name}": (one,) for one, name in CALENDARS.items()},
    }
    FIELDS: ClassVar[Mapping[str, Any]] = {"monetaryValue": "250"}
    ACCOUNT = "Acme Plumbing"
    TELLS = frozenset({"customer", "appointment"})
    HOOK_SECRET: ClassVar[str] = PUBLIC
    CHECKER: ClassVar[SpecChecker | None] = Several(
        "HighLevel's OpenAPI files",
        {f"/{one}/": OpenApiChecker(f"gohighlevel/apps/{one}.json", mend=mend) for one in FILES},
    )

    def simulator(self, timezone: str) -> Simulator:
        return GoHighLevelSimulator(timezone)

    def highlevel(self) -> tuple[GoHighLevelSimulator, Any]:
        bench = self.bench()
        assert isinstance(bench.sim, GoHighLevelSimulator)
        return bench.sim, bench.adapter

    async def test_an_open_opportunity_stands_for_the_next_where_only_one_is_allowed(self) -> None:
        sim, adapter = self.highlevel()
        sim.one_each = True
        known_as = sim.add_customer(NEW)
        first = await adapter.create_lead("call_1/lead", Lead(known_as, "Boiler", fields={"monetaryValue": "much"}))
        assert await adapter.create_lead("call_2/lead", Lead(known_as, "Tap")) == first
        assert "monetaryValue" not in sim.opportunities[first.id]
        sim.opportunities[first.id]["status"] = "won"
        assert await adapter.create_lead("call_3/lead", Lead(known_as, "Tap")) != first
        with pytest.raises(AdapterRejected):
            await adapter.create_lead("call_4/lead", Lead("nobody", "Tap"))
        adapter.link = replace(adapter.link, chosen={})
        with pytest.raises(AdapterRejected, match="pipeline"):
            await adapter.create_lead("call_5/lead", Lead(known_as, "Tap"))

    async def test_notes_of_opportunities_and_visits_stand_with_their_contact(self) -> None:
        sim, adapter = self.highlevel()
        known_as = sim.add_customer(NEW)
        lead = await adapter.create_lead("call_1/lead", Lead(known_as, "Boiler"))
        visit = await adapter.create_appointment("call_1/visit", Appointment(self.RESOURCES[0], VISIT, VISIT + HOUR, customer=known_as))
        for n, about in enumerate((lead, visit, Ref("customer", known_as))):
            await adapter.add_note(f"call_{n}/note", Note(about, f"Note {n}"))
        assert [one["body"].partition("\n")[0] for one in sim.kept_notes[known_as]] == ["Note 0", "Note 1", "Note 2"]

    async def test_the_next_visit_that_was_not_cancelled_is_told(self) -> None:
        sim, adapter = self.highlevel()
        known_as = sim.add_customer(NEW)
        visit = Appointment(self.RESOURCES[0], VISIT, VISIT + HOUR, customer=known_as)
        past, later, gone, coming = [
            await adapter.create_appointment(f"k{n}", replace(visit, start=start, end=start + HOUR))
            for n, start in enumerate((NOW - 3 * HOUR, VISIT + 30 * HOUR, VISIT - HOUR, VISIT))
        ]
        await adapter.cancel("k", gone.id)
        known = await adapter.get_context(known_as)
        assert known.next_appointment.id == coming.id not in {past.id, later.id}
        assert known.next_appointment.start == VISIT
        await adapter.create_lead("k", Lead(known_as, "Boiler"))
        assert [one.title.partition(" [")[0] for one in (await adapter.get_context(known_as)).jobs] == ["Boiler"]

    async def test_blocked_times_are_taken(self) -> None:
        sim, adapter = self.highlevel()
        sim.block(self.RESOURCES[0], VISIT, VISIT + HOUR)
        found = await adapter.find_availability(self.RESOURCES, VISIT - HOUR, VISIT + HOUR)
        assert [(one.resource, one.start) for one in found] == [(self.RESOURCES[0], VISIT)]

    async def test_somebody_without_number_and_address_is_made_once(self) -> None:
        sim, adapter = self.highlevel()
        first = await adapter.upsert_customer("call_1/customer", Customer(name="Ann Lee"))
        assert await adapter.upsert_customer("call_1/customer", Customer(name="Ann Lee")) == first
        assert await adapter.upsert_customer("call_2/customer", Customer(name="Ann Lee")) != first
        assert sim.count("customer") == 2

    async def test_a_number_that_is_there_is_not_overwritten(self) -> None:
        sim, adapter = self.highlevel()
        known_as = sim.add_customer(Customer(name="Ann Lee", phones=("+447700900001",)))
        await adapter.upsert_customer("k", Customer(id=known_as, phones=("+447700900002",), email="ann@mill.example"))
        assert sim.customer(known_as) == Customer(known_as, "Ann Lee", ("+447700900001",), "ann@mill.example")

    async def test_webhooks_are_heard_by_either_key_when_fresh_and_of_our_location(self) -> None:
        sim, adapter = self.highlevel()
        older = generate_private_key(65_537, 2_048)
        public = base64.b64encode(older.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        with pytest.raises(AdapterUnauthorized):  # HighLevel's own keys stand until others are named
            adapter.hear(sim.incoming_by(older), "token")
        adapter.link = replace(adapter.link, settings={"location": LOCATION})
        with pytest.raises(AdapterUnauthorized):
            adapter.hear(sim.incoming(PUBLIC), "token")
        settings = {"location": LOCATION, "hook_key": PUBLIC, "hook_key_rsa": public}
        adapter.link = replace(adapter.link, settings=settings)
        assert adapter.hear(sim.incoming(PUBLIC, "msg_1"), "token").once == "msg_1"
        assert adapter.hear(sim.incoming_by(older, "msg_2"), "token").once == "msg_2"
        both = {**sim.incoming_by(older).headers, "x-ghl-signature": "bm9uZQ=="}
        with pytest.raises(AdapterUnauthorized):  # a wrong new signature is not made good by an old one
            adapter.hear(replace(sim.incoming_by(older), headers=both), "token")
        sim.clock = lambda: now() - timedelta(minutes=6)
        with pytest.raises(AdapterUnauthorized, match="old"):
            adapter.hear(sim.incoming(PUBLIC), "token")
        sim.clock = now
        adapter.link = replace(adapter.link, settings={**settings, "location": "another"})
        assert not adapter.hear(sim.incoming(PUBLIC), "token").changed

    async def test_ids_are_never_paths(self) -> None:
        sim, adapter = self.highlevel()
        for one in ("../opportunities/pipelines", "..", "", "a/b?c#d"):
            with pytest.raises(AdapterNotFound):
                await adapter.get_context(one)
        assert sim.log == []

    async def test_the_locations_own_token_is_needed(self) -> None:
        _, adapter = self.highlevel()
        adapter.link = replace(adapter.link, settings={"location": "0007BWpSzSwfiuSl0tR2"})
        with pytest.raises(AdapterUnauthorized):
            await adapter.find_customer(phone="+447700900123")

    async def test_a_day_that_is_used_up_is_waited_for_elsewhere(self) -> None:
        bench = self.bench()
        bench.gate.answer(429, b"{}", {"X-RateLimit-Daily-Remaining": "0"})
        with pytest.raises(AdapterRateLimited) as caught:
            await bench.adapter.verify()
        assert (caught.value.retry.after, bench.gate.count) == (3_600, 1)
        bench = self.bench()
        bench.sim.faults.planned = ["429"]
        before = anyio.current_time()
        await bench.adapter.verify()
        assert anyio.current_time() - before == 10
