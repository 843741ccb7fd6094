"""Whatever people do in calendars, with faults on the way: a mirror that is kept by changes is what stands there."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import anyio
import httpx
import pytest
from tests.conformance.business_suite import HOUR, VISIT, now
from tests.paperwork.figures import tally

from offhook.adapters.calendar.google import MANIFEST as GOOGLE
from offhook.adapters.calendar.google import Google
from offhook.adapters.calendar.microsoft import MANIFEST as MICROSOFT
from offhook.adapters.calendar.microsoft import OURS, Microsoft
from offhook.adapters.http import FixedSigner, Http, Pacer
from offhook.adapters.model import Appointment
from offhook.adapters.port import Link
from offhook.errors import AdapterNotFound, AdapterRateLimited, AdapterUnavailable
from offhook.testing.business.google import GoogleCalendar
from offhook.testing.business.microsoft import MicrosoftCalendar
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
ROUNDS, SEEDS = 40, 6


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


class World:
    """A simulator, its adapter, and what was done by way of us: key to id."""

    def __init__(self, name: str, seed: int) -> None:
        self.dice = random.Random(f"{name} {seed}")
        self.sim: GoogleCalendar | MicrosoftCalendar = GoogleCalendar() if name == "google" else MicrosoftCalendar()
        self.sim.clock = now
        self.sim.page_size = 3
        self.vans = list(self.sim.calendars)[1:3]
        manifest, made = (GOOGLE, Google) if name == "google" else (MICROSOFT, Microsoft)
        client = httpx.AsyncClient(transport=self.sim.transport(), trust_env=False)
        http = Http(manifest.id, manifest.base_url, client, FixedSigner({"Authorization": "Bearer x"}), Pacer(manifest.paces), now=now)
        self.adapter = made(http, Link({}, {"staff/Bob": (self.vans[0],), "staff/Sue": (self.vans[1],)}))
        self.ours: dict[str, str] = {}
        self.theirs: list[str] = []
        self.mirror: dict[str, Appointment] = {}
        self.cursor = ""
        self.anew = False

    def span(self) -> tuple[datetime, datetime]:
        start = VISIT + self.dice.randrange(2_000) * HOUR
        return start, start + self.dice.choice((1, 2, 3)) * HOUR

    def standing(self) -> list[tuple[str, str, datetime, datetime]]:
        """What is in the calendars, by the system's own word."""
        if isinstance(self.sim, GoogleCalendar):
            ids = [f"{van}:{one['id']}" for van in self.vans for one in self.sim.standing(van)]
        else:
            ids = [f"{one.calendar}:{event}" for event, one in self.sim.events.items()]
        return _told(one for one in map(self.sim.visit, ids) if one is not None)

    def keys(self) -> list[str]:
        """The keys of our writes, as often as they stand there."""
        if isinstance(self.sim, MicrosoftCalendar):
            return [one.properties[OURS] for one in self.sim.events.values() if OURS in one.properties]
        events = [one.get("extendedProperties", {}) for van in self.vans for one in self.sim.standing(van)]
        return [one["private"]["offhook"] for one in events if one]

    def people(self) -> None:
        """Somebody does something in a calendar."""
        known = [*self.theirs, *self.ours.values()]
        alive = [one for one in known if self.sim.visit(one) is not None]
        what = self.dice.choice(("add", "move", "remove", "drag"))
        if what == "add" or not alive:
            self.theirs.append(self.sim.add_visit(self.dice.choice(self.vans), *self.span()))
            return
        one = self.dice.choice(alive)
        if what == "move":
            self.sim.move_visit(one, *self.span())
        elif what == "remove":
            self.sim.remove("appointment", one)
        else:
            calendar = one.rpartition(":")[0]
            other = next(van for van in self.vans if van != calendar)
            # Of ours the old id is kept, as whoever wrote it would.
            if isinstance(self.sim, MicrosoftCalendar) and self.sim.events[one.rpartition(":")[2]].calendar != calendar:
                return
            self.sim.drag(one, other)
            if one in self.theirs:
                self.theirs[self.theirs.index(one)] = f"{other}:{one.rpartition(':')[2]}"

    async def we(self, number: int) -> None:
        """We write, with the same key until it is done."""
        start, end = self.span()
        visit = Appointment(self.dice.choice(self.vans), start, end, f"Visit {number}")
        what = self.dice.choice(("create", "create", "create", "reschedule", "cancel")) if self.ours else "create"
        key = self.dice.choice(list(self.ours)) if what != "create" else f"visit/{number}"
        while True:
            try:
                if what == "create":
                    self.ours[key] = (await self.adapter.create_appointment(key, visit)).id
                elif what == "reschedule":
                    self.ours[key] = (await self.adapter.reschedule(f"{key}/{number}", self.ours[key], visit)).id
                else:
                    await self.adapter.cancel(f"{key}/{number}", self.ours[key])
                    del self.ours[key]
            except (AdapterUnavailable, AdapterRateLimited) as error:
                await anyio.sleep(error.retry.after or 1.0)
            except AdapterNotFound:
                del self.ours[key]  # people deleted it
                return
            else:
                return

    async def copy(self) -> None:
        """Read changes until there are no more; what fails is asked again from the same cursor."""
        more = True
        while more:
            try:
                page = await self.adapter.changes_since(self.cursor)
            except (AdapterUnavailable, AdapterRateLimited) as error:
                await anyio.sleep(error.retry.after or 1.0)
                continue
            if page.whole and not self.anew:
                self.mirror = {}
            self.anew = page.whole
            for change in page.items:
                self.mirror.pop(change.id, None)
                if isinstance(change.record, Appointment):
                    self.mirror[change.record.id] = change.record
            self.cursor, more = page.cursor, page.more
        self.anew = False


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", ["google", "microsoft"])
async def test_the_mirror_is_what_stands_there(name: str, seed: int) -> None:
    world = World(name, seed)
    world.sim.faults.chance, world.sim.faults.seed = 0.15, seed
    for number in range(ROUNDS):
        for _ in range(world.dice.randrange(4)):
            world.people()
        await world.we(number)
        if world.dice.random() < 0.1:
            world.sim.forget()
        if world.dice.random() < 0.6:
            await world.copy()
    await world.copy()
    assert _told(world.mirror.values()) == world.standing()
    assert len(set(world.keys())) == len(world.keys()) > 0
    tally(f"calendar/{name} mirrored over random changes", rounds=ROUNDS, faults=world.sim.faults.count, requests=len(world.sim.log))


def _told(visits: Iterable[Appointment]) -> list[tuple[str, str, datetime, datetime]]:
    return sorted((one.id, one.resource, one.start, one.end) for one in visits)
