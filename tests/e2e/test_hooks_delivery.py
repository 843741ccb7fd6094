"""Events to receivers that are down, slow, redirect, lie or flap: nothing lost, order kept of every call, no attempt too many."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.abc
import pytest
import standardwebhooks
from tests.e2e.certificates import certificate
from tests.e2e.hooks import HOURS, Hooks, hooked, in_order
from tests.e2e.receiver import OK, Behave, Got, Receiver, receiver, says, silent

from offhook.orchestrator.hooks.schedule import DELAYS

HASTE_S = 2.0


@pytest.fixture
async def hooks(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    async with hooked(database_url, owner_url, tmp_path) as found:
        yield found


@pytest.fixture
async def hasty(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    """Receivers have little time."""
    async with hooked(database_url, owner_url, tmp_path, webhook_timeout_s=HASTE_S) as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


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


async def test_slow_beyond_the_timeout_is_a_failure_and_delays_nobody_else(hasty: Hooks, there: Receiver) -> None:
    there.behave = silent
    seen: list[float] = []
    async with receiver() as quick:

        async def note(stream: anyio.abc.ByteStream, got: Got) -> None:
            seen.append(anyio.current_time())
            await stream.send(OK)

        quick.behave = note
        slow_one, quick_one = await hasty.add(there.url), await hasty.add(quick.url)
        for call in range(8):
            await hasty.publish(f"call_{call}", count=2)
        begin = anyio.current_time()
        async with anyio.create_task_group() as group:
            for endpoint in (slow_one, quick_one):
                group.start_soon(hasty.pump.work, "harbour", endpoint["id"])
        assert len(quick.got) == 16
        assert there.most_at_once == 8
        assert len(there.got) == 8  # of each call the first
        assert min(seen) - begin < HASTE_S  # not after the slow one
    assert {one["error"] for one in await hasty.attempts(slow_one["id"], there.got[0].id)} == {"timeout"}


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


async def test_an_answer_that_never_ends_is_a_failure(hasty: Hooks, there: Receiver) -> None:
    there.behave = _stuck
    endpoint = await hasty.add(there.url)
    [event] = await hasty.publish("call_1")
    await hasty.deliver()
    there.behave = says(200)
    await hasty.later(seconds=5)
    assert [one["error"] for one in await hasty.attempts(endpoint["id"], event)] == ["timeout", None]


@pytest.mark.parametrize(("behave", "error"), [(_half, "broken"), (_reset, "broken"), (_noise, "broken")])
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
