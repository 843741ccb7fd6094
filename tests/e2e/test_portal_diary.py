"""The diary without a browser: days and weeks, who made a visit, booking, moving and cancelling, and the days of clock change."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import get, post

from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By

DIARY = "/t/harbour/diary"
NEW = f"{DIARY}/new"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


MAKERS = {"call": By(kind="call", id="call_9"), "person": By(kind="person", id="usr_1"), "key": By(kind="key", id="key_1")}


async def book(
    house: House, start: datetime, *, minutes: int = 60, staff: str = "tom", name: str = "Dana Whitlock", by: str = "call"
) -> str:
    """A visit; its id."""
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(scope, NOW, "+447700900151", name=name)
        span = Span(start, start + timedelta(minutes=minutes), staff)
        fields: dict[str, Any] = {"contact": who.id, "name": name, "address": "42 Fern St", "problem": "leak"}
        return (await bookings.book(scope, house.services, MAKERS[by], span, **fields)).id


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def visits(html: str) -> list[str]:
    """What stands in the diary, as it is read."""
    return [words(one) for one in re.findall(r'<li class="visit[^>]*>(.*?)</li>', html, re.DOTALL)]


async def shown(browser: Browser, path: str) -> str:
    answer = await get(browser, path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def revision(house: House, id: str) -> str:
    return str((await house.look("select revision from appointment where id = :id", id=id))[0].revision)


# -- what stands there ------------------------------------------------------------------------------------------------------------


async def test_a_week_and_a_day(street: Street) -> None:
    house = street.house
    await ring(house)
    await book(house, NOW + timedelta(hours=2))
    await book(house, NOW + timedelta(days=1), by="person", staff="priya", name="Kahu Builders")
    await book(house, NOW + timedelta(days=2, hours=4), by="key", name="Saturday late")
    await book(house, NOW + timedelta(days=7), name="Next week")
    ann = await street.member(OWNER, "tenant_owner")
    week = await shown(ann, DIARY)
    assert "23 – 29 November 3 visits" in words(week)
    assert visits(week) == [
        "1 – 2 Dana Whitlock Leak, 42 Fern St Agent · tom",
        "11 – 12 Kahu Builders Leak, 42 Fern St Team · priya",
        "3 – 4 Saturday late Leak, 42 Fern St Another system · tom Outside opening hours",
    ]
    assert re.findall(r'<p class="open">([^<]+?)\s*</p>', week) == ["open 8 to 6"] * 5 + ["open 9 to 1", "closed"]
    day = await shown(ann, f"{DIARY}?view=day&on=2026-11-27")
    assert [one.split(" Leak")[0] for one in visits(day)] == ["11 – 12 Kahu Builders"]
    assert "Next week" in str(visits(await shown(ann, f"{DIARY}?on=2026-12-03")))
    assert "30 November – 6 December" in words(await shown(ann, f"{DIARY}?on=2026-12-03"))
    assert 'href="/t/harbour/diary?on=2026-11-16"' in week
    assert 'href="/t/harbour/diary?on=2026-11-30"' in week


async def test_what_clashes_is_marked(street: Street) -> None:
    """Nobody is in two places; but one customer may have been promised two visits at once."""
    house = street.house
    await book(house, NOW + timedelta(hours=2))
    await book(house, NOW + timedelta(hours=2, minutes=30), staff="priya")
    await book(house, NOW + timedelta(hours=5), staff="priya")
    ann = await street.member(OWNER, "tenant_owner")
    found = visits(await shown(ann, DIARY))
    assert ["Clashes" in one for one in found] == [True, True, False]


async def test_an_empty_week_says_what_comes_here(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "Nothing is booked in these days" in await shown(ann, f"{DIARY}?on=2027-06-01")
    assert 'href="/t/harbour/diary/new?on=2027-05-31"' in await shown(ann, f"{DIARY}?on=2027-06-01")


@pytest.mark.parametrize("query", ["view=month", "on=tomorrow", "on=1999-12-31", "on=2200-01-01", "on=9999-12-31"])
async def test_days_that_are_none(street: Street, query: str) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert (await get(ann, f"{DIARY}?{query}")).status_code == 422


async def test_an_hour_that_comes_twice_has_rows_of_its_own(street: Street) -> None:
    """Sunday 25 October 2026: a visit in the first 1 am and one in the second stand an hour apart; the other days have a gap there."""
    house = street.house
    house.now[0] = datetime(2026, 10, 20, tzinfo=UTC)
    await book(house, datetime(2026, 10, 25, 0, 15, tzinfo=UTC), minutes=30, name="first")
    await book(house, datetime(2026, 10, 25, 1, 15, tzinfo=UTC), minutes=30, name="second")
    ann = await street.member(OWNER, "tenant_owner")
    week = await shown(ann, f"{DIARY}?on=2026-10-25")
    rows = [int(one) for one in re.findall(r'<li class="visit[^"]* r-(\d+) ', week)]
    assert rows[1] - rows[0] == 4
    hours = re.findall(r'<span class="r-\d+">([^<]+)</span>', week)
    assert hours[:4] == ["12 am", "1 am", "1 am again", "2 am"]
    assert week.count('class="gap r-') == 6
    assert "The clocks change: 25 hours" in words(week)


async def test_an_hour_that_is_left_out_is_a_gap(street: Street) -> None:
    house = street.house
    await book(house, datetime(2027, 3, 28, 0, 15, tzinfo=UTC), minutes=30)
    await book(house, datetime(2027, 3, 28, 1, 15, tzinfo=UTC), minutes=30)
    ann = await street.member(OWNER, "tenant_owner")
    day = await shown(ann, f"{DIARY}?view=day&on=2027-03-28")
    rows = [int(one) for one in re.findall(r'<li class="visit[^"]* r-(\d+) ', day)]
    assert rows[1] - rows[0] == 8  # 12:15 and 2:15 on the wall
    assert re.findall(r'class="gap (r-\d+ s-\d+)', day) == ["r-5 s-4"]
    assert "The clocks change: 23 hours" in words(day)


# -- what one does ------------------------------------------------------------------------------------------------------------------


async def test_a_visit_is_booked_for_somebody_new(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    slot = re.findall(r'name="slot" value="([^"]+)" checked', await shown(ann, NEW))
    assert len(slot) == 1
    fields = {
        "phone": "07700 900188",
        "name": "Noor Bakker",
        "address": "1 Pier Rd",
        "problem": "boiler",
        "slot": slot[0],
        "on": "",
        "time": "",
    }
    made = await post(ann, NEW, fields, at=NEW)
    assert made.status_code == 303, made.text
    page = await shown(ann, made.headers["location"])
    assert "Noor Bakker" in page
    assert 'href="tel:+447700900188"' in page
    assert "Booked by the team" in words(page)
    [row] = await street.house.look("select phone, name, address from contact")
    assert tuple(row) == ("+447700900188", "Noor Bakker", "1 Pier Rd")
    assert "appointment.created" in await street.actions()


async def test_a_visit_at_any_time_for_somebody_known(street: Street) -> None:
    await book(street.house, NOW + timedelta(hours=2))
    ann = await street.member(OWNER, "tenant_owner")
    found = re.search(r'href="(/t/harbour/diary/new\?on=2026-11-26&amp;contact=\w+)">Dana Whitlock', await shown(ann, f"{NEW}?who=whit"))
    assert found
    at = found.group(1).replace("&amp;", "&")
    assert 'name="phone"' not in await shown(ann, at)
    contact = at.rpartition("=")[2]
    fields = {"contact": contact, "slot": "", "on": "2026-11-28", "time": "19:30", "minutes": "45", "staff": "priya"}
    made = await post(ann, NEW, fields, at=at)
    assert made.status_code == 303, made.text
    [row] = await street.house.look("select starts_at, ends_at, staff, name from appointment where call_id is null")
    assert (row.starts_at, row.ends_at - row.starts_at) == (datetime(2026, 11, 28, 19, 30, tzinfo=UTC), timedelta(minutes=45))
    assert (row.staff, row.name) == ("priya", "Dana Whitlock")


GOOD = {"phone": "07700 900188", "name": "Noor", "slot": "", "on": "2026-11-27", "time": "10:00", "minutes": "60", "staff": "tom"}


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"phone": "12"}, 422, "Not a phone number: use one such as +447700900123."),
        ({"phone": "", "name": ""}, 422, "Say for whom it is: a phone number or a name."),
        ({"on": ""}, 422, "A day such as 2026-11-26."),
        ({"on": "9999-12-31"}, 422, "A day such as 2026-11-26."),
        ({"time": "25:00"}, 422, "A time such as 14:30."),
        ({"on": "2026-11-25"}, 422, "Has passed."),
        ({"minutes": "1"}, 422, "greater than or equal to 5"),
        ({"minutes": "soon"}, 422, "A number of minutes."),
        ({"minutes": "9" * 5000}, 422, "Unable to parse input string as an integer"),
        ({"staff": "nobody"}, 422, "One of tom, priya."),
        ({"slot": "made.up"}, 422, "choose a free time or type another, not both"),
        ({"slot": "made.up", "time": ""}, 422, "Not a slot that can be booked."),
        ({"on": "2027-03-28", "time": "01:30"}, 422, "The clocks skip this time on that day: use one an hour later."),
        ({"time": "09:30"}, 409, "That time has been taken."),
        ({"contact": "con_none"}, 404, "No such contact."),
        ({"name": "x" * 300}, 422, "at most 200 characters"),
    ],
)
async def test_what_is_wrong_with_a_booking_is_said_at_its_field(street: Street, changes: dict[str, str], status: int, said: str) -> None:
    await book(street.house, NOW + timedelta(days=1, hours=-1.5))  # 9:30 to 10:30
    if status == 422:
        await street.house.look("delete from appointment_change")
        await street.house.look("delete from appointment")
    ann = await street.member(OWNER, "tenant_owner")
    answer = await post(ann, NEW, GOOD | changes, at=NEW)
    assert answer.status_code == status, answer.text
    assert said.lower() in answer.text.lower()
    if "time" not in changes:
        assert 'value="10:00"' in answer.text
    # Nothing is half done: nobody new is known for a visit that was not booked.
    assert await street.house.look("select 1 from contact where phone = '+447700900188'") == []


async def test_a_visit_is_moved_changed_and_cancelled(street: Street) -> None:
    house = street.house
    await ring(house)
    visit = await book(house, NOW + timedelta(hours=2))
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{DIARY}/{visit}"
    page = await shown(ann, at)
    assert 'href="/t/harbour/calls/call_9"' in page
    moved = await post(
        ann, at, {"revision": "1", "slot": "", "on": "2026-11-27", "time": "14:00", "minutes": "90", "staff": "priya"}, at=at
    )
    assert (moved.status_code, moved.headers["location"]) == (303, at)
    page = words(await shown(ann, at))
    assert "Friday 27 November, 2:00 pm to 3:30 pm" in page
    assert "Moved by the team: Friday 27 November, 2:00 pm, priya" in page
    changed = await post(ann, at, {"revision": "2", "name": "Dana W", "address": "7 Fern St", "problem": "two leaks"}, at=at)
    assert changed.status_code == 303
    assert "7 Fern St" in await shown(ann, at)
    gone = await post(ann, f"{at}/cancel", {"revision": "3"}, at=at)
    assert gone.status_code == 303
    page = await shown(ann, at)
    assert "Cancelled by the team" in words(page)
    assert 'name="revision"' not in page
    assert visits(await shown(ann, DIARY)) == []
    assert [one for one in await street.actions() if one.startswith("appointment")] == [
        "appointment.changed",
        "appointment.changed",
        "appointment.cancelled",
    ]


async def test_what_somebody_else_has_changed_is_not_overwritten(street: Street) -> None:
    house = street.house
    visit = await book(house, NOW + timedelta(hours=2))
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{DIARY}/{visit}"
    await house.ask("PATCH", f"/appointments/{visit}", {"problem": "three leaks"}, if_match="*")
    fields: dict[str, Any] = {"revision": "1", "name": "Dana", "address": "", "problem": "four leaks"}
    for path, sent in ((at, fields), (f"{at}/cancel", {"revision": "1"}), (at, {"name": "x"})):
        answer = await post(ann, path, sent, at=at)
        assert answer.status_code == 412, path
        assert "Somebody has changed this in the meantime" in answer.text
    assert "four leaks" in (await post(ann, at, fields, at=at)).text
    [row] = await house.look("select problem, status from appointment")
    assert tuple(row) == ("three leaks", "booked")


async def test_a_time_that_is_taken_is_refused_in_words(street: Street) -> None:
    house = street.house
    visit = await book(house, NOW + timedelta(hours=2))
    await book(house, NOW + timedelta(hours=5), name="Other")
    ann = await street.member(OWNER, "tenant_owner")
    at = f"{DIARY}/{visit}"
    answer = await post(ann, at, {"revision": "1", "slot": "", "on": "2026-11-26", "time": "15:30", "minutes": "60", "staff": "tom"}, at=at)
    assert answer.status_code == 409
    assert "That time has been taken." in answer.text
    assert 'value="15:30"' in answer.text


async def test_who_may_only_look_and_who_may_not(street: Street) -> None:
    house = street.house
    visit = await book(house, NOW + timedelta(hours=2))
    vera = await street.member("vera@harbour.example", "viewer", name="Vera")
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    at = f"{DIARY}/{visit}"
    page = await shown(vera, at)
    assert 'name="revision"' not in page
    assert "/diary/new" not in await shown(vera, DIARY)
    assert (await get(vera, NEW)).status_code == 404
    for path, fields in ((at, {"revision": "1", "name": "x"}), (f"{at}/cancel", {"revision": "1"}), (NEW, GOOD)):
        assert (await post(vera, path, fields, at=DIARY)).status_code == 404, path
        assert (await post(bea, path, fields, at="/t/quayside/diary")).status_code == 404, path
        theirs = path.replace("harbour", "quayside")
        if path != NEW:
            assert (await post(bea, theirs, fields, at="/t/quayside/diary")).status_code == 404, theirs
    assert (await get(bea, at)).status_code == (await get(bea, at.replace("harbour", "quayside"))).status_code == 404
    assert await revision(house, visit) == "1"


async def test_what_is_typed_is_text(street: Street) -> None:
    evil = '<img src=x onerror=alert(1)>" hx-get="/v1'
    visit = await book(street.house, NOW + timedelta(hours=2), name=evil)
    ann = await street.member(OWNER, "tenant_owner")
    refused = await post(ann, NEW, GOOD | {"phone": evil, "name": evil, "problem": evil}, at=NEW)
    assert refused.status_code == 422
    for page in (await shown(ann, DIARY), await shown(ann, f"{DIARY}/{visit}"), refused.text):
        assert "<img" not in page
        assert 'hx-get="/v1' not in page
