"""News of live calls as a stream, over real sockets and a real database: one's own, all of it, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
from tests.e2e.business import ADMIN, CALLER, OTHER_DID, House, open_house
from tests.e2e.test_live_api import NOWHERE, served, up

ENDED: dict[str, Any] = {"reason": "hangup", "outcome": "done", "seconds": 80.0, "slots": {}, "path": [], "counters": {}}


class Reader:
    """Server-sent events as they come."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        name = ""
        with anyio.fail_after(150):
            while True:
                line = await anext(self._lines)
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))

    async def all(self, names: str = "calls") -> list[dict[str, Any]]:
        """The next list of all calls."""
        while True:
            name, data = await self.next()
            if name == names:
                found: list[dict[str, Any]] = data
                return found


@asynccontextmanager
async def reading(url: str, tenant: str = "harbour", headers: dict[str, str] = ADMIN) -> AsyncIterator[Reader]:
    async with (
        httpx.AsyncClient(base_url=url, timeout=60) as http,
        http.stream("GET", f"/v1/tenants/{tenant}/live-calls/events", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer)


@asynccontextmanager
async def opened(database_url: str, owner_url: str, folder: Path, **settings: Any) -> AsyncIterator[tuple[House, str]]:
    async with (
        open_house(database_url, folder, owner_url=owner_url, **({"live_stream_s": 30.0} | settings)) as house,
        served(house.app, lifespan="off") as url,
    ):
        yield house, url


async def listening(house: House, reader: Reader) -> None:
    """Until the hub has its connection, which it opens for the first who reads: it sends everything once more then."""
    assert await reader.all() == []
    assert await reader.all() == []


async def test_a_call_is_seen_from_its_beginning_to_its_end(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with opened(database_url, owner_url, tmp_path) as (house, url), reading(url) as reader:
        await listening(house, reader)
        await up(house, "c1", NOWHERE)
        name, call = await reader.next()
        assert (name, call["id"], call["caller"], call["last"]) == ("call", "c1", CALLER, None)
        await house.event(2, "turn.caller", turn=1, text="my tap is dripping", start_ms=1_000, end_ms=2_000, acts=[])
        name, call = await reader.next()
        assert (name, call["last"]["text"]) == ("call", "my tap is dripping")
        async with reading(url) as late:
            assert [one["id"] for one in await late.all()] == ["c1"]
        await house.event(3, "call.ended", **ENDED)
        assert await reader.next() == ("ended", {"id": "c1"})


async def test_nobody_hears_of_another_tenants_calls(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with opened(database_url, owner_url, tmp_path) as (house, url), reading(url) as mine, reading(url, "quayside") as theirs:
        await listening(house, mine)
        assert await theirs.all() == []
        for n in range(8):
            await up(house, f"c{n}", NOWHERE)
            await house.event(2, "turn.caller", f"c{n}", turn=1, text=f"secret {n}", start_ms=1, end_ms=2, acts=[])
        await house.plan("q1", did=OTHER_DID)
        ref = {"ref": "quayside/front-desk", "time": house.now[0].isoformat()}
        began = {"transport": "twilio", "did": OTHER_DID, "caller": CALLER, "script": "x", "script_version": 1}
        assert (await house.event(1, "call.started", "q1", **began, **ref)).status_code == 200
        name, call = await theirs.next()
        while name != "call":
            assert (name, call) == ("calls", [])
            name, call = await theirs.next()
        assert call["id"] == "q1"
        seen: set[str] = set()
        while len(seen) < 8:
            name, call = await mine.next()
            seen |= {one["id"] for one in (call if name == "calls" else [call])}
        assert seen == {f"c{n}" for n in range(8)}
        assert len(house.app.state.live._watching) == 2
    assert not house.app.state.live._watching  # who has gone is not told


async def test_the_database_connection_breaks_and_nothing_is_missed(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with opened(database_url, owner_url, tmp_path) as (house, url), reading(url) as reader:
        await listening(house, reader)
        await house.look("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen offhook_live%'")
        await up(house, "c1", NOWHERE)
        name, data = await reader.next()
        while name != "calls" or not data:
            name, data = await reader.next()
        assert [one["id"] for one in data] == ["c1"]


async def test_a_stream_ends_after_a_while_and_needs_its_permission(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with opened(database_url, owner_url, tmp_path, live_stream_s=0.3) as (house, url):
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            path = "/v1/tenants/harbour/live-calls/events"
            whole = await http.get(path, headers=await house.key("calls.read"))
            assert whole.text.startswith("event: calls\ndata: []\n\n")
            assert (await http.get(path, headers=await house.key("live.control"))).status_code == 403
            assert (await http.get(path, headers=await house.key("calls.read", tenant="quayside"))).status_code == 404
            assert (await http.get(path)).status_code == 401
