from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Literal

import anyio
import httpx
import pytest
from tests.conformance.business_suite import HOOK_URL, HOUR, NEW, NOW, SECRET, VISIT, Bench, BusinessSuite, _all

from offhook.adapters.calendar.microsoft import Microsoft
from offhook.adapters.model import Appointment
from offhook.adapters.port import Incoming
from offhook.errors import AdapterNotFound, AdapterRejected, AdapterUnauthorized
from offhook.testing.business.microsoft import MicrosoftCalendar

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
OWN, VAN1, VAN2, HOLIDAYS = MicrosoftCalendar().calendars
BOOKED = Appointment(VAN1, VISIT, VISIT + HOUR, "Boiler <loses> pressure", "No hot water & cold feet.", NEW.address, person=NEW)


class TestMicrosoft(BusinessSuite):
    ADAPTER = "calendar/microsoft"
    CHOSEN: ClassVar = {"staff/Bob": (VAN1,), "staff/Sue": (VAN2,)}
    RESOURCES = (VAN1, VAN2)
    ACCOUNT = "kate@example.com"
    NOBODY = f"{VAN1}:AAMkNobody"
    HANDS = False
    FORGETS = True
    DELETES = frozenset({"appointment"})
    TELLS = frozenset({"appointment"})
    SIGNS = False

    def simulator(self, timezone: str) -> MicrosoftCalendar:
        made = MicrosoftCalendar()
        made.dead = {"good-token-7f3a9c51-stale"}
        return made

    async def test_the_event_says_who_what_where_and_has_a_link_to_the_call(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", replace(BOOKED, extras={"link": "https://offhook.example/calls/call_1"}))
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert (kept.title, kept.address) == ("Maggie Tulliver: Boiler <loses> pressure", NEW.address)
        assert kept.description.splitlines() == [
            "No hot water & cold feet.",
            "Phone: +447700900123",
            "Email: maggie@mill.example",
            "Address: 1 Mill Lane, Norwich, NR1 1AA",
            "Call: https://offhook.example/calls/call_1",
        ]

    @pytest.mark.parametrize("repeats", ["201", "400", "409"])
    async def test_a_transaction_that_was_done_is_found_however_the_system_says_so(self, repeats: Literal["201", "400", "409"]) -> None:
        bench = self.bench()
        _sim(bench).repeats = repeats
        ref = await bench.adapter.create_appointment("k'", BOOKED)
        moved = replace(BOOKED, start=VISIT + HOUR, end=VISIT + 2 * HOUR)
        assert (await bench.adapter.create_appointment("k'", moved)).id == ref.id
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.start == VISIT + HOUR
        assert bench.sim.count("appointment") == 1

    async def test_a_visit_that_was_deleted_and_is_written_again_stands_again_once(self) -> None:
        bench = self.bench()
        for _ in range(3):
            ref = await bench.adapter.create_appointment("k", BOOKED)
            assert await bench.adapter.create_appointment("k", BOOKED) == ref
            assert bench.sim.count("appointment") == 1
            bench.sim.remove("appointment", ref.id)

    async def test_a_visit_given_to_somebody_else_before_its_first_writing_was_known_stands_once(self) -> None:
        bench = self.bench()
        await bench.adapter.create_appointment("k", BOOKED)
        ref = await bench.adapter.create_appointment("k", replace(BOOKED, resource=VAN2))
        assert bench.sim.count("appointment") == 1
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.resource == VAN2

    async def test_only_what_takes_time_is_busy(self) -> None:
        bench = self.bench()
        sim, day = _sim(bench), VISIT.replace(hour=0, minute=0)
        for number, shown in enumerate(("free", "workingElsewhere", "tentative", "oof", "busy", "unknown")):
            sim.put(VAN1, day + number * HOUR, day + (number + 1) * HOUR, showAs=shown)
        sim.put(VAN1, day + 8 * HOUR, day + 9 * HOUR, responseStatus={"response": "declined", "time": "2031-02-01T00:00:00Z"})
        sim.put(VAN1, day + 9 * HOUR, day + 10 * HOUR, isCancelled=True)
        found = await bench.adapter.find_availability((VAN1,), day, day + 24 * HOUR)
        assert [(one.start - day) // HOUR for one in found] == [2, 3, 4, 5]
        assert all(bench.sim.visit(one.id) for one in found)

    async def test_a_whole_day_is_one_of_the_business(self) -> None:
        bench = self.bench(timezone="Australia/Sydney")
        _sim(bench).put(VAN1, date(2031, 2, 6), date(2031, 2, 7))
        found = await bench.adapter.find_availability((VAN1,), VISIT - 48 * HOUR, VISIT + 48 * HOUR)
        assert [(one.start, one.end) for one in found] == [(datetime(2031, 2, 5, 13, tzinfo=UTC), datetime(2031, 2, 6, 13, tzinfo=UTC))]

    @pytest.mark.parametrize(
        ("name", "hour"),
        [("UTC", 9), ("GMT Standard Time", 8), ("Europe/London", 8), ("AUS Eastern Standard Time", -1), ("tzone://Microsoft/Custom", 8)],
    )
    async def test_times_that_come_in_another_zone_are_read(self, name: str, hour: int) -> None:
        bench = self.bench()
        times = [f'{{"dateTime": "2031-07-01T{at}:00:00.0000000", "timeZone": "{name}"}}' for at in ("09", "10")]
        bench.gate.answer(200, f'{{"value": [{{"id": "x", "start": {times[0]}, "end": {times[1]}}}]}}'.encode())
        day = datetime(2031, 7, 1, tzinfo=UTC)
        found = await bench.adapter.find_availability((VAN1,), day - 24 * HOUR, day + 24 * HOUR)
        assert [(one.start - day) // HOUR for one in found] == [hour]

    async def test_a_full_calendar_is_read_to_its_end(self) -> None:
        bench = self.bench()
        bench.sim.page_size = 7
        for number in range(30):
            bench.sim.add_visit(VAN1, VISIT + number * HOUR, VISIT + (number + 1) * HOUR)
        assert len(await bench.adapter.find_availability((VAN1,), VISIT, VISIT + 30 * HOUR)) == 30
        assert bench.gate.count == 5

    async def test_a_calendar_that_is_gone_is_no_free_one(self) -> None:
        with pytest.raises(AdapterNotFound):
            await self.bench().adapter.find_availability((VAN1, "AAMkGone"), VISIT, VISIT + HOUR)

    async def test_a_visit_that_was_dragged_to_another_van_is_followed(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        _, cursor = await _all(bench, "")
        _sim(bench).drag(ref.id, VAN2)
        told, _ = await _all(bench, cursor)
        changes = [one for page in told for one in page.items]
        assert not any(one.gone for one in changes)
        first = changes[0].record
        assert isinstance(first, Appointment)
        assert (changes[0].id, first.resource, first.extras["key"]) == (ref.id, VAN2, "k")
        await bench.adapter.cancel("k3", ref.id)
        assert bench.sim.count("appointment") == 0

    async def test_what_is_no_id_is_nothing_there(self) -> None:
        bench = self.bench()
        await bench.adapter.cancel("k", f"{VAN1}:no id of theirs")
        with pytest.raises(AdapterNotFound):
            await bench.adapter.reschedule("k", f"{VAN1}:no id of theirs", BOOKED)
        with pytest.raises(AdapterRejected):
            await bench.adapter.cancel("k", "no calendar")

    async def test_a_visit_that_left_the_window_is_not_gone(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        _, cursor = await _all(bench, "")
        far = NOW + timedelta(days=500)
        bench.sim.move_visit(ref.id, far, far + HOUR)
        told, _ = await _all(bench, cursor)
        change = next(one for page in told for one in page.items)
        assert isinstance(change.record, Appointment)
        assert (change.record.start, change.record.resource, change.gone) == (far, VAN1, False)

    async def test_the_window_moves_with_time_and_all_is_read_anew(self) -> None:
        bench = self.bench()
        bench.sim.add_visit(VAN1, VISIT + timedelta(days=420), VISIT + timedelta(days=420, hours=1))
        first, cursor = await _all(bench, "")
        assert not [one for page in first for one in page.items]
        await anyio.sleep(31 * 86_400)
        anew, _ = await _all(bench, cursor)
        assert anew[0].whole
        assert len([one for page in anew for one in page.items]) == 1

    async def test_the_accounts_own_calendar_serves_where_none_was_chosen(self) -> None:
        bench = self.bench()
        adapter = Microsoft(bench.http, replace(bench.adapter.link, chosen={}))  # type: ignore[attr-defined]
        bench.adapter = adapter
        ref = await bench.adapter.create_appointment("k", replace(BOOKED, resource=""))
        _, cursor = await _all(bench, "")
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert kept.resource == OWN
        far = NOW + timedelta(days=500)
        bench.sim.move_visit(ref.id, far, far + HOUR)
        told, _ = await _all(bench, cursor)
        change = told[0].items[0]
        assert isinstance(change.record, Appointment)
        assert (change.id, change.record.resource) == (ref.id, "default")

    async def test_going_to_another_van_keeps_what_was_said_and_whose_it_is(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", BOOKED)
        new = await bench.adapter.reschedule("k2", ref.id, Appointment(VAN2, VISIT + HOUR, VISIT + 2 * HOUR))
        back = await bench.adapter.reschedule("k3", new.id, Appointment(VAN1, VISIT, VISIT + HOUR))
        kept = bench.sim.visit(back.id)
        assert kept is not None
        assert (kept.resource, kept.title, kept.start) == (VAN1, "Maggie Tulliver: Boiler <loses> pressure", VISIT)
        assert "No hot water" in kept.description
        assert bench.sim.count("appointment") == 1
        assert (await bench.adapter.create_appointment("k", BOOKED)).id == back.id

    async def test_the_private_life_of_staff_stays_theirs(self) -> None:
        bench = self.bench()
        ours = await bench.adapter.create_appointment("k", BOOKED)
        theirs = _sim(bench).put(VAN1, VISIT + 3 * HOUR, VISIT + 4 * HOUR, "Dentist", transactionId="localevent:6f2a")
        told, _ = await _all(bench, "")
        records = {one.id: one.record for page in told for one in page.items}
        mine, other = records[ours.id], records[f"{VAN1}:{theirs}"]
        assert isinstance(mine, Appointment)
        assert isinstance(other, Appointment)
        assert (mine.title, mine.address) == ("Maggie Tulliver: Boiler <loses> pressure", NEW.address)
        assert other.title + other.description + other.address + other.url == ""

    async def test_only_calendars_that_may_be_written_are_offered_and_none_is_written_without_that(self) -> None:
        bench = self.bench()
        _sim(bench).add("Sue's, shared with us", can_share=False)
        bench.sim.page_size = 2
        assert [one.label for one in (await bench.adapter.choices())["calendar"]] == ["Calendar", "Van 1", "Van 2"]
        with pytest.raises(AdapterUnauthorized):
            await bench.adapter.create_appointment("k", replace(BOOKED, resource=HOLIDAYS))

    async def test_one_subscription_serves_and_is_prolonged(self) -> None:
        bench = self.bench()
        sim = _sim(bench)
        await bench.adapter.watch(HOOK_URL)
        await anyio.sleep(86_400)
        await bench.adapter.watch(HOOK_URL)
        assert [one["expirationDateTime"] for one in sim.subscriptions.values()] == ["2031-02-07T07:00:00Z"]
        bench.sim.add_visit(VAN1, VISIT, VISIT + HOUR)
        heard = [bench.adapter.hear(Incoming({}, {}, body, url), SECRET) for url, body in sim.pokes]
        assert [(one.changed, one.status) for one in heard] == [(True, 202)]
        await anyio.sleep(4 * 86_400)
        await bench.adapter.watch(HOOK_URL)
        assert len(sim.subscriptions) == 2
        with pytest.raises(AdapterRejected):
            await bench.adapter.watch("http://offhook.example/hooks/in/ten_1/con_1/x")

    async def test_one_false_notice_among_good_ones_is_refused(self) -> None:
        bench = self.bench()
        body = b'{"value": [{"clientState": "%s"}, {"clientState": "false"}]}' % SECRET.encode()
        for bad in (body, b'{"value": []}', b'{"value": [{}]}', b'{"value": {}}'):
            with pytest.raises(AdapterUnauthorized):
                bench.adapter.hear(Incoming({}, {}, bad), SECRET)

    async def test_links_of_the_system_never_lead_elsewhere(self) -> None:
        bench = self.bench()
        seen: list[str] = []

        async def astray(request: httpx.Request) -> httpx.Response:
            await anyio.lowlevel.checkpoint()
            seen.append(request.url.host)
            return httpx.Response(
                200, json={"value": []} | ({"@odata.nextLink": "https://evil.example/v1.0/me/x"} if len(seen) < 2 else {})
            )

        bench.gate.instead = astray
        assert await bench.adapter.find_availability((VAN1,), VISIT, VISIT + HOUR) == ()
        assert seen == ["graph.microsoft.com"] * 2


def _sim(bench: Bench) -> MicrosoftCalendar:
    assert isinstance(bench.sim, MicrosoftCalendar)
    return bench.sim
