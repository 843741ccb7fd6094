"""Calls out and their limits in the portal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_forms import submit
from tests.e2e.portal_http import get

BASE = "/t/harbour/settings"
PERSON = "+447700900777"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def test_a_call_is_placed_and_shown_with_why_it_was_refused(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    form = {"to": "07700 900777", "agent_id": "front-desk", "purpose": "other", "about": "<b>Your part</b> is here."}
    new = f"{BASE}/calls-out/new"
    assert f'value="{PERSON}"' in (await get(ann, f"{new}?to=%2B447700900777")).text
    assert (await submit(ann, new, new, form)).headers["location"] == f"{BASE}/calls-out"
    page = (await get(ann, f"{BASE}/calls-out")).text
    assert "there is no consent to this call" in page
    assert "<b>Your part" not in page
    await street.house.ask("POST", "/call-consents", {"phone": PERSON, "how": "by mail"})
    assert (await submit(ann, new, new, form)).status_code == 303
    [waits] = (await street.house.get("/outgoing-calls?state=waiting")).json()["data"]
    here = f"{BASE}/calls-out"
    assert (await submit(ann, here, f"{here}/{waits['id']}/cancel", {})).status_code == 303
    assert (await street.house.get(f"/outgoing-calls/{waits['id']}")).json()["state"] == "cancelled"
    assert (await submit(ann, new, new, form | {"to": "12"})).status_code == 422


async def test_limits_are_changed_and_a_suspension_ends(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/limits"
    numbers = {"at_once": "7", "per_minute": "9", "minutes_per_hour": "60", "spend_per_hour": "500", "max_minutes": "20"}
    form = {**numbers, "price_home": "2", "price_abroad": "30", "countries": "FR, IE", "hosts": "pbx.example.com"}
    assert (await submit(ann, here, here, form)).status_code == 303
    found = (await street.house.get("/call-limits")).json()
    assert (found["at_once"], found["countries"], found["hosts"]) == (7, ["FR", "IE"], ["pbx.example.com"])
    assert (await submit(ann, here, here, form | {"at_once": "many"})).status_code == 422
    assert (await submit(ann, here, f"{here}/suspend", {})).status_code == 303
    assert "suspended by hand" in (await get(ann, here)).text
    assert (await submit(ann, here, f"{here}/resume", {})).status_code == 303
    assert (await street.house.get("/call-limits")).json()["state"] == "open"
