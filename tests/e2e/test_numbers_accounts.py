"""Carrier accounts: secrets go in, sign webhooks, and never come out."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from tests.e2e.business import House, open_house

from offhook.testing.carriers.twilio import TwilioCarrier

SID, OTHER_SID = "AC" + "0" * 31 + "1", "AC" + "0" * 31 + "2"
TOKEN, OTHER_TOKEN = "0123456789abcdef0123456789abcd11", "0123456789abcdef0123456789abcd22"
KEY = {"api_key_sid": "SK" + "a" * 32, "api_key_secret": "a-secret-of-the-api-key-9876"}
NEW = {"kind": "twilio", "label": "Main", "account_sid": SID, "auth_token": TOKEN}


async def _made(house: House, **changes: object) -> dict[str, Any]:
    answer = await house.ask("POST", "/carrier-accounts", {**NEW, **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_secrets_go_in_and_never_come_out(house: House) -> None:
    made = await _made(house, **KEY)
    path = f"/carrier-accounts/{made['id']}"
    assert made["auth_token"] == {"set": True, "last4": "cd11"}
    assert made["api_key_secret"] == {"set": True, "last4": "9876"}
    shown = await house.get(path)
    assert shown.json() == made
    changed = await house.ask("PATCH", path, {"auth_token": OTHER_TOKEN, "label": "Second"}, If_Match=shown.headers["etag"])
    assert changed.status_code == 200, changed.text
    assert changed.json()["auth_token"]["last4"] == "cd22"
    assert changed.json()["api_key_secret"] == made["api_key_secret"]
    assert (await house.ask("PATCH", path, {"label": "x"}, If_Match=shown.headers["etag"])).status_code == 412
    without = await house.ask("PATCH", path, {"api_key_sid": None, "api_key_secret": None}, If_Match="*")
    assert (without.json()["api_key_sid"], without.json()["api_key_secret"]) == (None, {"set": False, "last4": None})
    listed = await house.get("/carrier-accounts")
    everything = listed.text + shown.text + changed.text + without.text
    kept = json.dumps([str(row) for row in await house.look("select carrier_account::text from carrier_account")])
    log = json.dumps([str(row) for row in await house.look("select audit::text from audit")])
    again = json.dumps([str(row) for row in await house.look("select idempotency::text from idempotency")])
    for secret in (TOKEN, OTHER_TOKEN, KEY["api_key_secret"]):
        assert secret not in everything + kept + log + again
        assert secret.encode().hex() not in kept
    assert (await house.ask("DELETE", path, If_Match="*")).status_code == 204
    assert await house.look("select * from carrier_account") == []


async def test_an_account_with_numbers_stays(house: House) -> None:
    made = await _made(house)
    number = {"did": "+442079460111", "agent_id": "front-desk", "carrier_account_id": made["id"]}
    assert (await house.ask("POST", "/numbers", number)).status_code == 201
    assert (await house.ask("DELETE", f"/carrier-accounts/{made['id']}", If_Match="*")).status_code == 409
    theirs = {"did": "+441134960111", "agent_id": "front-desk", "carrier_account_id": made["id"]}
    refused = await house.ask("POST", "/numbers", theirs, tenant="quayside")  # another tenant's account is no account
    assert [one["path"] for one in refused.json()["errors"]] == ["carrier_account_id"]
    assert (await house.get(f"/carrier-accounts/{made['id']}", tenant="quayside")).status_code == 404
    assert (await house.get("/carrier-accounts", tenant="quayside")).json()["data"] == []


async def test_what_is_wrong_is_named_without_the_secret(house: House) -> None:
    for body, path in (
        ({"account_sid": "SK123"}, "account_sid"),
        ({"auth_token": "short"}, "auth_token"),
        ({"auth_token": "with a space in the middle"}, "auth_token"),
        ({"kind": "smoke-signals"}, "kind"),
    ):
        answer = await house.ask("POST", "/carrier-accounts", {**NEW, **body})
        assert answer.status_code == 422
        assert path in [one["path"] for one in answer.json()["errors"]]
        assert str(body.get("auth_token", "-")) not in answer.text.replace("-", "")
    assert (await house.ask("POST", "/carrier-accounts", {**NEW, "api_key_sid": KEY["api_key_sid"]})).status_code == 422
    made = await _made(house)
    for change in ({"api_key_sid": None}, {"label": None}, {"auth_token": None}, {"account_sid": OTHER_SID}):
        assert (await house.ask("PATCH", f"/carrier-accounts/{made['id']}", change, If_Match="*")).status_code == 422


async def test_a_test_says_what_would_not_work(database_url: str) -> None:
    carrier = TwilioCarrier()
    carrier.add_account(SID, TOKEN)
    transports = {"carrier/twilio": carrier.transport()}
    async with open_house(database_url, public_url="https://voice.example.com", transports=transports) as house:
        made = await _made(house)
        assert made["voice_url"] == "https://voice.example.com/carriers/twilio/voice"
        assert (await house.ask("POST", f"/carrier-accounts/{made['id']}/test")).json() == {"ok": True, "faults": []}
        odd = await _made(house, auth_token="not-of-the-usual-shape")
        assert "32 hexadecimal" in (await house.ask("POST", f"/carrier-accounts/{odd['id']}/test")).json()["faults"][0]
        await house.look(
            "update carrier_account set auth_token = (select auth_token from carrier_account where id = :a) where id = :b",
            a=odd["id"],
            b=made["id"],
        )  # fmt: skip - a sealed secret moved to another place opens nowhere
        assert "cannot be opened" in (await house.ask("POST", f"/carrier-accounts/{made['id']}/test")).json()["faults"][0]
        async with house.services.database.platform() as scope:
            may = "select has_table_privilege('offhook_platform', 'carrier_account', 'select')"
            assert (await scope.session.execute(text(may))).scalar_one() is False
