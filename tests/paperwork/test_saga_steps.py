"""One call's paperwork: what it becomes, what stops it, what starts it again. The systems are simulators, the adapters real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import anyio
import httpx
import pytest
from tests.e2e.business import House, open_house
from tests.paperwork.figures import figure
from tests.paperwork.left import Rang, connect, phone, put, ring, states, steps, system, told, work

from offhook.adapters import http
from offhook.adapters.model import Customer
from offhook.orchestrator.calls import intake, removal
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.paperwork import jobs, ops
from offhook.orchestrator.paperwork.schedule import LOOK
from offhook.testing.business.fergus import Fergus

pytestmark = pytest.mark.paperwork
BOOKED = Rang("c1", phone(1), "booking")
ASKED = Rang("c1", phone(1), "lead")


class Between(httpx.AsyncBaseTransport):
    """The way to the simulator. ``refuse`` answers in its place."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.refuse: Callable[[httpx.Request], int | None] = lambda _: None
        self.hang = anyio.Event()
        self.hang.set()
        self.arrived = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.arrived.set()
        await self.hang.wait()
        if (status := self.refuse(request)) is not None:
            return httpx.Response(status, headers={"Retry-After": "0"}, json={"message": "no"}, request=request)
        return await self._inner.handle_async_request(request)


@pytest.fixture
def fergus() -> Fergus:
    return Fergus()


@pytest.fixture
def way(fergus: Fergus) -> Between:
    return Between(fergus.transport())


@pytest.fixture
async def shop(database_url: str, owner_url: str, tmp_path: Path, way: Between, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(http, "TRIES", 1)  # between them the client waits, in real time
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports={"crm/fergus": way}) as house:
        yield house


async def connected(shop: House) -> str:
    made = await connect(shop, "crm/fergus", key="key")
    await chosen(shop, made)
    return made


async def chosen(shop: House, connection: str) -> None:
    """Fergus wants to know whose calendar."""
    await shop.look('update connection set chosen = \'{"staff": ["1000001"]}\' where id = :id', id=connection)


async def test_a_booking_is_written_whole_and_shown_with_links(shop: House, fergus: Fergus) -> None:
    await connected(shop)
    await ring(shop, BOOKED)
    assert (await system(shop, "c1"))["state"] == "waiting"
    await work(shop)
    found = await system(shop, "c1")
    assert (found["state"], steps(found)) == ("done", dict.fromkeys(("customer", "job", "appointment", "note"), "done"))
    assert [fergus.count(one) for one in ("customer", "job", "appointment", "note", "lead")] == [1, 1, 1, 1, 0]
    assert all(one["record_id"] and one["attempts"] == 1 for one in found["steps"])
    seen = len(fergus.log)
    assert await work(shop) == 0
    assert len(fergus.log) == seen


