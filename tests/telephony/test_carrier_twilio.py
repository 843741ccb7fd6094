"""Twilio by REST: what is asked of it, what it does with our documents, and a telephone that never rings twice."""

from __future__ import annotations

import base64
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import anyio
import httpx
import pytest
from tests.e2e.business import CALLER, DID, House, open_house
from tests.telephony.figures import figure
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response as SdkResponse
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from offhook.errors import AdapterError, AdapterNotFound, AdapterRateLimited, AdapterRejected, AdapterUnauthorized, AdapterUnavailable
from offhook.orchestrator.carriers.rest import placing
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.rest.port import CarrierRest, NewLeg
from offhook.orchestrator.carriers.rest.twilio import TwilioRest
from offhook.testing.carriers.exchange import Account, Call, Person
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
PUBLIC = "https://voice.example.com"
SID, TOKEN = "AC" + "a" * 32, "1" * 32
KEY, KEY_SECRET = "SK" + "b" * 32, "a-secret-of-the-api-key-9876"
PERSON = "+447700900777"
LEG = NewLeg(PERSON, DID, f"{PUBLIC}/answer", f"{PUBLIC}/status", "key-1")


class _Documents(httpx.AsyncBaseTransport):
    """Our webhooks, as a test wants them: a document for each path."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self.pages = dict(pages)
        self.forms: list[tuple[str, dict[str, str]]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl((await request.aread()).decode(), keep_blank_values=True))
        assert RequestValidator(TOKEN).validate(str(request.url), form, request.headers["x-twilio-signature"])
        self.forms.append((request.url.path, form))
        page = self.pages.get(request.url.path)
        return httpx.Response(200, text=f"<Response>{page or ''}</Response>") if page is not None else httpx.Response(204)


@dataclass(frozen=True, slots=True)
class Desk:
    """An orchestrator, the carrier, and the account that Harbour has there."""

    house: House
    carrier: TwilioCarrier
    account: Account
    id: str

    async def ask(self, what: Callable[[CarrierRest], Any]) -> Any:
        async with rest(self.house.services, "harbour", self.id) as opened:
            return await what(opened)

    @asynccontextmanager
    async def answered(self, **pages: str) -> AsyncIterator[_Documents]:
        """Calls go on, and our webhooks are these documents, by their paths."""
        documents = _Documents({f"/{name}": page for name, page in pages.items()})
        async with httpx.AsyncClient(transport=documents) as web, self.carrier.running():
            self.carrier.web = web
            yield documents


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    carrier = TwilioCarrier()
    transports = {"carrier/twilio": carrier.transport()}
    async with open_house(database_url, public_url=PUBLIC, transports=transports, end_grace_s=0.0) as house:
        carrier.web, carrier.clock = house.http, lambda: house.now[0]
        account = carrier.add_account(SID, TOKEN, keys={KEY: KEY_SECRET})
        carrier.add_number(account, DID, "Reception", VoiceUrl=f"{PUBLIC}/carriers/twilio/voice")
        made = await house.ask("POST", "/carrier-accounts", {"account_sid": SID, "auth_token": TOKEN})
        number = (await house.get("/numbers")).json()["data"][0]["id"]
        moved = await house.ask("PATCH", f"/numbers/{number}", {"carrier_account_id": made.json()["id"]}, If_Match="*")
        assert moved.status_code == 200, moved.text
        yield Desk(house, carrier, account, made.json()["id"])
        assert carrier.problems == []


class _Captured(HttpClient):  # type: ignore[misc]
    """The vendor's own library, kept from the network."""

    def __init__(self) -> None:
        super().__init__(logging.getLogger(__name__), is_async=False)
        self.sent: list[tuple[str, str, list[tuple[str, str]], object]] = []

    def request(
        self, method: str, url: str, params: Any = None, data: Any = None, headers: Any = None, auth: Any = None, *_: Any, **__: Any
    ) -> Any:
        pairs = [(name, str(one)) for name, value in (data or {}).items() for one in (value if isinstance(value, list) else [value])]
        self.sent.append((method, url, sorted(pairs), auth))
        return SdkResponse(200, "{}")


