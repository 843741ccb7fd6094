"""People without a browser: the list with its stages and search, one of them, and what the team does with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.e2e.business import House
from tests.e2e.calls import CALLS, NOW, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import get, post

from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By, LeadChange, NewContact

PEOPLE = "/t/harbour/people"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def meet(house: House, name: str, phone: str, *, days: int = 0, lead: str | None = None, call: str = "call_2") -> str:
    """Somebody, who may have a lead at a stage; their id."""
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(scope, NOW - timedelta(days=days), phone, name=name)
        if lead is not None:
            made = await crm.save_lead(scope, house.services, By(kind="call", id=call), who.id, problem=f"about {name}")
            if lead == "callback":
                await crm.save_lead(scope, house.services, By(kind="call", id=call), who.id, status="callback")
            elif lead != "new":
                await contacts.change_lead(scope, made, LeadChange.model_validate({"status": lead}), NOW)
        return who.id


async def shown(browser: Browser, path: str) -> str:
    answer = await get(browser, path)
    assert answer.status_code == 200, answer.text
    return answer.text


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def names(html: str) -> list[str]:
    return re.findall(r'<td role="cell" class="who"><a class="all" href="[^"]+">([^<]*)', html)


def stages(html: str) -> list[str]:
    return [words(one) for one in re.findall(r'<td role="cell" class="stage">(.*?)</td>', html, re.DOTALL)]


def revision(html: str) -> str:
    found = re.search(r'<aside.*?name="revision" value="(\d+)"', html, re.DOTALL)
    assert found
    return found.group(1)


# -- the list -----------------------------------------------------------------------------------------------------------------------


async def test_everybody_with_how_far_it_has_come(street: Street) -> None:
    house = street.house
    await meet(house, "Greg Sandilands", "+447700900144", lead="new")
    await meet(house, "Kim Tran", "+447700900145", days=1, lead="callback", call="call_3")
    await meet(house, "Peter Vella", "+447700900152", days=2)
    await meet(house, "Priya Nair", "+447700900123", days=3, lead="won", call="call_0")
    ann = await street.member(OWNER, "tenant_owner")
    page = await shown(ann, PEOPLE)
    assert names(page) == ["Greg Sandilands", "Kim Tran", "Peter Vella", "Priya Nair"]
    assert stages(page) == ["New lead", "Wants a call", "Known", "Won"]
    assert "About Greg Sandilands" in page
    assert names(await shown(ann, f"{PEOPLE}?stage=callback")) == ["Kim Tran"]
    assert names(await shown(ann, f"{PEOPLE}?stage=lost")) == []
    assert names(await shown(ann, f"{PEOPLE}?q=sand+gre")) == ["Greg Sandilands"]
    assert names(await shown(ann, f"{PEOPLE}?q=07700+900152")) == ["Peter Vella"]
    assert "Nobody fits this search" in await shown(ann, f"{PEOPLE}?q=x")
    assert (await get(ann, f"{PEOPLE}?stage=nothing")).status_code == 422


async def test_somebody_is_at_the_stage_of_their_newest_lead(street: Street) -> None:
    house = street.house
    await meet(house, "Kim Tran", "+447700900145", lead="lost", call="call_3")
    house.now[0] = NOW + timedelta(hours=1)
    await meet(house, "Kim Tran", "+447700900145", lead="new", call="call_4")
    ann = await street.member(OWNER, "tenant_owner")
    assert stages(await shown(ann, PEOPLE)) == ["New lead"]
    assert names(await shown(ann, f"{PEOPLE}?stage=new")) == ["Kim Tran"]
    assert names(await shown(ann, f"{PEOPLE}?stage=lost")) == []


@pytest.mark.parametrize("query", ["", "?stage=new", "?q=kim"])
async def test_the_list_goes_on(street: Street, query: str) -> None:
    house = street.house
    async with house.services.database.tenant("harbour") as scope:
        for at in range(53):
            who = await crm.save_contact(scope, NOW - timedelta(minutes=at), f"+4477009{at:05}", name=f"Kim {at:02}")
            await crm.save_lead(scope, house.services, By(kind="call", id=f"call_{at}"), who.id)
    ann = await street.member(OWNER, "tenant_owner")
    first = await shown(ann, f"{PEOPLE}{query}")
    href = re.search(r'hx-get="([^"]+)"', first.partition('id="more"')[2])
    assert href
    part = await get(ann, href.group(1).replace("&amp;", "&"), hx_request="true", hx_request_type="partial")
    assert part.text.lstrip().startswith("<tbody")
    every = names(first) + names(part.text)
    assert len(every) == len(set(every)) == 53
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    theirs = await get(bea, href.group(1).replace("&amp;", "&").replace("harbour", "quayside"))
    assert theirs.status_code == 422


async def test_a_business_without_people_is_told_where_they_come_from(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "This fills itself from calls" in await shown(ann, PEOPLE)


# -- one of them --------------------------------------------------------------------------------------------------------------------


async def test_all_that_happened_with_somebody(street: Street) -> None:
    house = street.house
    await ring(house, CALLS[:3])
    who = await meet(house, "Greg Sandilands", "+447700900144", lead="new")
    async with house.services.database.tenant("harbour") as scope:
        await crm.add_message(scope, NOW - timedelta(minutes=10), who, "call_2", kind="callback", due=NOW + timedelta(hours=4))
        start = NOW + timedelta(days=1)
        span = Span(start, start + timedelta(hours=1), "tom")
        by = By(kind="call", id="call_2")
        await bookings.book(scope, house.services, by, span, contact=who, name="Greg", address="Dock Rd", problem="quote")
    ann = await street.member(OWNER, "tenant_owner")
    page = await shown(ann, f"{PEOPLE}/{who}")
    moments = [words(one) for one in re.findall(r"<ol class=\"moments\">(.*?)</ol>", page, re.DOTALL)[0].split("</li>")[:-1]]
    assert moments == [
        "Visit booked Quote, Dock Rd, tom Friday 27 November, 11:00 am",
        "Lead About Greg Sandilands Thursday 26 November, 11:00 am",
        "Was promised a call for Thursday 26 November, 3:00 pm Thursday 26 November, 10:50 am",
        "Call Lead · 3:34 Thursday 26 November, 9:58 am",
    ]
    assert f'href="/t/harbour/diary/new?contact={who}"' in page
    assert 'href="tel:+447700900144"' in page


async def test_what_is_known_is_changed(street: Street) -> None:
    house = street.house
    who = await meet(house, "Greg", "+447700900144")
    await meet(house, "Kim", "+447700900145")
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{PEOPLE}/{who}"
    fields = {"name": "Greg Sandilands", "phone": "07700 900199", "email": "greg@example.com", "address": "1 Dock Rd", "note": "Dog"}
    saved = await post(ann, at, {"revision": "1", **fields}, at=at)
    assert (saved.status_code, saved.headers["location"]) == (303, at)
    page = await shown(ann, at)
    assert "Also 07700 900144" in page
    assert all(one in page for one in ("Greg Sandilands", "greg@example.com", "1 Dock Rd", "Dog"))
    for changes, status, said in (
        ({"phone": "12"}, 422, "Not a phone number such as"),
        ({"email": "nobody"}, 422, "String should match pattern"),
        ({"phone": "+447700900145"}, 409, "Another contact has this phone number: merge the two."),
        ({"revision": "1"}, 412, "Somebody has changed this in the meantime"),
    ):
        answer = await post(ann, at, {"revision": "2", **fields, "note": "kept", **changes}, at=at)
        assert (answer.status_code, said in answer.text, "kept" in answer.text) == (status, True, True), changes
    [row] = await house.look("select note, revision from contact where id = :id", id=who)
    assert tuple(row) == ("Dog", 2)


async def test_somebody_is_never_to_be_rung(street: Street) -> None:
    who = await meet(street.house, "Greg", "+447700900144")
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{PEOPLE}/{who}"
    assert (await post(ann, at, {"revision": "1", "no_calls": "yes"}, at=at)).status_code == 303
    page = await shown(ann, at)
    assert "Asked never to be rung" in page
    assert "tel:" not in page
    assert "Never ring" in await shown(ann, PEOPLE)
    assert (await post(ann, at, {"revision": revision(page), "no_calls": "no"}, at=at)).status_code == 303
    assert "tel:" in await shown(ann, at)


async def test_two_are_one(street: Street) -> None:
    house = street.house
    who, other = await meet(house, "Greg", "+447700900144"), await meet(house, "Greg S", "+447700900145", lead="new")
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{PEOPLE}/{who}"
    found = await shown(ann, f"{at}?who=greg")
    assert f'name="other" value="{other}"' in found
    assert f'name="other" value="{who}"' not in found
    merged = await post(ann, f"{at}/merge", {"other": other}, at=at)
    assert (merged.status_code, merged.headers["location"]) == (303, at)
    assert "About Greg S" in await shown(ann, at)
    assert (await get(ann, f"{PEOPLE}/{other}")).status_code == 404
    assert (await post(ann, f"{at}/merge", {"other": who}, at=at)).status_code == 422
    assert (await post(ann, f"{at}/merge", {"other": "../x"}, at=at)).status_code == 422
    assert "contact.merged" in await street.actions()


async def test_somebody_is_forgotten(street: Street) -> None:
    house = street.house
    who = await meet(house, "Greg", "+447700900144", lead="new")
    async with house.services.database.tenant("harbour") as scope:
        span = Span(NOW + timedelta(hours=2), NOW + timedelta(hours=3), "tom")
        by = By(kind="person", id="usr_1")
        made = await bookings.book(scope, house.services, by, span, contact=who, name="Greg", address="", problem="")
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{PEOPLE}/{who}"
    for sent, said in (({}, "Tick that you are sure"), ({"sure": "yes"}, "The contact has visits ahead: cancel them first.")):
        answer = await post(ann, f"{at}/delete", {"revision": "1", **sent}, at=at)
        assert (answer.status_code, said in answer.text) == (409, True), answer.text
    assert (await post(ann, f"/t/harbour/diary/{made.id}/cancel", {"revision": "1"}, at=at)).status_code == 303
    gone = await post(ann, f"{at}/delete", {"revision": "1", "sure": "yes"}, at=at)
    assert (gone.status_code, gone.headers["location"]) == (303, PEOPLE)
    assert (await get(ann, at)).status_code == 404
    assert await house.look("select 1 from lead") == []


async def test_a_lead_goes_on(street: Street) -> None:
    house = street.house
    who = await meet(house, "Greg", "+447700900144", lead="callback")
    other = await meet(house, "Kim", "+447700900145")
    [lead] = await house.look("select id, revision from lead")
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{PEOPLE}/{who}"
    assert '<option value="callback" selected>Wants a call</option>' in await shown(ann, at)
    sent = {"revision": str(lead.revision), "status": "callback", "assigned": "Ann", "note": "rings at six"}
    assert (await post(ann, f"{at}/leads/{lead.id}", sent, at=at)).status_code == 303
    sent |= {"revision": str(lead.revision + 1), "status": "contacted"}
    assert (await post(ann, f"{at}/leads/{lead.id}", sent, at=at)).status_code == 303
    [row] = await house.look("select status, assigned, note from lead")
    assert tuple(row) == ("contacted", "Ann", "rings at six")
    stale = await post(ann, f"{at}/leads/{lead.id}", sent | {"note": "not lost"}, at=at)
    assert (stale.status_code, "not lost" in stale.text) == (412, True)
    wrong = await post(ann, f"{at}/leads/{lead.id}", sent | {"revision": str(lead.revision + 2), "status": "booked"}, at=at)
    assert wrong.status_code == 422
    assert (await post(ann, f"{PEOPLE}/{other}/leads/{lead.id}", sent, at=at)).status_code == 404
    assert [one for one in await street.actions() if one == "lead.changed"] == ["lead.changed"] * 2


async def test_who_may_only_look_and_who_may_not(street: Street) -> None:
    house = street.house
    who = await meet(house, "Greg", "+447700900144", lead="new")
    [lead] = await house.look("select id from lead")
    vera = await street.member("vera@harbour.example", "viewer", name="Vera")
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    at = f"{PEOPLE}/{who}"
    assert 'name="revision"' not in await shown(vera, at)
    for path in (at, f"{at}/merge", f"{at}/delete", f"{at}/leads/{lead.id}"):
        sent = {"revision": "1", "name": "x", "sure": "yes", "other": who, "status": "won"}
        assert (await post(vera, path, sent, at=PEOPLE)).status_code == 404, path
        assert (await post(bea, path, sent, at="/t/quayside/people")).status_code == 404, path
        assert (await post(bea, path.replace("harbour", "quayside"), sent, at="/t/quayside/people")).status_code == 404, path
    assert (await get(bea, at)).status_code == (await get(bea, at.replace("harbour", "quayside"))).status_code == 404
    assert names(await shown(bea, "/t/quayside/people")) == []
    [row] = await house.look("select name, revision from contact")
    assert tuple(row) == ("Greg", 1)


async def test_what_people_are_called_is_text(street: Street) -> None:
    evil = '<img src=x onerror=alert(1)>" hx-get="/v1'
    house = street.house
    async with house.services.database.tenant("harbour") as scope:
        who = await contacts.create(scope, NewContact(name=evil, address=evil, note=evil), NOW)
        await crm.save_lead(scope, house.services, By(kind="call", id="call_1"), who.id, problem=evil)
    ann = await street.member(OWNER, "tenant_owner")
    for page in (await shown(ann, PEOPLE), await shown(ann, f"{PEOPLE}/{who.id}?who={evil}"), await shown(ann, f"{PEOPLE}?q={evil}")):
        assert "<img" not in page
        assert 'hx-get="/v1' not in page
