"""Telnyx, Plivo and SignalWire by REST: the same things asked of each, and a telephone that never rings twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from tests.e2e.business import DID, House, open_house
from tests.telephony.figures import figure

from offhook.errors import AdapterError, AdapterNotFound, AdapterRejected, AdapterUnauthorized, AdapterUnavailable
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.rest.port import CarrierRest, NewLeg
from offhook.testing.business.base import Simulator
from offhook.testing.carriers.exchange import Person
from offhook.testing.carriers.plivo import PlivoCarrier
from offhook.testing.carriers.telnyx import TelnyxCarrier
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
PUBLIC = "https://voice.example.com"
UUID, SECRET = "61bf923e-5e4d-4595-a110-56190ea18a1b", "KEY" + "1" * 40
PERSON, NEW = "+447700900777", "+442079460555"
LEG = NewLeg(PERSON, DID, f"{PUBLIC}/answer", f"{PUBLIC}/status", "key-1")
ACCOUNTS: dict[str, dict[str, str]] = {
    "telnyx": {"account_sid": UUID, "public_key": "A" * 43 + "=", "application_id": "1293384261075731499"},
    "plivo": {"account_sid": "MAXXXXXXXXXXXXXXXXXX", "application_id": "1101234567890"},
}


@dataclass(frozen=True, slots=True)
class Desk:
    house: House
    carrier: Any
    id: str

    async def ask(self, what: Callable[[CarrierRest], Any]) -> Any:
        async with rest(self.house.services, "harbour", self.id) as opened:
            return await what(opened)


@asynccontextmanager
async def _open(database_url: str, carrier: Simulator, body: dict[str, str]) -> AsyncIterator[Desk]:
    kind = body["kind"]
    async with open_house(database_url, public_url=PUBLIC, transports={f"carrier/{kind}": carrier.transport()}) as house:
        carrier.clock = lambda: house.now[0]
        made = await house.ask("POST", "/carrier-accounts", body)
        assert made.status_code == 201, made.text
        yield Desk(house, carrier, made.json()["id"])


@pytest.fixture(params=["telnyx", "plivo"])
async def desk(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    given = ACCOUNTS[request.param]
    carrier: Any
    if request.param == "telnyx":
        carrier = TelnyxCarrier(given["account_sid"], SECRET)
        carrier.add_number(DID)
        carrier.add_number(NEW, "other-connection")
    else:
        carrier = PlivoCarrier(given["account_sid"], SECRET)
        carrier.add_number(DID[1:])
        carrier.add_number(NEW[1:], "999")
    carrier.add_application(given["application_id"])
    async with _open(database_url, carrier, {"kind": request.param, "auth_token": SECRET, **given}) as opened:
        yield opened


async def test_calls_are_placed_redirected_pressed_keys_on_and_hung_up(desk: Desk) -> None:
    call = await desk.ask(lambda one: one.place(replace(LEG, progress=True, machine_detection="detect")))
    live = desk.carrier.calls[call]
    assert (live.to.lstrip("+"), live.from_.lstrip("+"), live.url) == (PERSON[1:], DID[1:], LEG.answer_url)
    await desk.ask(lambda one: one.redirect(call, f"{PUBLIC}/next"))
    await desk.ask(lambda one: one.send_keys(call, "w12#"))
    assert (live.url, live.keys) == (f"{PUBLIC}/next", ["w12#"])
    with pytest.raises(AdapterRejected):
        await desk.ask(lambda one: one.send_keys(call, "one"))
    for _ in range(2):
        await desk.ask(lambda one: one.hang_up(call))
    await desk.ask(lambda one: one.hang_up("nothing"))
    gone: list[Callable[[CarrierRest], Any]] = [lambda one: one.redirect(call, f"{PUBLIC}/next"), lambda one: one.send_keys(call, "1")]
    for ask in gone:
        with pytest.raises(AdapterNotFound):
            await desk.ask(ask)
    assert live.keys == ["w12#"]


async def test_a_lost_answer_never_rings_twice(desk: Desk) -> None:
    if isinstance(desk.carrier, TelnyxCarrier):
        desk.carrier.silent = True  # no id in the answer: found in the list
    desk.carrier.faults.planned = ["lost"]
    first = await desk.ask(lambda one: one.place(LEG))
    assert await desk.ask(lambda one: one.place(LEG)) == first
    second = await desk.ask(lambda one: one.place(replace(LEG, key="key-2")))
    assert first != second
    desk.carrier.faults.planned = ["dropped"]
    with pytest.raises(AdapterUnavailable):
        await desk.ask(lambda one: one.place(replace(LEG, key="key-3")))
    assert len(desk.carrier.calls) == 2
    figure(f"{desk.carrier.NAME} placed: 2 calls rang for 3 keys, of which one's request was lost (2 wanted)")


async def test_a_call_that_still_waits_is_taken_back(desk: Desk) -> None:
    if not isinstance(desk.carrier, PlivoCarrier):
        desk.carrier.silent = True
    else:
        desk.carrier.rings = True
    call = await desk.ask(lambda one: one.place(LEG))
    await desk.ask(lambda one: one.hang_up(call))
    assert not desk.carrier.calls[call].alive


async def test_numbers_are_listed_and_attached_by_the_application(desk: Desk) -> None:
    desk.carrier.page_size = 1
    found = {one.did: one for one in await desk.ask(lambda one: one.numbers())}
    assert set(found) == {DID, NEW}
    assert found[NEW].voice_url == ""
    assert found[NEW].used_by in {"connection", "application"}
    kind = desk.carrier.NAME.partition("/")[2]
    at = f"/carrier-accounts/{desk.id}/numbers/{found[NEW].id}/attach"
    attached = await desk.house.ask("POST", at, {"agent_id": "front-desk"})
    assert attached.status_code == 200, attached.text
    shown = attached.json()
    assert (shown["rings_here"], shown["voice_url"]) == (True, f"{PUBLIC}/carriers/{kind}/voice")
    assert shown["check"]["state"] == "ringing"
    [call] = desk.carrier.calls.values()
    assert (call.to.lstrip("+"), call.from_.lstrip("+")) == (NEW[1:], DID[1:])


async def test_refusals_are_typed(desk: Desk) -> None:
    refusals: list[tuple[Callable[[CarrierRest], Any], type[AdapterError]]] = [
        (lambda one: one.place(replace(LEG, caller_id="+442079469999")), AdapterError),
        (lambda one: one.number("nothing"), AdapterNotFound),
    ]
    for ask, error in refusals:
        with pytest.raises(error):
            await desk.ask(ask)
    assert desk.carrier.calls == {}
    assert (await desk.ask(lambda one: one.standing())).ok
    if isinstance(desk.carrier, PlivoCarrier):
        with pytest.raises(AdapterRejected):
            await desk.ask(lambda one: one.place(replace(LEG, machine_detection="message_end")))
    else:
        without = await desk.house.ask("PATCH", f"/carrier-accounts/{desk.id}", {"application_id": ""}, If_Match="*")
        assert without.json()["settings"] == {"public_key": "A" * 43 + "="}
        with pytest.raises(AdapterRejected):
            await desk.ask(lambda one: one.place(LEG))
        with pytest.raises(AdapterRejected):
            await desk.ask(lambda one: one.attach(next(iter(desk.carrier.numbers)), PUBLIC))
        number = next(key for key, one in desk.carrier.numbers.items() if one["phone_number"] == NEW)
        at = f"/carrier-accounts/{desk.id}/numbers/{number}/attach"
        assert (await desk.house.ask("POST", at, {"agent_id": "front-desk"})).status_code == 409
        assert NEW not in (await desk.house.get("/numbers")).text
    wrong = await desk.house.ask("PATCH", f"/carrier-accounts/{desk.id}", {"auth_token": "another-key-of-the-account"}, If_Match="*")
    assert wrong.status_code == 200
    with pytest.raises(AdapterUnauthorized):
        await desk.ask(lambda one: one.numbers())


async def test_signalwire_is_twilio_at_its_own_space(database_url: str) -> None:
    token = "PT" + "f" * 48
    carrier = TwilioCarrier()
    account = carrier.add_account(UUID, token)
    numbers = [carrier.add_number(account, did) for did in (DID, NEW)]
    carrier.page_size = 1
    seen: list[str] = []

    inner = carrier.transport()

    class Space(httpx.AsyncBaseTransport):
        """Its paths begin elsewhere."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.url.host)
            assert request.url.path.startswith("/api/laml/2010-04-01/")
            request.url = request.url.copy_with(raw_path=request.url.raw_path.removeprefix(b"/api/laml"))
            return await inner.handle_async_request(request)

    body = {"kind": "signalwire", "account_sid": UUID, "auth_token": "PSK_" + "2" * 30, "api_key_secret": token}
    carrier.people[PERSON] = Person("busy")
    async with (
        open_house(database_url, public_url=PUBLIC, transports={"carrier/signalwire": Space()}) as house,
        carrier.running(),
    ):
        made = await house.ask("POST", "/carrier-accounts", {**body, "space": "harbour.signalwire.com"})
        assert made.status_code == 201, made.text
        async with rest(house.services, "harbour", made.json()["id"]) as opened:
            assert [one.did for one in await opened.numbers()] == [DID, NEW]
            assert (await opened.attach(numbers[1].sid, f"{PUBLIC}/v")).voice_url == f"{PUBLIC}/v"
            assert await opened.place(LEG) in carrier.calls
    assert set(seen) == {"harbour.signalwire.com"}
    assert carrier.problems == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "telnyx", "account_sid": "AC" + "a" * 32, "public_key": "A" * 43 + "="}, "account_sid"),
        ({"kind": "telnyx", "account_sid": UUID, "public_key": "short"}, "public_key"),
        ({"kind": "telnyx", "account_sid": UUID}, ""),
        ({"kind": "signalwire", "account_sid": UUID, "api_key_secret": "PT" + "f" * 40, "space": "evil.example.com"}, "space"),
        ({"kind": "signalwire", "account_sid": UUID, "space": "a.signalwire.com"}, ""),
        ({"kind": "plivo", "account_sid": "MAXX"}, "account_sid"),
        ({"kind": "vonage", "account_sid": UUID, "api_key_secret": "s" * 20}, ""),
        ({"kind": "twilio", "account_sid": "AC" + "a" * 32, "public_key": "A" * 43 + "="}, "public_key"),
    ],
)
async def test_an_account_has_the_fields_of_its_carrier(database_url: str, body: dict[str, str], path: str) -> None:
    async with open_house(database_url) as house:
        answer = await house.ask("POST", "/carrier-accounts", {"auth_token": SECRET, **body})
        assert answer.status_code == 422
        assert not path or path in [one["path"] for one in answer.json()["errors"]]
