"""Webhooks by the API: endpoints, secrets, test events, lists, who may, and what another tenant sees: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.e2e.business import ADMIN
from tests.e2e.hooks import Hooks, hooked
from tests.e2e.receiver import Receiver, receiver, says

from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.catalogue import TYPES, EventType


@pytest.fixture
async def hooks(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    async with hooked(database_url, owner_url, tmp_path, webhooks_per_tenant=3) as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


async def test_an_endpoint_is_made_changed_and_dropped(hooks: Hooks) -> None:
    house = hooks.house
    made = await hooks.add("https://Example.com/hook", description="ours", event_types=["call.ended", "call.ended"])
    assert made["secret"].startswith("whsec_")
    assert made["id"].startswith("whk_")
    assert (made["url"], made["event_types"], made["enabled"]) == ("https://example.com/hook", ["call.ended"], True)
    path = f"/webhooks/{made['id']}"
    shown = await house.get(path)
    assert shown.json() == {name: value for name, value in made.items() if name != "secret"}
    assert (await house.ask("PATCH", path, {"description": "x"})).status_code == 428
    tag = shown.headers["etag"]
    changed = await house.ask("PATCH", path, {"event_types": None, "enabled": False}, If_Match=tag)
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert (body["event_types"], body["enabled"], body["disabled_reason"], body["description"]) == (None, False, "hand", "ours")
    assert (await house.ask("PATCH", path, {"description": "late"}, If_Match=tag)).status_code == 412
    assert (await house.ask("DELETE", path)).status_code == 428
    assert (await house.ask("DELETE", path, If_Match=changed.headers["etag"])).status_code == 204
    assert (await house.get(path)).status_code == 404
    log = await house.look("select action, details from audit where action like 'webhook.%' order by seq")
    assert [row.action for row in log] == ["webhook.created", "webhook.changed", "webhook.deleted"]
    assert made["secret"] not in str([row.details for row in log])


async def test_the_secret_is_sealed(hooks: Hooks) -> None:
    made = await hooks.add("https://example.com/hook")
    [row] = await hooks.house.look("select secret from webhook_endpoint")
    assert made["secret"].encode() not in bytes(row.secret)
    assert made["secret"] not in (await hooks.house.get("/webhooks")).text


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest/"}, "url"),
        ({"url": "https://metadata.google.internal.%0d%0a/"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://example.com/", "event_types": ["call.lost"]}, "event_types.0"),
        ({"url": "https://example.com/", "event_types": []}, "event_types"),
        ({"url": "https://example.com/", "secret": "mine"}, "secret"),
        ({"url": "https://example.com/", "description": "a\u0000b"}, "description"),
        ({}, "url"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_named(hooks: Hooks, body: dict[str, Any], path: str) -> None:
    answer = await hooks.house.ask("POST", "/webhooks", body)
    assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, [path])


async def test_a_url_is_checked_when_it_is_changed_too(hooks: Hooks) -> None:
    made = await hooks.add("https://example.com/")
    for body, path in (({"url": "http://192.168.0.1/"}, "url"), ({"url": None}, "url"), ({"enabled": None}, "enabled")):
        answer = await hooks.house.ask("PATCH", f"/webhooks/{made['id']}", body, If_Match="*")
        assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, [path])
    assert (await hooks.show(made["id"]))["revision"] == 1


async def test_a_tenant_has_so_many_and_no_more(hooks: Hooks) -> None:
    for number in range(3):
        await hooks.add(f"https://example.com/{number}")
    answer = await hooks.house.ask("POST", "/webhooks", {"url": "https://example.com/4"})
    assert answer.status_code == 409
    await hooks.add("https://example.com/", tenant="quayside")


async def test_sent_again_with_its_key_it_is_made_once(hooks: Hooks) -> None:
    first, again = [await hooks.house.ask("POST", "/webhooks", {"url": "https://example.com/"}, Idempotency_Key="k") for _ in range(2)]
    assert first.json() == again.json()
    assert len((await hooks.house.get("/webhooks")).json()["data"]) == 1


async def test_types_are_those_asked_for_and_a_test_goes_to_one_alone(hooks: Hooks, there: Receiver) -> None:
    async with receiver() as other:
        some = await hooks.add(there.url, event_types=["call.started", "lead.created"])
        await hooks.add(other.url)
        wanted: list[EventType] = ["call.started", "call.ended", "lead.created"]
        for one in wanted:
            await hooks.publish("call_1", type=one)
        answer = await hooks.house.ask("POST", f"/webhooks/{some['id']}/test")
        assert answer.status_code == 201, answer.text
        await hooks.deliver()
        assert sorted(got.event["type"] for got in there.got) == ["call.started", "lead.created", "test"]
        assert [got.event["type"] for got in other.got] == ["call.started", "call.ended", "lead.created"]
    detail = (await hooks.house.get(f"/webhooks/{some['id']}/deliveries/{answer.json()['id']}")).json()
    assert detail["delivery"]["state"] == "succeeded"
    assert detail["event"]["data"] == {"message": "It works.", "webhook_id": some["id"]}
    assert [one["status"] for one in detail["attempts"]] == [200]


async def test_after_a_rotation_both_secrets_sign_for_a_day(hooks: Hooks, there: Receiver) -> None:
    old = await hooks.add(there.url)
    answer = await hooks.house.ask("POST", f"/webhooks/{old['id']}/rotate", {})
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert new["secret"] != old["secret"]
    assert new["old_secret_until"] == "2026-11-24T07:00:00Z"
    now = hooks.house.now[0].timestamp()
    await hooks.publish("call_1")
    await hooks.deliver()
    for secret in (old["secret"], new["secret"]):
        there.check(secret, now)
    assert len(there.got[0].headers["webhook-signature"].split(" ")) == 2
    hooks.house.now[0] += timedelta(hours=24)
    await hooks.publish("call_1")
    await hooks.deliver()
    there.check(new["secret"], now, there.got[1])
    assert len(there.got[1].headers["webhook-signature"].split(" ")) == 1
    at_once = (await hooks.house.ask("POST", f"/webhooks/{old['id']}/rotate", {"overlap_hours": 0})).json()
    assert at_once["old_secret_until"] is None
    await hooks.publish("call_1")
    await hooks.deliver()
    there.check(at_once["secret"], now, there.got[2])


async def test_an_endpoint_whose_secret_cannot_be_opened_says_so_and_sends_nothing(hooks: Hooks, there: Receiver) -> None:
    made = await hooks.add(there.url)
    await hooks.house.look("update webhook_endpoint set secret = '\\x00'")
    [event] = await hooks.publish("call_1")
    await hooks.deliver()
    assert there.got == []
    assert [one["error"] for one in await hooks.attempts(made["id"], event)] == ["secret"]
    await hooks.house.ask("POST", f"/webhooks/{made['id']}/rotate", {"overlap_hours": 0})
    await hooks.later(seconds=5)
    assert [one.id for one in there.got] == [event]


async def test_lists_are_filtered_and_go_on_from_where_they_stopped(hooks: Hooks, there: Receiver) -> None:
    made = await hooks.add(there.url)
    path = f"/webhooks/{made['id']}/deliveries"
    for hour in range(5):
        await hooks.publish(f"call_{hour % 2}", type="call.ended" if hour < 3 else "lead.created")
        hooks.house.now[0] += timedelta(hours=1)
    there.behave = says(500)
    await hooks.deliver()
    assert len(await hooks.deliveries(made["id"], "&type=call.ended")) == 3
    assert len(await hooks.deliveries(made["id"], "&subject=call_1")) == 2
    assert len(await hooks.deliveries(made["id"], "&state=waiting")) == 5
    assert await hooks.deliveries(made["id"], "&state=failed") == []
    times = [one["created_at"] for one in await hooks.deliveries(made["id"], "&since=2026-11-23T08:00:00Z&until=2026-11-23T10:00:00Z")]
    assert times == ["2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"]
    first = (await hooks.house.get(f"{path}?limit=2")).json()
    second = (await hooks.house.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["created_at"][11:13] for one in (*first["data"], *second["data"])] == ["11", "10", "09", "08"]
    assert (await hooks.house.get(f"{path}?limit=2&state=waiting&cursor={first['next_cursor']}")).status_code == 422
    events = (await hooks.house.get("/events?limit=2")).json()
    assert [one["timestamp"][11:13] for one in events["data"]] == ["11", "10"]
    more = (await hooks.house.get(f"/events?limit=2&cursor={events['next_cursor']}")).json()
    assert [one["timestamp"][11:13] for one in more["data"]] == ["09", "08"]
    assert len((await hooks.house.get("/events?type=lead.created")).json()["data"]) == 2
    one = events["data"][0]
    assert (await hooks.house.get(f"/events/{one['id']}")).json() == one
    assert (await hooks.house.get("/events/evt_none")).status_code == 404
    for query in ("state=lost", "type=x", "since=yesterday", "since=2026-11-23T08:00:00"):
        assert (await hooks.house.get(f"{path}?{query}")).status_code == 422, query


async def test_a_replay_that_makes_no_sense_is_refused(hooks: Hooks) -> None:
    made = await hooks.add("https://example.com/")
    path = f"/webhooks/{made['id']}/replay"
    backwards = {"since": "2026-11-23T08:00:00Z", "until": "2026-11-23T07:00:00Z"}
    assert (await hooks.house.ask("POST", path, backwards)).status_code == 422
    assert (await hooks.house.ask("POST", path, {})).status_code == 422
    assert (await hooks.house.ask("POST", "/webhooks/whk_none/replay", {"since": "2026-11-23T08:00:00Z"})).status_code == 404
    assert (await hooks.house.ask("POST", f"/webhooks/{made['id']}/deliveries/dlv_none/replay")).status_code == 404


async def test_while_it_is_disabled_events_wait_and_then_come_in_order(hooks: Hooks, there: Receiver) -> None:
    made = await hooks.add(there.url, enabled=False)
    await hooks.publish("call_1", count=3)
    await hooks.deliver()
    assert there.got == []
    assert (await hooks.show(made["id"]))["waiting"] == 3
    assert (await hooks.house.ask("POST", f"/webhooks/{made['id']}/test")).status_code == 409
    await hooks.house.ask("PATCH", f"/webhooks/{made['id']}", {"enabled": True}, If_Match="*")
    await hooks.deliver()
    assert there.ns == [1, 2, 3]


async def test_what_a_call_leaves_behind_can_be_forgotten(hooks: Hooks, there: Receiver) -> None:
    made = await hooks.add(there.url)
    await hooks.publish("call_1", count=2)
    [kept] = await hooks.publish("call_2")
    await hooks.deliver()
    async with hooks.house.services.database.tenant("harbour") as scope:
        assert await ops.forget(scope, "call_1") == 2
    assert [one["event_id"] for one in await hooks.deliveries(made["id"])] == [kept]
    assert (await hooks.house.look("select count(*) from webhook_attempt"))[0][0] == 1


async def test_a_tenant_sees_its_own_and_nothing_else(hooks: Hooks, there: Receiver) -> None:
    theirs = await hooks.add(there.url, tenant="quayside")
    [event] = await hooks.publish("call_1", tenant="quayside")
    await hooks.deliver()
    [delivery] = (await hooks.house.get(f"/webhooks/{theirs['id']}/deliveries", "quayside")).json()["data"]
    webhook = f"/webhooks/{theirs['id']}"
    for method, path, body in (
        ("GET", f"{webhook}", None),
        ("PATCH", f"{webhook}", {"description": "mine"}),
        ("DELETE", f"{webhook}", None),
        ("POST", f"{webhook}/rotate", {}),
        ("POST", f"{webhook}/test", None),
        ("GET", f"{webhook}/deliveries", None),
        ("GET", f"{webhook}/deliveries/{delivery['id']}", None),
        ("POST", f"{webhook}/deliveries/{delivery['id']}/replay", None),
        ("POST", f"{webhook}/replay", {"since": "2026-01-01T00:00:00Z"}),
        ("GET", f"/events/{event}", None),
    ):
        assert (await hooks.house.ask(method, path, body, If_Match="*")).status_code == 404, (method, path)
    assert (await hooks.house.get("/webhooks")).json()["data"] == []
    assert (await hooks.house.get("/events")).json()["data"] == []
    mine = await hooks.add(there.url)
    there.got.clear()
    await hooks.publish("call_1")
    await hooks.deliver()
    assert [one.event["tenant"] for one in there.got] == ["harbour"]
    there.check(mine["secret"], hooks.house.now[0].timestamp())
    assert (await hooks.house.get(f"/webhooks/{mine['id']}/deliveries/{delivery['id']}")).status_code == 404


async def test_who_may(hooks: Hooks) -> None:
    made = await hooks.add("https://example.com/")
    reader, writer = await hooks.house.key("webhooks.read"), await hooks.house.key("webhooks.write")
    path = f"/webhooks/{made['id']}"
    for headers, reads, writes in ((reader, 200, 403), (writer, 403, 200), ({"authorization": ""}, 401, 401)):
        for read in ("/webhooks", path, f"{path}/deliveries", "/events"):
            assert (await hooks.house.ask("GET", read, **headers)).status_code == reads
        assert (await hooks.house.ask("PATCH", path, {"description": "d"}, If_Match="*", **headers)).status_code == writes
        assert (await hooks.house.ask("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"}, **headers)).status_code == writes


async def test_every_type_of_event_is_described(hooks: Hooks) -> None:
    answer = await hooks.house.http.get("/v1/event-types", headers=ADMIN)
    found = answer.json()["data"]
    assert [one["type"] for one in found] == list(get_args(EventType)) == list(TYPES)
    for one in found:
        assert one["description"]
        assert one["example"]["type"] == one["type"]
        assert set(one["data_schema"].get("required", [])) <= set(one["example"]["data"])
        TYPES[one["type"]].data.model_validate(one["example"]["data"])
    assert (await hooks.house.http.get("/v1/event-types")).status_code == 401


async def test_an_unknown_type_is_the_callers_mistake(hooks: Hooks) -> None:
    async with hooks.house.services.database.tenant("harbour") as scope:
        with pytest.raises(ValueError, match="no type of event"):
            await ops.publish(scope, hooks.house.services, "call.lost", {})  # type: ignore[arg-type]
