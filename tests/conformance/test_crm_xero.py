"""Xero's adapter against its simulator, and both against Xero's own OpenAPI files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from tests.conformance.business_suite import NEW, SECRET, BusinessSuite
from tests.conformance.specs import OpenApiChecker, Several, SpecChecker

from offhook.adapters.model import Customer, Lead, Money, Note, Ref
from offhook.errors import AdapterRejected, AdapterUnauthorized
from offhook.testing.business.base import Simulator
from offhook.testing.business.xero import XeroSimulator

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]


class TestXero(BusinessSuite):
    ADAPTER = "crm/xero"
    FIELDS: ClassVar[Mapping[str, Any]] = {"Terms": "Paid within 14 days"}
    ACCOUNT = "Acme Plumbing"
    FINDS_BY_PHONE = False
    TELLS = frozenset({"customer"})
    DELETES = frozenset({"customer"})
    CHECKER: ClassVar[SpecChecker | None] = Several(
        "Xero's OpenAPI files",
        {"/Connections": OpenApiChecker("xero/xero-identity.yaml"), "/api.xro/": OpenApiChecker("xero/xero_accounting.yaml")},
    )

    def simulator(self, timezone: str) -> Simulator:
        return XeroSimulator()

    def xero(self) -> tuple[XeroSimulator, Any]:
        bench = self.bench()
        assert isinstance(bench.sim, XeroSimulator)
        return bench.sim, bench.adapter

    async def test_what_is_owed_is_told_in_one_currency_or_not_at_all(self) -> None:
        sim, adapter = self.xero()
        known_as = sim.add_customer(NEW)
        assert (await adapter.get_context(known_as)).balance is None
        sim.add_invoice(known_as, "120.10")
        sim.add_invoice(known_as, "0.20")
        sim.add_invoice(known_as, "99", status="DRAFT")
        assert (await adapter.get_context(known_as)).balance == Money(Decimal("120.3"), "AUD")
        sim.add_invoice(known_as, "5", currency="NZD")
        assert (await adapter.get_context(known_as)).balance is None

    async def test_open_quotes_stand_as_jobs(self) -> None:
        sim, adapter = self.xero()
        known_as = sim.add_customer(NEW)
        gone, kept = (sim.add_job(known_as, title) for title in ("Old", "New boiler"))
        sim.remove("lead", gone)
        jobs = (await adapter.get_context(known_as)).jobs
        assert [(one.id, one.title, one.status) for one in jobs] == [(kept, "New boiler", "Sent")]

    async def test_one_of_several_organisations_has_to_be_chosen(self) -> None:
        sim, adapter = self.xero()
        other = "11111111-1111-4111-8111-111111111111"
        sim.organisations[other] = "Acme Roofing"
        assert (await adapter.verify()).name == "Acme Plumbing, Acme Roofing"
        with pytest.raises(AdapterRejected, match="organisation"):
            await adapter.find_customer(name="Maggie")
        adapter.link = replace(adapter.link, chosen={"account": (other,)})
        assert (await adapter.verify()).name == "Acme Roofing"
        await adapter.upsert_customer("k", NEW)
        assert sim.log[-1].headers["xero-tenant-id"] == other
        del sim.organisations[other]
        with pytest.raises(AdapterUnauthorized):
            await adapter.verify()

    async def test_a_write_is_found_again_when_its_key_has_been_forgotten(self) -> None:
        sim, adapter = self.xero()
        first = await adapter.upsert_customer("call_1/customer", NEW)
        lead = Lead(first.id, "Boiler")
        made = [await adapter.create_lead("call_1/lead", lead), await adapter.add_note("call_1/note", Note(first, "She rang."))]
        sim.forget()
        assert await adapter.upsert_customer("call_1/customer", NEW) == first
        again = [await adapter.create_lead("call_1/lead", lead), await adapter.add_note("call_1/note", Note(first, "She rang."))]
        assert again == made
        assert [sim.count(one) for one in ("customer", "lead", "note")] == [1, 1, 1]

    async def test_two_people_of_one_name_are_two_contacts(self) -> None:
        sim, adapter = self.xero()
        one = await adapter.upsert_customer("k1", Customer(name="Ann Lee", phones=("+447700900001",)))
        two = await adapter.upsert_customer("k2", Customer(name="Ann Lee", phones=("+447700900002",)))
        assert one != two
        kept = sim.customer(two.id)
        assert kept is not None
        assert kept.name == "Ann Lee (+447700900002)"

    async def test_a_second_number_goes_where_there_is_none_and_overwrites_none(self) -> None:
        sim, adapter = self.xero()
        known_as = sim.add_customer(Customer(name="Ann Lee", phones=("07700 900001",)))
        await adapter.upsert_customer("k", Customer(id=known_as, phones=("+447700900001", "+447700900002")))
        kept = sim.customer(known_as)
        assert kept is not None
        assert kept.phones == ("07700 900001", "+447700900002")

    async def test_only_the_chosen_organisations_webhooks_mean_a_change(self) -> None:
        sim, adapter = self.xero()
        adapter.link = replace(adapter.link, chosen={"account": ("11111111-1111-4111-8111-111111111111",)})
        assert not adapter.hear(sim.incoming(SECRET), SECRET).changed
        adapter.link = replace(adapter.link, chosen={"account": tuple(sim.organisations)})
        assert adapter.hear(sim.incoming(SECRET), SECRET).changed

    async def test_a_note_may_be_kept_with_the_contact(self) -> None:
        sim, adapter = self.xero()
        known_as = sim.add_customer(NEW)
        await adapter.add_note("k", Note(Ref("customer", known_as), "She rang."))
        assert [one["Details"].partition("\n")[0] for one in sim.histories[known_as]] == ["She rang."]
