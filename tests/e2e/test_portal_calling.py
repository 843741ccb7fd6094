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


async def test_who_agreed_is_kept_shown_and_withdrawn(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/consent"
    assert "Nobody yet." in (await get(ann, here)).text
    form = {"phone": "07700 900777", "how": "Ticked <b>yes</b> on the web form"}
    assert (await submit(ann, here, here, form)).headers["location"] == here
    page = (await get(ann, here)).text
    assert "07700 900777" in page
    assert "Ticked &lt;b&gt;yes" in page
    assert (await street.house.get(f"/call-consents/{PERSON}")).json()["how"] == form["how"]
    assert (await submit(ann, here, here, form | {"phone": "12"})).status_code == 422
    assert (await submit(ann, here, f"{here}/withdraw", {"phone": PERSON})).status_code == 303
    assert (await street.house.get(f"/call-consents/{PERSON}")).status_code == 404
    viewer = await street.member("vic@harbour.example", "viewer")
    assert "Keep it" not in (await get(viewer, here)).text


async def test_numbers_are_put_on_the_list_one_by_one_or_by_a_table(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/do-not-call"
    assert (await submit(ann, here, here, {"phone": "07700 900777", "why": "by mail"})).status_code == 303
    table = 'Phone,Why\n07700 900778,"moved, twice"\n\n+447700900779\n'
    assert (await submit(ann, here, here, {"table": table})).status_code == 303
    listed = {one["phone"]: one["why"] for one in (await street.house.get("/do-not-call")).json()["data"]}
    assert listed == {PERSON: "by mail", "+447700900778": "moved, twice", "+447700900779": ""}
    page = (await get(ann, here)).text
    assert "moved, twice" in page
    refused = await submit(ann, here, here, {"table": "07700 900780\nnobody\n"})
    assert (refused.status_code, "line 2 is not a phone number" in refused.text.lower()) == (422, True)
    assert len((await street.house.get("/do-not-call")).json()["data"]) == 3  # none of a table that is wrong
    assert (await submit(ann, here, f"{here}/remove", {"phone": PERSON})).status_code == 303
    assert len((await street.house.get("/do-not-call")).json()["data"]) == 2


async def test_how_calls_are_placed_is_changed(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/calls-out/how"
    form = {
        "opens": "10:30", "closes": "18:00", "day_0": "yes", "day_4": "yes", "for_other": "yes", "attempts": "3", "gap_minutes": "45",
        "voicemail": "Please ring us back.", "reminder_agent": "front-desk", "reminder_hours": "24",
    }  # fmt: skip
    assert (await submit(ann, here, here, form)).headers["location"] == here
    found = (await street.house.get("/outgoing-settings")).json()
    assert (found["opens"], found["closes"], found["days"], found["consent_for"]) == (630, 1_080, [0, 4], ["other"])
    assert (found["attempts"], found["gap_minutes"], found["reminder_hours"], found["reminder_agent"]) == (3, 45, 24, "front-desk")
    page = (await get(ann, here)).text
    assert "Please ring us back." in page
    assert 'value="leave_message"' in (await get(ann, f"{BASE}/calls-out/new")).text
    for wrong in ({"opens": "noon"}, {"closes": "09:00"}, {"attempts": "many"}, {"reminder_agent": ""}):
        assert (await submit(ann, here, here, form | wrong)).status_code == 422
    assert (await submit(ann, here, here, form | {"_revision": "1"})).status_code == 412


async def test_somebody_is_called_back_from_their_page_where_that_may_be(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    made = await street.house.ask("POST", "/contacts", {"name": "Pat", "phone": PERSON})
    who = made.json()["id"]
    page = (await get(ann, f"/t/harbour/people/{who}")).text
    assert "An agent cannot call back: there is no consent to this call." in page
    assert "calls-out/new?" not in page
    await street.house.ask("POST", "/call-consents", {"phone": PERSON, "how": "by mail"})
    page = (await get(ann, f"/t/harbour/people/{who}")).text
    link = page.partition(f'href="{BASE}/calls-out/new?')[2].partition('"')[0].replace("&amp;", "&")
    form = (await get(ann, f"{BASE}/calls-out/new?{link}")).text
    assert (f'value="{PERSON}"' in form, f'value="{who}"' in form, '<option value="call-back" selected' in form) == (True, True, True)
    await street.house.ask("POST", "/do-not-call", {"phone": PERSON})
    assert "the number is on the do-not-call list" in (await get(ann, f"/t/harbour/people/{who}")).text
    viewer = await street.member("vic@harbour.example", "viewer")
    page = (await get(viewer, f"/t/harbour/people/{who}")).text
    assert ("Ring" in page, "call back" in page) == (True, False)
