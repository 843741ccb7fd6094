"""Workers at the queues: woken by the queue's own jobs, several at once, killed, refused by the database."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import anyio.abc
import pytest
from tests.e2e.business import MASTER_KEY, SECRET
from tests.e2e.hooks import Hooks, hooked, in_order
from tests.e2e.receiver import OK, Got, Receiver, receiver, says, silent

from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.jobs import sweep, wake_due
from offhook.orchestrator.hooks.pump import Pump
from offhook.orchestrator.hooks.queue import Queues


@pytest.fixture
async def hooks(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    async with hooked(database_url, owner_url, tmp_path) as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


async def test_by_the_jobs_of_the_queue_alone(hooks: Hooks, there: Receiver) -> None:
    """No test's hand: publishing wakes a worker, and what it leaves for later is found by the sweep."""
    endpoint = await hooks.add(there.url)
    await hooks.publish("call_1", count=3)

    async def all_there() -> bool:
        return not (await hooks.show(endpoint["id"]))["waiting"]

    await hooks.house.work_until(all_there)
    assert there.ns == [1, 2, 3]
    there.behave = says(503)
    await hooks.publish("call_1")

    async def failed_once() -> bool:
        return (await hooks.show(endpoint["id"]))["failing_since"] is not None

    await hooks.house.work_until(failed_once)
    there.behave = says(200)
    assert await wake_due(hooks.house.services) == 0
    hooks.house.now[0] += timedelta(seconds=6)
    await hooks.by_jobs(all_there)
    assert there.ns == [1, 2, 3, 4, 4]


async def test_a_worker_that_dies_leaves_nothing_behind_that_is_not_sent(hooks: Hooks, there: Receiver) -> None:
    """Cut off before the answer: the same event goes again, by the same id, once the queue's lease is over."""
    arrived = anyio.Event()

    async def hang(stream: anyio.abc.ByteStream, got: Got) -> None:
        arrived.set()
        await silent(stream, got)

    there.behave = hang
    endpoint = await hooks.add(there.url)
    [event, _] = await hooks.publish("call_1", count=2)
    await hooks.house.look("update webhook_queue set runner = 'dead', leased_until = '2026-11-23T07:02:00Z'")
    await hooks.deliver()
    await hooks.pump.work("harbour", endpoint["id"])
    assert there.got == []  # somebody works on it, as far as anybody knows
    hooks.house.now[0] += timedelta(minutes=2)
    async with anyio.create_task_group() as group:
        group.start_soon(hooks.deliver)
        await arrived.wait()
        group.cancel_scope.cancel()
    assert await hooks.attempts(endpoint["id"], event) == []
    there.behave = says(200)
    await Pump(hooks.house.services).work("harbour", endpoint["id"])  # at once: who is told to stop gives the queue back
    assert there.ns == [1, 1, 2]
    assert [one.id for one in there.got[:2]] == [event, event]


async def test_two_workers_at_one_queue_send_nothing_twice(hooks: Hooks, there: Receiver) -> None:
    async def unhurried(stream: anyio.abc.ByteStream, got: Got) -> None:
        await anyio.sleep(0.01)
        await stream.send(OK)

    there.behave = unhurried
    endpoint = await hooks.add(there.url)
    for call in range(6):
        await hooks.publish(f"call_{call}", count=3)
    pumps = [Pump(hooks.house.services) for _ in range(4)]
    async with anyio.create_task_group() as group:
        for pump in pumps:
            group.start_soon(pump.work, "harbour", endpoint["id"])
    assert sorted(there.ns) == list(range(1, 19))
    for call in range(6):
        assert in_order([one.n for one in there.got if one.event["data"]["call_id"] == f"call_{call}"])


async def test_what_is_published_while_a_worker_ends_is_not_left_lying(hooks: Hooks, there: Receiver) -> None:
    endpoint = await hooks.add(there.url)

    async def publish() -> None:
        for number in range(40):
            await hooks.publish(f"call_{number % 3}")
            await hooks.pump.work("harbour", endpoint["id"])

    async with anyio.create_task_group() as group:
        group.start_soon(publish)
    assert sorted(there.ns) == list(range(1, 41))
    assert (await hooks.show(endpoint["id"]))["waiting"] == 0


async def test_a_rolled_back_transaction_tells_nobody(hooks: Hooks, there: Receiver) -> None:
    await hooks.add(there.url)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with hooks.house.services.database.tenant("harbour") as scope:
            await ops.publish(scope, hooks.house.services, "call.ended", {"call_id": "c", "n": 1}, subject="c")
            raise ZeroDivisionError
    await hooks.deliver()
    assert there.got == []
    assert (await hooks.house.get("/events")).json()["data"] == []
    assert (await hooks.house.look("select count(*) from procrastinate_jobs where task_name = 'deliver_webhooks'"))[0][0] == 0


