"""A real call's events, in whatever order, however often and however late: the same record in the end, and customers told once."""

from __future__ import annotations

import itertools
import threading
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.e2e.business import House
from tests.scenarios.harness import scene

from offhook.contracts.events import AnyEvent
from offhook.orchestrator.calls import intake
from offhook.testing.clock import VIRTUAL_TIME

MOST = 40
"""Events of a call, those that come again among them."""
_count = itertools.count()


async def _booking() -> list[AnyEvent]:
    """The real engine carries a call in which a visit is booked."""
    async with scene() as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        for words in ("I would like a booking please", "oh seven nine double one one two three four five six", "the first one please"):
            await stage.line.say(words)
            await stage.line.agent_speaks()
            await stage.line.agent_done()
        await stage.line.say("yes please")
        with anyio.fail_after(30):
            await stage.done.wait()
    return stage.business.events


@pytest.fixture(scope="module")
def real_call() -> list[dict[str, Any]]:
    """Its events as they go over the wire. In a thread of its own: its time is virtual."""
    found: list[AnyEvent] = []
    backend, options = VIRTUAL_TIME
    thread = threading.Thread(target=lambda: found.extend(anyio.run(_booking, backend=backend, backend_options=dict(options))))
    thread.start()
    thread.join(30)
    events = [one.model_dump(mode="json") for one in found]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert 10 < len(events) < MOST - 12
    assert {"call.started", "turn.caller", "turn.agent", "tool.finished", "usage.reported", "call.ended"} == {one["type"] for one in events}
    return events


async def tell(house: House, event: dict[str, Any], call: str) -> None:
    answer = await house.post("/v1/events", event | {"id": f"{call}.{event['id']}", "call": call, "ref": "harbour/front-desk"})
    assert answer.status_code == 200, answer.text


ROWS = {
    "call": "select * from call where id = :call",
    "events": "select id, seq, type, body from call_event where call_id = :call order by seq",
    "result": "select result, missing from call_result where call_id = :call",
    "words": "select word, at from call_word where call_id = :call order by word",
    "told": "select type from webhook_event where subject = :call order by type",
    "places": "select call_id from placement where call_id = :call",
}


async def rows(house: House, call: str) -> dict[str, Any]:
    """All that is in the database of a call, but for its name and when it came."""
    found: dict[str, Any] = {}
    for name, sql in ROWS.items():
        one = [dict(row._mapping) for row in await house.look(sql, call=call)]
        found[name] = [{key: str(value).replace(call, "c") for key, value in row.items() if key != "planned_at"} for row in one]
    return found


@pytest.mark.timeout(300)
@given(
    again=st.lists(st.integers(0, MOST), max_size=12),
    ranks=st.permutations(range(MOST)),
    sizes=st.lists(st.integers(1, 6), min_size=MOST, max_size=MOST),
    impatient=st.booleans(),
)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_same_record_whatever_happens_on_the_way(
    house: House, real_call: list[dict[str, Any]], again: list[int], ranks: list[int], sizes: list[int], impatient: bool
) -> None:
    if not await house.look("select 1 from call where id = 'in-order'"):
        for event in real_call:
            await tell(house, event, "in-order")
        assert await intake.finish(house.services, "harbour", "in-order")
    expected = await rows(house, "in-order")
    assert [row["type"] for row in expected["told"]] == ["call.analyzed", "call.ended", "call.started", "call.transcribed"]
    assert (expected["result"][0]["missing"], len(expected["events"]), expected["places"]) == ("0", len(real_call), [])
    sent = [*real_call, *(real_call[n % len(real_call)] for n in again)]
    order = [one for _, one in sorted(zip(ranks, sent, strict=False), key=lambda pair: pair[0])]
    call = f"in-disorder-{next(_count)}."  # a name that no id holds by chance
    at, seen = 0, set()
    for size in sizes:  # some come at the same moment
        batch, at = order[at : at + size], at + size
        async with anyio.create_task_group() as group:
            for event in batch:
                group.start_soon(partial(tell, house, event, call))
        seen |= {event["type"] for event in batch}
        if impatient and "call.ended" in seen:  # the job that waits no longer for what is missing
            await intake.finish(house.services, "harbour", call)
    await intake.finish(house.services, "harbour", call)
    assert await rows(house, call) == expected
    [(jobs,)] = await house.look(
        "select count(*) from procrastinate_jobs where task_name = 'finish_call' and args->>'call' = :call and scheduled_at is null",
        call=call,
    )
    assert jobs == 1
