"""Providers of OpenID Connect as configuration: whose they are, who may change them, and what ends with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.business import ADMIN, open_house
from tests.e2e.oidc import ANN, Town, open_town


@pytest.fixture
async def town(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(database_url, owner_url, tmp_path) as found:
        yield found


async def test_a_provider_is_configuration_of_its_owner(town: Town) -> None:
    made = await town.provider(domains=["Harbour.example", "harbour.example"])
    assert made["domains"] == ["harbour.example"]
    house, path = town.street.house, f"/oidc-providers/{made['id']}"
    shown = await house.ask("GET", path)
    assert (shown.json(), shown.headers["etag"]) == (made, '"r1"')
    assert "client_secret" not in shown.text
    assert (await house.ask("GET", "/oidc-providers")).json() == {"data": [made], "next_cursor": None}
    change = {"client_secret": "newer", "default_role": "viewer", "domains": ["a.example"]}
    assert (await house.ask("PATCH", path, change)).status_code == 428
    assert (await house.ask("PATCH", path, change, if_match='"r7"')).status_code == 412
    changed = await house.ask("PATCH", path, change, if_match='"r1"')
    assert changed.json() == made | {"default_role": "viewer", "domains": ["a.example"], "revision": 2}
    assert (await house.ask("PATCH", path, {"default_role": None}, if_match='"r2"')).json()["default_role"] is None
    log = (await house.get("/audit")).json()["data"]
    assert [one["action"] for one in log] == ["provider.changed", "provider.changed", "provider.created"]
    assert "newer" not in str(log)

    admin = await house.role("tenant_admin")
    for method, to, body in (
        (
            "POST",
            "/oidc-providers",
            {"name": "x", "issuer": town.idp.issuer, "client_id": "x", "client_secret": "x", "domains": ["a.example"]},
        ),
        ("PATCH", path, {"name": "x"}),
        ("DELETE", path, None),
    ):
        assert (await house.ask(method, to, body, if_match="*", **admin)).status_code == 403
        assert (await house.ask(method, to, body, if_match="*", **(await house.role("viewer")))).status_code == 403
        assert (await house.ask(method, to, body, if_match="*", **(await house.role("tenant_owner", tenant="quayside")))).status_code == 404
    assert (await house.ask("GET", path, tenant="quayside")).status_code == 404
    assert (await house.ask("DELETE", path, if_match='"r3"', **(await house.role("tenant_owner")))).status_code == 204
    assert (await house.ask("GET", path)).status_code == 404


async def test_what_is_no_provider(town: Town) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"issuer": "ftp://a.example"}, "issuer"),
        ({"issuer": "https://u:p@a.example"}, "issuer"),
        ({"issuer": "https://a.example/?x"}, "issuer"),
        ({"issuer": "http://10.0.0.1"}, "issuer"),
        ({"issuer": "http://2130706433/"}, "issuer"),
        ({"domains": []}, "domains"),
        ({"domains": ["nodot"]}, "domains.0"),
        ({"default_role": "tenant_owner"}, "default_role"),
        ({"default_role": "reseller_support"}, "default_role"),
        ({"client_secret": "a\nb"}, "client_secret"),
    ]
    for fields, path in cases:
        body = {"name": "x", "issuer": town.idp.issuer, "client_id": "x", "client_secret": "x", "domains": ["a.example"]} | fields
        answer = await town.street.house.ask("POST", "/oidc-providers", body)
        assert answer.status_code == 422, answer.text
        assert [one["path"] for one in answer.json()["errors"]] == [path]


async def test_a_private_issuer_is_refused_unless_the_operator_allows_it(database_url: str, owner_url: str, tmp_path: Path) -> None:
    body = {"name": "x", "client_id": "x", "client_secret": "x", "domains": ["a.example"]}
    async with open_house(database_url, tmp_path, owner_url=owner_url) as house:
        for issuer in ("http://127.0.0.1:8080", "https://127.0.0.1", "https://localhost", "https://[::1]", "https://idp.internal"):
            answer = await house.ask("POST", "/oidc-providers", body | {"issuer": issuer})
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "issuer")


async def test_disabled_nobody_signs_in_by_it_and_its_sessions_rest(town: Town) -> None:
    made = await town.provider(default_role="viewer")
    browser = await town.street.browser()
    await town.come(browser, made)
    waiting = await town.leave(browser, made)
    path = f"/oidc-providers/{made['id']}"
    assert (await town.street.house.ask("PATCH", path, {"enabled": False}, if_match="*")).status_code == 200
    assert not await browser.signed_in()
    assert (await browser.http.get(f"/v1/oidc/{made['id']}/start")).status_code == 404
    assert (await town.back(browser, waiting)).status_code == 403
    assert (await town.street.house.ask("PATCH", path, {"enabled": True}, if_match="*")).status_code == 200
    assert await browser.signed_in()
    assert (await town.street.house.ask("DELETE", path, if_match="*")).status_code == 204
    assert not await browser.signed_in()
    for table in ("person", "identity", "session", "membership"):
        assert (await town.street.house.look(f"select count(*) from {table}"))[0][0] == 0  # noqa: S608


async def test_the_only_owner_is_not_locked_out(town: Town) -> None:
    made = await town.provider()
    await town.street.house.ask("POST", "/members", {"email": "ann@harbour.example", "role": "tenant_owner"})
    browser = await town.street.browser()
    await town.come(browser, made)
    path = f"/oidc-providers/{made['id']}"
    assert (await town.street.house.ask("DELETE", path, if_match="*")).status_code == 409
    assert (await town.street.house.ask("PATCH", path, {"enabled": False}, if_match="*")).status_code == 409
    await town.street.letters()
    await town.street.member("bob@harbour.example", "tenant_owner")
    assert (await town.street.house.ask("DELETE", path, if_match="*")).status_code == 204


async def test_a_resellers_provider_reaches_its_own_people_and_its_tenants(town: Town) -> None:
    house = town.street.house
    other = (await house.http.post("/v1/resellers", json={"name": "Other"}, headers=ADMIN)).json()["id"]
    made = await town.provider("/v1/resellers/direct", default_role="reseller_support")
    browser = await town.street.browser()
    assert (await town.come(browser, made)).status_code == 303
    me = await browser.done("GET", "/v1/me")
    assert [(one["reseller_id"], one["role"]) for one in me["memberships"]] == [("direct", "reseller_support")]
    for tenant in ("harbour", "quayside"):
        assert (await browser.ask("GET", f"/v1/tenants/{tenant}/calls")).status_code == 200
    assert (await browser.ask("GET", f"/v1/resellers/{other}")).status_code == 404
    assert (await house.http.get(f"/v1/resellers/{other}/oidc-providers/{made['id']}", headers=ADMIN)).status_code == 404

    town.idp.person = ANN | {"sub": "bob", "email": "bob@harbour.example"}
    await house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "agent_editor"})
    bob = await town.street.browser()
    assert (await town.come(bob, made)).status_code == 303
    assert [(one["tenant_id"], one["role"]) for one in (await bob.done("GET", "/v1/me"))["memberships"]] == [("harbour", "agent_editor")]
    assert [row.action for row in await house.look("select action from audit where reseller_id = 'direct' order by seq")] == [
        "provider.created",
        "member.joined",
    ]


async def test_erasing_a_tenant_takes_its_people_along(town: Town) -> None:
    house = town.street.house
    made = await town.provider(default_role="viewer")
    await town.come(await town.street.browser(), made)
    await town.street.member("bob@harbour.example", "tenant_owner")
    both = await town.street.member("carl@harbour.example", "viewer")
    await house.ask("POST", "/members", {"email": "carl@harbour.example", "role": "viewer"}, tenant="quayside")
    await both.done("POST", f"/v1/invitations/{await town.street.token('invitations')}/accept", {})
    await house.ask("POST", "/members", {"email": "dora@harbour.example", "role": "viewer"})
    await house.ask("POST", "/keys", {"name": "Till", "permissions": ["calls.read"]})
    name = (await house.get("")).json()["name"]
    assert (await house.ask("DELETE", "", {"name": name}, if_match="*")).status_code == 202

    async def gone() -> bool:
        return not await house.look("select from tenant where id = 'harbour'")

    await house.work_until(gone)
    assert [row.email for row in await house.look("select email from person")] == ["carl@harbour.example"]
    assert [one["tenant_id"] for one in (await both.done("GET", "/v1/me"))["memberships"]] == ["quayside"]
    for table in ("oidc_provider", "identity", "invitation", "mail", "api_key"):
        assert (await house.look(f"select count(*) from {table}"))[0][0] == 0, table  # noqa: S608
