"""Visits and the tenant's other calendars: busy there is not free here, and what is booked here is written there once."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.e2e.business import CALLER, House, open_house
from tests.e2e.people import OWNER, open_street
from tests.e2e.portal_forms import submit
from tests.e2e.portal_http import get, post
from tests.paperwork.calendars import Linked, link, settle, wake

from offhook.adapters import model
from offhook.adapters.calendar.google import Google
from offhook.errors import AdapterConflict
from offhook.orchestrator.bookings import live
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.bookings.outside.schemas import Copy
from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.portal.needs import lines
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.today import ops as today
from offhook.testing.business.google import GoogleCalendar

pytestmark = pytest.mark.paperwork
VAN, OTHER_VAN = "van1@group.calendar.google.com", "van2@group.calendar.google.com"
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def google() -> GoogleCalendar:
    return GoogleCalendar()


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path, google: GoogleCalendar) -> AsyncIterator[House]:
    transports = {"calendar/google": google.transport()}
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports=transports) as made:
        yield made


@pytest.fixture
async def vans(house: House) -> Linked:
    """Tom's and Priya's calendars."""
    return await link(house, "calendar/google", "owner@example.com", {"tom": VAN, "priya": OTHER_VAN})


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that fails is not repeated after a second: it is the days that are tried here."""
    monkeypatch.setattr("offhook.adapters.http.TRIES", 1)


async def copies(house: House, appointment: str) -> list[Copy]:
    async with house.services.database.tenant("harbour") as scope:
        return await outside.of(scope, appointment)


async def starts(house: House) -> list[str]:
    return [one["start"] for one in await house.slots(day="2026-11-24")]


async def free(house: House, slot: dict[str, str]) -> bool:
    """Whether somebody could come then."""
    begins = datetime.fromisoformat(slot["start"])
    answer = await house.get(
        f"/agents/front-desk/slots?from={(begins - timedelta(minutes=1)).isoformat().replace('+', '%2B')}"
        f"&to={(begins + timedelta(minutes=1)).isoformat().replace('+', '%2B')}"
    )
    assert answer.status_code == 200, answer.text
    return bool(answer.json())


async def first(house: House, **more: Any) -> dict[str, str]:
    return (await house.slots(day="2026-11-24", **more))[0]


