"""HubSpot's adapter against its simulator. HubSpot's own specification may not be used outside HubSpot, so none is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import anyio
import pytest
from tests.conformance.business_suite import NEW, SECRET, BusinessSuite, now

from offhook.adapters.model import Customer, Lead, Note, Ref
from offhook.errors import AdapterNotFound, AdapterRateLimited, AdapterRejected, AdapterUnauthorized
from offhook.testing.business.base import Simulator
from offhook.testing.business.hubspot import HubSpotSimulator

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]


class TestHubSpot(BusinessSuite):
    ADAPTER = "crm/hubspot"
    CHOSEN: ClassVar[Mapping[str, tuple[str, ...]]] = {"pipeline": ("default/appointmentscheduled",)}
    FIELDS: ClassVar[Mapping[str, Any]] = {"amount": "250", "hs_priority": "high"}
    ACCOUNT = "HubSpot account 123456"
    NOBODY = "999999"
    TELLS = frozenset({"customer"})
    DELETES = frozenset({"customer"})

    def simulator(self, timezone: str) -> Simulator:
        return HubSpotSimulator(timezone)

    def hubspot(self) -> tuple[HubSpotSimulator, Any]:
        bench = self.bench()
        assert isinstance(bench.sim, HubSpotSimulator)
        return bench.sim, bench.adapter

    async def test_our_property_is_made_once_and_only_where_there_is_none(self) -> None:
        sim, adapter = self.hubspot()
        for n in range(3):
            await adapter.upsert_customer(f"call_{n}", Customer(name=f"Ann {n}"))
        made = [one for one in sim.log if "/properties/" in one.url]
        assert [(one.method, one.status) for one in made] == [("POST", 201)]
        sim.unique["contacts"].discard("offhook_key")  # somebody else's property of that name
        with pytest.raises(AdapterRejected):
            await adapter.upsert_customer("call_9", Customer(name="Ann 9"))

    async def test_an_address_that_is_known_is_completed_and_no_number_overwritten(self) -> None:
        sim, adapter = self.hubspot()
        known_as = sim.add_customer(Customer(name="Ann Lee", email="ann+home@mill.example", phones=("07700 900001",)))
        found = await adapter.upsert_customer("k", Customer(name="Ann Lee", email="ann+home@mill.example", phones=("+447700900002",)))
        kept = sim.customer(known_as)
        assert kept is not None
        assert found.id == known_as
        assert kept.phones == ("07700 900001", "+447700900002")

    async def test_a_deal_stands_in_the_chosen_stage_with_its_contact(self) -> None:
        sim, adapter = self.hubspot()
        known_as = sim.add_customer(NEW)
        ref = await adapter.create_lead("k", Lead(known_as, "Boiler", "No hot water", urgency="today", fields={"amount": 250, "spam": "x"}))
        there = sim.records["deals"][ref.id]["properties"]
        assert (there["dealname"], there["pipeline"], there["dealstage"]) == ("Boiler", "default", "appointmentscheduled")
        assert (there["description"], there["amount"], "spam" in there) == ("No hot water\nUrgency: today", "250", False)
        assert sim.links == {("deals", ref.id, "contacts", known_as)}
        with pytest.raises(AdapterNotFound):
            await adapter.create_lead("k3", Lead("../deals", "Boiler"))
        adapter.link = replace(adapter.link, chosen={})
        with pytest.raises(AdapterRejected, match="pipeline"):
            await adapter.create_lead("k2", Lead(known_as, "Boiler"))

    async def test_open_deals_stand_as_jobs(self) -> None:
        sim, adapter = self.hubspot()
        known_as = sim.add_customer(NEW)
        won, kept = (sim.add_job(known_as, title) for title in ("Old", "New boiler"))
        sim.close(won)
        assert [(one.id, one.title) for one in (await adapter.get_context(known_as)).jobs] == [(kept, "New boiler")]

    async def test_a_note_is_text_and_no_html_of_the_callers(self) -> None:
        sim, adapter = self.hubspot()
        known_as = sim.add_customer(NEW)
        await adapter.add_note("k", Note(Ref("customer", known_as), "<b>5 < 6</b>\n& more", "https://offhook.example/r?a=1&b=2"))
        text = sim.notes()[0]
        assert text.startswith("&lt;b&gt;5 &lt; 6&lt;/b&gt;<br>&amp; more<br><a href=")
        assert 'href="https://offhook.example/r?a=1&amp;b=2"' in text

    async def test_no_search_goes_deep_and_merged_contacts_are_gone(self) -> None:
        sim, adapter = self.hubspot()
        sim.page_size = 3
        ids = [sim.add_customer(Customer(name=f"Customer {n}")) for n in range(10)]
        await anyio.sleep(60)
        cursor, more = "", True
        while more:
            page = await adapter.changes_since(cursor)
            cursor, more = page.cursor, page.more
        assert all(b'"after"' not in one.body for one in sim.log)
        sim.merge(ids[0], ids[9])
        page = await adapter.changes_since(cursor)
        assert {(one.id, one.gone) for one in page.items} == {(ids[0], False), (ids[9], True)}

    async def test_an_old_webhook_is_not_heard(self) -> None:
        sim, adapter = self.hubspot()
        good = sim.incoming(SECRET, "msg_1")
        assert adapter.hear(good, SECRET).changed
        moved = replace(good, url=good.url.replace("con_1", "con_2"))
        with pytest.raises(AdapterUnauthorized):
            adapter.hear(moved, SECRET)
        sim.clock = lambda: now() - timedelta(minutes=6)
        with pytest.raises(AdapterUnauthorized, match="old"):
            adapter.hear(sim.incoming(SECRET, "msg_1"), SECRET)

    async def test_a_day_that_is_used_up_is_waited_for_elsewhere(self) -> None:
        bench = self.bench()
        bench.gate.answer(429, b'{"policyName":"DAILY"}', {})
        with pytest.raises(AdapterRateLimited) as caught:
            await bench.adapter.verify()
        assert (caught.value.retry.after, bench.gate.count) == (3_600, 1)
        bench = self.bench()
        bench.sim.faults.planned = ["429"]
        before = anyio.current_time()
        await bench.adapter.verify()
        assert anyio.current_time() - before == 1
