"""What comes to the edge unsigned, and tokens that are used twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from tests.e2e.business import DID, House, open_house
from tests.telephony.figures import figure
from twilio.request_validator import RequestValidator

from offhook.orchestrator.tolls.schemas import TollLimits

pytestmark = pytest.mark.telephony
PUBLIC, TOKEN = "https://voice.example.com", "0123456789abcdef0123456789abcdef"
FORM = {"CallSid": "CA1", "To": DID, "From": "+447700900123", "AccountSid": "AC" + "a" * 32}
VOICE = "/carriers/twilio/voice"


async def _signed(house: House) -> int:
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + VOICE, FORM)
    return (await house.http.post(VOICE, data=FORM, headers={"X-Twilio-Signature": signature})).status_code


async def test_an_address_that_sends_unsigned_webhooks_is_soon_not_listened_to(database_url: str, tmp_path: Path) -> None:
    async with open_house(database_url, tmp_path, public_url=PUBLIC, twilio_auth_token=TOKEN, bad_webhooks_per_minute=20) as house:
        assert await _signed(house) == 200
        answers = Counter([(await house.http.post(VOICE, data=FORM)).status_code for _ in range(50)])
        assert answers == {403: 10, 429: 40}
        figure(f"unsigned webhooks: of 50 from one address, {answers[429]} were refused before anything was looked up")
        house.now[0] += timedelta(minutes=1)
        assert await _signed(house) == 200
        assert [await _signed(house) for _ in range(30)] == [200] * 30  # what is signed is not counted


async def test_a_media_token_is_good_for_one_call(database_url: str, owner_url: str, tmp_path: Path) -> None:
    """telephony.md 1.1, openai-agents-python#5110: unauthenticated media sockets."""
    async with open_house(database_url, tmp_path, owner_url=owner_url, public_url=PUBLIC, unsigned_carriers=True) as house:
        answer = await house.http.post(VOICE, data=FORM)
        token = answer.text.partition('name="token" value="')[2].partition('"')[0]
        assert token

        async def plan(call: str, carrier_call: str, given: str) -> object:
            body = {"call": call, "transport": "twilio", "did": "", "caller": "", "carrier_call": carrier_call, "token": given}
            return (await house.post("/v1/plans", body)).json().get("reason")

        assert await plan("c1", "CA2", token) == "bad_token"  # another call of the carrier's
        assert await plan("c1", "CA1", token[:-1]) == "bad_token"
        assert await plan("c1", "CA1", token) is None
        assert await plan("c1", "CA1", token) is None  # the same call asks again: its answer may have been lost
        assert await plan("c2", "CA1", token) == "bad_token"
        assert len(await house.look("select id from call")) == 1


async def test_a_fallback_number_is_one_that_callers_can_be_sent_to(database_url: str, tmp_path: Path) -> None:
    async with open_house(database_url, tmp_path) as house:
        for number, said in (
            ("12", "not a phone number"),
            ("+449098790000", "premium"),
            ("+8816123456789", "satellite"),
            ("+12025550100", "country"),
            (DID, "your own here"),
        ):
            answer = await house.ask("PATCH", "", {"fallback_number": number}, If_Match="*")
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "fallback_number"), answer.text
            assert said in answer.json()["errors"][0]["message"]
        assert (await house.get("")).json()["fallback_number"] is None
        limits = await house.get("/call-limits")
        wider = {name: limits.json()[name] for name in TollLimits.model_fields} | {"countries": ["US"]}
        assert (await house.ask("PUT", "/call-limits", wider, If_Match="*")).status_code == 200
        wanted: tuple[tuple[str | None, str | None], ...] = (
            ("+1 212 555 0100", "+12125550100"),
            ("020 7946 0123", "+442079460123"),
            (None, None),
        )
        for typed, kept in wanted:
            answer = await house.ask("PATCH", "", {"fallback_number": typed}, If_Match="*")
            assert (answer.status_code, answer.json()["fallback_number"]) == (200, kept), answer.text
