"""Webhooks of numbers that have a carrier account of their own, and of numbers that nobody may ring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from xml.etree import ElementTree as Xml

import httpx
import pytest
from tests.e2e.business import ADMIN, CALLER, DID, OTHER_DID, House, open_house
from twilio.request_validator import RequestValidator

PUBLIC = "https://voice.example.com"
PLATFORM = "0123456789abcdef0123456789abcdef"
OURS, THEIRS = "11111111111111111111111111111111", "22222222222222222222222222222222"
SID, OTHER_SID = "AC" + "a" * 32, "AC" + "b" * 32
VOICE = "/carriers/twilio/voice"


@pytest.fixture
async def carrier(database_url: str) -> AsyncIterator[House]:
    """Harbour has an account of its own, Quayside another; a third number of Harbour's is the platform's."""
    async with open_house(database_url, public_url=PUBLIC, twilio_auth_token=PLATFORM, end_grace_s=0.0) as house:
        for tenant, sid, token in (("harbour", SID, OURS), ("quayside", OTHER_SID, THEIRS)):
            account = await house.ask("POST", "/carrier-accounts", {"account_sid": sid, "auth_token": token}, tenant=tenant)
            number = (await house.get("/numbers", tenant=tenant)).json()["data"][0]["id"]
            change = {"carrier_account_id": account.json()["id"]}
            assert (await house.ask("PATCH", f"/numbers/{number}", change, tenant=tenant, If_Match="*")).status_code == 200
        await house.ask("POST", "/numbers", {"did": "+442079460111", "agent_id": "front-desk"})
        yield house


async def _post(house: House, token: str, path: str = VOICE, **changes: str) -> httpx.Response:
    form = {"CallSid": "CA1", "To": DID, "From": CALLER, "AccountSid": SID} | changes
    signature = RequestValidator(token).compute_signature(PUBLIC + path, form)
    return await house.http.post(path, data=form, headers={"X-Twilio-Signature": signature})


async def _tags(house: House, token: str, **changes: str) -> list[str]:
    answer = await _post(house, token, **changes)
    assert answer.status_code == 200, answer.text
    return [verb.tag for verb in Xml.fromstring(answer.text)]  # noqa: S314 - our own answer


async def test_each_number_is_signed_by_its_own_account(carrier: House) -> None:
    assert (await _tags(carrier, OURS))[0] == "Connect"
    assert (await _tags(carrier, THEIRS, To=OTHER_DID, AccountSid=OTHER_SID))[0] == "Connect"
    assert (await _tags(carrier, PLATFORM, To="+442079460111", AccountSid="AC" + "c" * 32))[0] == "Connect"
    assert (await _post(carrier, OURS, "/carriers/twilio/after")).status_code == 200


async def test_every_refusal_looks_the_same(carrier: House) -> None:
    refusals = [
        await _post(carrier, PLATFORM),  # the platform's secret does not speak for a tenant's account
        await _post(carrier, THEIRS),  # another tenant's
        await _post(carrier, THEIRS, AccountSid=OTHER_SID),
        await _post(carrier, OURS, AccountSid=OTHER_SID),  # signed, but of another account
        await _post(carrier, OURS, To=OTHER_DID),
        await _post(carrier, OURS, To="+442079460111"),
        await _post(carrier, OURS, To="+442079469999"),  # nobody's number
        await _post(carrier, OURS, To="client:somebody"),
        await _post(carrier, "", To=""),
        await _post(carrier, OURS, "/carriers/twilio/after", To=OTHER_DID),
        await carrier.http.post(VOICE, data={"To": DID}),
    ]
    assert {answer.status_code for answer in refusals} == {403}
    assert len({answer.text for answer in refusals}) == 1
    assert len({tuple(sorted(answer.headers.keys())) for answer in refusals}) == 1
    assert await carrier.look("select * from placement") == []


async def test_a_changed_secret_counts_at_once(carrier: House) -> None:
    account = (await carrier.get("/carrier-accounts")).json()["data"][0]["id"]
    fresh = "3" * 32
    assert (await carrier.ask("PATCH", f"/carrier-accounts/{account}", {"auth_token": fresh}, If_Match="*")).status_code == 200
    assert (await _post(carrier, OURS)).status_code == 403
    assert (await _tags(carrier, fresh))[0] == "Connect"


async def test_calls_that_are_refused_before_they_are_answered_are_counted(carrier: House) -> None:
    assert await _tags(carrier, PLATFORM, To="+442079469999") == ["Reject"]
    assert await _tags(carrier, PLATFORM, To="+442079469999") == ["Reject"]
    assert await _tags(carrier, PLATFORM, To="client:x") == ["Reject"]
    strays = await carrier.look("select did, count from stray_call order by did")
    assert [tuple(row) for row in strays] == [("", 1), ("+442079469999", 2)]
    number = f"num_{DID[1:]}"
    assert (await carrier.ask("PATCH", f"/numbers/{number}", {"enabled": False}, If_Match="*")).status_code == 200
    assert await _tags(carrier, OURS) == ["Reject"]
    assert (await carrier.post("/v1/plans", {"call": "c1", "transport": "loopback", "did": DID})).json()["reason"] == "unknown_number"
    assert (await carrier.ask("PATCH", f"/numbers/{number}", {"enabled": True}, If_Match="*")).status_code == 200
    for what in ("update tenant set suspended = {} where id = 'harbour'", "update reseller set suspended = {} where id = 'direct'"):
        await carrier.look(what.format("true"))
        assert await _tags(carrier, OURS) == ["Reject"]
        assert (await carrier.post("/v1/plans", {"call": "c1", "transport": "loopback", "did": DID})).json()["reason"] == "suspended"
        await carrier.look(what.format("false"))
    use = next(one for one in (await carrier.get("/lines")).json()["numbers"] if one["did"] == DID)
    assert use["refused"] == {"disabled": 2, "suspended": 4}
    assert (await carrier.http.get("/v1/tenants/quayside/lines", headers=ADMIN)).json()["numbers"][0]["refused"] == {}


async def test_a_number_that_moved_takes_no_media_of_its_old_owner(carrier: House) -> None:
    twiml = Xml.fromstring((await _post(carrier, OURS)).text)  # noqa: S314 - our own answer
    token = str(twiml[0][0][0].get("value"))
    await carrier.ask("DELETE", f"/numbers/num_{DID[1:]}", If_Match="*")
    assert (await carrier.ask("POST", "/numbers", {"did": DID, "agent_id": "front-desk"}, tenant="quayside")).status_code == 201
    ask = {"call": "c1", "transport": "twilio", "carrier_call": "CA1", "token": token}
    assert (await carrier.post("/v1/plans", ask)).json()["reason"] == "unknown_number"


@pytest.mark.parametrize(
    "content",
    [b"a=" + b"x" * 70_000, b"&".join(b"a=1" for _ in range(300)), "To=\u00e9".encode(), b"CallSid=CA1"],
    ids=["large", "many", "raw", "unsigned"],
)
async def test_forms_that_no_carrier_sends(carrier: House, content: bytes) -> None:
    answer = await carrier.http.post(VOICE, content=content, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == (403 if content == b"CallSid=CA1" else 422)


async def test_a_signed_form_with_what_cannot_be_stored(carrier: House) -> None:
    assert (await _post(carrier, OURS, CallSid="CA\x00")).status_code == 422
    assert (await _post(carrier, OURS, CallSid="")).status_code == 422
    assert (await _post(carrier, OURS, From="+44 \u00e9\u4e2d & <Dial>")).status_code == 200
