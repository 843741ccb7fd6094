"""Fifty who want one slot at once, over two calendars and the portal: one has it, and everybody else hears another time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from tests.e2e.business import House, open_house
from tests.paperwork.calendars import link, settle
from tests.paperwork.figures import figure

from offhook.testing.business.base import Simulator
from offhook.testing.business.google import GoogleCalendar
from offhook.testing.business.microsoft import MicrosoftCalendar

pytestmark = pytest.mark.paperwork
ROUNDS, WANTED = 8, 50
VAN = "van1@group.calendar.google.com"


class Dawdling(httpx.AsyncBaseTransport):
    """A way to a system on which every request takes another number of turns of the loop, by a seed."""

    def __init__(self, system: Simulator, dice: random.Random) -> None:
        self._inner, self._dice = system.transport(), dice

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(self._dice.randrange(12)):
            await anyio.lowlevel.checkpoint()
        return await self._inner.handle_async_request(request)


class Two:
    """The two systems and the dice of a test."""

    def __init__(self) -> None:
        self.google, self.microsoft, self.dice = GoogleCalendar(), MicrosoftCalendar(), random.Random(6)


@pytest.fixture
def two() -> Two:
    return Two()


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path, two: Two) -> AsyncIterator[House]:
    transports = {"calendar/google": Dawdling(two.google, two.dice), "calendar/microsoft": Dawdling(two.microsoft, two.dice)}
    async with open_house(
        database_url, tmp_path, owner_url=owner_url, transports=transports, requests_per_minute=100_000, pool_size=40
    ) as made:
        yield made


@pytest.mark.timeout(240)
async def test_fifty_at_once_over_two_calendars_and_the_portal(house: House, two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    # How long one may wait for a calendar is not what is tried here: fifty at once take their time on a small machine.
    for name in ("offhook.orchestrator.bookings.live.LOOK_S", "offhook.orchestrator.bookings.live.WRITE_S", "offhook.adapters.http.LIVE_S"):
        monkeypatch.setattr(name, 30.0)
    outlook = next(iter(two.microsoft.calendars))
    await link(house, "calendar/google", "owner@example.com", {"tom": VAN})
    await link(house, "calendar/microsoft", "kate@example.com", {"tom": outlook})
    contact = (await house.ask("POST", "/contacts", {"name": "Of the team", "phone": "+447700900999"})).json()["id"]
    won = {"call": 0, "team": 0, "calendar": 0}
    refused, heard = 0, 0
    day = datetime.fromisoformat("2026-11-24")
    for round in range(ROUNDS):  # noqa: A001 - of the test
        slot = await _tom(house, day + timedelta(days=round // 3))
        begins = datetime.fromisoformat(slot["start"])
        outcomes: dict[str, list[str | None]] = {"call": [], "team": []}
        by_hand = round % 4 == 3  # somebody enters something in the calendar meanwhile

        async def call(n: int, slot: dict[str, str] = slot, round: int = round, outcomes: Any = outcomes) -> None:
            await pause(1_500 if round % 4 == 1 else 40)  # once in a while the team is first
            args = {"slot": slot["id"], "name": f"Caller {n}", "phone": f"+4477009001{n:02d}"}
            answer = await house.tool("book", args, call=f"r{round}c{n}")
            outcomes["call"].append(answer["error"])
            if answer["error"] == "conflict":
                offered = await house.slots(day=slot["start"][:10])
                nonlocal heard
                heard += bool(offered) and all(one["id"] != slot["id"] for one in offered)

        async def team(slot: dict[str, str] = slot, outcomes: Any = outcomes) -> None:
            await pause(40)
            answer = await house.ask("POST", "/appointments", {"contact_id": contact, "slot": slot["id"]})
            assert answer.status_code in {201, 409}, answer.text
            outcomes["team"].append(None if answer.status_code == 201 else "conflict")

        async def pause(most: int) -> None:
            for _ in range(two.dice.randrange(most)):
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            for n in range(WANTED):
                group.start_soon(*((call, n) if n % 2 else (team,)))
            if by_hand:
                await pause(40)
                two.google.put(VAN, begins, begins + timedelta(minutes=30), "Dentist")
        house.now[0] += timedelta(minutes=1)
        await settle(house)
        winners = [kind for kind, found in outcomes.items() for error in found if error is None]
        assert sum(len(found) for found in outcomes.values()) == WANTED
        booked = await house.look("select count(*) from appointment where status = 'booked' and starts_at = :at", at=begins)
        assert booked == [(len(winners),)]
        assert await house.look("select count(*) from appointment where status = 'held'") == [(0,)]
        # By hand the time may be taken before anybody has looked: then nobody of the fifty has it.
        assert len(winners) == 1 or (by_hand and not winners), outcomes
        won[winners[0] if winners else "calendar"] += 1
        refused += WANTED - len(winners)
        mine = [one for one in two.google.standing(VAN) if one["summary"] != "Dentist" and _begins(one) == begins]
        assert len(mine) == len(winners)
    assert two.microsoft.count("appointment") == won["call"] + won["team"]
    assert heard == refused - 25 * ROUNDS + won["team"]  # of the calls, that is: each that was refused heard another time
    assert min(won["call"], won["team"]) > 0
    figure(
        f"One slot wanted by {WANTED} at once, over two calendars and the portal, {ROUNDS} times: {won['call']} times a call had it,"
        f" {won['team']} times the team, {won['calendar']} times the calendar's owner; {refused} were refused, no time was booked twice"
    )


async def _tom(house: House, day: datetime) -> dict[str, str]:
    """Tom's next free hour from a day on."""
    for ahead in range(7):
        for one in await house.slots(day=(day + timedelta(days=ahead)).date().isoformat()):
            if ".tom." in one["id"]:
                return one
    raise AssertionError("Tom is not free for a week")


def _begins(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["start"]["dateTime"])
