"""Fergus and the webhook connected by their forms, as an owner does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conformance.business_suite import NEW
from tests.e2e.business import House, open_house

from offhook.adapters.model import Lead
from offhook.errors import Invalid
from offhook.orchestrator.connections import ops
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.connections.schemas import Connection
from offhook.testing.business.base import Simulator
from offhook.testing.business.fergus import Fergus
from offhook.testing.business.webhook import Webhook

pytestmark = pytest.mark.paperwork
SYSTEMS: dict[str, Simulator] = {"crm/fergus": Fergus(), "crm/webhook": Webhook()}
FORMS = {
    "crm/fergus": {"key": "key", "job_type": "Estimate"},
    "crm/webhook": {"url": Webhook.URL, "lookup_url": Webhook.LOOKUP, "secret": Webhook.SECRET},
}


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[House]:
    transports = {name: one.transport() for name, one in SYSTEMS.items()}
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports=transports) as house:
        for one in SYSTEMS.values():
            one.clock = house.services.clock
        yield house


async def connect(house: House, adapter: str, form: dict[str, str]) -> Connection:
    proven = await ops.prove(house.services, "harbour", adapter, form)
    async with house.services.database.tenant("harbour") as scope:
        made, _ = await ops.keep_proven(scope, house.services, proven)
    return made


async def test_systems_are_connected_and_written_to(house: House) -> None:
    accounts = {}
    for adapter, form in FORMS.items():
        made = await connect(house, adapter, form)
        accounts[adapter] = made.account
        assert not {"key", "secret"} & set(made.settings)
        async with opened(house.services, "harbour", made.id) as found:
            known = await found.adapter.upsert_customer("call_1/customer", NEW)
            again = await found.adapter.find_customer(phone=NEW.phones[0])
            assert again is not None
            assert again.id == known.id
            await found.adapter.create_lead("call_1/lead", Lead(known.id, "Boiler", person=NEW))
        assert (SYSTEMS[adapter].count("customer"), SYSTEMS[adapter].count("lead")) == (1, 1)
    assert accounts == {"crm/fergus": "Brown & Ruru Plumbing", "crm/webhook": "crm.example.com"}


async def test_a_form_that_is_wrong_says_where(house: House) -> None:
    for adapter, field, value in (
        ("crm/fergus", "key", ""),
        ("crm/fergus", "job_type", "Service"),
        ("crm/webhook", "url", "http://crm.example.com"),
        ("crm/webhook", "url", "https://crm.example.com/a b"),
        ("crm/webhook", "secret", "short"),
        ("crm/webhook", "lookup_url", "ftp://crm.example.com"),
    ):
        with pytest.raises(Invalid) as caught:
            await connect(house, adapter, {**FORMS[adapter], field: value})
        assert [one.path for one in caught.value.faults] == [f"fields.{field}"], value