async def test_what_is_busy_there_is_not_offered_here(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slot = await first(house)
    begins = datetime.fromisoformat(slot["start"])
    google.put(VAN, begins + timedelta(minutes=30), begins + timedelta(minutes=40), "Dentist")
    assert ".tom." in (await first(house))["id"]  # nothing is asked while somebody waits
    assert await vans.refresh()
    assert ".priya." in (await first(house))["id"]
    google.put(OTHER_VAN, begins, begins + timedelta(hours=1), "Course")
    google.put(OTHER_VAN, begins + timedelta(hours=3), begins + timedelta(hours=4), "Free time", transparency="transparent")
    assert await vans.refresh()
    assert (await first(house))["start"] != slot["start"]
    assert not await free(house, slot)


async def test_a_booking_is_written_there_at_once_and_follows(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slots = await house.slots(day="2026-11-24")
    booked = await house.tool("book", {"slot": slots[0]["id"], "name": "Ann Lee", "phone": CALLER, "problem": "a dripping tap"})
    assert booked["error"] is None
    (copy,) = await copies(house, booked["values"]["id"])
    assert (copy.state, copy.revision, copy.error) == ("written", 1, "")
    assert copy.url.startswith("https://")
    (event,) = google.standing(VAN)
    assert event["summary"] == "Ann Lee: a dripping tap"
    assert CALLER in event["description"]
    assert "/t/harbour/calls/c1" in event["description"]
    # Its own entry is not in its way.
    assert await vans.refresh()
    moved = await house.tool("move_booking", {"id": booked["values"]["id"], "slot": slots[1]["id"]})
    assert moved["error"] is None
    (event,) = google.standing(VAN)
    assert datetime.fromisoformat(event["start"]["dateTime"]) == datetime.fromisoformat(slots[1]["start"])
    assert (await house.tool("cancel_booking", {"id": booked["values"]["id"]}))["error"] is None
    await settle(house)
    assert google.standing(VAN) == []
    (copy,) = await copies(house, booked["values"]["id"])
    assert copy.state == "gone"
    assert await vans.refresh()
    assert await free(house, slots[1])


async def test_a_calendar_that_changed_just_before_the_booking_wins(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slot = await first(house)
    begins = datetime.fromisoformat(slot["start"])
    google.put(VAN, begins, begins + timedelta(hours=1), "Dentist")
    answer = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER})
    assert answer["error"] == "conflict"
    assert await house.look("select 1 from appointment") == []
    assert await house.look("select 1 from lead") == []
    # The caller hears an alternative: the same time with somebody else, since the look is kept.
    other = await first(house)
    assert ".priya." in other["id"]
    assert (await house.tool("book", {"slot": other["id"], "name": "Ann Lee", "phone": CALLER}))["error"] is None
    assert len(google.standing(VAN)) == 1
    assert len(google.standing(OTHER_VAN)) == 1
    assert await vans.refresh()


async def test_the_team_is_told_whose_calendar_is_in_the_way(house: House, google: GoogleCalendar, vans: Linked) -> None:
    contact = (await house.ask("POST", "/contacts", {"name": "Ann Lee", "phone": CALLER})).json()["id"]
    begins = TUESDAY + timedelta(hours=9)
    google.put(VAN, begins, begins + timedelta(hours=1), "Dentist")
    body = {"contact_id": contact, "starts_at": begins.isoformat(), "staff": "tom"}
    refused = await house.ask("POST", "/appointments", body)
    assert (refused.status_code, refused.json()["title"]) == (409, "that time has been taken in Google Calendar")
    made = await house.ask("POST", "/appointments", {**body, "starts_at": (begins + timedelta(hours=2)).isoformat()}, idempotency_key="k1")
    assert made.status_code == 201, made.text
    again = await house.ask("POST", "/appointments", {**body, "starts_at": (begins + timedelta(hours=2)).isoformat()}, idempotency_key="k1")
    assert again.json() == made.json()
    await settle(house)
    assert len(google.standing(VAN)) == 2
    path = f"/appointments/{made.json()['id']}"
    tag = (await house.get(path)).headers["etag"]
    moved = await house.ask("PATCH", path, {"starts_at": begins.isoformat()}, If_Match=tag)
    assert (moved.status_code, moved.json()["title"]) == (409, "that time has been taken in Google Calendar")
    assert (await house.ask("PATCH", path, {"staff": "priya"}, If_Match=tag)).status_code == 200
    await settle(house)
    assert len(google.standing(VAN)) == 1
    assert len(google.standing(OTHER_VAN)) == 1
    (copy,) = (await house.get(f"{path}/copies")).json()
    assert (copy["state"], copy["connection_id"]) == ("written", vans.id)


async def test_an_answer_that_was_lost_makes_nothing_twice(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slot = await first(house)
    google.faults.planned = [None, "lost", "500", "500", "500"]  # the look goes well; the write happens, and what follows fails
    booked = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER})
    assert booked["error"] is None
    google.faults.planned = []
    house.now[0] += timedelta(minutes=3)
    await settle(house)
    (copy,) = await copies(house, booked["values"]["id"])
    assert copy.state == "written"
    assert len(google.standing(VAN)) == 1
    assert vans.id == copy.connection_id


async def test_a_visit_that_is_cancelled_before_its_lost_write_is_known_leaves_nothing(
    house: House, google: GoogleCalendar, vans: Linked
) -> None:
    contact = (await house.ask("POST", "/contacts", {"name": "Ann Lee", "phone": CALLER})).json()["id"]
    begins = TUESDAY + timedelta(hours=9)
    made = (await house.ask("POST", "/appointments", {"contact_id": contact, "starts_at": begins.isoformat(), "staff": "tom"})).json()
    google.faults.planned = ["lost", "dropped", "dropped"]
    await settle(house)
    assert len(google.standing(VAN)) == 1  # and nobody here knows its id
    path = f"/appointments/{made['id']}"
    tag = (await house.get(path)).headers["etag"]
    assert (await house.ask("POST", f"{path}/cancel", If_Match=tag)).status_code == 200
    await settle(house)
    assert google.standing(VAN) == []
    assert [one.state for one in await copies(house, made["id"])] == ["gone"]
    assert vans.id


