"""Calls over a trunk whose workers are killed at any moment, and whose requests and answers are lost both ways: nobody is rung twice."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.telephony.figures import figure
from tests.telephony.sipline import needs_baresip, needs_sipp
from tests.telephony.trunk_calls import answering, exchange, rung

from offhook.orchestrator.live import engines

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip, pytest.mark.timeout(300)]
CALLS, WORKERS, ROUNDS = 24, 4, 30
OPEN: dict[str, Any] = {"at_once": 1_000, "per_minute": 1_000, "minutes_per_hour": 60_000, "spend_per_hour": 1_000_000}


class Killed(BaseException):
    """The worker's process is gone: nothing of what it was about to do is done."""


class Lossy(httpx.AsyncHTTPTransport):
    """The way between orchestrator and engine: requests are lost before they arrive, or their answers are; perhaps a worker with them."""

    def __init__(self, draw: random.Random, lost: Counter[str], *, kills: bool) -> None:
        super().__init__()
        self._draw = draw
        self._kills = kills
        self.lost = lost

    def kill(self, where: str) -> None:
        """Perhaps."""
        if self._kills and self._draw.random() < 0.15:
            self.lost[f"worker {where}"] += 1
            raise Killed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.kill("before it asked")
        chance = self._draw.random()
        if chance < 0.15:
            self.lost["request"] += 1
            raise httpx.ReadTimeout("lost", request=request)
        answer = await super().handle_async_request(request)
        if chance < 0.4:
            self.lost["answer"] += 1
            await answer.aclose()
            raise httpx.ReadTimeout("lost", request=request)
        try:
            self.kill("before it was answered")
        except Killed:
            await answer.aclose()
            raise
        return answer


async def test_of_many_calls_over_a_trunk_none_rings_twice(
    database_url: str, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    to_engine, from_engine = Counter[str](), Counter[str]()
    monkeypatch.setattr(
        engines, "_client", lambda timeout: httpx.AsyncClient(transport=Lossy(draw, to_engine, kills=True), timeout=timeout)
    )
    numbers = [f"+44{2_000 + at}600000" for at in range(CALLS)]
    async with (
        exchange(database_url, owner_url, tmp_path, trunk={"max_calls": 1_000}) as desk,
        httpx.AsyncClient(transport=Lossy(draw, from_engine, kills=False), timeout=10) as lossy,
        answering(desk.folder, "picks_up.xml", desk.peer, calls=CALLS) as done,
    ):
        monkeypatch.setattr(desk.line.placed, "_http", lossy)
        await desk.changed("/call-limits", **OPEN)
        await desk.house.look("update tenant set max_calls = 1000")
        made = [await desk.place(number) for number in numbers]

        async def worker(work: Iterator[str]) -> None:
            for id in work:  # noqa: A001 - a call's
                with contextlib.suppress(Killed):
                    await desk.dial(id)

        left = made
        for _ in range(ROUNDS):
            desk.tick()
            # Time passes: whatever somebody has to look at later is due now.
            await desk.house.look("update outgoing_call set next_at = :now where next_at is not null", now=desk.house.now[0])
            work = iter(left)
            async with anyio.create_task_group() as group:
                for _ in range(WORKERS):
                    group.start_soon(worker, work)
            await desk.idle()
            left = [one for one in made if (await desk.show(one))["ended_at"] is None]
            if not left:
                break
        ended = [await desk.show(one) for one in made]
    calls = rung(done)
    assert Counter((one["state"], one["reason"]) for one in ended) == {("done", ""): CALLS}
    assert {number: len(calls.get(number, ())) for number in numbers} == dict.fromkeys(numbers, 1)
    killed = {where: count for where, count in to_engine.items() if where.startswith("worker")}
    assert sum(killed.values()) > 0
    assert to_engine["request"] + to_engine["answer"] > 0
    assert from_engine.total() > 0
    figure(
        f"outgoing calls over a trunk: of {CALLS}, with {sum(killed.values())} workers killed, {to_engine['request']} requests and"
        f" {to_engine['answer']} answers lost, {sum(len(one) == 1 for one in calls.values())} were rung once and"
        f" {sum(len(one) > 1 for one in calls.values())} twice"
    )
