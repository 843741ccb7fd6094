"""Connections over the API: what a portal or a program asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.e2e.business import ADMIN, CALLER, House
from tests.e2e.people import open_street
from tests.paperwork.consenting import ADAPTER, Scene
from tests.paperwork.tradebook import CLIENT, KEY, OTHER_KEY, SECRET, Tradebook

pytestmark = pytest.mark.paperwork
BODY = {"adapter": ADAPTER, "fields": {"key": KEY, "branch": "north", "signing": "whsec_hidden"}}
RESULT = {
    "intent": "new_job",
    "outcome": "booked",
    "success": "good",
    "summary": "A boiler leaks.",
    "contact": {"name": "Dana Whitlock", "phone": CALLER},
    "preferred_times": ["today", "tomorrow"],
    "facts": {"boiler_make": "Worcester", "dog": True, "nothing": None},
}


async def done(house: House, method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Any:
    answer = await house.ask(method, path, body, **headers)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def test_a_system_is_connected_chosen_for_mapped_tested_and_switched_off(shop: House) -> None:
    systems = {one["adapter"]: one for one in (await done(shop, "GET", "/systems"))["data"]}
    shown = systems[ADAPTER]
    assert shown["ways"] == ["oauth", "key"]
    assert shown["scopes"] == ["jobs", "customers"]
    assert [(one["name"], one["secret"]) for one in shown["fields"]] == [("key", True), ("signing", True), ("branch", False)]
    assert "oauth" not in systems["crm/xero"]["ways"]  # there is no client for it here

    first = await shop.ask("POST", "/connections", BODY, idempotency_key="k1")
    again = await shop.ask("POST", "/connections", BODY, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (await shop.ask("POST", "/connections", BODY)).status_code == 409
    made = first.json()
    path, tag = f"/connections/{made['id']}", first.headers["etag"]
    assert (await shop.ask("GET", path)).headers["etag"] == tag
    await done(shop, "POST", "/connections", {"adapter": ADAPTER, "fields": {"key": OTHER_KEY}}, 201)
    page = await done(shop, "GET", "/connections?limit=1")
    rest = await done(shop, "GET", f"/connections?limit=1&cursor={page['next_cursor']}")
    assert [one["account"] for one in (*page["data"], *rest["data"])] == ["Quayside at Tradebook", "Harbour at Tradebook"]
    assert "hidden" not in json.dumps([page, rest, made])

    offered = await done(shop, "GET", f"{path}/choices")
    assert [one["label"] for one in offered["choices"]["pipeline"]] == ["New work", "Repairs"]
    chosen = {"chosen": {"pipeline": ["p1"], "staff/tom": ["s1"]}}
    await done(shop, "PUT", f"{path}/chosen", chosen, 428)
    changed = await shop.ask("PUT", f"{path}/chosen", chosen, if_match=tag)
    assert (changed.status_code, changed.json()["chosen"]) == (200, chosen["chosen"])
    await done(shop, "PUT", f"{path}/chosen", chosen, 412, if_match=tag)
    tag = changed.headers["etag"]

    await done(shop, "PUT", f"{path}/mapping", {"mapping": {"colour": "facts.colour"}}, 422, if_match=tag)
    await done(shop, "PUT", f"{path}/mapping", {"mapping": {"boiler": "facts..x"}}, 422, if_match=tag)
    mapping = {"boiler": "facts.boiler_make", "access": "facts.dog"}
    mapped = await shop.ask("PUT", f"{path}/mapping", {"mapping": mapping}, if_match=tag)
    assert mapped.json()["mapping"] == mapping

    await shop.plan()
    await shop.look(
        "insert into call_result (tenant_id, call_id, result) values ('harbour', 'c1', cast(:r as jsonb))", r=json.dumps(RESULT)
    )
    preview = await done(shop, "POST", f"{path}/mapping/preview", {"call": "c1"})
    assert preview == {"fields": {"boiler": "Worcester", "access": "yes"}}
    other = {"boiler": "contact.name", "access": "preferred_times", "x": "facts.nothing", "y": "contact"}
    tried = await done(shop, "POST", f"{path}/mapping/preview", {"call": "c1", "mapping": other})
    assert tried == {"fields": {"boiler": "Dana Whitlock", "access": "today, tomorrow"}}
    await done(shop, "POST", f"{path}/mapping/preview", {"call": "nobodys"}, 404)

    assert (await done(shop, "POST", f"{path}/test")) == {"ok": True, "account": "Harbour at Tradebook", "problem": ""}
    said = await done(shop, "GET", f"{path}/exchanges")
    assert [one["path"] for one in said["data"]] == ["/v1/me", "/v1/choices", "/v1/choices"]
    off = await done(shop, "POST", f"{path}/disconnect", if_match="*")
    assert (off["connection"]["state"], off["revoked"]) == ("off", False)
    assert (await done(shop, "POST", f"{path}/test"))["ok"] is False
    await done(shop, "GET", f"{path}/choices", status=409)
    back = await done(shop, "POST", f"{path}/reconnect", {"fields": {"key": KEY}})
    assert (back["id"], back["state"], back["mapping"]) == (made["id"], "active", mapping)
    actions = [row[0] for row in await shop.look("select action from audit where target = :id order by seq", id=made["id"])]
    assert actions == [f"connection.{one}" for one in ("created", "chosen", "mapped", "disconnected", "reconnected")]
    assert KEY not in json.dumps([str(row) for row in await shop.look("select * from audit")])


async def test_who_sees_and_who_connects(shop: House) -> None:
    made = await done(shop, "POST", "/connections", BODY, 201)
    viewer = await shop.role("viewer")
    assert (await shop.ask("GET", f"/connections/{made['id']}", **viewer)).status_code == 200
    assert (await shop.ask("GET", "/systems", **viewer)).status_code == 200
    for method, path in (("POST", "/test"), ("GET", "/choices"), ("POST", "/disconnect"), ("POST", "/reconnect")):
        answer = await shop.ask(method, f"/connections/{made['id']}{path}", {}, **viewer)
        assert answer.status_code == 403, path
    writer = await shop.key("connections.read", "connections.write")
    assert (await shop.ask("POST", f"/connections/{made['id']}/test", **writer)).status_code == 200
    assert (await shop.ask("POST", "/connections", BODY, **writer)).status_code == 403


async def test_a_system_that_is_down_is_told_apart_from_a_form_that_is_wrong(shop: House, tradebook: Tradebook) -> None:
    wrong = await done(shop, "POST", "/connections", {"adapter": ADAPTER, "fields": {"key": "nonsense"}}, 422)
    assert [one["path"] for one in wrong["errors"]] == ["fields.key"]
    await done(shop, "POST", "/connections", {"adapter": "crm/nobodys", "fields": {}}, 404)
    await done(shop, "POST", "/connections", {"adapter": "crm/xero", "fields": {}}, 422)
    tradebook.faults.down = True
    await done(shop, "POST", "/connections", BODY, 503)
    tradebook.faults.down = False
    made = await done(shop, "POST", "/connections", BODY, 201)
    tradebook.faults.down = True
    await done(shop, "GET", f"/connections/{made['id']}/choices", status=503)
    tested = await done(shop, "POST", f"/connections/{made['id']}/test")
    assert tested["ok"] is False
    assert tested["problem"].endswith(".")
    assert (await done(shop, "GET", f"/connections/{made['id']}"))["problem"] == tested["problem"]


async def test_a_reseller_brings_its_own_client(shop: House, tradebook: Tradebook) -> None:
    """Its tenants then sign in by it, and go on with it; without it by the operator's."""
    path = "/v1/resellers/direct/oauth-clients"
    body = {"client_id": "own-client", "client_secret": "a secret of the reseller's own"}
    tradebook.clients["own-client"] = body["client_secret"]
    made = await shop.http.put(f"{path}/{ADAPTER}", json=body, headers=ADMIN)
    assert made.status_code == 200, made.text
    assert (await shop.http.put(f"{path}/{ADAPTER}", json=body, headers=ADMIN)).status_code == 428
    assert (await shop.http.put(f"{path}/crm/fergus2", json=body, headers=ADMIN)).status_code == 422
    listed = await shop.http.get(path, headers=ADMIN)
    assert listed.json()["callback_url"] == "https://connect.example/oauth/callback"
    assert body["client_secret"] not in listed.text + made.text
    async with open_street(shop) as street:
        scene = await Scene.set(street, tradebook)
        id = await scene.connected()  # noqa: A001 - of the connection
        assert tradebook.asked[-1]["client_id"] == "own-client"
        tradebook.forget_access()
        assert (await scene.ann.done("POST", f"/v1/tenants/harbour/connections/{id}/test"))["ok"] is True
        dropped = await shop.http.delete(f"{path}/{ADAPTER}", headers=ADMIN | {"if-match": made.headers["etag"]})
        assert dropped.status_code == 204
        tradebook.forget_access()
        assert (await scene.ann.done("POST", f"/v1/tenants/harbour/connections/{id}/test"))["ok"] is False
        assert (await scene.ann.done("GET", f"/v1/tenants/harbour/connections/{id}"))["state"] == "active"
        await scene.begin()
        assert await scene.connected(connection=id) == id
        assert tradebook.asked[-1]["client_id"] == CLIENT
    assert SECRET not in listed.text
