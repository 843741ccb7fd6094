"""The pages of connections without a browser: connect, choose, map, test, disconnect and connect again, and who may do which."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.e2e.business import open_house
from tests.e2e.calls import CALLS, NOW, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_forms import errors, hidden, submit
from tests.e2e.portal_http import PAGE, bare, get

from offhook.orchestrator.portal.pages.connections import TROUBLES
from offhook.testing.business.servicem8 import ServiceM8

BASE = "/t/harbour/connections"
NEW = f"{BASE}/new/crm/servicem8"
TOM, LUCY = ServiceM8.STAFF
CLIENT = {"id": "harbour-app", "secret": "the client's own secret"}
SETTINGS: dict[str, Any] = {
    "portal_url": "https://portal.example",
    "connect_url": "https://connect.example",
    "oauth_clients": {"crm/servicem8": CLIENT, "calendar/google": CLIENT},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Ann owns Harbour, whose ServiceM8 is a simulator."""

    street: Street
    mill: ServiceM8
    ann: Browser

    async def connected(self, **fields: str) -> str:
        """Its page, once it is connected by its key."""
        answer = await submit(self.ann, NEW, NEW, {"way": "key", "fields.key": ServiceM8.KEY, **fields})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def row(self, *names: str) -> tuple[Any, ...]:
        """Of the only connection."""
        (found,) = await self.street.house.look(f"select {', '.join(names)} from connection")  # noqa: S608 - our own
        return tuple(found)

    async def actions(self) -> list[str]:
        return [one for one in await self.street.actions() if one.startswith("connection.")]


