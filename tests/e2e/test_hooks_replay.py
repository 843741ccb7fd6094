"""Endpoints that ask for time, want no more or never answer; what waits for them, and what is sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from tests.e2e.hooks import HOURS, Hooks, hooked, in_order
from tests.e2e.receiver import Receiver, receiver, says


@pytest.fixture
async def hooks(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    async with hooked(database_url, owner_url, tmp_path) as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


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