@pytest.mark.usefixtures("once")
async def test_a_calendar_that_is_down_for_three_days_is_written_afterwards(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slot = await first(house, urgency="")
    google.faults.down = True
    booked = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER})
    assert booked["error"] is None  # what was known of the calendar decides
    begun, tries = house.now[0], 0
    while house.now[0] - begun < timedelta(hours=70):
        house.now[0] += timedelta(hours=2)
        before = len(google.log)
        await settle(house)
        tries += len(google.log) > before
    assert not await vans.refresh()
    (copy,) = await copies(house, booked["values"]["id"])
    assert (copy.state, copy.error) == ("waiting", "the system has a fault of its own (503)")
    assert 30 < tries < 37
    google.faults.down = False
    house.now[0] += timedelta(minutes=30)
    await settle(house)
    house.now[0] += timedelta(hours=2)
    await settle(house)
    (copy,) = await copies(house, booked["values"]["id"])
    assert copy.state == "written"
    assert len(google.standing(VAN)) == 1


@pytest.mark.usefixtures("once")
async def test_what_is_down_for_longer_waits_for_somebody_to_try_again(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slot = next(one for one in await house.slots(day="2026-12-01"))
    google.faults.down = True
    booked = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER})
    for _ in range(8):
        house.now[0] += timedelta(hours=10)
        await settle(house)
    path = f"/appointments/{booked['values']['id']}"
    (copy,) = (await house.get(f"{path}/copies")).json()
    assert (copy["state"], copy["error"]) == ("failed", "the system has a fault of its own (503)")
    google.faults.down = False
    again = await house.ask("POST", f"{path}/copies/{vans.id}/again")
    assert again.status_code == 200, again.text
    await settle(house)
    (copy,) = (await house.get(f"{path}/copies")).json()
    assert (copy["state"], copy["error"], copy["clash"]) == ("written", "", "")
    assert len(google.standing(VAN)) == 1