async def test_requests_are_those_of_the_vendors_own_library(desk: Desk) -> None:
    captured = _Captured()
    theirs = Client(SID, TOKEN, http_client=captured)
    call, number = "CA" + "0" * 31 + "9", "PN" + "0" * 31 + "9"
    events = ["initiated", "ringing", "answered", "completed"]
    places = {"url": LEG.answer_url, "method": "POST", "status_callback": LEG.status_url, "status_callback_method": "POST"}
    twiml = f'<Response><Play digits="ww1#" /><Redirect method="POST">{PUBLIC}/on</Redirect></Response>'
    for ask in (
        lambda: theirs.calls.create(to=PERSON, from_=DID, timeout=30, status_callback_event=events, machine_detection="Enable", **places),
        lambda: theirs.calls(call).update(status="completed"),
        lambda: theirs.calls(call).update(url=f"{PUBLIC}/next", method="POST"),
        lambda: theirs.calls(call).update(twiml=twiml),
        lambda: theirs.incoming_phone_numbers(number).update(
            voice_url=f"{PUBLIC}/v", voice_method="POST", voice_application_sid="", trunk_sid=""
        ),
    ):
        with contextlib.suppress(TwilioException, KeyError, TypeError):  # it makes nothing of an empty answer
            ask()  # type: ignore[no-untyped-call]
    full = replace(LEG, progress=True, machine_detection="detect")
    async with desk.answered():
        for mine in (
            lambda one: one.place(full),
            lambda one: one.hang_up(call),
            lambda one: one.redirect(call, f"{PUBLIC}/next"),
            lambda one: one.send_keys(call, "ww1#", f"{PUBLIC}/on"),
            lambda one: one.attach(number, f"{PUBLIC}/v"),
        ):
            with contextlib.suppress(AdapterNotFound):  # there is no such call
                await desk.ask(mine)
    seen = [
        (one.method, one.url, sorted(parse_qsl(one.body.decode(), keep_blank_values=True)), one.headers["authorization"])
        for one in desk.carrier.log
        if one.method == "POST"
    ]
    basic = f"Basic {base64.b64encode(f'{SID}:{TOKEN}'.encode()).decode()}"
    assert [(method, url, data, basic) for method, url, data, _ in captured.sent] == seen
    assert {auth for *_, auth in captured.sent} == {(SID, TOKEN)}
    figure(f"twilio REST: {len(seen)} of {len(captured.sent)} requests as the vendor's own library sends them")


async def test_an_api_key_signs_in_for_the_token(desk: Desk) -> None:
    with_key = {"api_key_sid": KEY, "api_key_secret": KEY_SECRET}
    assert (await desk.house.ask("PATCH", f"/carrier-accounts/{desk.id}", with_key, If_Match="*")).status_code == 200
    assert (await desk.ask(lambda one: one.standing())).ok
    user = base64.b64decode(desk.carrier.log[-1].headers["authorization"].partition(" ")[2]).decode()
    assert user == f"{KEY}:{KEY_SECRET}"


async def test_a_placed_call_plays_the_document_that_we_answer_with(desk: Desk) -> None:
    desk.carrier.people[PERSON] = Person(machine=True)
    async with desk.answered(answer="<Say>Your visit is at nine.</Say><Hangup/>", status="") as pages:
        call = await desk.ask(lambda one: one.place(replace(LEG, machine_detection="message_end")))
        leg = desk.carrier.calls[call]
        await leg.over.wait()
        await desk.carrier.until(lambda: len(pages.forms) == 3)
    assert leg.heard == ["say: Your visit is at nine."]
    assert sorted(path for path, _ in pages.forms) == ["/answer", "/status", "/status"]
    [answer] = [form for path, form in pages.forms if path == "/answer"]
    assert answer["AnsweredBy"] == "machine_end_beep"


@pytest.mark.parametrize("does", ["busy", "no-answer", "failed"])
async def test_what_a_person_does_who_does_not_answer(desk: Desk, does: Any) -> None:
    desk.carrier.people[PERSON] = Person(does)
    async with desk.answered(answer="<Hangup/>", status="") as pages:
        leg = desk.carrier.calls[await desk.ask(lambda one: one.place(LEG))]
        await leg.over.wait()
        await desk.carrier.until(lambda: any(form["CallStatus"] == does for _, form in pages.forms))
    assert leg.status == does
    assert "/answer" not in [path for path, _ in pages.forms]


