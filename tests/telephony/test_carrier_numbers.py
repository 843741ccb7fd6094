"""Numbers of a connected account: listed, let ring here by the portal or the API, and proved by a call that nobody pays for."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.business import ADMIN, CALLER, DID, House, open_house
from tests.e2e.people import OWNER, open_street
from tests.e2e.portal_forms import submit
from tests.e2e.portal_http import get
from tests.telephony.figures import figure

from offhook.orchestrator.carriers import attaching
from offhook.testing.carriers.exchange import Account
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
PUBLIC = "https://voice.example.com"
VOICE = f"{PUBLIC}/carriers/twilio/voice"
SID, TOKEN = "AC" + "a" * 32, "1" * 32
NEW, SPARE = "+442079460555", "+442079460556"
AGENT = {"agent_id": "front-desk"}


@pytest.fixture
def carrier() -> TwilioCarrier:
    return TwilioCarrier()


@pytest.fixture
async def house(database_url: str, carrier: TwilioCarrier) -> AsyncIterator[House]:
    transports = {"carrier/twilio": carrier.transport()}
    async with open_house(database_url, public_url=PUBLIC, transports=transports, end_grace_s=0.0) as opened:
        carrier.web, carrier.clock = opened.http, lambda: opened.now[0]
        yield opened
        assert carrier.problems == []


async def _account(house: House, carrier: TwilioCarrier, tenant: str = "harbour") -> tuple[Account, str]:
    account = carrier.add_account(SID, TOKEN)
    made = await house.ask("POST", "/carrier-accounts", {"account_sid": SID, "auth_token": TOKEN}, tenant=tenant)
    return account, f"/carrier-accounts/{made.json()['id']}"


async def _numbers(house: House, path: str) -> dict[str, dict[str, Any]]:
    answer = await house.get(f"{path}/numbers")
    assert answer.status_code == 200, answer.text
    return {one["did"]: one for one in answer.json()["data"]}


async def test_a_number_is_let_ring_here_and_proved_by_a_call(house: House, carrier: TwilioCarrier) -> None:
    account, path = await _account(house, carrier)
    number = carrier.add_number(account, NEW, "Van signs", VoiceUrl="https://old.example.com/ivr", TrunkSid="TK" + "0" * 32)
    carrier.add_number(account, SPARE)
    before = (await _numbers(house, path))[NEW]
    assert (before["rings_here"], before["used_by"], before["number_id"], before["check"]) == (False, "trunk", None, None)
    async with carrier.running():
        attached = await house.ask("POST", f"{path}/numbers/{number.sid}/attach", AGENT)
        assert attached.status_code == 200, attached.text
        assert attached.json()["check"]["state"] == "ringing"
        await carrier.until(lambda: [one for one in carrier.calls.values() if not one.alive] == list(carrier.calls.values()))
    assert (number.of("VoiceUrl"), number.of("TrunkSid"), number.of("VoiceMethod")) == (VOICE, "", "POST")
    after = (await _numbers(house, path))[NEW]
    assert (after["rings_here"], after["agent_id"], after["check"]["state"]) == (True, "front-desk", "rang")
    assert after["check"]["rang_at"] is not None
    out, into = carrier.calls.values()
    assert (out.from_, out.to, into.direction) == (SPARE, NEW, "inbound")
    assert not any(one.answered.is_set() for one in (out, into))  # refused before it was answered: nobody pays
    made = (await house.get(f"/numbers/{after['number_id']}")).json()
    assert (made["did"], made["label"], made["carrier_account_id"]) == (NEW, "Van signs", path.rpartition("/")[2])
    log = [row.action for row in await house.look("select action from audit where action like 'number.%' order by seq")]
    assert log == ["number.attached"]
    # A real caller a moment later is no self-test: they reach the agent.
    async with carrier.running():
        call = carrier.ring(NEW, CALLER)
        await call.over.wait()
    assert call.answered.is_set()
    figure("numbers: 1 number attached by the API, its self-test call refused unanswered and 0 paid for")


async def test_what_is_wrong_with_a_number_is_found(house: House, carrier: TwilioCarrier) -> None:
    account, path = await _account(house, carrier)
    number = carrier.add_number(account, NEW)
    at = f"{path}/numbers/{number.sid}"
    async with carrier.running():
        alone = await house.ask("POST", f"{at}/attach", AGENT)  # no second number to ring it from
        assert (alone.json()["rings_here"], alone.json()["check"]["state"]) == (True, "set")
        carrier.add_number(account, SPARE)
        number.fields["VoiceUrl"] = "https://old.example.com/ivr"  # somebody changes it in the console
        moved = (await house.ask("POST", f"{at}/self-test")).json()
        assert (moved["rings_here"], moved["check"]["state"]) == (False, "failed")
        assert "another address" in moved["check"]["fault"]
        number.fields["VoiceUrl"] = VOICE
        carrier.web = None  # the carrier cannot reach us
        lost = (await house.ask("POST", f"{at}/self-test")).json()
        assert lost["check"]["state"] == "ringing"
        house.now[0] += attaching.WAIT + timedelta(seconds=1)
        late = (await _numbers(house, path))[NEW]["check"]
        assert (late["state"], late["fault"]) == ("failed", attaching.NO_CALL)
        account.type = "Trial"  # rings only numbers that are verified there
        assert (await house.ask("POST", f"{at}/self-test")).json()["check"]["state"] == "set"
        account.type = "Full"
        carrier.web = house.http
        assert (await house.ask("PATCH", f"/numbers/{moved['number_id']}", {"enabled": False}, If_Match="*")).status_code == 200
        off = (await house.ask("POST", f"{at}/self-test")).json()
        assert off["check"]["fault"] == "the number is turned off here"


async def test_a_call_of_the_right_number_at_the_wrong_time_is_no_self_test(house: House, carrier: TwilioCarrier) -> None:
    account, path = await _account(house, carrier)
    number = carrier.add_number(account, NEW)
    carrier.add_number(account, SPARE)
    async with carrier.running():
        await house.ask("POST", f"{path}/numbers/{number.sid}/attach", AGENT)
        await carrier.until(lambda: len(carrier.calls) == 2 and not any(one.alive for one in carrier.calls.values()))
        house.now[0] += attaching.WAIT + timedelta(seconds=1)
        call = carrier.ring(NEW, SPARE)
        await call.over.wait()
    assert call.answered.is_set()


async def test_refusals(house: House, carrier: TwilioCarrier) -> None:
    account, path = await _account(house, carrier)
    number = carrier.add_number(account, NEW)
    taken = carrier.add_number(account, DID)
    async with carrier.running():
        assert (await house.ask("POST", f"{path}/numbers/PN{'f' * 32}/attach", AGENT)).status_code == 404
        assert (await house.ask("POST", f"{path}/numbers/{number.sid}/attach", {"agent_id": "nobody"})).status_code == 422
        assert number.of("VoiceUrl") == ""
        # Somebody else's number here cannot be had by whoever has it at a carrier.
        theirs, other = await _account(house, TwilioCarrier(), "quayside")
        refused = await house.ask("POST", f"{other}/numbers/{taken.sid}/attach", AGENT, tenant="quayside")
        assert (refused.status_code, taken.of("VoiceUrl")) == (409, "")
        assert theirs.sid == account.sid
        assert (await house.get(f"{path}/numbers", tenant="quayside")).status_code == 404
        account.token = "2" * 32
        wrong = await house.get(f"{path}/numbers")
        assert (wrong.status_code, "does not take" in wrong.text) == (409, True)
        tested = (await house.ask("POST", f"{path}/test")).json()
        assert (tested["ok"], len(tested["faults"])) == (False, 1)
        carrier.faults.down = True
        assert (await house.get(f"{path}/numbers")).status_code == 503
        carrier.faults.down = False
        account.token = TOKEN
        assert (await house.ask("POST", f"{path}/test")).json() == {"ok": True, "faults": []}
        account.status = "suspended"
        assert (await house.ask("POST", f"{path}/test")).json()["faults"] == ["the carrier says that the account is suspended"]
    viewer = await house.role("viewer")
    answer = await house.http.get(f"/v1/tenants/harbour{path}/numbers", headers=viewer)
    assert (answer.status_code, viewer != ADMIN) == (403, True)


async def test_the_portal_lists_attaches_and_shows_the_result(house: House, carrier: TwilioCarrier) -> None:
    account, path = await _account(house, carrier)
    number = carrier.add_number(account, NEW, "Van signs", VoiceUrl="https://old.example.com/ivr")
    carrier.add_number(account, SPARE, VoiceFallbackUrl="https://twimlets.example.com/f")
    base = f"/t/harbour/numbers{path.replace('carrier-accounts', 'accounts')}"
    async with open_street(house) as street, carrier.running():
        ann = await street.member(OWNER, "tenant_owner")
        assert f"{base}/there" in (await get(ann, base)).text
        page = (await get(ann, f"{base}/there")).text
        assert ("Does not ring here" in page, "Answered by another address." in page, "020 7946 0555" in page) == (True, True, True)
        answer = await submit(ann, f"{base}/there", f"{base}/there/{number.sid}/attach", AGENT, page=page)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{base}/there")
        await carrier.until(lambda: len(carrier.calls) == 2 and not any(one.alive for one in carrier.calls.values()))
        after = (await get(ann, f"{base}/there")).text
        assert "Rings here, tested" in after
        number.fields["VoiceUrl"] = ""
        tested = await submit(ann, f"{base}/there", f"{base}/there/{number.sid}/test", {}, page=after)
        assert tested.status_code == 303
        broken = html.unescape((await get(ann, f"{base}/there")).text)
        assert "The number is answered by another address at the carrier." in broken
        carrier.faults.down = True
        down = await get(ann, f"{base}/there")
        assert (down.status_code, "The carrier does not answer now" in down.text) == (200, True)
        carrier.faults.down = False
        viewer = await street.member("vic@harbour.example", "viewer")
        assert f"{base}/there" not in (await get(viewer, base)).text
        assert (await get(viewer, f"{base}/there")).status_code == 404


async def test_the_portal_keeps_accounts_of_every_carrier(house: House) -> None:
    uuid, secret = "61bf923e-5e4d-4595-a110-56190ea18a1b", "a-secret-of-the-carrier-account-1234"
    forms = {
        "signalwire": {"account_sid": uuid, "api_key_secret": secret, "space": "harbour.signalwire.com"},
        "telnyx": {"account_sid": uuid, "public_key": "A" * 43 + "=", "application_id": "1293384261075731499"},
        "plivo": {"account_sid": "MAXXXXXXXXXXXXXXXXXX", "application_id": ""},
        "vonage": {"account_sid": uuid},
    }
    new = "/t/harbour/numbers/accounts/new"
    async with open_street(house) as street:
        ann = await street.member(OWNER, "tenant_owner")
        for kind, fields in forms.items():
            at = f"{new}?kind={kind}"
            assert at in (await get(ann, new)).text
            wrong = await submit(ann, at, at, {"auth_token": secret, **fields, "account_sid": "AC1"})
            assert (wrong.status_code, secret in wrong.text) == (422, False)
            made = await submit(ann, at, at, {"label": "", "auth_token": secret, **fields})
            assert made.status_code == 303, made.text
            where = made.headers["location"]
            page = (await get(ann, where)).text
            assert f"{PUBLIC}/carriers/{kind}/{'answer' if kind == 'vonage' else 'voice'}" in page
            assert (f"{where}/there" in page) == (kind != "vonage")
            assert (secret in page, "••••1234" in page) == (False, True)
            kept = {name: value for name, value in fields.items() if name in {"space", "public_key", "application_id"}}
            renamed = await submit(ann, where, where, {"label": f"My {kind}", "auth_token": "", **kept})
            assert renamed.status_code == 303, renamed.text
        shown = [(one["kind"], one["label"], one["settings"]) for one in (await house.get("/carrier-accounts")).json()["data"]]
    assert {kind: label for kind, label, _ in shown} == {kind: f"My {kind}" for kind in forms}
    assert {kind: settings for kind, _, settings in shown}["telnyx"]["application_id"] == "1293384261075731499"
