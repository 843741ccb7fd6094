"""Every route as nobody, as every role, as another tenant, and as another reseller."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import httpx
import pytest
from tests.e2e.business import House
from tests.isolation.routes import Asked, asked
from tests.isolation.things import furnish

from offhook.orchestrator.auth.permissions import EVERYTHING, IN_TENANT, LEVELS, ROLES, Role
from offhook.orchestrator.portal.security import FIELD, FORM_COOKIE, token

pytestmark = pytest.mark.timeout(300)
"""Some of these ask every route several times."""
ROLE_NAMES: tuple[Role, ...] = get_args(Role)


async def ask(house: House, route: Asked, headers: dict[str, str], **values: str) -> httpx.Response:
    """A request without anything in it; a page's form with its token, so that what it is for is asked and not how it came."""
    path = route.at(**values)
    if route.method != "POST" or path.startswith("/v1/"):
        return await house.http.request(route.method, path, headers=headers, json={})
    form = {"cookie": f"{FORM_COOKIE}=form", "sec-fetch-site": "same-origin"}
    return await house.http.post(path, headers=headers | form, data={FIELD: token(house.services, "form")})


async def test_every_route_asks_who_it_is(house: House, counts: Counter[str]) -> None:
    routes = asked(house.app)
    assert [route for route in routes if route.level == "unguarded"] == []
    for route in routes:
        if route.level in {"tenant", "reseller"}:
            assert f"{{{route.level}}}" in route.path, route
        if route.level in {"tenant", "reseller", "platform"}:
            assert route.permission in EVERYTHING, route
        counts[f"routes for {route.level}"] += 1


async def test_every_operation_has_a_name_of_its_own_and_says_who_may(house: House) -> None:
    document = house.app.openapi()
    names: Counter[str] = Counter()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names[operation["operationId"]] += 1
            assert operation.get("description"), (method, path)
            if "/tenants/" in path:
                assert operation["security"] == [{"key": []}, {"session": []}], (method, path)
    assert [name for name, count in names.items() if count > 1] == []


async def test_nobody_is_401(house: House, counts: Counter[str]) -> None:
    strangers = [
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer ok_live_01ARZ3NDEKTSV4RRFFQ69G5FAV_secret"},
        {"authorization": "Basic b3BlcmF0b3I6"},
        {"cookie": "__Host-offhook=guess", "sec-fetch-site": "same-origin"},
    ]
    for route in asked(house.app):
        if route.level in {"public", "signed", "development"}:
            continue
        for headers in strangers:
            answer = await house.http.request(route.method, route.at(tenant="harbour", reseller="direct"), headers=headers)
            assert answer.status_code == 401, (route, headers, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            counts["requests as nobody"] += 1


async def test_engine_and_carrier_routes_need_a_signature(house: House, counts: Counter[str]) -> None:
    operator = {"authorization": "Bearer operator"}
    for route in asked(house.app):
        if route.level == "signed":
            for headers in ({}, operator):
                answer = await house.http.request(route.method, route.at(kind="twilio", place="0", attempt="1"), headers=headers)
                assert answer.status_code in {401, 403, 404, 405, 422}, (route, answer.text)
                assert answer.status_code != 422 or route.path.startswith("/carriers"), (route, answer.text)
                counts["requests without a signature"] += 1


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_a_role_may_do_what_it_may_and_nothing_else(house: House, role: Role, counts: Counter[str]) -> None:
    """403 where the role lacks the permission; where it has it, never 401 or 403. Forms ask whether they come from our own page."""
    headers = await house.role(role) | {"sec-fetch-site": "same-origin"}
    allowed = ROLES[role]
    for route in asked(house.app):
        if route.level not in {"tenant", "reseller", "platform"}:
            continue
        answer = await ask(house, route, headers, tenant="harbour", reseller="direct")
        seen = route.level == "tenant" or (route.level == "reseller" and LEVELS[role] != "tenant") or route.level == "platform"
        if not seen:
            assert answer.status_code == 404, (route, answer.text)
        elif route.permission not in allowed or (route.level == "platform" and LEVELS[role] != "platform"):
            assert answer.status_code == 403, (route, answer.text)
        else:
            # A page's form is let in by its role, and then refused as one that did not come from the page.
            stale = answer.status_code == 403 and answer.json()["type"].endswith(":stale_form")
            assert stale or answer.status_code not in {401, 403}, (route, answer.text)
            assert answer.status_code < 500, (route, answer.text)
        counts["requests as a role"] += 1


async def test_another_tenant_and_another_reseller_find_nothing(house: House, counts: Counter[str]) -> None:
    """With the real ids of everything that Harbour has, and every right in another place: 404 as for what is not there."""
    things = await furnish(house)
    await house.look("insert into reseller (id, name) values ('res_other', 'Other')")
    everything = sorted(EVERYTHING)
    outsiders = [
        await house.key(*everything, tenant="quayside"),
        await house.key(*everything, tenant=None, reseller="res_other"),
    ]
    for route in asked(house.app):
        if route.level not in {"tenant", "reseller"}:
            continue
        for headers in outsiders:
            answer = await ask(house, route, headers, tenant="harbour", reseller="direct", **things)
            assert answer.status_code == 404, (route, answer.text)
            nothing = await ask(house, route, headers, tenant="ten_none", reseller="res_none")
            assert (nothing.status_code, nothing.text) == (404, answer.text), route  # nor does it show that there is such a one
            counts["requests as another tenant or reseller"] += 2


async def test_another_tenants_things_under_ones_own_name(house: House, counts: Counter[str]) -> None:
    """``/v1/tenants/quayside/calls/<Harbour's call>``: the path is one's own, the id is not."""
    things = await furnish(house)
    headers = await house.key(*sorted(IN_TENANT), tenant="quayside") | {"if-match": "*", "sec-fetch-site": "same-origin"}
    before = await _fingerprint(house)
    tried = 0
    for route in asked(house.app):
        stolen = {name: things[name] for name in route.names if name in things}
        if route.level != "tenant" or not stolen:
            continue
        tried += 1
        answer = await ask(house, route, headers, tenant="quayside", **stolen)
        assert answer.status_code in {404, 405, 422}, (route, answer.text)
        for value in things.values():
            assert value not in answer.text.replace(answer.request.url.path, ""), route
        counts["requests for another tenant's things"] += 1
    assert tried > 10
    assert await _fingerprint(house) == before


async def _fingerprint(house: House) -> list[tuple[object, ...]]:
    """All that Harbour has, in one number a table."""
    tables = await house.look(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
        " where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not in ('api_key', 'audit') order by 1"
    )
    found: list[tuple[object, ...]] = []
    for (table,) in tables:
        rows = await house.look(f"select count(*), coalesce(sum(hashtext(t::text)), 0) from {table} t where tenant_id = 'harbour'")  # noqa: S608
        found.append((table, *rows[0]))
    return found
