"""Telephone systems that send no webhook: a token for a call's media, and the call that it lets in."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.business import House, open_house

pytestmark = pytest.mark.telephony


async def token(house: House, number: str, expected: int = 201, **changes: Any) -> dict[str, Any]:
    body = {"dialect": "asterisk", "caller": "+442079460199", "carrier_call": "1761234567.41", **changes}
    answer = await house.ask("POST", f"/numbers/{number}/media-tokens", body)
    assert answer.status_code == expected, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def number_of(house: House) -> str:
    return str((await house.get("/numbers")).json()["data"][0]["id"])


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database_url, tmp_path, owner_url=owner_url) as opened:
        yield opened


async def refused(house: House, call: str, **fields: str) -> str:
    answer = await house.post("/v1/plans", {"call": call, "did": "", "caller": "", **fields})
    assert answer.status_code != 200
    return str(answer.json()["reason"])


async def test_a_call_of_asterisk_is_let_in_once_and_as_itself_only(house: House) -> None:
    made = await token(house, await number_of(house))
    assert made["url"].endswith("/media/asterisk") or made["url"] == ""
    assert made["expires_in_s"] == 60
    media = {"transport": "asterisk", "token": made["token"], "carrier_call": "1761234567.41"}
    assert await refused(house, "c-other", **(media | {"carrier_call": "1761234567.99"})) == "bad_token", "of another call"
    plan = await house.plan("c-media", **media, did="+15550100", caller="+15550199")
    assert "script" in plan
    call = (await house.get("/calls/c-media")).json()["call"]
    assert (call["did"], call["caller"]) == (made["did"], "+442079460199"), "what the token says, and not what the media does"
    assert await refused(house, "c-again", **media) == "bad_token"


async def test_an_audiosocket_is_known_by_its_uuid(house: House) -> None:
    made = await token(house, await number_of(house), dialect="audiosocket", carrier_call="")
    assert str(uuid.UUID(made["token"])) == made["token"]
    assert made["url"] == ""
    media = {"transport": "audiosocket", "token": made["token"], "carrier_call": made["token"]}
    assert "script" in await house.plan("c-socket", **media)


async def test_who_asks_has_to_say_which_call_and_to_be_allowed_to(house: House) -> None:
    number = await number_of(house)
    assert (await token(house, number, 422, carrier_call=""))["errors"][0]["path"] == "carrier_call"
    await token(house, number, 422, dialect="twilio")
    await token(house, number, 422, carrier_call="a/b")
    await token(house, "num_00000000000000000000000000", 404)


async def test_a_number_that_nobody_answers_has_no_token(house: House) -> None:
    number = await number_of(house)
    await house.ask("PATCH", f"/numbers/{number}", {"enabled": False}, If_Match="*")
    assert (await token(house, number, 409))["title"]


async def test_media_that_is_turned_away_is_counted_at_the_number_and_audited(house: House) -> None:
    number = await number_of(house)
    made = await token(house, number)
    media = {"transport": "asterisk", "token": made["token"], "carrier_call": "1761234567.41"}
    await refused(house, "c-other", **(media | {"carrier_call": "1761234567.99"}))
    await house.plan("c-media", **media)
    await refused(house, "c-again", **media)
    late = await token(house, number, carrier_call="1761234567.42")
    house.now[0] += timedelta(seconds=61)
    await refused(house, "c-late", **(media | {"token": late["token"], "carrier_call": "1761234567.42"}))
    await refused(house, "c-guess", **(media | {"token": "a-guess"}))  # nobody's: the engine counts it, and no tenant
    [line] = [one for one in (await house.get("/lines")).json()["numbers"] if one["number_id"] == number]
    assert line["refused"] == {"bad_token": 3}
    log = (await house.get("/audit?action=media.refused")).json()["data"]
    assert sorted(one["details"]["reason"] for one in log) == ["late", "other_call", "used"]
    assert number in str(log[0])