async def test_old_events_go_with_all_that_was_tried(hooks: Hooks, there: Receiver) -> None:
    await hooks.add(there.url)
    await hooks.publish("call_1")
    await hooks.deliver()
    hooks.house.now[0] += timedelta(days=29)
    [young] = await hooks.publish("call_2")
    await hooks.deliver()
    hooks.house.now[0] += timedelta(days=2)
    await sweep(hooks.house.services)
    assert [one["id"] for one in (await hooks.house.get("/events")).json()["data"]] == [young]
    for table in ("webhook_delivery", "webhook_attempt"):
        assert (await hooks.house.look(f"select count(*) from {table}"))[0][0] == 1  # noqa: S608


async def test_a_worker_killed_in_the_middle_of_a_request(hooks: Hooks, there: Receiver, database_url: str) -> None:
    """SIGKILL while the receiver thinks: the event is sent again under its id, and those after it after it."""
    # The worker goes by the wall's clock, for which all this is due and not yet so old that its hourly sweep takes it away.
    hooks.house.now[0] = datetime.now(UTC) - timedelta(hours=1)
    arrived = anyio.Event()

    async def hang(stream: anyio.abc.ByteStream, got: Got) -> None:
        arrived.set()
        await silent(stream, got)

    there.behave = hang
    await hooks.add(there.url)
    [event, after] = await hooks.publish("call_1", count=2)
    env = {
        "PATH": os.environ["PATH"],
        "OFFHOOK_DATABASE_URL": database_url,
        "OFFHOOK_ORCHESTRATOR_SECRET": SECRET,
        "OFFHOOK_ORCHESTRATOR_MASTER_KEYS": json.dumps([MASTER_KEY]),
        "OFFHOOK_ORCHESTRATOR_WEBHOOK_HTTP": "true",
        "OFFHOOK_ORCHESTRATOR_WEBHOOK_PORTS": "[]",
        "OFFHOOK_ORCHESTRATOR_WEBHOOK_NETWORKS": json.dumps(["127.0.0.0/8"]),
    }
    with anyio.fail_after(150):
        async with await anyio.open_process([sys.executable, "-c", "from offhook.cli.worker import main; main()"], env=env) as worker:
            await arrived.wait()
            worker.send_signal(signal.SIGKILL)
            await worker.wait()
    there.behave = says(200)
    hooks.house.now[0] = datetime(2090, 1, 1, tzinfo=UTC)
    assert there.ns == [1]
    await hooks.deliver()
    assert [one.id for one in there.got] == [event, event, after]


async def test_what_goes_wrong_at_one_queue_does_not_stop_the_others(hooks: Hooks, there: Receiver) -> None:
    """The database refuses to write down one answer: that queue is left, its event stays, and the other endpoint has its own."""
    async with receiver() as other:
        broken, whole = await hooks.add(there.url), await hooks.add(other.url)
        await hooks.house.look(
            "create function refuse() returns trigger language plpgsql as $$ begin"
            " if new.response = 'bad' then raise exception 'disk full'; end if; return new; end $$"
        )
        await hooks.house.look("create trigger refuse before insert on webhook_attempt for each row execute function refuse()")
        there.behave = says(200, b"bad")
        await hooks.publish("call_1", count=2)
        async with anyio.create_task_group() as group:
            for endpoint in (broken, whole):
                group.start_soon(hooks.pump.work, "harbour", endpoint["id"])
        assert other.ns == [1, 2]
        assert there.ns == [1]
        assert (await hooks.show(broken["id"]))["waiting"] == 2
        there.behave = says(200)
        await hooks.deliver()
        assert there.ns == [1, 1, 2]


async def test_more_queues_than_connections(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with hooked(database_url, owner_url, tmp_path, pool_size=4, webhooks_per_tenant=40) as hooks, receiver() as there:
        for number in range(30):
            await hooks.add(f"{there.url}{number}")
        await hooks.publish("call_1", count=2)
        await hooks.publish("call_2")
        async with hooks.house.services.database.platform() as scope:
            due = await Queues(scope).due(hooks.house.now[0])
        async with anyio.create_task_group() as group:
            for key in due:
                group.start_soon(hooks.pump.work, *key)
        assert len(due) == 30
        assert len(there.got) == 90
        for number in range(30):
            assert in_order([one.n for one in there.got if one.path == f"/hook{number}" and one.event["data"]["call_id"] == "call_1"])


async def test_one_run_sends_long_rows_of_several_subjects_to_their_end(hooks: Hooks, there: Receiver) -> None:
    """What one request's end lets forward is seen, though it ends while the run is looking."""
    endpoint = await hooks.add(there.url)
    for call in ("call_1", "call_2", "call_3"):
        await hooks.publish(call, count=20)
    await hooks.deliver()
    assert sorted(there.ns) == list(range(1, 61))
    assert (await hooks.show(endpoint["id"]))["waiting"] == 0