async def test_a_run_that_died_between_its_transactions_is_finished_by_its_repeat(
    house: House, google: GoogleCalendar, vans: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = await first(house)

    class DiedError(Exception):
        pass

    real = live.ask

    async def dies(*_: object, **__: object) -> list[live.Seen]:
        raise DiedError

    args = {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER}
    monkeypatch.setattr("offhook.orchestrator.tools.builtin.live.ask", dies)
    with pytest.raises(DiedError):
        await house.tool("book", args, key="once")
    assert await house.look("select status from appointment") == [("held",)]
    # Nobody else is given it meanwhile, and it is in nobody's diary.
    assert (await house.tool("book", args, call="c2"))["error"] == "conflict"
    assert (await house.get("/appointments")).json()["data"] == []
    monkeypatch.setattr("offhook.orchestrator.tools.builtin.live.ask", real)
    answers = [await house.tool("book", args, key="once") for _ in range(3)]
    assert answers[0]["error"] is None
    assert answers == [answers[0]] * 3
    assert await house.look("select status from appointment") == [("booked",)]
    assert len(google.standing(VAN)) == 1
    assert vans.id


async def follow(house: House, linked: Linked, there: model.Appointment) -> bool:
    """What sync tells of an entry."""
    link = await linked.shown()
    async with house.services.database.tenant("harbour") as scope:
        return await outside.changed(scope, house.services, link, there)


async def visit_of(house: House, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.get(f"/appointments/{id}")).json()
    return found


async def test_a_visit_that_is_moved_there_moves_here_and_nothing_comes_back(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slots = await house.slots(day="2026-11-24")
    booked = (await house.tool("book", {"slot": slots[0]["id"], "name": "Ann Lee", "phone": CALLER}))["values"]["id"]
    (copy,) = await copies(house, booked)
    there = google.visit(copy.external_id)
    assert there is not None
    assert not await follow(house, vans, there)  # our own write
    begins = datetime.fromisoformat(slots[2]["start"])
    google.move_visit(copy.external_id, begins, begins + timedelta(minutes=60))
    moved = google.visit(copy.external_id)
    assert moved is not None
    said = len(google.log)
    assert await follow(house, vans, moved)
    assert not await follow(house, vans, moved)
    await settle(house)
    assert len(google.log) == said
    found = await visit_of(house, booked)
    visit = found["appointment"]
    assert datetime.fromisoformat(visit["starts_at"]) == begins
    assert datetime.fromisoformat(visit["ends_at"]) == begins + timedelta(minutes=60)
    assert (visit["staff"], visit["revision"]) == ("tom", 2)
    assert [(one["kind"], one["by_kind"], one["by_id"]) for one in found["history"]] == [
        ("created", "call", "c1"),
        ("moved", "operator", "system"),
    ]
    # To the other van: it is Priya's now.
    google.drag(copy.external_id, OTHER_VAN)
    dragged = replace(moved, resource=OTHER_VAN)
    assert await follow(house, vans, dragged)
    assert (await visit_of(house, booked))["appointment"]["staff"] == "priya"
    # And what is moved here afterwards is moved there, where it is now.
    assert (await house.tool("move_booking", {"id": booked, "slot": slots[0]["id"]}))["error"] is None
    assert [len(google.standing(one)) for one in (VAN, OTHER_VAN)] == [1, 0]


async def test_a_visit_that_is_moved_there_onto_another_is_somebody_s_to_decide(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slots = [one for one in await house.slots(day="2026-11-24") if ".tom." in one["id"]]
    first, second = [
        (await house.tool("book", {"slot": one["id"], "name": "Ann Lee", "phone": CALLER}, call=f"c{n}"))["values"]["id"]
        for n, one in enumerate(slots[:2])
    ]
    (copy,) = await copies(house, second)
    begins = datetime.fromisoformat(slots[0]["start"])
    google.move_visit(copy.external_id, begins, begins + timedelta(minutes=90))
    moved = google.visit(copy.external_id)
    assert moved is not None
    assert not await follow(house, vans, moved)
    assert datetime.fromisoformat((await visit_of(house, second))["appointment"]["starts_at"]) == datetime.fromisoformat(slots[1]["start"])
    (copy,) = await copies(house, second)
    assert copy.clash == "it was moved to a time that is taken here in Google Calendar"
    told = await house.look("select data from webhook_event where type = 'appointment.clash'")
    assert [(one[0]["appointment_id"], one[0]["connection_id"]) for one in told] == [(second, vans.id)]
    assert (await visit_of(house, first))["appointment"]["revision"] == 1
    async with house.services.database.tenant("harbour") as scope:
        needs = await today.needs(scope, frozenset({"appointments.read"}), house.now[0])
        (need,) = [one for one in needs if one.kind == "clash"]
        assert (need.thing, need.endpoint, need.visit.id if need.visit else "") == (second, "Google Calendar", second)
        local = Local(ZoneInfo("Europe/London"), "GB", house.now[0])
        (line,) = lines([need], local, "/t/harbour", frozenset({"contacts.write"}))
        assert line.title == "The visit of Ann Lee clashes with Google Calendar: Tuesday 24 November, 12:30 pm"
        assert line.text.startswith("It was moved to a time that is taken here in Google Calendar. Move it")
        await today.see_to(scope, By(kind="person", id="usr_1"), "clash", second, house.now[0])
        assert [one for one in await today.needs(scope, frozenset({"appointments.read"}), house.now[0]) if one.kind == "clash"] == []


async def test_a_visit_that_is_deleted_there_is_cancelled_here_once(house: House, google: GoogleCalendar, vans: Linked) -> None:
    slot = await first(house)
    booked = (await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER}))["values"]["id"]
    (copy,) = await copies(house, booked)
    google.remove("appointment", copy.external_id)
    link = await vans.shown()
    for expected in (True, False):
        async with house.services.database.tenant("harbour") as scope:
            assert await outside.gone(scope, house.services, link, copy.external_id) is expected
    said = len(google.log)
    await settle(house)
    assert len(google.log) == said
    assert (await visit_of(house, booked))["appointment"]["status"] == "cancelled"
    assert [one.state for one in await copies(house, booked)] == ["gone"]
    assert await free(house, slot)
    # Another's entry that goes is none of our business.
    async with house.services.database.tenant("harbour") as scope:
        assert not await outside.gone(scope, house.services, link, f"{VAN}:person000001")


async def test_a_calendar_that_refuses_the_time_undoes_the_booking_while_the_caller_waits(
    house: House, google: GoogleCalendar, vans: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = [True]
    real = Google.create_appointment

    async def refuses(self: Google, key: str, appointment: model.Appointment) -> model.Ref:
        if refusing[0]:
            raise AdapterConflict("calendar/google", "somebody else has taken it in the system")
        return await real(self, key, appointment)

    monkeypatch.setattr(Google, "create_appointment", refuses)
    slot = await first(house)
    answer = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER}, key="once")
    assert answer == {"values": {}, "error": "conflict"}
    assert await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER}, key="once") == answer
    assert await house.look("select status from appointment") == [("cancelled",)]
    assert await house.look("select status from lead") == [("new",)]
    await settle(house)
    assert google.standing(VAN) == []
    refusing[0] = False
    assert (await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER}))["error"] is None
    assert len(google.standing(VAN)) == 1
    assert await house.look("select status from lead") == [("booked",)]
    assert vans.id


