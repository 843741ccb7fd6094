"""Twilio's webhooks, signed by Twilio's own library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from xml.etree import ElementTree as Xml

import pytest
from tests.e2e.business import CALLER, DID, OTHER_DID, House, open_house
from twilio.request_validator import RequestValidator

PUBLIC, TOKEN = "https://voice.example.com", "0123456789abcdef0123456789abcdef"
FORM = {"CallSid": "CA0001", "To": DID, "From": CALLER, "AccountSid": "AC1", "CallStatus": "ringing"}


@pytest.fixture
async def carrier(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, public_url=PUBLIC, twilio_auth_token=TOKEN, end_grace_s=0.3) as house:
        yield house


async def _ring(house: House, path: str = "/carriers/twilio/voice", **changes: str) -> Xml.Element:
    form = FORM | changes
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, form)
    answer = await house.http.post(path, data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/xml")
    return Xml.fromstring(answer.text)  # noqa: S314 - our own answer


async def test_a_call_is_connected_with_a_token_that_works_once(carrier: House) -> None:
    twiml = await _ring(carrier)
    assert [verb.tag for verb in twiml] == ["Connect", "Say", "Hangup"]
    assert twiml[0].get("action") == f"{PUBLIC}/carriers/twilio/after"
    (stream,) = twiml[0]
    assert stream.get("url") == "wss://voice.example.com/media/twilio"
    parameters = {one.get("name"): one.get("value") for one in stream}
    assert (parameters["did"], parameters["caller"]) == (DID, CALLER)
    token = str(parameters["token"])
    ask = {"transport": "twilio", "carrier_call": "CA0001", "token": token, "did": OTHER_DID, "caller": "+15005550006"}

    async def refused(call: str, **changes: str) -> bool:
        answer = await carrier.post("/v1/plans", {"call": call, **ask, **changes})
        return answer.status_code == 404 and answer.json()["reason"] == "bad_token"

    assert await refused("c1", carrier_call="CA0002")
    assert await refused("c1", token=token + "x")
    assert await refused("c1", token="")
    plan = await carrier.plan("c1", **ask)
    assert plan["ref"] == "harbour/front-desk"  # the carrier's word, not that of whoever opened the socket
    assert plan["given"]["caller_number"] == CALLER
    assert (await carrier.plan("c1", **ask))["call"] == "c1"  # the same call may ask again
    assert await refused("c2")
    again = await _ring(carrier, CallSid="CA0003")
    late = str(again[0][0][0].get("value"))
    carrier.now[0] += timedelta(seconds=61)
    assert await refused("c3", carrier_call="CA0003", token=late)


async def test_tokens_are_not_kept_in_the_clear(carrier: House) -> None:
    token = str((await _ring(carrier))[0][0][0].get("value"))
    [(kept,)] = await carrier.look("select media_token::text from media_token")
    assert token not in kept


async def test_numbers_of_nobody_and_of_a_tenant_with_a_fallback(carrier: House) -> None:
    assert [verb.tag for verb in await _ring(carrier, To="+442079469999")] == ["Reject"]
    twiml = await _ring(carrier, To=OTHER_DID)
    assert [verb.tag for verb in twiml] == ["Connect", "Dial"]
    assert twiml[1].text == "+441134960001"


async def test_unsigned_and_wrongly_signed_requests(carrier: House, database_url: str) -> None:
    path = "/carriers/twilio/voice"
    good = RequestValidator(TOKEN).compute_signature(PUBLIC + path, FORM)
    for signature, form in (("", FORM), (good[:-2] + "A=", FORM), (good, FORM | {"To": OTHER_DID}), (good, FORM | {"Extra": "1"})):
        assert (await carrier.http.post(path, data=form, headers={"X-Twilio-Signature": signature})).status_code == 403
    elsewhere = RequestValidator(TOKEN).compute_signature("http://orchestrator" + path, FORM)  # what Host says counts for nothing
    assert (await carrier.http.post(path, data=FORM, headers={"X-Twilio-Signature": elsewhere})).status_code == 403
    assert (await carrier.http.post(path, data=FORM)).status_code == 403
    async with open_house(database_url) as unset:  # neither token nor address: nobody passes
        empty = RequestValidator("").compute_signature(path, FORM)
        assert (await unset.http.post(path, data=FORM, headers={"X-Twilio-Signature": empty})).status_code == 403
    async with open_house(database_url, unsigned_carriers=True, media_url="ws://127.0.0.1:1/media/twilio") as development:
        answer = await development.http.post(path, data=FORM)
        assert answer.status_code == 200
        assert Xml.fromstring(answer.text)[0][0].get("url") == "ws://127.0.0.1:1/media/twilio"  # noqa: S314 - our own answer


async def test_after_a_proper_end_hang_up_else_fall_back(carrier: House) -> None:
    after = "/carriers/twilio/after"
    assert [verb.tag for verb in await _ring(carrier, after, To=OTHER_DID)] == ["Dial"]  # the media never came to an engine
    token = str((await _ring(carrier, "/carriers/twilio/voice"))[0][0][0].get("value"))
    await carrier.plan("c1", transport="twilio", carrier_call="CA0001", token=token)
    assert [verb.tag for verb in await _ring(carrier, after)] == ["Say", "Record", "Say", "Hangup"]  # no last event
    await carrier.event(2, "call.ended", reason="finished", outcome="booked", seconds=1)
    assert [verb.tag for verb in await _ring(carrier, after)] == ["Hangup"]
    token = str((await _ring(carrier, "/carriers/twilio/voice", CallSid="CA0009"))[0][0][0].get("value"))
    await carrier.plan("c9", transport="twilio", carrier_call="CA0009", token=token)
    await carrier.event(2, "call.ended", call="c9", reason="failed", outcome="failed", seconds=1)
    assert [verb.tag for verb in await _ring(carrier, after, CallSid="CA0009")] == ["Say", "Record", "Say", "Hangup"]
