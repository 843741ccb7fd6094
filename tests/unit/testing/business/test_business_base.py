"""What simulators share: faults by plan and by chance, what becomes of a request, limits, and the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest

from offhook.adapters.http import Pace
from offhook.testing.business.base import KINDS, Faults
from offhook.testing.business.servicem8 import ServiceM8
from offhook.testing.clock import VIRTUAL_TIME

URL = "https://api.servicem8.com/api_1.0/company.json"
KEY = {"X-Api-Key": ServiceM8.KEY}


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


async def post(what: ServiceM8, name: str = "Maggie") -> httpx.Response:
    async with what.client() as client:
        return await client.post(URL, json={"name": name}, headers=KEY)


def test_planned_faults_come_first_and_then_those_by_chance() -> None:
    faults = Faults(planned=["lost", None, "429"], chance=0.5, seed=7)
    assert [faults.next() for _ in range(3)] == ["lost", None, "429"]
    drawn = [faults.next() for _ in range(400)]
    assert set(drawn) == {None, *KINDS}
    assert 150 < sum(one is not None for one in drawn) < 250
    again = Faults(chance=0.5, seed=7)
    assert [again.next() for _ in range(400)] == drawn
    assert [Faults().next() for _ in range(9)] == [None] * 9


async def test_a_lost_answer_was_carried_out_and_a_dropped_request_was_not() -> None:
    what = ServiceM8()
    what.faults.planned = ["lost", "dropped", "429", "500"]
    for _ in range(2):
        with pytest.raises(httpx.ReadError):
            await post(what)
    assert [(await post(what)).status_code for _ in range(3)] == [429, 500, 200]
    assert what.count("customer") == 2
    assert [(one.status, one.fault) for one in what.log] == [(200, "lost"), (429, "429"), (500, "500"), (200, None)]
    assert what.faults.count == 4


async def test_a_system_that_is_down_answers_nothing_else() -> None:
    what = ServiceM8()
    what.faults.down = True
    assert [(await post(what)).status_code for _ in range(3)] == [503] * 3
    what.faults.down = False
    assert (await post(what)).status_code == 200
    assert (what.count("customer"), what.faults.count) == (1, 3)


async def test_the_log_has_what_was_said_on_both_sides() -> None:
    what = ServiceM8()
    reply = await post(what, "Zoë")
    seen = what.log[-1]
    assert (seen.method, seen.url, seen.body) == ("POST", URL, '{"name":"Zoë"}'.encode())
    assert (seen.headers["x-api-key"], seen.status, seen.reply) == (ServiceM8.KEY, 200, reply.content)
    assert seen.reply_headers["x-record-uuid"] == reply.headers["x-record-uuid"]


async def test_limits_are_kept_where_they_are_set() -> None:
    what = ServiceM8()
    what.clock = lambda: datetime(2031, 1, 1, tzinfo=UTC) + timedelta(seconds=anyio.current_time())
    what.paces = (Pace(2, 10), Pace(1, 0))
    assert [(await post(what)).status_code for _ in range(3)] == [200, 200, 429]
    await anyio.sleep(10)
    assert (await post(what)).status_code == 200
    assert (what.refused, what.count("customer")) == (1, 3)
