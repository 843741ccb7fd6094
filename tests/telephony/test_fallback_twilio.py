"""The fourth rung of the ladder at Twilio: no engine, so the carrier's next verb: a person, else a message after a tone; and its record.

The engine that is killed in mid-call as a real process is in ``tests/e2e/test_survival.py``; here the media breaks as it would then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from tests.e2e.business import CALLER, DID, OTHER_DID, House, open_house
from tests.telephony.figures import figure

from offhook.testing.carriers.exchange import Call, Person
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
PUBLIC, TOKEN = "https://voice.example.com", "0123456789abcdef0123456789abcdef"
VOICE = f"{PUBLIC}/carriers/twilio/voice"
PERSON = "+441134960001"


@pytest.fixture
def carrier() -> TwilioCarrier:
    return TwilioCarrier()


@pytest.fixture
async def house(database_url: str, carrier: TwilioCarrier) -> AsyncIterator[House]:
    async with open_house(database_url, public_url=PUBLIC, twilio_auth_token=TOKEN, end_grace_s=0.0) as opened:
        carrier.web, carrier.clock = opened.http, lambda: opened.now[0]
        account = carrier.add_account("AC1", TOKEN)
        carrier.add_number(account, DID, VoiceUrl=VOICE)
        carrier.add_number(account, OTHER_DID, VoiceUrl=VOICE)
        async with carrier.running():
            yield opened
        assert carrier.problems == []


async def _rung(carrier: TwilioCarrier, to: str) -> Call:
    """A call whose media breaks at once, played to its end."""
    call = carrier.ring(to, CALLER)
    with anyio.fail_after(150):
        await call.over.wait()
    return call


async def _messages(house: House, tenant: str) -> list[tuple[str, str]]:
    rows = await house.look("select kind, note from message where tenant_id = :tenant order by created_at, id", tenant=tenant)
    return [(row.kind, row.note) for row in rows]


async def _records(house: House, call: Call) -> list[tuple[str, str]]:
    rows = await house.look("select state, reason from call where carrier_call = :sid", sid=call.sid)
    return [(row.state, row.reason) for row in rows]


async def test_rung_4_engine_down_without_a_person_is_a_message_after_a_tone_and_a_call_back(house: House, carrier: TwilioCarrier) -> None:
    call = await _rung(carrier, DID)
    said, tone, thanks = call.heard
    assert "leave a message after the tone" in said
    assert "recorded" in said
    assert tone == "record"
    assert "ring you back" in thanks
    kinds = await _messages(house, "harbour")
    assert [kind for kind, _ in kinds] == ["callback", "callback"]
    assert "broke off" in kinds[0][1]
    assert "message of 5 s" in kinds[1][1]
    assert await _records(house, call) == [("ended", "failed")]


async def test_rung_4_engine_down_with_a_person_who_answers(house: House, carrier: TwilioCarrier) -> None:
    carrier.people[PERSON] = Person("answer", stays=False)
    call = await _rung(carrier, OTHER_DID)
    assert call.heard == []
    [leg] = [one for one in carrier.calls.values() if one.to == PERSON]
    assert leg.answered.is_set()
    tenant = (await house.look("select tenant_id from number where did = :did", did=OTHER_DID))[0].tenant_id
    assert await _messages(house, tenant) == [
        ("message", f"The call broke off. The caller was sent on to {PERSON}."),
        ("message", "The caller was put through there."),
    ]


@pytest.mark.parametrize("does", ["busy", "no-answer", "failed"])
async def test_rung_4_engine_down_and_the_person_does_not_answer(house: House, carrier: TwilioCarrier, does: str) -> None:
    carrier.people[PERSON] = Person(does)  # type: ignore[arg-type]
    call = await _rung(carrier, OTHER_DID)
    assert call.heard[1] == "record"
    tenant = (await house.look("select tenant_id from number where did = :did", did=OTHER_DID))[0].tenant_id
    assert [kind for kind, _ in await _messages(house, tenant)] == ["message", "callback", "callback"]
    figure(f"ladder: engine down, person {does}: a message after a tone, and a call-back for the team")
