"""The pages of numbers and carrier accounts without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator

import anyio
import pytest
from tests.e2e.business import DID, OTHER_DID, House, open_house
from tests.e2e.calls import NOW, ring
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_forms import errors, hidden, submit
from tests.e2e.portal_http import PAGE, bare, get

BASE = "/t/harbour/numbers"
NUMBER = f"{BASE}/num_{DID.removeprefix('+')}"
SID, TOKEN, OTHER_TOKEN = f"AC{'4f1c' * 8}", "0123456789abcdef" * 2, "fedcba9876543210" * 2
WEBHOOK = "A call comes in"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def test_the_list_says_who_answers_what_has_come_in_and_what_was_not_taken(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "None yet" in (await get(ann, BASE)).text
    await ring(street.house)
    await street.house.look(
        "insert into refused_call (tenant_id, day, number_id, reason, count, last_at)"
        " values ('harbour', :day, :id, 'tenant_full', 3, :now)",
        day=NOW.date(), id=NUMBER.rpartition("/")[2], now=NOW,
    )  # fmt: skip
    page = await get(ann, BASE)
    assert page.status_code == 200
    for words in ("020 7946 0000", "Answering", "Harbour Plumbing", "10:31 am", "0 of 10 lines in use"):
        assert words in page.text, words
    assert 'class="num over" data-name="Not taken today">3<' in page.text
    assert OTHER_DID not in page.text
    one = await get(ann, NUMBER)
    assert "3: all lines taken" in one.text
    assert 'href="/t/harbour/calls/call_0"' in one.text


async def test_a_number_is_added_changed_and_let_go_of_and_the_log_says_so(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{BASE}/new?door=hand"
    fields = {"did": "020 7946 0999", "agent_id": "front-desk", "label": "<b>Vans</b>", "overflow": "020 7946 0841", "max_calls": "2"}
    page = (await get(ann, at)).text
    answer = await submit(ann, at, at, fields, page=page)
    made = answer.headers["location"]
    assert (answer.status_code, made.startswith(f"{BASE}/num_")) == (303, True), answer.text
    shown = await get(ann, made)
    assert "Added." in shown.text
    again = await submit(ann, at, at, fields | {"did": "020 7946 0998"}, page=page)
    assert (again.status_code, "This was sent already" in again.text) == (409, True)
    assert "<b>Vans" not in shown.text
    assert "&lt;b&gt;Vans&lt;/b&gt;" in shown.text
    assert 'value="+442079460841"' in shown.text
    changed = await submit(ann, made, made, {"agent_id": "front-desk", "label": "Vans", "max_calls": "3"})
    assert (changed.status_code, changed.headers["location"]) == (303, made)
    assert "Turned off" in (await get(ann, made)).text  # an unticked box is not sent
    stale = await submit(ann, made, made, {"agent_id": "front-desk", "label": "Mine"}, page=shown.text)
    assert (stale.status_code, "Somebody else has changed this" in stale.text, 'value="Mine"' in stale.text) == (412, True, True)
    gone = await submit(ann, made, f"{made}/delete")
    assert (gone.status_code, gone.headers["location"]) == (303, BASE)
    assert (await get(ann, made)).status_code == 404
    log = await street.house.look("select action, details from audit where action like 'number.%' order by seq")
    assert [row.action for row in log] == ["number.created", "number.changed", "number.deleted"]
    assert log[1].details == {
        "label": ["<b>Vans</b>", "Vans"], "max_calls": [2, 3], "enabled": [True, False], "overflow": ["+442079460841", None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"did": "12"}, "did", "Not a phone number such as +442079460000."),
        ({"agent_id": "nobody"}, "agent_id", "No such thing."),
        ({"max_calls": "many"}, "max_calls", "Type a whole number from 1 to 10,000, or leave it empty."),
        ({"overflow": "nobody"}, "overflow", "Neither a phone number such as +441134960000 nor a SIP address."),
        ({"carrier_account_id": "acc_none"}, "carrier_account_id", "No such thing."),
    ],
)
async def test_a_number_that_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    street: Street, fields: dict[str, str], field: str, said: str
) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    account = await submit(ann, f"{BASE}/accounts/new", f"{BASE}/accounts/new", {"account_sid": SID, "auth_token": TOKEN})
    assert account.status_code == 303
    at = f"{BASE}/new?door=twilio"
    good = {"did": "020 7946 0999", "agent_id": "front-desk", "label": "Van signs"}
    answer = await submit(ann, at, at, good | fields)
    assert (answer.status_code, errors(answer)) == (422, {field: said})
    assert 'value="Van signs"' in answer.text
    after = await submit(ann, at, at, good, page=answer.text)  # mended, it is taken: nothing of the first one was kept
    assert after.status_code == 303, after.text


async def test_somebody_elses_number_is_refused_in_the_words_of_one_that_cannot_be_used(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{BASE}/new?door=hand"
    theirs = await submit(ann, at, at, {"did": OTHER_DID, "agent_id": "front-desk"})
    costly = await submit(ann, at, at, {"did": "0909 879 0000", "agent_id": "front-desk"})
    assert theirs.status_code == costly.status_code == 409
    said = [re.findall(r'role="alert">.*?<span>([^<]+)', one.text, re.DOTALL) for one in (theirs, costly)]
    assert said == [["This number cannot be added here."]] * 2


async def test_three_doors_lead_to_a_number(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    doors = await get(ann, f"{BASE}/new")
    assert doors.text.count('class="all"') == 3
    assert '<form class="form"' not in (await get(ann, f"{BASE}/new?door=sip")).text
    assert "First your account" in (await get(ann, f"{BASE}/new?door=twilio")).text
    assert "no public address yet" in (await get(ann, f"{BASE}/new?door=hand")).text
    assert (await get(ann, f"{BASE}/new?door=window")).status_code == 422


async def test_what_to_enter_at_the_carrier_is_shown(database_url: str) -> None:
    async with open_house(database_url, public_url="https://voice.example.com/") as house:
        page = await house.http.get(NUMBER, headers=PAGE | await house.role("viewer"))
        assert ">https://voice.example.com/carriers/twilio/voice</code>" in page.text


async def test_secrets_of_an_account_go_in_and_never_come_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{BASE}/accounts/new"
    fields = {"label": "Main", "account_sid": "AC1", "auth_token": TOKEN, "api_key_secret": OTHER_TOKEN}
    wrong = await submit(ann, at, at, fields)
    assert errors(wrong) == {"account_sid": "Type AC and the 32 digits behind it, as the console shows them."}
    assert TOKEN not in wrong.text
    assert OTHER_TOKEN not in wrong.text
    halved = await submit(ann, at, at, fields | {"account_sid": SID})
    assert errors(halved) == {"api_key_sid": "Type SK and the 32 digits behind it, together with its secret."}
    made = (await submit(ann, at, at, {"label": "Main", "account_sid": SID, "auth_token": TOKEN})).headers["location"]
    page = await get(ann, made)
    assert "••••cdef" in page.text
    tested = await submit(ann, made, f"{made}/test")
    assert (tested.status_code, "It cannot be used yet" in tested.text, "no public address" in tested.text) == (200, True, True)
    await submit(ann, made, made, {"label": "Main", "auth_token": OTHER_TOKEN})
    page = await get(ann, made)
    assert "••••3210" in page.text
    shown = page.text + tested.text + (await get(ann, BASE)).text
    assert not re.search(f"{TOKEN}|{OTHER_TOKEN}", shown)
    await submit(ann, NUMBER, NUMBER, {"agent_id": "front-desk", "carrier_account_id": made.rpartition("/")[2], "enabled": "yes"})
    held = await get(ann, made)
    assert "1 number belongs to it." in held.text
    forged = {"_token": hidden(held.text, made)["_token"], "_revision": hidden(held.text, made)["_revision"]}
    refused = await ann.http.post(f"{made}/delete", data=forged, headers=PAGE | {"sec-fetch-site": "same-origin"})
    assert (refused.status_code, "numbers belong to this carrier account" in html.unescape(refused.text).lower()) == (409, True)
    await submit(ann, NUMBER, NUMBER, {"agent_id": "front-desk", "enabled": "yes"})
    assert (await submit(ann, made, f"{made}/delete")).headers["location"] == BASE
    log = await street.house.look("select action, details::text as details from audit where action like 'carrier_account.%' order by seq")
    assert [row.action for row in log] == ["carrier_account.created", "carrier_account.changed", "carrier_account.deleted"]
    assert not re.search(f"{TOKEN}|{OTHER_TOKEN}", "".join(row.details for row in log))


async def test_who_may_only_look_has_no_forms_and_another_business_nothing(street: Street) -> None:
    viewer = await street.member("vic@harbour.example", "viewer")
    page = await get(viewer, NUMBER)
    assert page.status_code == 200
    assert f'action="{NUMBER}' not in page.text
    assert "Add a number" not in (await get(viewer, BASE)).text
    assert (await get(viewer, f"{BASE}/new")).status_code == 404
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    nowhere = bare(await get(bea, "/t/nowhere/numbers"))
    for path in (BASE, NUMBER, NUMBER.replace("harbour", "quayside"), f"{BASE}/new"):
        answer = await get(bea, path)
        assert (answer.status_code, bare(answer)) == (404, nowhere), path


async def test_a_page_never_waits_for_a_connection_while_it_holds_one(house: House, database_url: str) -> None:
    """All pages of numbers, developers and settings; what a person's own account needs is asked before the tenant is opened."""
    async with open_house(database_url, pool_size=1) as narrow, open_street(narrow) as street:
        ann = await street.member(OWNER, "tenant_owner")
        for path in ("numbers", "developers/webhooks", "developers/keys", "developers/events", "settings/business", "settings/members"):
            with anyio.fail_after(150):
                assert (await get(ann, f"/t/harbour/{path}")).status_code == 200, path
        for path in ("sign-in", "security", "recording", "retention", "vendors", "audit?check=true", "exports", "erase"):
            with anyio.fail_after(150):
                assert (await get(ann, f"/t/harbour/settings/{path}")).status_code == 200, path