async def test_a_time_is_held_for_one_call_while_it_thinks(house: House) -> None:
    slots = await house.slots(day="2026-11-24")
    held = await house.tool("hold", {"slot": slots[0]["id"]})
    assert held == {"values": {"until": "2026-11-23T07:05:00+00:00"}, "error": None}
    assert (await house.tool("hold", {"slot": slots[0]["id"]}, call="c2"))["error"] == "conflict"
    assert [one["id"] for one in await house.slots(day="2026-11-24")] == [one["id"] for one in slots]
    others = (await house.tool("free_slots", {"day": "2026-11-24"}, call="c2"))["values"]["slots"]
    assert slots[0]["id"] not in [one["id"] for one in others]
    # Another hold of the same call ends the first; what has lapsed is free again.
    assert (await house.tool("hold", {"slot": slots[1]["id"]}))["error"] is None
    assert (await house.tool("hold", {"slot": slots[0]["id"]}, call="c2"))["error"] is None
    house.now[0] += timedelta(minutes=5)
    assert (await house.tool("book", {"slot": slots[0]["id"], "name": "Ann", "phone": CALLER}))["error"] is None
    assert await house.look("select status, staff from appointment") == [("booked", "tom")]


async def test_jobs_ask_calendars_and_write_visits(house: House, google: GoogleCalendar, vans: Linked) -> None:
    contact = (await house.ask("POST", "/contacts", {"name": "Ann Lee", "phone": CALLER})).json()["id"]
    begins = TUESDAY + timedelta(hours=9)
    made = (await house.ask("POST", "/appointments", {"contact_id": contact, "starts_at": begins.isoformat(), "staff": "tom"})).json()

    async def written() -> bool:
        return [one.state for one in await copies(house, made["id"])] == ["written"]

    await house.work_until(written)
    google.put(OTHER_VAN, begins, begins + timedelta(hours=1), "Course")
    house.now[0] += timedelta(minutes=7)
    assert await wake(house) == 1

    async def known() -> bool:
        return bool(await house.look("select 1 from busy_time where resource = :van", van=OTHER_VAN))

    await house.work_until(known)
    assert await wake(house) == 0
    async with house.services.database.tenant("harbour") as scope:
        assert await outside.freshness(scope, house.now[0]) == {vans.id: True}
        assert await outside.freshness(scope, house.now[0] + timedelta(hours=1)) == {vans.id: False}


async def test_the_portal_says_whose_calendar_is_in_the_way_and_tries_again(
    house: House, google: GoogleCalendar, vans: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.adapters.http.TRIES", 1)
    async with open_street(house) as street:
        browser, new = await street.member(OWNER, "tenant_owner"), "/t/harbour/diary/new"
        begins = TUESDAY + timedelta(hours=9)
        google.put(VAN, begins, begins + timedelta(hours=1), "Dentist")
        fields = {"name": "Ann Lee", "phone": CALLER, "staff": "tom", "on": "2026-11-24", "minutes": "60"}
        refused = await post(browser, new, {**fields, "slot": "", "time": "09:00"}, at=new)
        assert "taken in Google Calendar" in html.unescape(refused.text)
        google.faults.down = True
        made = await post(browser, new, {**fields, "slot": "", "time": "11:00"}, at=new)
        assert made.status_code == 303, made.text
        [(id,)] = await house.look("select id from appointment")  # noqa: A001 - what it is
        house.now[0] += timedelta(hours=1)
        await settle(house)
        await house.look("update appointment_copy set waiting_since = waiting_since - interval '3 days', next_at = waiting_since")
        await settle(house)
        page = await get(browser, f"/t/harbour/diary/{id}")
        assert "In Google Calendar" in page.text
        assert "Not written: the system has a fault of its own (503)" in " ".join(page.text.split())
        google.faults.down = False
        again = f"/t/harbour/diary/{id}/copies/{vans.id}/again"
        assert (await submit(browser, f"/t/harbour/diary/{id}", again, {})).status_code == 303
        await settle(house)
        page = await get(browser, f"/t/harbour/diary/{id}")
        assert ">Written</a>" in page.text
        assert len(google.standing(VAN)) == 2
