"""What a customer hears of a call with a booking: every event once, in order, as its type is described."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from tests.e2e.business import CALLER, DID
from tests.e2e.hooks import Hooks, hooked
from tests.e2e.receiver import Got, Receiver, receiver, says

from offhook.orchestrator.hooks.catalogue import TYPES, EventType

STARTED = {"transport": "loopback", "did": DID, "caller": CALLER, "carrier_call": "CA1"}
TURN = {"turn": 1, "text": "my tap is dripping", "start_ms": 10, "end_ms": 900}
ENDED = {"reason": "finished", "outcome": "booked", "seconds": 61.5, "slots": {"need": "new_job"}, "path": ["greet", "bye"]}


@pytest.fixture
async def hooks(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    async with hooked(database_url, owner_url, tmp_path) as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


def described(got: Got) -> None:
    """Its data are those of its type."""
    TYPES[cast("EventType", got.event["type"])].data.model_validate(got.event["data"])


async def _ring(hooks: Hooks) -> None:
    """A call in which a visit is booked; what the engine tells of it comes late, twice and out of order."""
    house = hooks.house
    await house.plan()
    slot = (await house.slots())[0]
    await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER, "problem": "tap"})
    for seq, kind, fields in ((3, "call.ended", ENDED), (1, "call.started", STARTED), (2, "turn.caller", TURN), (3, "call.ended", ENDED)):
        assert (await house.event(seq, kind, **fields)).status_code == 200


async def test_a_call_with_a_booking_is_told_once_and_in_order(hooks: Hooks, there: Receiver) -> None:
    endpoint = await hooks.add(there.url)
    there.behave = says(503)

    async def analyzed() -> bool:
        return (await hooks.house.call())["result"] is not None

    await _ring(hooks)
    await hooks.house.work_until(analyzed)
    there.behave = says(200)
    there.got.clear()
    while (await hooks.show(endpoint["id"]))["waiting"]:
        await hooks.later(hours=30)
    types = [one.event["type"] for one in there.got]
    assert sorted(types) == sorted(
        ["appointment.created", "lead.created", "call.started", "call.ended", "call.transcribed", "call.analyzed"]
    )
    assert types.index("call.ended") < types.index("call.transcribed") < types.index("call.analyzed")
    assert types.index("appointment.created") < types.index("call.analyzed")
    assert {one.event["data"]["call_id"] for one in there.got} == {"c1"}
    for one in there.got:
        described(one)
        there.check(endpoint["secret"], hooks.house.now[0].timestamp(), one)
    stored = (await hooks.house.get("/events")).json()["data"]
    assert {one["id"] for one in stored} == {one.id for one in there.got}


async def test_nothing_of_a_deleted_call_is_left_here(hooks: Hooks, there: Receiver) -> None:
    await hooks.add(there.url)

    async def analyzed() -> bool:
        return (await hooks.house.call())["result"] is not None

    await _ring(hooks)
    await hooks.house.work_until(analyzed)
    answer = await hooks.house.ask("DELETE", "/calls/c1", If_Match="*")
    assert answer.status_code == 204, answer.text
    for table in ("webhook_event", "webhook_delivery", "webhook_attempt"):
        assert (await hooks.house.look(f"select count(*) from {table}"))[0][0] == 0, table  # noqa: S608
