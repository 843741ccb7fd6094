"""Tenants over the API: made, shown, listed by who may see them, changed, suspended, limited, moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.e2e.business import ADMIN, CALLER, DID, House

from offhook.orchestrator.auth.permissions import EVERYTHING

NEW = {"name": "Anchor Electrics", "timezone": "Europe/Paris", "region": "FR", "locale": "fr-FR", "fallback_number": "01 42 68 53 00"}


async def reseller(house: House, name: str = "Northern Voice") -> str:
    answer = await house.http.post("/v1/resellers", json={"name": name}, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def test_a_tenant_is_made_shown_and_changed(house: House) -> None:
    made = await house.http.post("/v1/resellers/direct/tenants", json=NEW, headers=ADMIN)
    assert made.status_code == 201, made.text
    tenant = made.json()
    assert tenant["id"].startswith("ten_")
    assert (tenant["state"], tenant["reseller_id"], tenant["revision"], tenant["max_calls"]) == ("active", "direct", 1, 10)
    assert tenant["fallback_number"] == "+33142685300"  # as dialled in France
    path = f"/v1/tenants/{tenant['id']}"
    shown = await house.http.get(path, headers=ADMIN)
    assert shown.json() == tenant
    assert shown.headers["etag"] == '"r1"'

    changes = {"name": "Anchor", "retention_days": 400, "diary": {"staff": ["ana"], "visit_minutes": 30}, "fallback_number": None}
    assert (await house.http.patch(path, json=changes, headers=ADMIN)).status_code == 428
    changed = await house.http.patch(path, json=changes, headers=ADMIN | {"if-match": '"r1"'})
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"r2"'
    assert changed.json() == tenant | changes | {"revision": 2, "diary": {"staff": ["ana"], "visit_minutes": 30} | _rest(tenant)}
    assert (await house.http.patch(path, json=changes, headers=ADMIN | {"if-match": '"r1"'})).status_code == 412
    assert (await house.http.get(path, headers=ADMIN)).json() == changed.json()

    log = (await house.get("/audit", tenant["id"])).json()["data"]
    assert [one["action"] for one in log] == ["tenant.changed"]
    assert log[0]["details"]["name"] == ["Anchor Electrics", "Anchor"]
    assert log[0]["details"]["fallback_number"] == ["+33142685300", None]


def _rest(tenant: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: value for name, value in tenant["diary"].items() if name not in {"staff", "visit_minutes"}}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": None}, "timezone"),
        ({"region": "gb"}, "region"),
        ({"locale": "English"}, "locale"),
        ({"fallback_number": "0"}, "fallback_number"),
        ({"fallback_number": "+447"}, "fallback_number"),
        ({"fallback_number": "+449098790000"}, "fallback_number"),  # premium rate
        ({"diary": {"staff": ["Tom!"]}}, "diary.staff.0"),
        ({"max_calls": 3}, "max_calls"),
        ({"retention_days": 0}, "retention_days"),
        ({"suspended": True}, "suspended"),
        ({"id": "other"}, "id"),
    ],
)
async def test_what_is_wrong_is_named(house: House, fields: dict[str, object], path: str) -> None:
    before = (await house.get("")).json()
    answer = await house.ask("PATCH", "", fields, if_match="*")
    assert answer.status_code == 422, answer.text
    assert [one["path"] for one in answer.json()["errors"]] == [path]
    assert (await house.get("")).json() == before


async def test_making_one_twice_by_the_same_key_makes_one(house: House) -> None:
    headers = ADMIN | {"idempotency-key": "once"}
    answers = [await house.http.post("/v1/resellers/direct/tenants", json=NEW, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len((await house.http.get("/v1/tenants", headers=ADMIN)).json()["data"]) == 3


async def test_everybody_lists_what_they_may_read(house: House) -> None:
    north = await reseller(house)
    made: list[str] = []
    for at in range(3):
        house.now[0] += timedelta(seconds=1)
        made.append((await house.http.post(f"/v1/resellers/{north}/tenants", json=NEW | {"name": f"T{at}"}, headers=ADMIN)).json()["id"])
    everything = sorted(EVERYTHING)

    async def listed(headers: dict[str, str]) -> list[str]:
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = (await house.http.get(f"/v1/tenants?limit=2{cursor and f'&cursor={cursor}'}", headers=headers)).json()
            found += [one["id"] for one in answer["data"]]
            cursor = answer["next_cursor"]
        return found

    assert sorted(await listed(ADMIN)) == sorted(["harbour", "quayside", *made])
    assert await listed(await house.key(*everything, tenant=None, reseller=north)) == made[::-1]
    assert await listed(await house.key(*everything, tenant="harbour")) == ["harbour"]
    assert await listed(await house.key("calls.read", tenant="harbour")) == []
    of_reseller = await house.http.get(
        f"/v1/resellers/{north}/tenants", headers=await house.key("reseller.read", tenant=None, reseller=north)
    )
    assert [one["id"] for one in of_reseller.json()["data"]] == made[::-1]


async def test_a_cursor_is_good_for_who_got_it(house: House) -> None:
    cursor = (await house.http.get("/v1/tenants?limit=1", headers=ADMIN)).json()["next_cursor"]
    other = await house.key("tenant.read", tenant=None)
    assert (await house.http.get(f"/v1/tenants?cursor={cursor}", headers=other)).status_code == 422


async def test_a_suspended_tenants_calls_are_refused(house: House) -> None:
    seller = await house.role("reseller_admin")
    path = "/v1/resellers/direct/tenants/harbour"
    request = {"call": "c9", "transport": "loopback", "did": DID, "caller": CALLER}
    assert (await house.post("/v1/plans", request)).status_code == 200
    assert (await house.http.post(f"{path}/suspend", headers=seller)).json()["state"] == "suspended"
    again = (await house.http.post(f"{path}/suspend", headers=seller)).json()
    assert again["revision"] == 2  # nothing changed
    refused = await house.post("/v1/plans", request | {"call": "c10"})
    assert (refused.status_code, refused.json()["reason"]) == (404, "suspended")
    assert (await house.get("")).json()["state"] == "suspended"
    assert (await house.http.post(f"{path}/resume", headers=seller)).json()["state"] == "active"
    assert (await house.post("/v1/plans", request | {"call": "c11"})).status_code == 200
    log = (await house.http.get("/v1/resellers/direct/audit", headers=seller)).json()["data"]
    assert [one["action"] for one in log] == ["tenant.resumed", "tenant.suspended", "tenant.suspended"]
    assert {one["target"] for one in log} == {again["subject"]}


async def test_limits_are_the_resellers_to_set(house: House) -> None:
    seller, owner = await house.role("reseller_admin"), await house.role("tenant_owner")
    path = "/v1/resellers/direct/tenants/harbour/limits"
    assert (await house.http.put(path, json={"max_calls": 3}, headers=seller)).json()["max_calls"] == 3
    assert (await house.http.put(path, json={"max_calls": 99}, headers=owner)).status_code == 404
    assert (await house.http.put(path, json={"max_calls": -1}, headers=seller)).status_code == 422
    assert (await house.get("")).json()["max_calls"] == 3


async def test_a_tenant_moves_with_all_that_is_its_own(house: House) -> None:
    north = await reseller(house)
    old, new = await house.role("reseller_admin"), await house.role("reseller_admin", reseller=north)
    assert (await house.http.get("/v1/tenants/harbour", headers=new)).status_code == 404
    move = "/v1/tenants/harbour/move"
    assert (await house.http.post(move, json={"reseller_id": north}, headers=old)).status_code == 403
    assert (await house.http.post(move, json={"reseller_id": "res_none"}, headers=ADMIN)).status_code == 404
    assert (await house.http.post(move, json={"reseller_id": "direct"}, headers=ADMIN)).status_code == 409
    moved = await house.http.post(move, json={"reseller_id": north}, headers=ADMIN)
    assert moved.json()["reseller_id"] == north
    assert (await house.http.get("/v1/tenants/harbour", headers=new)).status_code == 200
    assert (await house.http.get("/v1/tenants/harbour", headers=old)).status_code == 404
    assert (await house.http.post("/v1/resellers/direct/tenants/harbour/suspend", headers=old)).status_code == 404
    assert (await house.plan())["ref"].startswith("harbour/")
    log = (await house.http.get("/v1/audit?action=tenant.", headers=ADMIN)).json()["data"]
    assert [(one["action"], one["details"]) for one in log] == [("tenant.moved", {"reseller_id": ["direct", north]})]


async def test_a_reseller_is_made_changed_suspended_and_deleted(house: House) -> None:
    brand = {
        "product_name": "North Desk",
        "hosts": ["desk.north.example"],
        "sender_address": "desk@north.example",
        "support_url": "https://north.example/help",
        "colour": "#0a7cff",
    }
    made = await house.http.post("/v1/resellers", json={"name": "North", "brand": brand}, headers=ADMIN)
    assert made.status_code == 201, made.text
    found = made.json()
    assert found["brand"] == {"sender_name": "", "support_address": None, "logo_url": None} | brand
    path = f"/v1/resellers/{found['id']}"
    own = await house.role("reseller_admin", reseller=found["id"])
    shown = await house.http.get(path, headers=own)
    assert (shown.json(), shown.headers["etag"]) == (found, '"r1"')
    assert (await house.http.patch(path, json={"name": "N"}, headers=own)).status_code == 428
    changed = await house.http.patch(
        path, json={"name": "Far North", "brand": brand | {"product_name": "Far"}}, headers=own | {"if-match": '"r1"'}
    )
    assert (changed.json()["name"], changed.json()["brand"]["product_name"], changed.headers["etag"]) == ("Far North", "Far", '"r2"')
    assert (await house.http.patch(path, json={"brand": None}, headers=own | {"if-match": "*"})).status_code == 422
    assert (await house.http.post(f"{path}/suspend", headers=own)).status_code == 403
    assert (await house.http.post(f"{path}/suspend", headers=ADMIN)).json()["state"] == "suspended"
    assert (await house.http.post(f"{path}/resume", headers=ADMIN)).json()["state"] == "active"
    assert (await house.http.delete(path, headers=ADMIN | {"if-match": "*"})).status_code == 409  # its key
    await house.look("update api_key set revoked_at = now() where reseller_id = :id", id=found["id"])  # one that is revoked keeps nobody
    assert (await house.http.delete(path, headers=ADMIN | {"if-match": "*"})).status_code == 204
    assert (await house.http.get(path, headers=ADMIN)).status_code == 404
    assert [one["id"] for one in (await house.http.get("/v1/resellers", headers=ADMIN)).json()["data"]] == ["direct"]


@pytest.mark.parametrize(
    "brand",
    [
        {"hosts": ["Desk.example"]},
        {"hosts": ["nodot"]},
        {"sender_address": "a b@c"},
        {"support_url": "javascript:alert(1)"},
        {"colour": "red"},
        {"typeface": "Inter"},
    ],
)
async def test_a_brand_is_checked(house: House, brand: dict[str, object]) -> None:
    answer = await house.http.post("/v1/resellers", json={"name": "North", "brand": brand}, headers=ADMIN)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith("brand.")


async def test_the_platforms_own_reseller_stays(house: House) -> None:
    assert (await house.http.post("/v1/resellers/direct/suspend", headers=ADMIN)).status_code == 409
    assert (await house.http.delete("/v1/resellers/direct", headers=ADMIN | {"if-match": "*"})).status_code == 409


async def test_a_suspended_resellers_calls_are_refused(house: House) -> None:
    north = await reseller(house)
    await house.http.post("/v1/tenants/harbour/move", json={"reseller_id": north}, headers=ADMIN)
    await house.http.post(f"/v1/resellers/{north}/suspend", headers=ADMIN)
    answer = await house.post("/v1/plans", {"call": "c1", "transport": "loopback", "did": DID, "caller": CALLER})
    assert (answer.status_code, answer.json()["reason"]) == (404, "suspended")