async def test_hanging_up_and_redirecting_a_live_call(desk: Desk) -> None:
    desk.carrier.people[PERSON] = Person(rings=anyio.Event())
    async with desk.answered(answer="<Dial><Conference>room</Conference></Dial>", next="<Say>Hello again.</Say>", status=""):
        ringing = await desk.ask(lambda one: one.place(LEG))
        with pytest.raises(AdapterNotFound):  # nobody has answered: there is nothing to redirect
            await desk.ask(lambda one: one.redirect(ringing, f"{PUBLIC}/next"))
        await desk.ask(lambda one: one.hang_up(ringing))
        assert desk.carrier.calls[ringing].status == "canceled"
        desk.carrier.people[PERSON] = Person()
        live = desk.carrier.calls[await desk.ask(lambda one: one.place(replace(LEG, key="key-2")))]
        await desk.carrier.until(lambda: live.conference)
        await desk.ask(lambda one: one.redirect(live.sid, f"{PUBLIC}/next"))
        await live.over.wait()
        assert live.heard == ["say: Hello again."]
        for _ in range(2):  # gone is gone
            await desk.ask(lambda one: one.hang_up(live.sid))
        await desk.ask(lambda one: one.hang_up("CA" + "f" * 32))
        with pytest.raises(AdapterNotFound):
            await desk.ask(lambda one: one.redirect(live.sid, f"{PUBLIC}/next"))


async def test_keys_are_pressed_and_the_call_goes_on(desk: Desk) -> None:
    desk.carrier.people[PERSON] = Person()
    async with desk.answered(answer="<Dial><Conference>room</Conference></Dial>", on="<Hangup/>", status=""):
        live = desk.carrier.calls[await desk.ask(lambda one: one.place(LEG))]
        await desk.carrier.until(lambda: live.conference)
        for keys in (("12", ""), ("", f"{PUBLIC}/on"), ("1x", f"{PUBLIC}/on")):
            async with rest(desk.house.services, "harbour", desk.id) as opened:
                with pytest.raises(AdapterRejected):
                    await opened.send_keys(live.sid, *keys)
        assert live.conference == "room"
        await desk.ask(lambda one: one.send_keys(live.sid, "w12#", f"{PUBLIC}/on"))
        await live.over.wait()
    assert live.heard == ["keys: w12#"]


async def test_a_lost_answer_never_rings_twice(desk: Desk) -> None:
    """The request arrived, its answer did not: the call is found in the carrier's list. The request never arrived: it is made again."""
    desk.carrier.people[PERSON] = Person(rings=anyio.Event())
    async with desk.answered(answer="<Hangup/>", status=""):
        desk.carrier.faults.planned = ["lost"]
        first = await desk.ask(lambda one: one.place(LEG))
        assert first == await desk.ask(lambda one: one.place(LEG))
        assert len(desk.carrier.calls) == 1
        # Another call to the same person: its own key, its own call.
        desk.carrier.faults.planned = ["lost"]
        second = await desk.ask(lambda one: one.place(replace(LEG, key="key-2")))
        assert len({first, second}) == len(desk.carrier.calls) == 2
        # The answer is lost and the carrier is silent for a while: the same key finds the call later.
        desk.carrier.faults.planned = ["lost", "500", "500", "500"]
        third = replace(LEG, key="key-3")
        with pytest.raises(AdapterUnavailable):
            await desk.ask(lambda one: one.place(third))
        assert await desk.ask(lambda one: one.place(third)) in set(desk.carrier.calls) - {first, second}
        assert len(desk.carrier.calls) == 3
        # A webhook names the key first.
        desk.carrier.faults.planned = ["dropped"]
        fourth = replace(LEG, key="key-4")
        with pytest.raises(AdapterUnavailable):
            await desk.ask(lambda one: one.place(fourth))
        with pytest.raises(AdapterUnavailable):  # it may still be on its way
            await desk.ask(lambda one: one.place(fourth))
        assert len(desk.carrier.calls) == 3
        desk.house.now[0] += placing.SETTLE
        assert await desk.ask(lambda one: one.place(fourth)) == list(desk.carrier.calls)[3]
        desk.carrier.faults.planned = ["dropped"]
        fifth = replace(LEG, key="key-5")
        with pytest.raises(AdapterUnavailable):
            await desk.ask(lambda one: one.place(fifth))
        async with desk.house.services.database.tenant("harbour") as scope:
            assert not await placing.placed(scope, "key-5", first)
            assert await placing.placed(scope, "key-5", "CA-told")
        assert await desk.ask(lambda one: one.place(fifth)) == "CA-told"
    figure(f"twilio placed: {len(desk.carrier.calls)} calls rang for 4 keys whose answers or requests were lost (4 wanted)")
    assert len(desk.carrier.calls) == 4


