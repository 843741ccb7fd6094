"""What is the webhook's own: signatures that any library takes, ids by which a repeat is dropped, answers, questions, its how-to."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from starlette.responses import JSONResponse, PlainTextResponse, Response
from tests.conformance.business_suite import HOUR, NEW, NOW, VISIT
from tests.paperwork.over import over

from offhook.adapters.crm.webhook import Webhook as Adapter
from offhook.adapters.model import Appointment, Context, Customer, Job, Lead, Money, Note, Ref
from offhook.adapters.once import mark_of
from offhook.errors import AdapterConflict, AdapterNotFound, AdapterRejected, AdapterUnauthorized, AdapterUnavailable
from offhook.testing.business.webhook import Webhook
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
SETTINGS = {"url": Webhook.URL, "lookup_url": Webhook.LOOKUP, "secret": Webhook.SECRET}
HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "connect-webhook.md"
VISIT_OF = Appointment("Mia", VISIT, VISIT + HOUR, "Boiler", customer="812", job="j-3")


@pytest.fixture
def anyio_backend() -> tuple[str, Any]:
    return VIRTUAL_TIME


@pytest.fixture
def sim() -> Webhook:
    return Webhook()


@pytest.fixture
def adapter(sim: Webhook) -> Adapter:
    return over(sim, Adapter, settings=SETTINGS)


async def test_any_library_of_the_standard_takes_the_signature(sim: Webhook, adapter: Adapter) -> None:
    adapter.http.now = lambda: datetime.now(UTC)
    sim.clock = adapter.http.now
    await adapter.create_lead("call_1/lead", Lead("812", "Zoë's boiler – 你好", person=NEW))
    (seen,) = sim.log
    message = standardwebhooks.Webhook(Webhook.SECRET).verify(seen.body, dict(seen.headers))
    assert message["type"] == "lead.created"
    assert message["data"]["title"] == "Zoë's boiler – 你好"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(Webhook.SECRET).verify(seen.body + b" ", dict(seen.headers))


@pytest.mark.parametrize("secret", ["whsec_" + "QUFB" * 8, "a plain secret of four and twenty"])
async def test_the_secret_signs_in_both_forms(sim: Webhook, secret: str) -> None:
    sim.secret = secret
    adapter = over(sim, Adapter, settings={**SETTINGS, "secret": secret})
    await adapter.verify()
    sim.secret = "another secret of four and twenty"
    with pytest.raises(AdapterUnauthorized):
        await adapter.verify()
    assert secret.encode() not in b"".join(one.body + repr(one.headers).encode() for one in sim.log)


async def test_a_repeat_has_the_same_id_and_another_write_has_not(sim: Webhook, adapter: Adapter) -> None:
    ref = await adapter.create_appointment("call_1/visit", VISIT_OF)
    adapter.http.now = lambda: NOW + timedelta(seconds=90)
    assert await adapter.create_appointment("call_1/visit", VISIT_OF) == ref
    await adapter.reschedule("call_1/visit", ref.id, replace(VISIT_OF, resource="Tane"))
    ids = [one.headers["webhook-id"] for one in sim.log]
    assert ids[0] == ids[1] != ids[2]
    assert sim.log[0].headers["webhook-timestamp"] != sim.log[1].headers["webhook-timestamp"]
    assert sim.count("appointment") == 1
    await adapter.find_customer(phone=NEW.phones[0])
    adapter.http.now = lambda: NOW + timedelta(seconds=91)
    await adapter.find_customer(phone=NEW.phones[0])
    assert sim.log[-1].headers["webhook-id"] != sim.log[-2].headers["webhook-id"]


@pytest.mark.parametrize(
    ("answer", "id", "url"),
    [
        (JSONResponse({"id": "812", "url": "https://crm.example.com/812"}), "812", "https://crm.example.com/812"),
        (JSONResponse({"id": 812}), "812", ""),
        (JSONResponse({"url": "http://crm.example.com/812"}), "", ""),
        (JSONResponse({"id": "812", "url": "javascript:alert(1)"}), "812", ""),
        (JSONResponse({"id": "812", "url": "https://" + "x" * 3_000}), "812", ""),
        (JSONResponse({"id": "8" * 201}), "", ""),
        (JSONResponse({"id": True}), "", ""),
        (JSONResponse({"id": ["812"], "url": {}}), "", ""),
        (JSONResponse([1]), "", ""),
        (JSONResponse(None), "", ""),
        (PlainTextResponse("OK"), "", ""),
        (Response(status_code=204), "", ""),
    ],
)
async def test_an_answer_may_give_an_id_and_a_page(
    sim: Webhook, adapter: Adapter, monkeypatch: pytest.MonkeyPatch, answer: Response, id: str, url: str
) -> None:
    monkeypatch.setattr(sim, "_inner", answer)
    assert await adapter.create_job("k", Job("812", "Boiler")) == Ref("job", id or mark_of("k"), url)
    assert json.loads(sim.log[0].body)["data"]["ref"] == mark_of("k")


async def test_a_time_that_is_taken_is_a_conflict(sim: Webhook, adapter: Adapter) -> None:
    sim.refuses_taken = True
    ref = await adapter.create_appointment("a", VISIT_OF)
    with pytest.raises(AdapterConflict):
        await adapter.create_appointment("b", VISIT_OF)
    other = await adapter.create_appointment("c", replace(VISIT_OF, resource="Tane"))
    with pytest.raises(AdapterConflict):
        await adapter.reschedule("d", other.id, VISIT_OF)
    await adapter.cancel("e", ref.id)
    await adapter.reschedule("f", other.id, VISIT_OF)


async def test_without_a_second_address_nothing_is_asked(sim: Webhook) -> None:
    adapter = over(sim, Adapter, settings={one: value for one, value in SETTINGS.items() if one != "lookup_url"})
    assert await adapter.find_customer(phone=NEW.phones[0]) is None
    assert await adapter.get_context("812") == Context(Customer("812"))
    assert not sim.log


@pytest.mark.parametrize("missing", ["url", "secret"])
async def test_without_an_address_or_secret_nothing_is_sent(sim: Webhook, missing: str) -> None:
    adapter = over(sim, Adapter, settings={one: value for one, value in SETTINGS.items() if one != missing})
    with pytest.raises(AdapterRejected):
        await adapter.create_job("k", Job("812", "Boiler"))
    assert not sim.log


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"customer": []},
        {"customer": {"name": "no id"}},
        {"customer": {"id": "1", "name": {"first": "M"}}},
        {"customer": {"id": "1", "phones": "+44"}},
        {"customer": {"id": "1"}, "jobs": [7]},
        {"customer": {"id": "1"}, "next_appointment": {"id": "v"}},
        {"customer": {"id": "1"}, "next_appointment": {"id": "v", "start": "2031-02-06T13:30:00", "end": "2031-02-06T14:30:00"}},
        {"customer": {"id": "1"}, "balance": {"amount": "much", "currency": "GBP"}},
        {"customer": {"id": "1"}, "balance": {"amount": "1"}},
        {"customer": {"id": "1"}, "balance": {"amount": "NaN", "currency": "GBP"}},
    ],
)
async def test_an_answer_in_another_form_is_no_answer(
    sim: Webhook, adapter: Adapter, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr(sim, "_inner", JSONResponse(answer))
    with pytest.raises(AdapterUnavailable) as caught:
        await adapter.get_context("1")
    assert "no id" not in caught.value.public


async def test_all_that_an_answer_may_tell_is_read_and_cut(sim: Webhook, adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "customer": {"id": 812, "name": "M" * 9_000, "phones": ["07700 900123"] * 80, "url": "https://crm.example.com/812"},
        "jobs": [{"id": "j", "title": "Boiler"}] * 80,
        "next_appointment": {"id": "v-17", "start": "2031-02-06T13:30:00+01:00", "end": "2031-02-06T14:30:00+01:00"},
        "balance": {"amount": "120.50", "currency": "GBP"},
        "notes": ["Dog"] * 80,
    }
    monkeypatch.setattr(sim, "_inner", JSONResponse(told))
    known = await adapter.get_context("812")
    assert (len(known.customer.name), len(known.customer.phones), len(known.jobs), len(known.notes)) == (2_000, 50, 50, 50)
    assert known.customer.phones[0] == "+447700900123"
    assert known.balance is not None
    assert known.balance == Money(known.balance.amount, "GBP")
    assert str(known.balance.amount) == "120.50"
    assert known.next_appointment is not None
    assert known.next_appointment.start == datetime(2031, 2, 6, 12, 30, tzinfo=UTC)
    monkeypatch.setattr(sim, "_inner", JSONResponse({"customer": None}))
    with pytest.raises(AdapterNotFound):
        await adapter.get_context("812")


async def test_the_howto_has_every_message_as_it_is_sent(sim: Webhook, adapter: Adapter) -> None:
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: adapter.upsert_customer("a", NEW),
        lambda: adapter.create_lead("b", Lead("812", "Boiler")),
        lambda: adapter.create_job("c", Job("812", "Boiler")),
        lambda: adapter.create_appointment("d", VISIT_OF),
        lambda: adapter.cancel("e", "v-17"),
        lambda: adapter.add_note("f", Note(Ref("job", "j-3"), "Boiler", "https://offhook.example", NOW)),
        lambda: adapter.find_customer(phone=NEW.phones[0]),
        lambda: adapter.get_context("customer-1"),
    ]
    for one in writes:
        await one()
    sent = {message["type"]: message["data"] for message in (json.loads(one.body) for one in sim.log)}
    blocks = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", HOWTO.read_text(encoding="utf-8"), flags=re.DOTALL)]
    told = {one["type"]: one["data"] for one in blocks if "type" in one}
    assert set(told) == set(sent)
    for name, data in told.items():
        assert list(data) == list(sent[name]), name
    answers = [one for one in blocks if "type" not in one]
    assert len(answers) == 2
