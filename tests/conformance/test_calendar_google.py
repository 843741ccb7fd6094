from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import anyio
import httpx
import pytest
from tests.conformance.business_suite import HOOK_URL, HOUR, NEW, SECRET, VISIT, Bench, BusinessSuite, _all
from tests.conformance.discovery import DiscoveryChecker

from offhook.adapters.calendar.google import MANIFEST
from offhook.adapters.model import Appointment
from offhook.adapters.port import Incoming, OAuth
from offhook.errors import AdapterConflict, AdapterNotFound, AdapterRateLimited, AdapterRejected, AdapterUnavailable
from offhook.testing.business.google import GoogleCalendar

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
VAN1, VAN2 = "van1@group.calendar.google.com", "van2@group.calendar.google.com"
SCOPES = [scope for auth in MANIFEST.auth if isinstance(auth, OAuth) for scope in auth.scopes]
BOOKED = Appointment(VAN1, VISIT, VISIT + HOUR, "Boiler <loses> pressure", "No hot water & cold feet.", NEW.address, person=NEW)


class TestGoogleCalendar(BusinessSuite):
    ADAPTER = "calendar/google"
    CHOSEN: ClassVar = {"staff/Bob": (VAN1,), "staff/Sue": (VAN2,)}
    RESOURCES = (VAN1, VAN2)
    ACCOUNT = "Kate Miller"
    NOBODY = f"{VAN1}:00000000nobody"
    CHECKER = DiscoveryChecker("google/calendar.v3.json", SCOPES)
    HANDS = False
    FORGETS = True
    DELETES = frozenset({"appointment"})
    TELLS = frozenset({"appointment"})
    SIGNS = False

    def simulator(self, timezone: str) -> GoogleCalendar:
        made = GoogleCalendar(timezone)
        made.dead = {"good-token-7f3a9c51-stale"}
        return made

    async def test_the_event_says_who_what_where_and_has_a_link_to_the_call(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", replace(BOOKED, extras={"link": "https://offhook.example/calls/call_1"}))
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.title == "Maggie Tulliver: Boiler <loses> pressure"
        assert kept.description.splitlines() == [
            "No hot water & cold feet.",
            "Phone: +447700900123",
            "Email: maggie@mill.example",
            "Address: 1 Mill Lane, Norwich, NR1 1AA",
            "Call: https://offhook.example/calls/call_1",
        ]
        assert kept.address == NEW.address
        raw = _sim(bench).standing(VAN1)[0]
        assert "&lt;" not in raw["summary"]
        assert "&amp; cold" in raw["description"]  # descriptions are HTML there

    async def test_only_what_takes_time_is_busy(self) -> None:
        bench = self.bench()
        sim, day = _sim(bench), VISIT.replace(hour=0, minute=0)
        me = {"email": "owner@example.com", "self": True}
        sim.put(VAN1, day + 8 * HOUR, day + 9 * HOUR, transparency="transparent")
        sim.put(VAN1, day + 9 * HOUR, day + 10 * HOUR, attendees=[{**me, "responseStatus": "declined"}])
        sim.put(VAN1, day + 10 * HOUR, day + 11 * HOUR, eventType="workingLocation")
        sim.put(VAN1, day + 11 * HOUR, day + 12 * HOUR, attendees=[{**me, "responseStatus": "tentative"}])
        gone = sim.put(VAN1, day + 12 * HOUR, day + 13 * HOUR)
        sim.remove("appointment", f"{VAN1}:{gone}")
        found = await bench.adapter.find_availability((VAN1,), day, day + 24 * HOUR)
        assert [(one.start, one.end) for one in found] == [(day + 11 * HOUR, day + 12 * HOUR)]

    async def test_a_whole_day_is_one_of_the_calendars_own_time_zone(self) -> None:
        bench = self.bench(timezone="Australia/Sydney")
        _sim(bench).put(VAN1, date(2031, 2, 6), date(2031, 2, 7))
        found = await bench.adapter.find_availability((VAN1,), VISIT - 48 * HOUR, VISIT + 48 * HOUR)
        assert [(one.start, one.end) for one in found] == [(datetime(2031, 2, 5, 13, tzinfo=UTC), datetime(2031, 2, 6, 13, tzinfo=UTC))]
        assert found[0].id
        told, _ = await _all(bench, "")
        record = told[0].items[0].record
        assert isinstance(record, Appointment)
        assert (record.start, record.end) == (found[0].start, found[0].end)

    async def test_what_recurs_is_busy_each_time_at_the_same_local_hour(self) -> None:
        bench = self.bench()
        first = datetime(2031, 3, 25, 9, 0, tzinfo=UTC)  # London's clocks go on on the 30th
        _sim(bench).put(VAN1, first, first + HOUR, recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
        found = await bench.adapter.find_availability((VAN1,), first, first + timedelta(days=30))
        assert [one.start for one in found] == [first, first + timedelta(days=7, hours=-1), first + timedelta(days=14, hours=-1)]
        assert len({one.id for one in found}) == 3

    async def test_overlapping_entries_are_told_apart_so_that_ours_is_known(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        theirs = bench.sim.add_visit(VAN1, VISIT + HOUR / 2, VISIT + 2 * HOUR)
        found = await bench.adapter.find_availability((VAN1,), VISIT - HOUR, VISIT + 5 * HOUR)
        assert [(one.id, one.start, one.end) for one in found] == [
            (ref.id, VISIT, VISIT + HOUR),
            (theirs, VISIT + HOUR / 2, VISIT + 2 * HOUR),
        ]

    async def test_an_entry_within_another_leaves_no_rest(self) -> None:
        bench = self.bench()
        for start, end in ((0, 4), (1, 2)):
            bench.sim.add_visit(VAN1, VISIT + start * HOUR, VISIT + end * HOUR)
        found = await bench.adapter.find_availability((VAN1,), VISIT - HOUR, VISIT + 5 * HOUR)
        assert [((one.start - VISIT) // HOUR, (one.end - VISIT) // HOUR, bool(one.id)) for one in found] == [(0, 4, True), (1, 2, True)]

    async def test_busy_time_without_an_entry_stays_busy(self) -> None:
        bench = self.bench()
        for start in range(4):
            bench.sim.add_visit(VAN1, VISIT + start * HOUR, VISIT + (start + 1) * HOUR)
        hidden, _, shown, _ = _sim(bench).standing(VAN1)

        async def some(request: httpx.Request) -> httpx.Response | None:
            await anyio.lowlevel.checkpoint()
            return httpx.Response(200, json={"items": [shown], "timeZone": "Europe/London"}) if request.method == "GET" else None

        bench.gate.instead = some
        found = await bench.adapter.find_availability((VAN1,), VISIT - HOUR, VISIT + 5 * HOUR)
        assert [((one.start - VISIT) // HOUR, (one.end - VISIT) // HOUR, bool(one.id)) for one in found] == [
            (0, 2, False),
            (2, 3, True),
            (3, 4, False),
        ]
        assert hidden["id"] not in found[0].id

    async def test_changes_say_what_takes_time(self) -> None:
        bench = self.bench()
        sim, me = _sim(bench), {"email": "owner@example.com", "self": True}
        kinds: tuple[dict[str, Any], ...] = (
            {},
            {"transparency": "transparent"},
            {"attendees": [{**me, "responseStatus": "declined"}]},
            {"attendees": [{**me, "responseStatus": "accepted"}, {"email": "bob@example.com", "responseStatus": "declined"}]},
            {"eventType": "workingLocation"},
            {"eventType": "outOfOffice"},
        )
        for number, more in enumerate(kinds):
            sim.put(VAN1, VISIT + number * HOUR, VISIT + (number + 1) * HOUR, **more)
        told, _ = await _all(bench, "")
        records = [one.record for page in told for one in page.items]
        assert [isinstance(one, Appointment) and one.extras["busy"] for one in records] == [True, False, False, True, False, True]

    async def test_a_calendar_that_shows_only_that_it_is_busy_is_busy(self) -> None:
        bench = self.bench()
        sim = _sim(bench)
        sim.add("boss@example.com", "Boss", role="freeBusyReader")
        sim.put("boss@example.com", VISIT, VISIT + HOUR)
        found = await bench.adapter.find_availability(("boss@example.com",), VISIT, VISIT + HOUR)
        assert [(one.start, one.end, one.id) for one in found] == [(VISIT, VISIT + HOUR, "")]

    async def test_an_error_of_one_calendar_among_several_is_a_plain_error(self) -> None:
        bench = self.bench()
        for calendar in (VAN1, VAN2):
            bench.sim.add_visit(calendar, VISIT, VISIT + HOUR)

        async def broken(request: httpx.Request) -> httpx.Response | None:
            await anyio.lowlevel.checkpoint()
            return httpx.Response(500) if request.method == "GET" else None

        bench.gate.instead = broken
        with pytest.raises(AdapterUnavailable):
            await bench.adapter.find_availability((VAN1, VAN2), VISIT, VISIT + HOUR)

    async def test_a_calendar_that_is_gone_is_no_free_one(self) -> None:
        with pytest.raises(AdapterNotFound):
            await self.bench().adapter.find_availability(("gone@example.com",), VISIT, VISIT + HOUR)

    async def test_free_calendars_cost_one_request_and_long_times_are_asked_in_parts(self) -> None:
        bench = self.bench()
        assert await bench.adapter.find_availability((VAN1, VAN2), VISIT, VISIT + HOUR) == ()
        assert bench.gate.count == 1
        bench.sim.add_visit(VAN2, VISIT + timedelta(days=150), VISIT + timedelta(days=150, hours=1))
        found = await bench.adapter.find_availability((VAN1, VAN2), VISIT, VISIT + timedelta(days=200))
        assert [one.start for one in found] == [VISIT + timedelta(days=150)]

    async def test_a_visit_that_was_deleted_and_is_written_again_stands_again_once(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        await bench.adapter.cancel("k2", ref.id)
        moved = replace(BOOKED, start=VISIT + HOUR, end=VISIT + 2 * HOUR)
        assert (await bench.adapter.create_appointment("k", moved)).id == ref.id
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.start == VISIT + HOUR
        assert bench.sim.count("appointment") == 1

    async def test_a_visit_given_to_somebody_else_before_its_first_writing_was_known_stands_once(self) -> None:
        bench = self.bench()
        await bench.adapter.create_appointment("k", BOOKED)
        ref = await bench.adapter.create_appointment("k", replace(BOOKED, resource=VAN2))
        assert bench.sim.count("appointment") == 1
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.resource == VAN2

    async def test_a_visit_that_stands_otherwise_is_made_as_wanted(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        await bench.adapter.create_appointment("k", replace(BOOKED, start=VISIT + HOUR, end=VISIT + 2 * HOUR))
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert (kept.start, kept.end) == (VISIT + HOUR, VISIT + 2 * HOUR)

    async def test_a_visit_that_was_dragged_to_another_van_is_followed(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        _, cursor = await _all(bench, "")
        _sim(bench).drag(ref.id, VAN2)
        told, _ = await _all(bench, cursor)
        change = next(one for page in told for one in page.items if one.id == ref.id)
        assert not change.gone
        assert isinstance(change.record, Appointment)
        assert (change.record.resource, change.record.extras["key"]) == (VAN2, "k")
        moved = await bench.adapter.reschedule("k2", ref.id, replace(BOOKED, resource=VAN2, start=VISIT + HOUR, end=VISIT + 2 * HOUR))
        assert moved.id == change.record.id
        await bench.adapter.cancel("k3", ref.id)
        assert bench.sim.count("appointment") == 0

    async def test_moving_keeps_what_people_added(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        sim = _sim(bench)
        sim.edit(ref.id, colorId="5", attendees=[{"email": "bob@example.com"}])
        await bench.adapter.reschedule("k2", ref.id, Appointment(VAN1, VISIT + HOUR, VISIT + 2 * HOUR))
        raw = sim.standing(VAN1)[0]
        assert (raw["colorId"], raw["summary"], len(raw["attendees"])) == ("5", "Maggie Tulliver: Boiler <loses> pressure", 1)
        assert raw["extendedProperties"] == {"private": {"offhook": "k"}}

    @pytest.mark.parametrize(("times", "error"), [(1, None), (2, AdapterConflict)])
    async def test_a_change_under_our_hands_is_seen(self, times: int, error: type[Exception] | None) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        left = times

        async def meanwhile(request: httpx.Request) -> httpx.Response | None:
            nonlocal left
            await anyio.lowlevel.checkpoint()
            if request.method == "PATCH" and left:
                left -= 1
                bench.sim.move_visit(ref.id, VISIT + 5 * HOUR, VISIT + 6 * HOUR)
            return None

        bench.gate.instead = meanwhile
        moved = replace(BOOKED, start=VISIT + HOUR, end=VISIT + 2 * HOUR)
        if error is None:
            await bench.adapter.reschedule("k2", ref.id, moved)
        else:
            with pytest.raises(error):
                await bench.adapter.reschedule("k2", ref.id, moved)
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.start == (VISIT + HOUR if error is None else VISIT + 5 * HOUR)

    async def test_the_private_life_of_staff_stays_theirs(self) -> None:
        bench = self.bench()
        ours = await bench.adapter.create_appointment("k", BOOKED)
        theirs = _sim(bench).put(VAN1, VISIT + 3 * HOUR, VISIT + 4 * HOUR, "Dentist", description="tooth", location="High Street")
        told, _ = await _all(bench, "")
        records = {one.id: one.record for page in told for one in page.items}
        mine, other = records[ours.id], records[f"{VAN1}:{theirs}"]
        assert isinstance(mine, Appointment)
        assert isinstance(other, Appointment)
        assert mine.extras == {"key": "k", "busy": True}
        assert (mine.title, mine.address) == ("Maggie Tulliver: Boiler <loses> pressure", NEW.address)
        assert "No hot water & cold feet." in mine.description
        assert other.extras == {"key": "", "busy": True}
        assert other.title + other.description + other.address + other.url == ""

    async def test_a_calendar_that_is_not_chosen_any_more_has_everything_read_anew(self) -> None:
        bench = self.bench()
        bench.sim.add_visit(VAN1, VISIT, VISIT + HOUR)
        _, cursor = await _all(bench, "")
        page = await bench.adapter.changes_since(cursor.replace(VAN2, "sold@example.com"))
        assert page.whole
        assert len(page.items) == 1

    @pytest.mark.parametrize("cursor", ["nonsense", "[]", '{"tokens": {}}', "{"])
    async def test_a_cursor_that_is_none_of_ours_begins_anew(self, cursor: str) -> None:
        assert (await self.bench().adapter.changes_since(cursor)).whole

    @pytest.mark.parametrize(
        ("status", "reason", "error", "wait"),
        [
            (403, "rateLimitExceeded", AdapterRateLimited, 2.0),
            (403, "userRateLimitExceeded", AdapterRateLimited, 2.0),
            (403, "dailyLimitExceeded", AdapterRateLimited, 3_600.0),
            (403, "requiredAccessLevel", AdapterRejected, None),
            (403, "forbiddenForNonOrganizer", AdapterRejected, None),
        ],
    )
    async def test_a_403_is_read(self, status: int, reason: str, error: type[Exception], wait: float | None) -> None:
        bench = self.bench()
        bench.gate.answer(status, b'{"error": {"errors": [{"domain": "d", "reason": "%s"}], "code": 403}}' % reason.encode())
        with pytest.raises(error) as caught:
            await bench.adapter.verify()
        assert isinstance(caught.value, AdapterRateLimited | AdapterRejected)
        assert caught.value.retry.after == wait

    async def test_only_calendars_that_may_be_written_are_offered_and_none_is_written_without_that(self) -> None:
        bench = self.bench()
        bench.sim.page_size = 2
        found = (await bench.adapter.choices())["calendar"]
        assert [one.label for one in found] == ["Kate Miller", "Van 1", "Van 2"]
        with pytest.raises(AdapterRejected):
            await bench.adapter.create_appointment("k", replace(BOOKED, resource="holidays@group.v.calendar.google.com"))

    async def test_a_channel_is_opened_for_each_calendar_and_anew_before_it_ends(self) -> None:
        bench = self.bench()
        await bench.adapter.watch(HOOK_URL)
        await bench.adapter.watch(HOOK_URL)
        sim = _sim(bench)
        assert len(sim.channels) == 2
        await anyio.sleep(6 * 86_400)
        await bench.adapter.watch(HOOK_URL)
        assert len(sim.channels) == 4
        bench.sim.add_visit(VAN2, VISIT, VISIT + HOUR)
        heard = [bench.adapter.hear(Incoming(one.headers, {}, b"", one.url), SECRET) for one in sim.pokes]
        assert [one.changed for one in heard] == [False] * 4 + [True] * 2
        assert len({one.once for one in heard}) == 6
        with pytest.raises(AdapterRejected):
            await bench.adapter.watch("http://offhook.example/hooks/in/ten_1/con_1/x")


def _sim(bench: Bench) -> GoogleCalendar:
    assert isinstance(bench.sim, GoogleCalendar)
    return bench.sim
