"""The pages of SIP trunks without a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_forms import errors, submit
from tests.e2e.portal_http import get

BASE = "/t/harbour/numbers"
NEW = f"{BASE}/trunks/new"
PASSWORD = "s3cret-of-the-trunk"
LOGIN = {
    "label": "<b>Main</b>", "auth": "register", "host": "sip.carrier.example:5060", "user": "harbour",
    "password": PASSWORD, "sources": "8.8.4.4\r\n9.9.9.0/24", "did_from": "to", "codecs": "pcma, PCMU", "max_calls": "20",
}  # fmt: skip


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def test_a_trunk_is_added_changed_and_let_go_of_and_its_password_is_shown_nowhere(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "No SIP trunk" in (await get(ann, BASE)).text
    answer = await submit(ann, NEW, NEW, LOGIN)
    made = answer.headers["location"]
    assert (answer.status_code, made.startswith(f"{BASE}/trunks/trk_")) == (303, True), answer.text
    shown = (await get(ann, made)).text
    for words in ("Added.", "Not heard of yet", "None has told of it yet.", "&lt;b&gt;Main&lt;/b&gt;", "8.8.4.4, 9.9.9.0/24", "PCMA PCMU"):
        assert words in shown, words
    ref = f"harbour/{made.rpartition('/')[2]}"
    told = {"engine": "http://10.0.0.7:8081", "states": [{"ref": ref, "state": "failed", "error": "403 Forbidden", "calls": 0}]}
    assert (await street.house.post("/v1/trunks/states", told)).json() == {"kept": 1, "registers": []}
    page = (await get(ann, made)).text
    assert "403 Forbidden" in page
    assert "Refused" in page
    assert "Refused" in (await get(ann, BASE)).text
    kept = {name: value for name, value in LOGIN.items() if name != "password"} | {"label": "Main", "enabled": "yes"}
    changed = await submit(ann, made, made, kept)
    assert (changed.status_code, changed.headers["location"]) == (303, made)
    renewed = await submit(ann, made, made, kept | {"password": PASSWORD + "2"})
    assert renewed.status_code == 303
    wrong = await submit(ann, made, made, kept | {"host": "", "sources": "10.0.0.1", "password": PASSWORD + "3"})
    assert set(errors(wrong)) == {"host", "sources"}
    texts = shown + page + changed.text + wrong.text + (await get(ann, BASE)).text
    assert PASSWORD not in texts
    gone = await submit(ann, made, f"{made}/delete")
    assert (gone.status_code, gone.headers["location"]) == (303, BASE)
    assert (await get(ann, made)).status_code == 404
    log = await street.house.look("select action, details from audit where action like 'trunk.%' order by seq")
    assert [row.action for row in log] == ["trunk.created", "trunk.changed", "trunk.changed", "trunk.deleted"]
    assert [row.details for row in log][1:3] == [{"label": ["<b>Main</b>", "Main"]}, {"password": "changed"}]


async def test_a_number_comes_by_a_trunk_and_goes_back_to_an_account(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "First your trunk" in (await get(ann, f"{BASE}/new?door=sip")).text
    trunk = (await submit(ann, NEW, NEW, LOGIN)).headers["location"].rpartition("/")[2]
    account = await street.house.ask("POST", "/carrier-accounts", {"account_sid": f"AC{'0' * 32}", "auth_token": "0" * 32})
    at = f"{BASE}/new?door=sip"
    fields = {"did": "020 7946 0999", "agent_id": "front-desk"}
    made = (await submit(ann, at, at, {**fields, "trunk_id": trunk})).headers["location"]
    assert "Its calls come over a SIP trunk." in (await get(ann, made)).text
    assert "&lt;b&gt;Main&lt;/b&gt;" in (await get(ann, BASE)).text
    path = f"/numbers/{made.rpartition('/')[2]}"

    async def way() -> tuple[str | None, str | None]:
        found = (await street.house.get(path)).json()
        return found["trunk_id"], found["carrier_account_id"]

    stays = {"agent_id": "front-desk", "enabled": "yes"}
    assert (await submit(ann, made, made, {**stays, "label": "Vans", "trunk_id": trunk, "carrier_account_id": ""})).status_code == 303
    assert await way() == (trunk, None)
    assert "1 number comes by it." in (await get(ann, f"{BASE}/trunks/{trunk}")).text
    theirs = account.json()["id"]
    assert (await submit(ann, made, made, {**stays, "trunk_id": trunk, "carrier_account_id": theirs})).status_code == 303
    assert await way() == (None, theirs)
    assert (await submit(ann, made, made, {**stays, "trunk_id": trunk, "carrier_account_id": theirs})).status_code == 303
    assert await way() == (trunk, None)


async def test_who_may_only_look_sees_it_without_forms(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    made = (await submit(ann, NEW, NEW, LOGIN)).headers["location"]
    eve = await street.member("eve@harbour.example", "viewer")
    page = await get(eve, made)
    assert (page.status_code, f'action="{made}' in page.text, "sip.carrier.example:5060" in page.text) == (200, False, True)
    assert (await get(eve, NEW)).status_code == 404
