"""The pages of webhooks, deliveries, events and keys without a browser."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_forms import errors, submit
from tests.e2e.portal_http import bare, get

from offhook import signing

BASE = "/t/harbour/developers"
HOOKS = f"{BASE}/webhooks"
URL = "https://hooks.harbour.example/offhook"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


def copied(answer: httpx.Response) -> list[str]:
    """What the page has a button to copy for."""
    return [html.unescape(one) for one in re.findall(r'<code class="mono" tabindex="0">(.*?)</code>', answer.text, re.DOTALL)]


async def made(browser: Browser, **fields: str) -> tuple[str, str]:
    """A new endpoint's page and its secret."""
    answer = await submit(browser, f"{HOOKS}/new", f"{HOOKS}/new", {"url": URL, "types": "all", **fields})
    assert answer.status_code == 200, answer.text
    found = re.search(rf'action="({HOOKS}/whk_\w+)/test"', answer.text)
    assert found
    return found.group(1), copied(answer)[0]


async def test_an_endpoint_shows_its_secret_on_the_page_that_makes_it_and_never_again(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    first = (await get(ann, BASE)).headers["location"]
    assert first == HOOKS
    assert "No endpoint yet" in (await get(ann, HOOKS)).text
    page = (await get(ann, f"{HOOKS}/new")).text
    fields = {"url": URL, "description": "<i>Jobs</i>", "types": "some", "t-call.ended": "yes", "t-lead.created": "yes"}
    answer = await submit(ann, "", f"{HOOKS}/new", fields, page=page)
    again = await submit(ann, "", f"{HOOKS}/new", fields, page=page)
    (secret,) = copied(answer)
    assert secret.startswith("whsec_")
    assert copied(again) == [secret]  # a second click has the same answer and makes no second endpoint
    assert await street.house.look("select event_types, description from webhook_endpoint") == [
        (["call.ended", "lead.created"], "<i>Jobs</i>")
    ]
    listed = await get(ann, HOOKS)
    assert "&lt;i&gt;Jobs" in listed.text
    assert "<i>Jobs" not in listed.text
    assert secret not in listed.text
    one = re.search(rf'href="({HOOKS}/whk_\w+)"', listed.text)
    assert one
    assert copied(await get(ann, one.group(1))) == []
    kept = await street.house.look("select body from idempotency where body is not null")
    assert kept
    assert secret not in str(kept)


async def test_an_endpoint_that_is_wrong_is_said_at_its_field(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    new = f"{HOOKS}/new"
    answer = await submit(ann, new, new, {"url": "http://10.0.0.1/x", "types": "all", "description": "Jobs"})
    assert (answer.status_code, list(errors(answer)), 'value="Jobs"' in answer.text) == (422, ["url"], True)
    none = await submit(ann, new, new, {"url": URL, "types": "some"})
    assert errors(none) == {"types": "Choose at least one kind of event."}


async def test_a_test_is_sent_and_its_delivery_has_the_request_as_it_would_go(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here, secret = await made(ann)
    answer = await submit(ann, here, f"{here}/test")
    delivery = answer.headers["location"]
    assert (answer.status_code, delivery.startswith(f"{here}/deliveries/")) == (303, True)
    page = await get(ann, delivery)
    for words in ("Not tried yet", "It works.", "webhook-signature", "Send now"):
        assert words in page.text, words
    (curl,) = copied(page)
    parts = shlex.split(curl.replace("\\\n", " "))
    sent = dict(one.split(": ", 1) for one in parts[3::2][:4])
    assert (parts[:2], parts[-2]) == (["curl", URL], "--data-raw")
    signing.verify([secret], sent, parts[-1].encode(), NOW.timestamp(), 300)
    assert json.loads(parts[-1])["data"]["message"] == "It works."
    replayed = await submit(ann, delivery, f"{delivery}/replay")
    assert (replayed.status_code, replayed.headers["location"]) == (303, delivery)
    assert await street.actions() == ["member.invited", "member.joined", "webhook.created", "webhook.tested", "webhook.replayed"]


async def test_who_may_only_read_sees_no_signature(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here, _ = await made(ann)
    delivery = (await submit(ann, here, f"{here}/test")).headers["location"]
    reader = await street.house.key("webhooks.read", "tenant.read")
    page = await street.house.http.get(delivery, headers=reader | {"accept": "text/html"})
    assert page.status_code == 200
    assert "It works." in page.text
    assert not re.search('webhook-signature|curl|<form action="/t/', page.text)


async def test_an_endpoint_is_paused_changed_given_a_new_secret_and_deleted(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here, secret = await made(ann)
    stale = (await get(ann, here)).text
    assert (await submit(ann, here, f"{here}/switch", {"enabled": "no"})).status_code == 303
    paused = await get(ann, here)
    assert "Paused" in paused.text
    assert f'action="{here}/test"' not in paused.text
    await submit(ann, here, f"{here}/switch", {"enabled": "yes"})
    late = await submit(ann, here, here, {"url": f"{URL}/2", "types": "all"}, page=stale)
    assert (late.status_code, "Somebody else has changed this" in late.text, f'value="{URL}/2"' in late.text) == (412, True, True)
    assert (await submit(ann, here, here, {"url": f"{URL}/2", "types": "some", "t-call.ended": "yes"})).status_code == 303
    rotated = await submit(ann, here, f"{here}/rotate", {"overlap_hours": "12"})
    assert copied(rotated) != [secret]
    assert "Old secret signs too until" in rotated.text
    wrong = await submit(ann, here, f"{here}/rotate", {"overlap_hours": "999"})
    assert errors(wrong) == {"overlap_hours": "Type a whole number of hours, up to 168."}
    assert (await submit(ann, here, f"{here}/delete")).headers["location"] == HOOKS
    assert (await get(ann, here)).status_code == 404
    log = await street.house.look("select action, details from audit where action like 'webhook.%' order by seq")
    assert [row.action for row in log] == [
        "webhook.created", "webhook.changed", "webhook.changed", "webhook.changed", "webhook.rotated", "webhook.deleted",
    ]  # fmt: skip
    assert log[3].details == {"url": [URL, f"{URL}/2"], "event_types": [None, ["call.ended"]]}


async def test_a_range_is_sent_again_whole_or_not_at_all(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here, _ = await made(ann)
    for _ in range(3):
        await submit(ann, here, f"{here}/test")
    failed = "update webhook_delivery set state = 'failed', next_at = null, done_at = :now"
    await street.house.look(failed, now=NOW)
    monkeypatch.setattr("offhook.orchestrator.hooks.ops.REPLAYED", 2)
    refused = await submit(ann, here, f"{here}/replay", {"span": "day", "which": "failed"})
    assert (refused.status_code, errors(refused)) == (422, {"span": "Too long ago."})
    states = "select distinct state from webhook_delivery"
    assert await street.house.look(states) == [("failed",)]  # what was begun before it was refused is undone
    monkeypatch.setattr("offhook.orchestrator.hooks.ops.REPLAYED", 3)
    answer = await submit(ann, here, f"{here}/replay", {"span": "day", "which": "failed"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{here}?state=waiting")
    assert await street.house.look(states) == [("waiting",)]
    nothing = await submit(ann, here, f"{here}/replay", {"span": "hour", "which": "failed"})
    assert nothing.status_code == 303
    assert "There was nothing to send again." in (await get(ann, here)).text
    assert "No event of this endpoint is in this state." in (await get(ann, f"{here}?state=succeeded")).text


async def test_deliveries_and_events_go_on_where_the_page_before_ended(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here, _ = await made(ann)
    for minute in range(52):
        street.house.now[0] = NOW.replace(minute=minute)
        made_one = await street.house.ask("POST", f"/webhooks/{here.rpartition('/')[2]}/test")
        assert made_one.status_code == 201
    for path, row in ((f"{here}?state=waiting", "row-dlv_"), (f"{BASE}/events?type=test", "row-evt_")):
        first = await get(ann, path)
        more = re.search(r'hx-get="([^"]+)"', first.text)
        assert more
        assert first.text.count(row) == 50
        rest = await get(ann, html.unescape(more.group(1)), hx_request="true", hx_request_type="partial")
        assert (rest.text.count(row), "<nav" in rest.text) == (2, False)
    assert (await get(ann, f"{BASE}/events?type=none")).status_code == 422


async def test_events_are_shown_as_they_are_sent(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    listed = await get(ann, f"{BASE}/events?type=call.ended")
    one = re.search(rf'class="all" href="({BASE}/events/evt_\w+)">call.ended', listed.text)
    assert one
    page = await get(ann, one.group(1))
    payload = json.loads(html.unescape(re.findall(r"<pre[^>]*>(.*?)</pre>", page.text, re.DOTALL)[0]))
    assert (payload["type"], payload["tenant"]) == ("call.ended", "harbour")
    assert "No events of this kind" in (await get(ann, f"{BASE}/events?type=usage.threshold")).text


# -- keys -----------------------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_does_what_it_may_and_is_revoked(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    new = f"{BASE}/keys/new"
    page = (await get(ann, new)).text
    fields = {"name": "<b>Sheet</b>", "p-calls.read": "yes", "expires": "2027-01-31"}
    answer = await submit(ann, new, new, fields, page=page)
    secret, curl = copied(answer)
    assert secret in curl
    assert "&lt;b&gt;Sheet" in answer.text
    assert "<b>Sheet" not in answer.text
    bearer = {"authorization": f"Bearer {secret}"}
    assert (await street.house.http.get("/v1/tenants/harbour/calls", headers=bearer)).status_code == 200
    assert (await street.house.http.get("/v1/tenants/harbour/keys", headers=bearer)).status_code == 403
    again = await submit(ann, new, new, fields, page=page)
    assert (again.status_code, secret in again.text, "This was sent already" in again.text) == (409, False, True)
    (row,) = await street.house.look("select id, expires_at, hash::text as hash from api_key")
    assert (row.expires_at.isoformat(), secret in row.hash) == ("2027-01-31T00:00:00+00:00", False)
    here = f"{BASE}/keys/{row.id}"
    assert secret not in (await get(ann, here)).text + (await get(ann, f"{BASE}/keys")).text
    assert (await submit(ann, here, f"{here}/revoke")).headers["location"] == f"{BASE}/keys"
    assert (await street.house.http.get("/v1/tenants/harbour/calls", headers=bearer)).status_code == 401
    assert (await get(ann, here)).status_code == 404
    assert (await street.actions())[-2:] == ["key.created", "key.revoked"]


async def test_a_key_may_do_no_more_than_its_maker(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    admin = await street.member("adam@harbour.example", "tenant_admin")
    new = f"{BASE}/keys/new"
    assert "p-tenant.delete" not in (await get(admin, new)).text
    answer = await submit(admin, new, new, {"name": "Mine", "p-tenant.delete": "yes"})
    assert (answer.status_code, "a key may do no more than its maker" in answer.text.lower()) == (403, True)
    wrong = await submit(ann, new, new, {"name": "", "expires": "9999-12-31"})
    assert errors(wrong) == {"name": "Type a name in one line.", "permissions": "Choose at least one thing that it may do."}
    never = await submit(ann, new, new, {"name": "Mine", "p-calls.read": "yes", "expires": "someday"})
    assert errors(never) == {"expires": "Type a day such as 2027-01-31."}
    past = await submit(ann, new, new, {"name": "Mine", "p-calls.read": "yes", "expires": "2020-01-01"})
    assert errors(past) == {"expires": "Is not in the future."}
    assert await street.house.look("select 1 from api_key") == []


async def test_each_tab_takes_its_own_permission(street: Street) -> None:
    viewer = await street.member("vic@harbour.example", "viewer")
    nowhere = bare(await get(viewer, "/t/nowhere/developers"))
    for path in (BASE, HOOKS, f"{BASE}/keys", f"{BASE}/events", f"{HOOKS}/new"):
        answer = await get(viewer, path)
        assert (answer.status_code, bare(answer)) == (404, nowhere), path
    support = await street.house.http.get(HOOKS, headers=await street.house.role("reseller_support") | {"accept": "text/html"})
    assert ("/developers/events" in support.text, "/developers/keys" in support.text) == (True, False)
