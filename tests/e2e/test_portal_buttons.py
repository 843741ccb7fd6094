"""The page of call buttons without a browser."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator

import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_forms import submit
from tests.e2e.portal_http import get

pytestmark = pytest.mark.telephony
BASE = "/t/harbour/call-buttons"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def test_a_button_is_made_switched_off_and_deleted_and_the_log_says_so(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert BASE in (await get(ann, "/t/harbour/numbers")).text
    fields = {"agent_id": "front-desk", "origins": "https://www.harbour.example/\nhttps://harbour.example", "label": "<b>Site</b>"}
    answer = await submit(ann, BASE, BASE, fields)
    assert (answer.status_code, answer.headers.get("location")) == (303, BASE), answer.text
    page = (await get(ann, BASE)).text
    assert "&lt;b&gt;Site&lt;/b&gt;" in page
    assert "<b>Site" not in page
    assert "https://www.harbour.example, https://harbour.example" in page
    [made] = (await street.house.ask("GET", "/call-buttons")).json()["data"]
    assert html.escape(made["snippet"], quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    at = f"{BASE}/{made['id']}"
    for do, told in (("off", ">Off<"), ("on", ">On<")):
        assert (await submit(ann, BASE, at, {"do": do})).status_code == 303
        assert told.strip("<>") in (await get(ann, BASE)).text
        [found] = (await street.house.ask("GET", "/call-buttons")).json()["data"]
        assert found["enabled"] is (do == "on")
    wrong = await submit(ann, BASE, BASE, fields | {"origins": "www.harbour.example"})
    assert wrong.status_code == 422
    assert (await submit(ann, BASE, at, {"do": "delete"})).status_code == 303
    assert (await street.house.ask("GET", "/call-buttons")).json()["data"] == []
    kinds = [one["action"] for one in (await street.house.ask("GET", "/audit")).json()["data"]]
    assert {"call_button.created", "call_button.changed", "call_button.deleted"} <= set(kinds)
