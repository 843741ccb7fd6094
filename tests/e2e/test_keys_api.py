"""API keys over the API: made with no more than one has, shown once, used, over, revoked, swept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.business import ADMIN, House

from offhook.orchestrator.keys import ops

DIRECT = "/v1/resellers/direct/keys"


async def make(house: House, body: dict[str, Any], *, tenant: str = "harbour", **headers: str) -> dict[str, Any]:
    answer = await house.ask("POST", "/keys", body, tenant=tenant, **headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {key['secret']}"}


async def test_a_key_is_made_used_and_revoked(house: House) -> None:
    made = await make(house, {"name": " Till ", "permissions": ["calls.read", "calls.read", "agents.read"]})
    assert made["secret"].startswith(made["prefix"])
    assert (made["name"], made["permissions"], made["last_used_at"]) == ("Till", ["agents.read", "calls.read"], None)
    for row in await house.look("select hash, api_key::text as all from api_key"):
        assert made["secret"].removeprefix(made["prefix"]) not in row.all

    shown = (await house.ask("GET", f"/keys/{made['id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (await house.ask("GET", "/keys")).json() == {"data": [shown], "next_cursor": None}

    assert (await house.ask("GET", "/calls", **bearer(made))).status_code == 200
    assert (await house.ask("GET", "/keys", **bearer(made))).status_code == 403
    assert (await house.ask("GET", "/calls", tenant="quayside", **bearer(made))).status_code == 404
    me = (await house.http.get("/v1/me", headers=bearer(made))).json()
    assert (me["kind"], me["id"], me["permissions"]) == ("key", made["id"], ["agents.read", "calls.read"])
    assert (await house.ask("GET", f"/keys/{made['id']}")).json()["last_used_at"] == "2026-11-23T07:00:00Z"

    assert (await house.ask("DELETE", f"/keys/{made['id']}")).status_code == 204
    assert (await house.ask("GET", "/calls", **bearer(made))).status_code == 401
    assert (await house.ask("DELETE", f"/keys/{made['id']}")).status_code == 404
    assert (await house.ask("GET", "/keys")).json()["data"] == []
    log = (await house.get("/audit")).json()["data"]
    assert [(one["action"], one["target"]) for one in log] == [("key.revoked", made["id"]), ("key.created", made["id"])]
    assert made["secret"] not in str(log)


async def test_the_last_use_is_written_rarely(house: House) -> None:
    made = await make(house, {"name": "Till", "permissions": ["calls.read"]})
    written = []
    for seconds in (0, 30, 29, 2):
        house.now[0] += timedelta(seconds=seconds)
        assert (await house.ask("GET", "/calls", **bearer(made))).status_code == 200
        written.append((await house.look("select last_used_at, xmin::text as version from api_key"))[0])
    assert len({one.version for one in written}) == 2
    assert written[0] == written[2]
    assert written[3].last_used_at == house.now[0]


async def test_a_key_ends(house: House) -> None:
    until = house.now[0] + timedelta(days=1)
    made = await make(house, {"name": "Till", "permissions": ["calls.read"], "expires_at": until.isoformat()})
    assert (await house.ask("GET", "/calls", **bearer(made))).status_code == 200
    house.now[0] = until
    assert (await house.ask("GET", "/calls", **bearer(made))).status_code == 401
    assert [one["id"] for one in (await house.ask("GET", "/keys")).json()["data"]] == [made["id"]]
    past = await house.ask("POST", "/keys", {"name": "x", "permissions": ["calls.read"], "expires_at": until.isoformat()})
    assert (past.status_code, past.json()["errors"][0]["path"]) == (422, "expires_at")

    other = await make(house, {"name": "Bell", "permissions": ["calls.read"]})
    house.now[0] += timedelta(days=31)
    assert await ops.sweep(house.services) == 1
    assert [one["id"] for one in (await house.ask("GET", "/keys")).json()["data"]] == [other["id"]]


async def test_nobody_makes_a_key_that_may_do_more_than_they(house: House) -> None:
    editor = await house.key("keys.read", "keys.write", "agents.read")
    refused = await house.ask("POST", "/keys", {"name": "x", "permissions": ["agents.read", "calls.delete"]}, **editor)
    assert refused.status_code == 403
    assert "calls.delete" in refused.json()["title"]
    small = await make(house, {"name": "x", "permissions": ["agents.read"]}, **editor)
    assert (await house.ask("GET", "/agents", **bearer(small))).status_code in {200, 404}
    assert (await house.ask("POST", "/keys", {"name": "y", "permissions": ["agents.read"]}, **bearer(small))).status_code == 403


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"permissions": []}, "permissions"),
        ({"permissions": ["resellers.write"]}, "permissions.0"),
        ({"permissions": ["reseller.read"]}, "permissions.0"),
        ({"name": " "}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"expires_at": "2027-01-01T00:00:00"}, "expires_at"),
        ({"hash": "x"}, "hash"),
    ],
)
async def test_what_is_no_key_is_refused_where_it_is_wrong(house: House, fields: dict[str, Any], path: str) -> None:
    answer = await house.ask("POST", "/keys", {"name": "x", "permissions": ["calls.read"]} | fields)
    assert answer.status_code == 422, answer.text
    assert path in {one["path"] for one in answer.json()["errors"]}


async def test_keys_of_a_reseller_reach_its_tenants_and_are_its_own(house: House) -> None:
    made = (await house.http.post(DIRECT, json={"name": "r", "permissions": ["calls.read", "reseller.read"]}, headers=ADMIN)).json()
    for tenant in ("harbour", "quayside"):
        assert (await house.ask("GET", "/calls", tenant=tenant, **bearer(made))).status_code == 200
    assert (await house.ask("GET", "/keys")).json()["data"] == []
    assert (await house.ask("DELETE", f"/keys/{made['id']}")).status_code == 404
    assert [one["id"] for one in (await house.http.get(DIRECT, headers=ADMIN)).json()["data"]] == [made["id"]]
    support = await house.key("keys.read", reseller="direct", tenant=None)
    assert (await house.http.get(DIRECT, headers=support)).status_code == 200
    assert (await house.http.post(DIRECT, json={"name": "r", "permissions": ["keys.read"]}, headers=support)).status_code == 403
    other = (await house.http.post("/v1/resellers", json={"name": "Other"}, headers=ADMIN)).json()["id"]
    stranger = await house.key("keys.read", "keys.write", reseller=other, tenant=None)
    assert (await house.http.get(DIRECT, headers=stranger)).status_code == 404
    assert (await house.http.get(f"/v1/resellers/{other}/keys/{made['id']}", headers=stranger)).status_code == 404
    assert (await house.http.delete(f"{DIRECT}/{made['id']}", headers=ADMIN)).status_code == 204
    assert (await house.ask("GET", "/calls", **bearer(made))).status_code == 401


async def test_keys_come_in_pages(house: House) -> None:
    made = []
    for count in range(5):
        house.now[0] += timedelta(seconds=1)
        made.append((await make(house, {"name": f"k{count}", "permissions": ["calls.read"]}))["id"])
    first = (await house.ask("GET", "/keys?limit=3")).json()
    second = (await house.ask("GET", f"/keys?limit=3&cursor={first['next_cursor']}")).json()
    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None
    assert (await house.ask("GET", f"/keys?cursor={first['next_cursor']}", tenant="quayside")).status_code == 422