async def test_the_result_and_the_beginning_of_the_paperwork_are_one(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between them cannot be: they are committed together, and customers are told once."""
    await connected(shop)
    await put(shop, [BOOKED])

    async def torn(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):  # noqa: PT012
        patch.setattr(ops, "wake", torn)
        await intake.finish(shop.services, "harbour", "c1")
    assert await shop.look("select 1 from call_result") == []
    assert await intake.finish(shop.services, "harbour", "c1")
    assert not await intake.finish(shop.services, "harbour", "c1")
    assert len(await told(shop, "call.analyzed")) == 1
    assert await shop.look("select count(*) from paperwork_run") == [(2,)]


async def test_the_queue_does_it_without_anybody_asking(shop: House) -> None:
    await connected(shop)
    await ring(shop, BOOKED)

    async def written() -> bool:
        return (await states(shop)).get("done") == 1

    await shop.work_until(written)


async def test_a_caller_with_two_calls_is_one_customer(shop: House, fergus: Fergus) -> None:
    await connected(shop)
    await ring(shop, *(Rang(f"c{number}", phone(1), "lead") for number in range(4)))
    async with anyio.create_task_group() as group:
        for call in ("c0", "c1", "c2", "c3"):
            group.start_soon(jobs.work, shop.services, "harbour", call, (await system(shop, call))["connection_id"])
    await work(shop)
    assert (fergus.count("customer"), fergus.count("lead"), await states(shop)) == (1, 4, {"done": 4})


async def test_a_customer_who_is_there_is_found_and_completed_and_keeps_their_name(shop: House, fergus: Fergus) -> None:
    fergus.add_customer(Customer(name="A. B. Lee", phones=(phone(1),)))
    await connected(shop)
    await ring(shop, ASKED)
    await work(shop)
    assert (fergus.count("customer"), (await states(shop))) == (1, {"done": 1})
    assert "A. B. Lee" in str(fergus.rows["customers"])


@pytest.mark.parametrize(
    ("call", "state", "reason"),
    [
        (Rang("c1", phone(1), "silence"), "skipped", "The caller said nothing."),
        (Rang("c1", phone(1), "wrong number"), "skipped", "The caller left nothing to follow up, and is no customer there."),
    ],
)
async def test_who_left_nothing_leaves_nothing_there(shop: House, fergus: Fergus, call: Rang, state: str, reason: str) -> None:
    await connected(shop)
    await ring(shop, call)
    await work(shop)
    found = await system(shop, "c1")
    assert (found["state"], found["reason"]) == (state, reason)
    assert sum(fergus.count(one) for one in ("customer", "lead", "job", "note")) == 0


async def test_nothing_of_a_test_call_leaves(shop: House, fergus: Fergus) -> None:
    await connected(shop)
    await ring(shop, Rang("c1", phone(1), "booking", test=True))
    before = len(fergus.log)
    await work(shop)
    assert len(fergus.log) == before
    assert await shop.look("select connection_id, state, reason from paperwork_run") == [
        ("", "skipped", "Nothing of a test call leaves here.")
    ]


async def test_one_system_that_is_down_holds_up_no_other(shop: House, way: Between) -> None:
    await connected(shop)
    await ring(shop, BOOKED)
    way.refuse = lambda _: 503
    await work(shop)
    found = await system(shop, "c1")
    assert (found["state"], found["steps"][0]["state"], found["steps"][0]["error"]) == (
        "waiting",
        "waiting",
        "the system has a fault of its own (503)",
    )
    assert found["next_at"] > shop.now[0].isoformat()
    way.refuse = lambda _: None
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "waiting"  # not due yet
    shop.now[0] += timedelta(minutes=1)
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "done"


async def test_what_a_system_refuses_is_given_up_at_once_and_the_rest_goes_on(shop: House, way: Between, fergus: Fergus) -> None:
    connection = await connected(shop)
    way.refuse = lambda request: 422 if request.method == "POST" and request.url.path.startswith("/jobs") else None
    await ring(shop, BOOKED)
    await work(shop)
    found = await system(shop, "c1")
    assert found["state"] == "failed"
    assert steps(found) == {"customer": "done", "job": "failed", "appointment": "waiting", "note": "done"}
    [event] = await told(shop, "crm.sync.failed")
    assert event["step"] == "job"
    assert event["error"] == "the system refused what it was sent (422)"
    way.refuse = lambda _: None
    answer = await shop.ask("POST", "/calls/c1/paperwork/again", {"connection_id": connection})
    assert answer.json()["systems"][0]["state"] == "waiting"
    await work(shop)
    assert set(steps(await system(shop, "c1")).values()) == {"done"}
    assert [fergus.count(one) for one in ("customer", "job", "appointment", "note")] == [1, 1, 1, 1]


async def test_an_expired_connection_is_waited_for_and_gone_on_with(shop: House, fergus: Fergus) -> None:
    connection = await connected(shop)
    await ring(shop, BOOKED)
    fergus.tokens.clear()
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "held"
    assert await shop.look("select state from connection") == [("expired",)]
    shop.now[0] += LOOK
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "held"
    fergus.tokens.add("key")
    await shop.look("update connection set state = 'active'")
    await jobs.connected(shop.services, "harbour", connection)
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "done"


async def test_a_connection_that_is_switched_off_gets_nothing_more(shop: House, fergus: Fergus, way: Between) -> None:
    connection = await connected(shop)
    way.refuse = lambda request: 503 if request.method == "POST" else None
    await ring(shop, BOOKED)
    await work(shop)
    await jobs.disconnected(shop.services, "harbour", connection)
    way.refuse = lambda _: None
    shop.now[0] += timedelta(days=1)
    await work(shop)
    found = await system(shop, "c1")
    assert (found["state"], found["reason"]) == ("skipped", "The system was disconnected.")
    assert await shop.look("select 1 from paperwork_caller") == []


async def test_a_system_that_wants_fewer_requests_says_when(shop: House, fergus: Fergus) -> None:
    await connected(shop)
    fergus.faults.planned = ["429"] * 9
    fergus.too_many = lambda: httpx_answer(3_000)  # type: ignore[method-assign]
    await ring(shop, BOOKED)
    await work(shop)
    [(wait,)] = await shop.look("select next_at - :now from paperwork_run where connection_id <> ''", now=shop.now[0])
    assert timedelta(seconds=3_000) <= wait <= timedelta(seconds=3_600)


def httpx_answer(seconds: int):  # type: ignore[no-untyped-def]  # noqa: ANN201
    from starlette.responses import JSONResponse

    return JSONResponse({"error": "rate limit"}, 429, {"Retry-After": str(seconds)})


async def test_a_customer_who_was_deleted_there_is_looked_for_anew(shop: House, fergus: Fergus, way: Between) -> None:
    await connected(shop)
    await ring(shop, ASKED)
    await work(shop)
    fergus.rows["customers"].clear()
    await ring(shop, Rang("c2", phone(1), "booking"))
    await work(shop)
    assert (await system(shop, "c2"))["state"] == "done"
    assert fergus.count("customer") == 1


async def test_a_deleted_call_writes_nothing_more(shop: House, way: Between, fergus: Fergus) -> None:
    connection = await connected(shop)
    await ring(shop, BOOKED)
    before = len(fergus.log)
    way.arrived, way.hang = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(jobs.work, shop.services, "harbour", "c1", connection)
        await way.arrived.wait()
        async with shop.services.database.tenant("harbour") as scope:
            await removal.delete(shop.services, scope, "c1")
        way.hang.set()
    asked = len(fergus.log) - before
    assert await work(shop) == 0
    assert len(fergus.log) - before == asked
    assert fergus.count("job") + fergus.count("note") == 0
    assert await shop.look("select 1 from paperwork_run union all select 1 from paperwork_step") == []


async def test_what_came_late_begins_what_there_was_no_reason_for(shop: House, fergus: Fergus) -> None:
    """A result that was written without all events said that the caller was silent."""
    await connected(shop)
    await put(shop, [ASKED])
    await shop.look("delete from call_event where type = 'turn.caller'")
    assert await intake.finish(shop.services, "harbour", "c1")
    assert (await system(shop, "c1"))["state"] == "skipped"
    body = '{"type": "turn.caller", "turn": 1, "text": "My tap leaks.", "start_ms": 0, "end_ms": 900}'
    await shop.look(
        "insert into call_event (tenant_id, call_id, id, seq, type, body)"
        " values ('harbour', 'c1', 'late', 2, 'turn.caller', cast(:b as jsonb))",
        b=body,
    )
    assert await intake.finish(shop.services, "harbour", "c1")
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "done"
    assert fergus.count("lead") == 1


async def test_down_for_three_days_is_given_up_told_once_and_sent_again_by_a_person(shop: House, way: Between, fergus: Fergus) -> None:
    connection = await connected(shop)
    await ring(shop, BOOKED)
    way.refuse = lambda _: 503
    begun, tries = shop.now[0], 0
    while (await system(shop, "c1"))["state"] == "waiting":
        assert await work(shop, 1.0) == 2 if tries == 0 else await work(shop, 1.0) >= 0
        tries += 1
        [(next_at,)] = await shop.look("select next_at from paperwork_run where connection_id <> ''")
        if next_at is not None:
            shop.now[0] = next_at
    assert timedelta(hours=72) <= shop.now[0] - begun <= timedelta(hours=73)
    assert [one["step"] for one in await told(shop, "crm.sync.failed")] == ["customer"]
    shop.now[0] += timedelta(days=3)
    assert await work(shop) == 0
    async with shop.services.database.tenant("harbour") as scope:
        [given_up] = await ops.given_up(scope, begun)
    assert (given_up.connection_id, given_up.count, given_up.call_id) == (connection, 1, "c1")
    way.refuse = lambda _: None
    for _ in range(2):  # two clicks
        assert (await shop.ask("POST", "/calls/c1/paperwork/again", {})).status_code == 200
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "done"
    assert [fergus.count(one) for one in ("customer", "job", "appointment", "note")] == [1, 1, 1, 1]
    figure(f"saga: a system down for 72 h was asked {tries} times, given up, told once; one click wrote everything once")


async def test_a_worker_that_is_told_to_stop_gives_back_what_it_has(shop: House, way: Between, fergus: Fergus) -> None:
    connection = await connected(shop)
    await ring(shop, BOOKED)
    way.arrived, way.hang = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(jobs.work, shop.services, "harbour", "c1", connection)
        await way.arrived.wait()
        group.cancel_scope.cancel()
    way.hang.set()
    await work(shop)  # at once: no lease is waited for
    assert (await system(shop, "c1"))["state"] == "done"
    assert fergus.count("customer") == 1


async def test_a_worker_that_is_gone_is_waited_for_as_long_as_its_lease(shop: House) -> None:
    connection = await connected(shop)
    await ring(shop, BOOKED)
    await shop.look("update paperwork_run set runner = 'dead', leased_until = :at", at=shop.now[0] + timedelta(seconds=60))
    assert not await jobs.work(shop.services, "harbour", "c1", connection)
    jobs_there = await shop.look("select scheduled_at from procrastinate_jobs where task_name = 'paper_call' and scheduled_at is not null")
    assert len(jobs_there) == 1  # somebody comes by when it is over
    shop.now[0] += timedelta(seconds=61)
    assert await ops.sweep(shop.services) == 2
    await work(shop)
    assert (await system(shop, "c1"))["state"] == "done"


async def test_people_are_told_once_by_mail(shop: House, tmp_path: Path) -> None:
    notify = '{"emails": ["desk@harbour.example"], "when": "follow_up"}'
    await shop.look(
        "update agent_version set sha = 'notify', config = jsonb_set(config::jsonb, '{notify}', cast(:notify as jsonb))::json",
        notify=notify,
    )
    await shop.look("update agent set live_sha = 'notify'")
    await ring(shop, ASKED, Rang("c2", phone(2), "wrong number"))
    await work(shop)
    await work(shop)
    mails = await shop.look("select 1 from mail")
    assert len(mails) == 1
    own = (await shop.ask("GET", "/calls/c1/paperwork")).json()["own"]
    assert {one["step"]: one["state"] for one in own} == dict.fromkeys(("transcript", "extract", "webhooks", "notify"), "done")


async def test_nobody_else_sees_or_sends_it(shop: House) -> None:
    await connected(shop)
    await ring(shop, BOOKED)
    stranger = await shop.role("tenant_owner", tenant="quayside")
    viewer = await shop.role("viewer")
    for headers, path, expected in (
        (stranger, "/v1/tenants/harbour/calls/c1/paperwork", 404),
        (stranger, "/v1/tenants/quayside/calls/c1/paperwork", 404),
        (viewer, "/v1/tenants/harbour/calls/c1/paperwork", 200),
    ):
        assert (await shop.http.get(path, headers=headers)).status_code == expected
    answer = await shop.http.post("/v1/tenants/harbour/calls/c1/paperwork/again", json={}, headers=viewer)
    assert answer.status_code == 403
    missing = await shop.ask("POST", "/calls/c1/paperwork/again", {"connection_id": "con_none"})
    assert missing.status_code == 404
    async with shop.services.database.tenant("harbour") as scope:
        assert (await calls.get(scope, "c1")).id == "c1"
