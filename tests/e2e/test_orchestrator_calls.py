"""Plans, events in any order, and the result that is written once."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import anyio
import pytest
from sqlalchemy import text
from tests.e2e.business import DID, SECRET, House, open_house

from offhook import signing
from offhook.contracts.analysis import CallResult
from offhook.contracts.plan import CallPlan
from offhook.orchestrator.db import Database

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
STARTED = {"transport": "loopback", "did": DID, "caller": "+447700900123", "carrier_call": "CA1", "trace": TRACE}
CALLER_TURN = {"turn": 1, "text": "my tap is dripping", "start_ms": 10, "end_ms": 900}
AGENT_TURN = {"turn": 2, "text": "Harbour Plumbing.", "heard": "Harbour", "interrupted": True, "start_ms": 0, "end_ms": 700}
TOOL = {"tool": "free_slots", "key": "k", "args": {}, "values": {"slots": []}, "took_ms": 12.5}
SLOTS = {"need": "new_job", "problem": "a dripping tap", "name": {"given": "Ann", "family": "Lee"}, "urgency": {"value": "any_time"}}
ENDED = {"reason": "finished", "outcome": "booked", "seconds": 61.5, "slots": SLOTS, "path": ["greet", "job", "bye"]}
EVENTS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (1, "call.started", STARTED),
    (2, "turn.agent", AGENT_TURN),
    (3, "turn.caller", CALLER_TURN),
    (4, "tool.finished", TOOL),
    (5, "call.ended", ENDED),
)


async def _send(house: House, order: list[tuple[int, str, dict[str, Any]]]) -> list[bool]:
    duplicates = []
    for seq, kind, fields in order:
        answer = await house.event(seq, kind, **fields)
        assert answer.status_code == 200, answer.text
        duplicates.append(answer.json()["duplicate"])
    return duplicates


async def _written(house: House) -> bool:
    return (await house.call())["result"] is not None


async def _jobs(house: House) -> int:
    [(count,)] = await house.look("select count(*) from procrastinate_jobs where task_name = 'finish_call' and scheduled_at is null")
    return int(count)


async def test_a_plan_is_whole_and_in_time(house: House) -> None:
    taken = []
    for call in ("a", "b", "c", "d", "c1"):  # the quickest counts: what else the machine does is not the plan's
        begin = anyio.current_time()
        plan = CallPlan.model_validate(await house.plan(call))
        taken.append(anyio.current_time() - begin)
    assert min(taken) < 0.8, taken
    assert plan.ref == "harbour/front-desk"
    assert plan.given["open_now"] is False  # Monday, seven o'clock
    house.now[0] += timedelta(hours=1)
    assert (await house.plan("c2"))["given"]["open_now"] is True
    assert str(plan.tools["book"].url) == "http://127.0.0.1:8080/v1/tools/book"
    assert (plan.tools["book"].effect, plan.tools["free_slots"].effect) == ("write", "read")
    assert str(plan.events_url) == "http://127.0.0.1:8080/v1/events"
    assert plan.script["states"]
    assert len(plan.knowledge) >= 3
    detail = await house.call()
    assert (detail["call"]["state"], detail["call"]["did"]) == ("planned", DID)


@pytest.mark.parametrize("did", ["+442079460001", "", "sip:nobody", "x" * 500])
async def test_an_unknown_number_is_refused(house: House, did: str) -> None:
    answer = await house.post("/v1/plans", {"call": "c1", "transport": "loopback", "did": did})
    assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_number")


async def test_a_browser_rings_the_number_of_the_settings_only(house: House, database_url: str) -> None:
    assert (await house.plan(transport="browser", did="+441134960000"))["ref"] == "harbour/front-desk"
    async with open_house(database_url, browser_number="") as closed:
        answer = await closed.post("/v1/plans", {"call": "c2", "transport": "browser", "did": DID})
        assert answer.status_code == 404


async def test_tampered_missing_old_and_strange_signatures(house: House) -> None:
    body = b'{"call": "c1", "transport": "loopback", "did": "+442079460000"}'
    now = int(house.now[0].timestamp())
    good = signing.headers(SECRET, "m1", now, body)
    wrong: list[dict[str, str]] = [
        {},
        *({key: value for key, value in good.items() if key != missing} for missing in good),
        good | {signing.ID: "m2"},
        good | {signing.TIMESTAMP: str(now + 1)},
        good | {signing.TIMESTAMP: "later"},
        good | {signing.SIGNATURE: "v1,"},
        good | {signing.SIGNATURE: good[signing.SIGNATURE].replace("v1,", "v2,")},
        signing.headers(SECRET, "m1", now - 301, body),
        signing.headers(SECRET, "m1", now + 301, body),
        signing.headers(signing.new_secret(), "m1", now, body),
        signing.headers(SECRET, "m1", now, body + b" "),
    ]
    for path, headers in itertools.product(("/v1/plans", "/v1/events", "/v1/tools/book"), wrong):
        answer = await house.http.post(path, content=body, headers=headers)
        assert answer.status_code == 401, headers
    assert (await house.http.post("/v1/plans", content=body, headers=good)).status_code == 200
    assert (await house.get("/calls")).json()["data"][0]["id"] == "c1"


@pytest.mark.parametrize("body", [{}, {"call": "c1"}, {"call": "c 1", "transport": "x"}, {"call": "c1", "transport": "x", "more": 1}])
async def test_requests_of_the_wrong_shape(house: House, body: dict[str, Any]) -> None:
    for path in ("/v1/plans", "/v1/events", "/v1/tools/book"):
        assert (await house.post(path, body)).status_code == 422
    content = b"\xff\x00{"
    headers = signing.headers(SECRET, "m", int(house.now[0].timestamp()), content)
    assert (await house.http.post("/v1/plans", content=content, headers=headers)).status_code == 422


@pytest.mark.parametrize("seed", range(4))
async def test_events_in_any_order_and_again_are_one_record(house: House, seed: int) -> None:
    await house.plan()
    order = list(EVENTS) * 2
    random.Random(seed).shuffle(order)
    assert sorted(await _send(house, order)) == [False] * 5 + [True] * 5
    assert await _jobs(house) == 1
    await house.work_until(lambda: _written(house))
    assert await _send(house, list(EVENTS)) == [True] * 5
    detail = await house.call()
    [listed] = (await house.get("/calls")).json()["data"]
    call = detail["call"]
    assert call["trace_id"] == listed["trace_id"] == TRACE
    assert (call["state"], call["outcome"], call["seconds"], call["carrier_call"]) == ("ended", "booked", 61.5, "CA1")
    assert [turn["text"] for turn in detail["turns"]] == ["Harbour Plumbing.", "my tap is dripping"]
    assert [tool["tool"] for tool in detail["tools"]] == ["free_slots"]
    result = CallResult.model_validate(detail["result"])
    assert (result.intent, result.problem, result.urgency, result.success) == ("new_job", "a dripping tap", "any_time", "good")
    assert (result.contact.name, result.contact.phone) == ("Ann Lee", "+447700900123")
    assert detail["missing"] == 0


async def test_events_at_the_same_moment_queue_one_result(house: House) -> None:
    async with anyio.create_task_group() as group:
        for seq, kind, fields in EVENTS * 3:
            group.start_soon(partial(house.event, seq, kind, **fields))
    assert await _jobs(house) == 1


async def test_a_result_waits_for_what_is_missing_but_not_for_ever(house: House, database_url: str) -> None:
    await house.plan()
    await _send(house, [EVENTS[0], EVENTS[4]])
    assert await _jobs(house) == 0
    [(due,)] = await house.look("select scheduled_at - now() from procrastinate_jobs where task_name = 'finish_call'")
    await house.look("update procrastinate_jobs set scheduled_at = now()")  # a minute later
    assert timedelta(seconds=50) < due < timedelta(seconds=70)
    await house.work_until(lambda: _written(house))
    detail = await house.call()
    assert detail["missing"] == 3
    assert detail["result"]["outcome"] == "booked"


async def test_a_place_in_the_call_is_taken_once(house: House) -> None:
    await _send(house, [EVENTS[0]])
    body = {"id": "other", "call": "c1", "ref": "harbour/front-desk", "seq": 1, "at_ms": 0, "time": "2026-11-23T07:00:00Z"}
    answer = await house.post("/v1/events", {**body, "type": "call.started", "transport": "x"})
    assert answer.status_code == 409


async def test_an_event_cannot_enter_another_tenants_call(house: House) -> None:
    await house.plan()
    body = {"id": "e", "call": "c1", "ref": "quayside/front-desk", "seq": 1, "at_ms": 0, "time": "2026-11-23T07:00:00Z"}
    answer = await house.post("/v1/events", {**body, "type": "call.started", "transport": "x"})
    assert answer.status_code == 200  # a call of its own by the same name: that there is another does not show
    assert (await house.call())["call"]["state"] == "planned"


async def test_a_worker_killed_at_work_leaves_the_job_to_another(house: House, database_url: str) -> None:
    services = house.services
    house.app.state.services = replace(services, settings=services.settings.model_copy(update={"stalled_s": 5.0}))
    await house.plan()
    await _send(house, list(EVENTS))
    env = {
        "PATH": os.environ["PATH"],
        "OFFHOOK_DATABASE_URL": database_url,
        "OFFHOOK_ORCHESTRATOR_SECRET": SECRET,
        "OFFHOOK_ORCHESTRATOR_STALLED_S": "1",
    }
    database = Database(database_url, pool_size=2)
    with anyio.fail_after(180):  # two workers start, each a process of its own
        async with database.tenant("harbour") as holder:
            await holder.session.execute(text("select 1 from call where id = 'c1' for update"))  # the job stops here, its work half done
            async with await anyio.open_process([sys.executable, "-c", "from offhook.cli.worker import main; main()"], env=env) as worker:
                async with database.tenant("harbour") as scope:
                    while not (await scope.session.execute(text("select count(*) from pg_locks where not granted"))).scalar_one():
                        await anyio.sleep(0.05)
                worker.send_signal(signal.SIGKILL)
                await worker.wait()
            assert not await _written(house)
        await house.work_until(lambda: _written(house))
        assert (await house.look("select count(*) from call_result"))[0][0] == 1
    await database.close()


async def test_a_sunday_of_changing_clocks(house: House) -> None:
    """Saturday 28 March 2026, the day before the clocks go forward, and the Monday after: nine o'clock stays nine o'clock."""
    house.now[0] = datetime(2026, 3, 27, 12, tzinfo=UTC)
    saturday = (await house.slots(day="2026-03-28"))[0]
    monday = (await house.slots(day="2026-03-30"))[0]
    assert (saturday["start"], monday["start"]) == ("2026-03-28T09:00:00+00:00", "2026-03-30T08:00:00+01:00")
    booked = await house.tool("book", {"slot": monday["id"]})
    assert booked["values"]["when"] == "2026-03-30T08:00:00+01:00"
    (visit,) = (await house.call())["appointments"]
    assert datetime.fromisoformat(visit["starts_at"]) == datetime(2026, 3, 30, 7, tzinfo=UTC)


async def test_health_says_when_the_database_is_gone(house: House, database_url: str) -> None:
    assert (await house.http.get("/healthz")).json() == {"status": "ok"}
    broken = f"{database_url}_gone"
    async with house.services.queue.open_async():
        app = house.app
        kept, services = app.state.services, app.state.services
        app.state.services = replace(services, database=Database(broken, pool_size=1))
        assert (await house.http.get("/healthz")).status_code == 503
        await app.state.services.database.close()
        app.state.services = kept