async def test_one_key_is_placed_once_by_many_at_once(desk: Desk) -> None:
    desk.carrier.people[PERSON] = Person(rings=anyio.Event())
    got: list[str] = []
    late = 0

    async def place() -> None:
        nonlocal late
        try:
            got.append(await desk.ask(lambda one: one.place(LEG)))
        except AdapterUnavailable:
            late += 1

    async with desk.answered(), anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(place)
    assert len(desk.carrier.calls) == 1
    assert len(set(got)) == 1
    assert len(got) + late == 8


async def test_a_refusal_is_typed_and_may_be_tried_again(desk: Desk) -> None:
    refusals: list[tuple[Callable[[CarrierRest], Any], type[AdapterError]]] = [
        (lambda one: one.place(replace(LEG, caller_id="+442079469999")), AdapterRejected),
        (lambda one: one.place(replace(LEG, to="+1")), AdapterRejected),
        (lambda one: one.number("PN" + "f" * 32), AdapterNotFound),
    ]
    for ask, error in refusals:
        with pytest.raises(error):
            await desk.ask(ask)
    async with desk.answered():
        desk.carrier.faults.planned = ["429", "429", "429"]
        with pytest.raises(AdapterRateLimited):
            await desk.ask(lambda one: one.place(LEG))
        assert desk.carrier.calls == {}
        desk.carrier.people[PERSON] = Person(rings=anyio.Event())
        assert await desk.ask(lambda one: one.place(LEG)) in desk.carrier.calls  # the same key: nothing had rung
    desk.account.token = "2" * 32
    with pytest.raises(AdapterUnauthorized):
        await desk.ask(lambda one: one.numbers())
    with pytest.raises(AdapterUnauthorized):  # the platform has no account of its own here
        async with rest(desk.house.services, "harbour", None):
            pass


async def test_numbers_are_listed_over_pages_and_attached(desk: Desk) -> None:
    dids = [f"+4420794602{number:02}" for number in range(12)]
    for did in dids:
        desk.carrier.add_number(desk.account, did, VoiceApplicationSid="AP" + "0" * 32, VoiceFallbackUrl="https://twimlets.example.com/f")
    desk.carrier.add_number(desk.account, "+442079460300", NoVoice="true")
    desk.carrier.page_size = 5
    found = {one.did: one for one in await desk.ask(lambda one: one.numbers())}
    assert set(found) == {DID, *dids}
    first = found[dids[0]]
    assert (first.used_by, first.voice_url, first.fallback_url) == ("application", "", "https://twimlets.example.com/f")
    url = f"{PUBLIC}/carriers/twilio/voice"
    assert (await desk.ask(lambda one: one.attach(first.id, url))) == await desk.ask(lambda one: one.number(first.id))
    after = await desk.ask(lambda one: one.number(first.id))
    assert (after.used_by, after.voice_url, after.fallback_url) == ("", url, first.fallback_url)


async def test_a_caller_is_taken_and_their_media_connected(desk: Desk) -> None:
    """The whole of a call, from the number's webhook to the stream and to what follows it."""
    streams: list[dict[str, str]] = []

    async def media(call: Call, url: str, parameters: Mapping[str, str]) -> None:
        streams.append({"url": url, **parameters})

    desk.carrier.media = media
    desk.carrier.people["+442079460001"] = Person(stays=False)
    async with desk.carrier.running():
        call = desk.carrier.ring(DID, CALLER)
        await call.over.wait()
    assert streams[0]["url"] == "wss://voice.example.com/media/twilio"
    assert (streams[0]["did"], streams[0]["caller"]) == (DID, CALLER)
    assert [url.removeprefix(PUBLIC) for url, _ in call.asked][:2] == ["/carriers/twilio/voice", "/carriers/twilio/after"]
    stray = desk.carrier.add_number(desk.account, "+442079460999", VoiceUrl=f"{PUBLIC}/carriers/twilio/voice")
    async with desk.carrier.running():
        lost = desk.carrier.ring(stray.did)
        await lost.over.wait()
    assert not lost.answered.is_set()
    assert desk.carrier.problems == [f"11200: {PUBLIC}/carriers/twilio/voice answers 403"]  # nobody's number, nobody's signature
    desk.carrier.problems.clear()


def test_the_ledger_waits_longer_than_a_request_lasts() -> None:
    from offhook.adapters.http import WRITE_S

    assert timedelta(seconds=WRITE_S) < placing.SETTLE
    assert TwilioRest.kind == "twilio"
