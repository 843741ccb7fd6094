"""What is moved in a calendar outside moves here too: by the reading of changes, without an echo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.business import CALLER, House, open_house
from tests.paperwork.calendars import Linked, link, settle

from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.sync import copying, jobs
from offhook.testing.business.google import GoogleCalendar

pytestmark = pytest.mark.paperwork
VAN, OTHER_VAN = "van1@group.calendar.google.com", "van2@group.calendar.google.com"


@pytest.fixture
def google() -> GoogleCalendar:
    return GoogleCalendar()


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path, google: GoogleCalendar) -> AsyncIterator[House]:
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports={"calendar/google": google.transport()}) as made:
        google.clock = lambda: made.now[0]
        yield made


@pytest.fixture
async def vans(house: House) -> Linked:
    """Tom's and Priya's calendars, read once."""
    made = await link(house, "calendar/google", "owner@example.com", {"tom": VAN, "priya": OTHER_VAN})
    await jobs.connected(house.services, "harbour", made.id)
    await copying.run(house.services, "harbour", made.id)
    return made


async def book(house: House) -> str:
    slot = (await house.slots(day="2026-11-24"))[0]
    answer = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER, "problem": "a dripping tap"})
    assert answer["error"] is None
    await settle(house)
    id: str = answer["values"]["id"]  # noqa: A001 - what it is
    return id


async def read(house: House, vans: Linked) -> int:
    house.now[0] += timedelta(minutes=7)
    return await copying.run(house.services, "harbour", vans.id)


async def visit(house: House, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.get(f"/appointments/{id}")).json()["appointment"]
    return found


async def external(house: House, id: str) -> str:
    async with house.services.database.tenant("harbour") as scope:
        (copy,) = await outside.of(scope, id)
    return copy.external_id


async def test_a_visit_moved_in_the_calendar_moves_here_and_nothing_echoes(house: House, google: GoogleCalendar, vans: Linked) -> None:
    id = await book(house)  # noqa: A001 - what it is
    assert await read(house, vans) > 0
    before = await visit(house, id)
    start = datetime.fromisoformat(before["starts_at"]) + timedelta(days=1)
    google.move_visit(await external(house, id), start, start + timedelta(minutes=90))
    await read(house, vans)
    after = await visit(house, id)
    assert datetime.fromisoformat(after["starts_at"]) == start
    assert (after["staff"], after["revision"]) == (before["staff"], before["revision"] + 1)
    written = len([one for one in google.log if one.method in {"POST", "PATCH", "PUT"} and "/events" in one.url])
    await settle(house)
    await read(house, vans)
    assert (await visit(house, id))["revision"] == after["revision"]
    assert len([one for one in google.log if one.method in {"POST", "PATCH", "PUT"} and "/events" in one.url]) == written


async def test_a_visit_dragged_into_another_calendar_is_that_persons(house: House, google: GoogleCalendar, vans: Linked) -> None:
    id = await book(house)  # noqa: A001 - what it is
    await read(house, vans)
    old = await external(house, id)
    google.drag(old, OTHER_VAN)
    await read(house, vans)
    assert (await visit(house, id))["staff"] == "priya"
    assert (await visit(house, id))["status"] == "booked"
    assert await external(house, id) != old
    await settle(house)
    assert (len(google.standing(VAN)), len(google.standing(OTHER_VAN))) == (0, 1)


async def test_a_visit_deleted_in_the_calendar_is_cancelled_here(house: House, google: GoogleCalendar, vans: Linked) -> None:
    id = await book(house)  # noqa: A001 - what it is
    await read(house, vans)
    google.remove("appointment", await external(house, id))
    await read(house, vans)
    assert (await visit(house, id))["status"] == "cancelled"
    await settle(house)
    assert google.count("appointment") == 0
