"""The last rung of the ladder: everything of ours is down. ``offhook doctor --fallbacks`` says which number has nobody then."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio.from_thread
import anyio.to_thread
import httpx
import pytest
from tests.e2e.business import ADMIN, DID, OTHER_DID, House, open_house
from tests.telephony.figures import figure

from offhook.cli import doctor_ways
from offhook.cli.doctor_line import Line
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
PUBLIC = "https://voice.example.com"
VOICE = f"{PUBLIC}/carriers/twilio/voice"
BIN = "https://handler.twilio.com/twiml/EH0123456789abcdef"
NEW = {"+442079460555": BIN, "+442079460556": "", "+442079460557": f"{PUBLIC}/carriers/twilio/voice"}


@pytest.fixture
def carrier() -> TwilioCarrier:
    return TwilioCarrier()


@pytest.fixture
async def house(database_url: str, carrier: TwilioCarrier) -> AsyncIterator[House]:
    transports = {"carrier/twilio": carrier.transport()}
    async with open_house(database_url, public_url=PUBLIC, transports=transports) as opened:
        carrier.web, carrier.clock = opened.http, lambda: opened.now[0]
        yield opened


class _FromThread(httpx.BaseTransport):
    """The doctor's client is a plain one; the house is in this process."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            answer = await self._http.request(request.method, request.url.raw_path.decode(), headers=dict(request.headers))
            return httpx.Response(answer.status_code, content=answer.content)

        return anyio.from_thread.run(ask)


async def _asked(house: House, tenant: str | None) -> dict[str, Line]:
    def ask() -> list[Line]:
        with httpx.Client(base_url="http://orchestrator", headers=ADMIN, transport=_FromThread(house.http)) as http:
            return list(doctor_ways.fallbacks(http, tenant, PUBLIC))

    return {line.what: line for line in await anyio.to_thread.run_sync(ask)}


async def test_rung_5_everything_down_is_a_fallback_at_the_carrier_for_each_number(house: House, carrier: TwilioCarrier) -> None:
    sid = "AC" + "a" * 32
    account = carrier.add_account(sid, "1" * 32)
    made = await house.ask("POST", "/carrier-accounts", {"account_sid": sid, "auth_token": "1" * 32})
    path = f"/carrier-accounts/{made.json()['id']}"
    async with carrier.running():
        for did, fallback in NEW.items():
            number = carrier.add_number(account, did, VoiceUrl=VOICE, VoiceFallbackUrl=fallback)
            answer = await house.ask("POST", f"{path}/numbers/{number.sid}/attach", {"agent_id": "front-desk"})
            assert answer.status_code == 200, answer.text
    carrier.add_number(account, "+442079460558", VoiceUrl="https://elsewhere.example.com/")
    found = await _asked(house, "harbour")
    there = {what.split()[1]: line for what, line in found.items() if what.endswith("at the carrier")}
    assert {did: line.grade for did, line in there.items()} == dict(zip(NEW, ("ok", "fail", "fail"), strict=True))
    assert BIN in there["+442079460555"].told
    assert "never-just-die" in there["+442079460556"].todo
    assert "is ours" in there["+442079460557"].told
    assert found[f"harbour {DID}"].grade == "warn"
    everybody = await _asked(house, None)
    assert len(everybody) > len(found)
    assert [line.grade for what, line in everybody.items() if what.endswith(f" {OTHER_DID}")] == ["ok"]
    figure("ladder: everything down: of 3 numbers that ring here the doctor finds the 2 without a fallback at the carrier")


async def test_a_doctor_who_is_not_answered_says_so() -> None:
    def ask() -> list[Line]:
        with httpx.Client(base_url="http://127.0.0.1:1") as http:
            return list(doctor_ways.fallbacks(http, None, ""))

    [line] = await anyio.to_thread.run_sync(ask)
    assert (line.grade, line.what) == ("fail", "fallbacks")