@pytest.fixture
async def scene(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    mill = ServiceM8()
    mill.clock = lambda: NOW
    transports = {"crm/servicem8": mill.transport()}
    async with (
        open_house(database_url, tmp_path, owner_url=owner_url, transports=transports, **SETTINGS) as house,
        open_street(house) as street,
    ):
        house.now[0] = NOW
        yield Scene(street, mill, await street.member(OWNER, "tenant_owner"))


def summed(text: str) -> list[str]:
    """What is said above a form, and in a part that failed."""
    found = re.findall(r'role="alert">.*?<span>([^<]+)|class="failed">.*?<span>([^<]+)', text, re.DOTALL)
    return ["".join(one).strip() for one in found]


def main(answer: httpx.Response) -> str:
    """What a page has of its own."""
    return bare(answer).partition("<main")[2]


# -- connecting -------------------------------------------------------------------------------------------------------------------


async def test_what_can_be_connected_and_what_nobody_has_registered(scene: Scene) -> None:
    page = (await get(scene.ann, BASE)).text
    assert "Nothing connected yet" in page
    offered = re.findall(rf'href="{BASE}/new/([^"]+)"', page)
    assert {"crm/servicem8", "calendar/google", "crm/webhook"} <= set(offered)
    assert "crm/xero" not in offered
    assert re.search(r"has not registered it yet with[^<]*Xero", page)
    lacking = await get(scene.ann, f"{BASE}/new/crm/xero")
    assert (lacking.status_code, "Not registered yet" in lacking.text, '<form class="form"' in lacking.text) == (200, True, False)
    assert (await get(scene.ann, f"{BASE}/new/crm/abacus")).status_code == 404
    assert (await get(scene.ann, f"{BASE}/new/fax/servicem8")).status_code == 422
    assert f'href="{BASE}" data-go' in page


async def test_connected_by_a_key_that_never_comes_out(scene: Scene) -> None:
    wrong = await submit(scene.ann, NEW, NEW, {"way": "key", "fields.key": "smk-wrong-98765"})
    assert wrong.status_code == 422
    assert errors(wrong) == {"fields.key": "ServiceM8 does not take this key."}
    none = await submit(scene.ann, NEW, NEW, {"way": "key", "fields.key": " "})
    assert errors(none) == {"fields.key": "This is needed."}
    assert await scene.street.house.look("select 1 from connection") == []
    made = await scene.connected()
    page = await get(scene.ann, made)
    for words in ("Connected. Choose below what is used of it.", "Mill Plumbing", "a key", "Nothing is chosen yet", "11:00 am"):
        assert words in page.text, words
    twice = await submit(scene.ann, NEW, NEW, {"way": "key", "fields.key": ServiceM8.KEY})
    assert (twice.status_code, summed(twice.text)) == (409, ["This account of ServiceM8 is connected already."])
    listed = await get(scene.ann, BASE)
    assert f'<a class="all" href="{made}">ServiceM8</a>' in listed.text
    shown = wrong.text + page.text + twice.text + listed.text
    assert ServiceM8.KEY not in shown
    assert "smk-wrong" not in shown
    assert await scene.actions() == ["connection.created"]


async def test_a_system_that_is_down_is_said_where_it_was_asked_for(scene: Scene) -> None:
    made = await scene.connected()
    page = (await get(scene.ann, f"{made}/choose")).text
    scene.mill.faults.down = True
    refused = await submit(scene.ann, NEW, NEW, {"way": "key", "fields.key": ServiceM8.KEY})
    assert refused.status_code == 503
    assert summed(refused.text)[0].startswith("ServiceM8 cannot be reached now: ")
    assert ServiceM8.KEY not in refused.text
    tested = await submit(scene.ann, made, f"{made}/test")
    assert (tested.status_code, "It does not answer as it should" in tested.text) == (200, True)
    asked = await get(scene.ann, f"{made}/choose")
    assert asked.status_code == 200  # the page stands, a part of it does not
    assert summed(asked.text)[0].startswith("The system does not say what there is to choose from: ")
    assert f'<a href="{made}/choose">Try again</a>' in asked.text
    sent = await submit(scene.ann, f"{made}/choose", f"{made}/choose", {"chosen.queue": ServiceM8.QUEUE}, page=page)
    assert (sent.status_code, "Try again" in sent.text) == (503, True)
    assert await scene.row("chosen", "state") == ({}, "active")
    listed = (await get(scene.ann, BASE)).text
    assert "Connected" in listed
    assert re.search(r">Connected</span></span><small>[^<]+\.</small>", listed)  # with what it said last
    scene.mill.faults.down = False
    well = await submit(scene.ann, made, f"{made}/test")
    assert ("It answers" in well.text, "This is the account of Mill Plumbing." in well.text) == (True, True)


async def test_signing_in_there_begins_at_the_form(scene: Scene) -> None:
    at = f"{BASE}/new/calendar/google"
    page = (await get(scene.ann, at)).text
    assert "Your password stays with them." in page
    assert ">https://www.googleapis.com/auth/calendar" in page  # what it asks for there
    answer = await submit(scene.ann, at, at, {"way": "oauth"})
    (onward,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    there = urlsplit(html.unescape(onward))
    asked = parse_qs(there.query)
    assert (answer.status_code, there.netloc, answer.headers["referrer-policy"]) == (200, "accounts.google.com", "same-origin")
    assert f'href="{onward}"' in answer.text  # for whom it does not go on by itself
    assert asked["redirect_uri"] == ["https://connect.example/oauth/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert CLIENT["secret"] not in page + answer.text
    both = (await get(scene.ann, NEW)).text
    assert re.findall(r'name="way" value="(\w+)"', both) == ["oauth", "key"]
    xero = await submit(
        scene.ann, at, f"{BASE}/new/crm/xero", hidden(page, at) | {"way": "oauth"}, page=page.replace(at, f"{BASE}/new/crm/xero")
    )
    assert (xero.status_code, summed(xero.text)) == (422, ["Xero cannot be connected by signing in here."])
    key = await submit(scene.ann, at, at, {"way": "key", "fields.key": "guessed"})
    assert (key.status_code, summed(key.text)) == (422, ["Google Calendar is connected by signing in there."])


@pytest.mark.parametrize("word", sorted(TROUBLES))
async def test_what_came_of_signing_in_is_said_in_words(scene: Scene, word: str) -> None:
    page = await get(scene.ann, f"{BASE}?trouble={word}")
    assert TROUBLES[word] in page.text


async def test_only_words_of_ours_are_said(scene: Scene) -> None:
    made = await scene.connected()
    id = made.rpartition("/")[2]  # noqa: A001 - what it is
    await get(scene.ann, made)  # where that it is connected was said
    plain = main(await get(scene.ann, BASE))
    for query in ("trouble=%3Cb%3Ehello", "trouble=none", "connected=con_nobodys", "connected=%3Cb%3E"):
        assert main(await get(scene.ann, f"{BASE}?{query}")) == plain, query
    told = await get(scene.ann, f"{BASE}?connected={id}")
    assert "ServiceM8 is connected: Mill Plumbing." in told.text


# -- choosing and mapping ---------------------------------------------------------------------------------------------------------


async def test_staff_and_a_queue_are_chosen_from_what_the_system_has(scene: Scene) -> None:
    made = await scene.connected()
    at = f"{made}/choose"
    page = (await get(scene.ann, at)).text
    assert re.findall(r'<select id="f-([^"]+)"', page) == ["chosen.staff/tom", "chosen.staff/priya", "chosen.queue"]
    assert page.count(f'<option value="{TOM}">Tom Miller</option>') == 2
    wrong = await submit(scene.ann, at, at, {"chosen.staff/tom": TOM, "chosen.queue": "nowhere"})
    assert (wrong.status_code, errors(wrong)) == (422, {"chosen.queue": "ServiceM8 has not offered nowhere."})
    assert f'<option value="{TOM}" selected>' in wrong.text
    mended = await submit(scene.ann, at, at, {"chosen.staff/tom": TOM, "chosen.staff/priya": "", "chosen.queue": ServiceM8.QUEUE})
    assert (mended.status_code, mended.headers["location"]) == (303, made)
    assert await scene.row("chosen") == ({"queue": [ServiceM8.QUEUE], "staff/tom": [TOM]},)
    stale = await submit(scene.ann, at, at, {"chosen.staff/tom": LUCY}, page=page)
    assert (stale.status_code, "Somebody else has changed this" in stale.text) == (412, True)
    assert f'<option value="{LUCY}" selected>' in stale.text  # nothing that was chosen is lost
    shown = (await get(scene.ann, made)).text
    assert re.findall(r"<dt>([^<]+)</dt><dd>(1 chosen)", shown) == [("Queue for leads", "1 chosen"), ("Staff, tom", "1 chosen")]
    assert await scene.actions() == ["connection.created", "connection.chosen"]


async def test_fields_are_filled_from_a_call_and_shown_on_a_past_one(scene: Scene) -> None:
    made = await scene.connected()
    assert "Tried on" not in (await get(scene.ann, made)).text  # there is no call yet
    await ring(scene.street.house, CALLS[:3])
    page = (await get(scene.ann, made)).text
    assert 'Tried on <a href="/t/harbour/calls/call_0">' in page
    assert '<option value="facts.name">name</option>' in page or '<option value="facts.problem">problem</option>' in page
    fields = {"mapping.work_done_description": "problem", "mapping.purchase_order_number": "", "mapping.billing_address": "facts.colour"}
    saved = await submit(scene.ann, made, f"{made}/mapping", fields)
    assert (saved.status_code, saved.headers["location"]) == (303, made)
    assert await scene.row("mapping") == ({"billing_address": "facts.colour", "work_done_description": "problem"},)
    shown = (await get(scene.ann, made)).text
    assert "Of that call: blocked kitchen drain, Mayfield" in shown
    assert '<option value="facts.colour" selected>colour</option>' in shown  # though no call has brought it
    older = (await get(scene.ann, f"{made}?call=call_2")).text
    assert "Of that call: quote for a two-bathroom renovation" in older
    assert "Of that call" not in (await get(scene.ann, f"{made}?call=nobodys")).text
    wrong = await submit(scene.ann, made, f"{made}/mapping", {"mapping.work_done_description": "summary..", "mapping.colour": "summary"})
    assert (wrong.status_code, errors(wrong)) == (422, {"mapping.work_done_description": "No place in a call's result."})
    stale = await submit(scene.ann, made, f"{made}/mapping", fields, page=page)
    assert (stale.status_code, "Somebody else has changed this" in stale.text) == (412, True)
    assert await scene.actions() == ["connection.created", "connection.mapped"]


# -- health, disconnecting, connecting again --------------------------------------------------------------------------------------


async def test_one_that_is_let_in_no_more_is_connected_again_from_today(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await scene.connected()
    id = made.rpartition("/")[2]  # noqa: A001 - what it is
    await submit(scene.ann, f"{made}/choose", f"{made}/choose", {"chosen.queue": ServiceM8.QUEUE})
    monkeypatch.setattr(ServiceM8, "KEY", "smk-simulated-another")
    tested = await submit(scene.ann, made, f"{made}/test")
    assert "It does not answer as it should" in tested.text
    assert "It does not work any more" in tested.text
    again = f"{NEW}?again={id}"
    asked = await get(scene.ann, f"{made}/choose")
    assert (asked.status_code, f'<a href="{again}">Connect again</a>' in asked.text) == (200, True)
    assert summed(asked.text)[0].endswith("connect it again.")
    await ring(scene.street.house, CALLS[:1])
    today = await get(scene.ann, "/t/harbour")
    assert "ServiceM8 (Mill Plumbing) must be connected again" in today.text
    assert f'href="{again}"' in today.text
    (letter,) = await scene.street.letters()
    assert f"https://portal.example{made}\n" in letter.text
    viewer = await scene.street.member("vic@harbour.example", "viewer", name="Vic")
    theirs = (await get(viewer, "/t/harbour")).text
    assert ("must be connected again" in theirs, again in theirs) == (True, False)
    page = await get(scene.ann, again)
    assert "Connect ServiceM8 again" in page.text
    old = await submit(scene.ann, again, NEW, {"way": "key", "fields.key": "smk-simulated-0123456789"})
    assert (old.status_code, list(errors(old))) == (422, ["fields.key"])
    assert f'name="again" value="{id}"' in old.text
    done = await submit(scene.ann, again, NEW, {"way": "key", "fields.key": "smk-simulated-another"})
    assert (done.status_code, done.headers["location"]) == (303, made)
    assert await scene.row("id", "state", "chosen") == (id, "active", {"queue": [ServiceM8.QUEUE]})
    assert "must be connected again" not in (await get(scene.ann, "/t/harbour")).text
    assert (await scene.actions())[-1] == "connection.reconnected"


async def test_disconnected_is_asked_for_twice_and_leaves_no_secret(scene: Scene) -> None:
    made = await scene.connected()
    page = (await get(scene.ann, made)).text
    assert re.search(r"<details[^>]*>\s*<summary[^>]*>Disconnect ServiceM8", page)
    await submit(scene.ann, f"{made}/choose", f"{made}/choose", {"chosen.queue": ServiceM8.QUEUE})
    stale = await submit(scene.ann, made, f"{made}/disconnect", page=page)
    assert stale.status_code == 412
    assert len(await scene.street.house.look("select 1 from connection_secret")) == 1
    gone = await submit(scene.ann, made, f"{made}/disconnect")
    assert (gone.status_code, gone.headers["location"]) == (303, made)
    shown = (await get(scene.ann, made)).text
    assert "Disconnected. What it signed in with is deleted." in shown
    assert await scene.street.house.look("select 1 from connection_secret") == []
    assert (f"{made}/test" in shown, f"{made}/disconnect" in shown, "Connect again" in shown) == (False, False, True)
    back = await scene.connected()
    assert back == made
    assert await scene.row("state", "chosen") == ("active", {"queue": [ServiceM8.QUEUE]})
    assert (await scene.actions())[-2:] == ["connection.disconnected", "connection.reconnected"]


# -- who may ----------------------------------------------------------------------------------------------------------------------


async def test_a_viewer_sees_how_it_does_and_nothing_to_press(scene: Scene) -> None:
    made = await scene.connected()
    owners = (await get(scene.ann, made)).text
    viewer = await scene.street.member("vic@harbour.example", "viewer", name="Vic")
    listed, page = await get(viewer, BASE), await get(viewer, made)
    assert (listed.status_code, page.status_code) == (200, 200)
    assert "Connect a system" not in listed.text
    assert re.findall(r'<form[^>]*action="(/t/harbour/connections[^"]*/(?:test|disconnect|choose))"', page.text) == []
    assert '<fieldset class="form" disabled>' in page.text
    assert "Disconnect" not in page.text
    for path in (NEW, f"{made}/choose"):
        assert (await get(viewer, path)).status_code == 404
    token = hidden(owners, f"{made}/mapping")
    for path in (NEW, f"{made}/test", f"{made}/choose", f"{made}/mapping", f"{made}/disconnect"):
        answer = await viewer.http.post(path, data=token, headers=PAGE | {"sec-fetch-site": "same-origin"})
        assert answer.status_code == 404, path
    assert await scene.row("state", "mapping") == ("active", {})


async def test_where_a_system_has_to_be_told_by_hand_its_owner_sees_the_address(scene: Scene) -> None:
    made = await scene.connected()
    assert "/hooks/in/" not in (await get(scene.ann, made)).text  # it is asked to tell by us
    await scene.street.house.look("update connection set adapter = 'crm/hubspot'")
    found = re.search(r"https://connect\.example(/hooks/in/harbour/[\w-]+/\w{40})", (await get(scene.ann, made)).text)
    assert found is not None
    answer = await scene.street.house.http.post(found.group(1), content=b"[]")
    assert answer.status_code == 401  # the address is right, and nobody has signed it
    viewer = await scene.street.member("vic@harbour.example", "viewer", name="Vic")
    assert "/hooks/in/" not in (await get(viewer, made)).text


async def test_whoever_may_change_but_not_connect(scene: Scene) -> None:
    made = await scene.connected()
    some = await scene.street.house.key("tenant.read", "connections.read", "connections.write")
    page = await scene.street.house.http.get(made, headers=PAGE | some)
    assert page.status_code == 200
    assert (f"{made}/test" in page.text, f"{made}/choose" in page.text, "Disconnect" in page.text) == (True, True, False)
    assert (await scene.street.house.http.get(NEW, headers=PAGE | some)).status_code == 404


async def test_anothers_connection_looks_like_none(scene: Scene) -> None:
    made = await scene.connected()
    id = made.rpartition("/")[2]  # noqa: A001 - what it is
    quinn = await scene.street.member("quinn@quayside.example", "tenant_owner", at="/v1/tenants/quayside", name="Quinn")
    theirs = "/t/quayside/connections"
    token = hidden((await get(quinn, f"{theirs}/new/crm/servicem8")).text, f"{theirs}/new/crm/servicem8")
    for base in (BASE, theirs):
        nothing = bare(await get(quinn, f"{base}/con_none"))
        for path in (f"{base}/{id}", f"{base}/{id}/choose"):
            answer = await get(quinn, path)
            assert (answer.status_code, bare(answer)) == (404, nothing), path
        for deed in ("test", "choose", "mapping", "disconnect"):
            sent = token | {"_revision": "1", "chosen.queue": ServiceM8.QUEUE}
            answer = await quinn.http.post(f"{base}/{id}/{deed}", data=sent, headers=PAGE | {"sec-fetch-site": "same-origin"})
            assert answer.status_code == 404, (base, deed, answer.text)
    again = {"way": "key", "fields.key": ServiceM8.KEY, "again": id}
    stolen = await quinn.http.post(f"{theirs}/new/crm/servicem8", data=token | again, headers=PAGE | {"sec-fetch-site": "same-origin"})
    assert stolen.status_code == 404
    assert "Mill" not in (await get(quinn, f"{theirs}?connected={id}")).text
    assert await scene.row("tenant_id", "state", "chosen") == ("harbour", "active", {})
