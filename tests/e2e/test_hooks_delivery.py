"""Events to receivers that are down, slow, redirect, lie or flap: nothing lost, order kept of every call, no attempt too many."""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from itertools import pairwise
from pathlib import Path

import anyio
import anyio.abc
import pytest
import standardwebhooks
from tests.e2e.business import MASTER_KEY, SECRET
from tests.e2e.certificates import certificate
from tests.e2e.hooks import Hooks, hooked
from tests.e2e.receiver import OK, Behave, Got, Receiver, receiver, says, silent

from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.jobs import sweep, wake_due
from offhook.orchestrator.hooks.pump import Pump
from offhook.orchestrator.hooks.queue import Queues
from offhook.orchestrator.hooks.schedule import DELAYS

HOURS = [one.total_seconds() / 3600 for one in DELAYS]


@pytest.fixture
async def hooks(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    async with hooked(database_url, owner_url, tmp_path) as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


def in_order(numbers: list[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


async def test_an_event_arrives_signed_as_the_standard_has_it(hooks: Hooks, there: Receiver) -> None:
    endpoint = await hooks.add(there.url)
    [event] = await hooks.publish("call_1")
    await hooks.deliver()
    [got] = there.got
    assert got.id == event
    assert got.event == {
        "id": event,
        "type": "call.ended",
        "timestamp": "2026-11-23T07:00:00Z",
        "tenant": "harbour",
        "data": {"call_id": "call_1", "n": 1},
    }
    assert got.headers["content-type"] == "application/json"
    there.check(endpoint["secret"], hooks.house.now[0].timestamp())
    hook = standardwebhooks.Webhook(endpoint["secret"])
    assert hook.sign(event, hooks.house.now[0], got.body.decode()) == got.headers["webhook-signature"]
    [attempt] = await hooks.attempts(endpoint["id"], event)
    assert (attempt["status"], attempt["error"], attempt["response"]) == (200, None, "ok")
    shown = await hooks.show(endpoint["id"])
    assert (shown["waiting"], shown["last_success_at"], shown["failing_since"]) == (0, "2026-11-23T07:00:00Z", None)


async def test_a_receiver_that_is_down_for_days_gets_everything_in_order(hooks: Hooks) -> None:
    async with receiver() as gone:
        url = gone.url
    endpoint = await hooks.add(url)
    events = await hooks.publish("call_1", count=3)
    events += await hooks.publish("call_2", count=2)
    first = events[0]
    for passed, hours in enumerate([0.0, *HOURS[:6]], start=1):
        await hooks.later(hours=hours)
        assert len(await hooks.attempts(endpoint["id"], first)) == passed
    for blocked in (events[1], events[2], events[4]):
        assert await hooks.attempts(endpoint["id"], blocked) == []
    assert {one["error"] for one in await hooks.attempts(endpoint["id"], first)} == {"connect"}
    shown = await hooks.show(endpoint["id"])
    assert (shown["waiting"], shown["failing_since"], shown["enabled"]) == (5, "2026-11-23T07:00:00Z", True)
    async with receiver() as back:
        changed = await hooks.house.ask("PATCH", f"/webhooks/{endpoint['id']}", {"url": back.url}, If_Match="*")
        assert changed.status_code == 200, changed.text
        await hooks.deliver()
        assert in_order([one.n for one in back.got if one.event["data"]["call_id"] == "call_1"])
        assert in_order([one.n for one in back.got if one.event["data"]["call_id"] == "call_2"])
        assert sorted(back.ns) == [1, 2, 3, 4, 5]
    assert (await hooks.show(endpoint["id"]))["waiting"] == 0


async def test_between_attempts_nothing_is_sent_too_early_and_after_ten_it_is_given_up(hooks: Hooks, there: Receiver) -> None:
    there.behave = says(500, b"no")
    endpoint = await hooks.add(there.url)
    [event, after] = await hooks.publish("call_1", count=2)
    await hooks.deliver()
    for count, wait in enumerate(DELAYS, start=1):
        assert len(there.got) == count
        await hooks.later(seconds=wait.total_seconds() - 1)
        assert len(there.got) == count
        await hooks.later(seconds=1)
    assert [one.n for one in there.got] == [1] * 10 + [2]  # given up, and the next of the call has its turn
    attempts = await hooks.attempts(endpoint["id"], event)
    assert [one["status"] for one in attempts] == [500] * 10
    assert {one["response"] for one in attempts} == {"no"}
    found = {one["event_id"]: one for one in await hooks.deliveries(endpoint["id"])}
    gone = found[event]
    assert (gone["state"], gone["attempts"], gone["next_at"]) == ("failed", 10, None)
    assert found[after]["state"] == "waiting"
    there.behave = says(204)
    answer = await hooks.house.ask("POST", f"/webhooks/{endpoint['id']}/deliveries/{gone['id']}/replay")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "waiting"
    await hooks.later(seconds=5)
    assert there.ns[-2:] == [1, 2]  # the one given up first, since it is the earlier
    assert {one["state"] for one in await hooks.deliveries(endpoint["id"])} == {"succeeded"}


async def test_slow_beyond_the_timeout_is_a_failure_and_delays_nobody_else(hooks: Hooks, there: Receiver) -> None:
    there.behave = silent
    seen: list[float] = []
    async with receiver() as quick:

        async def note(stream: anyio.abc.ByteStream, got: Got) -> None:
            seen.append(anyio.current_time())
            await stream.send(OK)

        quick.behave = note
        slow_one, quick_one = await hooks.add(there.url), await hooks.add(quick.url)
        for call in range(8):
            await hooks.publish(f"call_{call}", count=2)
        begin = anyio.current_time()
        async with anyio.create_task_group() as group:
            for endpoint in (slow_one, quick_one):
                group.start_soon(hooks.pump.work, "harbour", endpoint["id"])
        assert len(quick.got) == 16
        assert there.most_at_once == 8
        assert len(there.got) == 8  # of each call the first
        assert min(seen) - begin < 0.5
    assert {one["error"] for one in await hooks.attempts(slow_one["id"], there.got[0].id)} == {"timeout"}


REDIRECTS = [says(status, location="http://127.0.0.1:1/elsewhere") for status in (301, 302, 303, 307, 308)]


async def test_redirects_are_failures_and_not_followed(hooks: Hooks, there: Receiver) -> None:
    async with receiver() as elsewhere:
        there.behave = says(302, location=elsewhere.url)
        endpoint = await hooks.add(there.url)
        [event] = await hooks.publish("call_1")
        await hooks.deliver()
        assert elsewhere.got == []
    for behave, wait in zip(REDIRECTS, HOURS, strict=False):
        there.behave = behave
        await hooks.later(hours=wait)
    assert [one["error"] for one in await hooks.attempts(endpoint["id"], event)] == ["redirect"] * 6
    there.behave = says(200)
    await hooks.later(hours=HOURS[5])
    assert (await hooks.deliveries(endpoint["id"]))[0]["state"] == "succeeded"


async def _half(stream: anyio.abc.ByteStream, got: Got) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf of it")


async def _reset(stream: anyio.abc.ByteStream, got: Got) -> None:
    return


async def _noise(stream: anyio.abc.ByteStream, got: Got) -> None:
    await stream.send(b"\x00\xff\x00 not http\r\n\r\n")


async def _stuck(stream: anyio.abc.ByteStream, got: Got) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    await silent(stream, got)


@pytest.mark.parametrize(("behave", "error"), [(_half, "broken"), (_reset, "broken"), (_noise, "broken"), (_stuck, "timeout")])
async def test_an_answer_that_breaks_off_is_a_failure(hooks: Hooks, there: Receiver, behave: Behave, error: str) -> None:
    there.behave = behave
    endpoint = await hooks.add(there.url)
    [event] = await hooks.publish("call_1")
    await hooks.deliver()
    there.behave = says(200)
    await hooks.later(seconds=5)
    assert [one["error"] for one in await hooks.attempts(endpoint["id"], event)] == [error, None]
    assert [one.id for one in there.got] == [event, event]  # the same id, by which the receiver knows it


async def test_garbage_and_floods_after_200_are_a_success_and_harmless(hooks: Hooks, there: Receiver) -> None:
    sent = 0

    async def flood(stream: anyio.abc.ByteStream, got: Got) -> None:
        nonlocal sent
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        for _ in range(2_000):
            await stream.send(b"\x00\xff" * 32_768)
            sent += 65_536

    there.behave = flood
    endpoint = await hooks.add(there.url)
    [event] = await hooks.publish("call_1")
    await hooks.deliver()
    [attempt] = await hooks.attempts(endpoint["id"], event)
    assert (attempt["status"], attempt["error"]) == (200, None)
    assert 0 < len(attempt["response"]) <= 1_024
    assert sent < 50_000_000


async def test_a_certificate_of_another_name_is_refused(database_url: str, owner_url: str, tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path, "127.0.0.1"), certificate(tmp_path, "example.com")

    def server_side(path: Path) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context

    bundle = tmp_path / "both.pem"
    bundle.write_bytes(ours.read_bytes() + theirs.read_bytes())
    changes = {"webhook_http": False, "webhook_ca": bundle}
    async with (
        hooked(database_url, owner_url, tmp_path / "state", **changes) as hooks,
        receiver(context=server_side(ours)) as good,
        receiver(context=server_side(theirs)) as bad,
    ):
        one, other = await hooks.add(good.url), await hooks.add(bad.url)
        [event] = await hooks.publish("call_1")
        await hooks.deliver()
        assert [got.id for got in good.got] == [event]
        assert bad.got == []
        assert [each["error"] for each in await hooks.attempts(one["id"], event)] == [None]
        assert [each["error"] for each in await hooks.attempts(other["id"], event)] == ["tls"]


async def test_a_flapping_receiver_loses_nothing_and_sees_every_call_in_order(hooks: Hooks, there: Receiver) -> None:
    accepted: list[Got] = []

    async def flap(stream: anyio.abc.ByteStream, got: Got) -> None:
        tries = sum(one.id == got.id for one in there.got)
        if tries == 3:
            accepted.append(got)
            await stream.send(OK)
        elif tries == 1:
            await stream.send(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")

    there.behave = flap
    endpoint = await hooks.add(there.url)
    for _ in range(4):
        for call in range(5):
            await hooks.publish(f"call_{call}")
    await hooks.deliver()
    while (await hooks.show(endpoint["id"]))["waiting"]:
        await hooks.later(hours=30)
    states = {one["state"] for one in await hooks.deliveries(endpoint["id"])}
    assert states == {"succeeded"}
    for call in range(5):
        numbers = [one.n for one in accepted if one.event["data"]["call_id"] == f"call_{call}"]
        assert len(numbers) == 4
        assert in_order(numbers)
    tried = sum([one["attempts"] for one in await hooks.deliveries(endpoint["id"])])
    assert tried == len(there.got) == 60  # three for each of twenty


async def test_retry_after_is_heeded_for_the_whole_endpoint(hooks: Hooks, there: Receiver) -> None:
    there.behave = says(429, retry_after="3600")
    endpoint = await hooks.add(there.url)
    await hooks.publish("call_1")
    await hooks.deliver()
    await hooks.publish("call_2")
    await hooks.deliver()
    await hooks.later(minutes=59)
    assert there.ns == [1]
    assert (await hooks.show(endpoint["id"]))["paused_until"] == "2026-11-23T08:00:00Z"
    there.behave = says(200)
    await hooks.later(minutes=1)
    assert sorted(there.ns) == [1, 1, 2]


async def test_410_disables_at_once_and_what_waits_is_sent_when_enabled_again(hooks: Hooks, there: Receiver) -> None:
    async with receiver() as other:
        there.behave = says(410)
        endpoint, watcher = await hooks.add(there.url), await hooks.add(other.url, event_types=["webhook.disabled"])
        await hooks.publish("call_1", count=2)
        await hooks.deliver()
        shown = await hooks.show(endpoint["id"])
        assert (shown["enabled"], shown["disabled_reason"], shown["waiting"]) == (False, "gone", 3)  # with word of itself
        assert there.ns == [1]
        await hooks.publish("call_1")
        await hooks.later(days=2)
        assert there.ns == [1]
        [said] = other.got
        data = said.event["data"]
        assert (said.event["type"], data["webhook_id"], data["reason"], data["url"]) == (
            "webhook.disabled",
            endpoint["id"],
            "gone",
            there.url,
        )
        other.check(watcher["secret"], hooks.house.now[0].timestamp())
    there.behave = says(200)
    answer = await hooks.house.ask("PATCH", f"/webhooks/{endpoint['id']}", {"enabled": True}, If_Match="*")
    assert (answer.json()["enabled"], answer.json()["disabled_reason"]) == (True, None)
    await hooks.deliver()
    assert [one.n for one in there.got if one.event["type"] == "call.ended"] == [1, 1, 2, 3]
    log = await hooks.house.look("select actor_name from audit where action = 'webhook.disabled'")
    assert [row.actor_name for row in log] == ["offhook"]


async def test_nothing_but_failures_for_five_days_disables_with_notice(hooks: Hooks, there: Receiver) -> None:
    there.behave = says(500)
    endpoint = await hooks.add(there.url)
    await hooks.house.look("insert into person (id, email, name, created_at) values ('usr_1', 'owner@example.com', 'O', now())")
    await hooks.house.look(
        "insert into membership (id, person_id, level, tenant_id, role, created_by, created_at)"
        " values ('mbr_1', 'usr_1', 'tenant', 'harbour', 'tenant_owner', 'test', now())"
    )
    for _ in range(10):
        await hooks.publish()
        await hooks.later(hours=12)
    assert (await hooks.show(endpoint["id"]))["enabled"]
    await hooks.publish()
    await hooks.later(hours=13)
    shown = await hooks.show(endpoint["id"])
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing")
    folder = hooks.house.settings.state_dir / "mail"

    async def posted() -> bool:
        return any(folder.glob("*.eml"))

    await hooks.house.work_until(posted)
    [mail] = [message_from_bytes(path.read_bytes(), policy=default) for path in folder.glob("*.eml")]
    assert (mail["to"], mail["subject"]) == ("owner@example.com", "A webhook was disabled")
    assert there.url in mail.get_content()
    there.behave = says(200)
    there.got.clear()
    await hooks.house.ask("PATCH", f"/webhooks/{endpoint['id']}", {"enabled": True}, If_Match="*")
    await hooks.deliver()
    assert len(there.got) == len({one.id for one in there.got}) == 12  # with webhook.disabled
    assert (await hooks.show(endpoint["id"]))["failing_since"] is None


async def test_what_was_given_up_is_replayed_and_nothing_else(hooks: Hooks, there: Receiver) -> None:
    there.behave = says(500)
    endpoint = await hooks.add(there.url)
    for call in ("call_1", "call_2"):
        await hooks.publish(call, count=2)
    for wait in (0, *HOURS, *HOURS, 1):
        await hooks.later(hours=wait)
        if (await hooks.show(endpoint["id"]))["disabled_reason"]:  # after five days; the first of each call is given up by then
            break
    lost = await hooks.deliveries(endpoint["id"], "&state=failed")
    assert sorted(one["attempts"] for one in lost) == [10, 10]
    there.behave = says(200)
    there.got.clear()
    body = {"since": "2026-11-01T00:00:00Z"}
    assert (await hooks.house.ask("POST", f"/webhooks/{endpoint['id']}/replay", body)).json() == {"deliveries": 2}
    await hooks.house.ask("PATCH", f"/webhooks/{endpoint['id']}", {"enabled": True}, If_Match="*")
    await hooks.deliver()
    for call, expected in (("call_1", [1, 2]), ("call_2", [3, 4])):
        assert [one.n for one in there.got if one.event["data"].get("call_id") == call] == expected
    assert (await hooks.house.ask("POST", f"/webhooks/{endpoint['id']}/replay", body)).json() == {"deliveries": 0}


async def test_a_range_is_replayed_in_the_order_of_each_call(hooks: Hooks, there: Receiver) -> None:
    endpoint = await hooks.add(there.url)
    for _ in range(3):
        for call in ("call_1", "call_2"):
            await hooks.publish(call)
        hooks.house.now[0] += timedelta(hours=1)
    await hooks.deliver()
    there.got.clear()
    since, until = "2026-11-23T08:00:00Z", "2026-11-23T10:00:00Z"
    body = {"since": since, "until": until, "which": "all"}
    assert (await hooks.house.ask("POST", f"/webhooks/{endpoint['id']}/replay", body)).json() == {"deliveries": 4}
    await hooks.deliver()
    for call, expected in (("call_1", [3, 5]), ("call_2", [4, 6])):
        assert [one.n for one in there.got if one.event["data"]["call_id"] == call] == expected
    none = await hooks.house.ask("POST", f"/webhooks/{endpoint['id']}/replay", body | {"which": "failed"})
    assert none.json() == {"deliveries": 0}
    async with receiver() as late:  # one that was not there at the time
        newcomer = await hooks.add(late.url, event_types=["call.ended"])
        body = {"since": "2026-11-23T00:00:00Z", "which": "all"}
        assert (await hooks.house.ask("POST", f"/webhooks/{newcomer['id']}/replay", body)).json() == {"deliveries": 6}
        await hooks.deliver()
        assert sorted(late.ns) == [1, 2, 3, 4, 5, 6]
        assert in_order([one.n for one in late.got if one.event["data"]["call_id"] == "call_1"])


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
    hooks.house.now[0] = datetime(2020, 1, 1, tzinfo=UTC)  # the worker goes by the wall's clock, for which all this is long due
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
    with anyio.fail_after(40):
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
