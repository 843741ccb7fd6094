"""Signing in by a provider of OpenID Connect, end to end: who gets in, how far, and what is not believed."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.e2e.oidc import CLIENT, HARBOUR, SECRET, Town, open_town
from tests.e2e.people import PASSWORD

from offhook.orchestrator.people.jobs import sweep


@pytest.fixture
async def town(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(database_url, owner_url, tmp_path) as found:
        yield found


async def test_who_is_welcome_becomes_a_member_at_once(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    assert provider["redirect_uri"] == "https://portal.example/v1/oidc/callback"
    assert provider["sign_in"] == f"https://portal.example/v1/oidc/{provider['id']}/start"
    browser = await town.street.browser()
    answer = await town.come(browser, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/calls?open=1"), answer.text
    assert "no-store" in answer.headers["cache-control"]
    me = await browser.done("GET", "/v1/me")
    assert (me["email"], me["name"], me["provider_id"], me["password"]) == ("ann@harbour.example", "Ann Lee", provider["id"], False)
    assert [(one["tenant_id"], one["role"]) for one in me["memberships"]] == [("harbour", "viewer")]
    assert (await browser.ask("GET", f"{HARBOUR}/calls")).status_code == 200
    assert (await browser.ask("GET", "/v1/tenants/quayside/calls")).status_code == 404
    assert (await browser.ask("GET", f"{HARBOUR}/members")).status_code == 403
    assert [name for name in browser.http.cookies if name != "__Host-offhook"] == []

    again = await town.street.browser()
    assert (await town.come(again, provider)).status_code == 303
    assert (await again.done("GET", "/v1/me"))["id"] == me["id"]
    assert await town.people() == 1
    assert await town.street.actions() == ["provider.created", "member.joined"]
    for table in ("oidc_provider", "audit", "oidc_used"):
        assert SECRET not in str(await town.street.house.look(f"select {table}::text from {table}"))  # noqa: S608


async def test_an_account_of_a_provider_has_no_password_and_changes_nothing_of_itself(town: Town) -> None:
    browser = await town.street.browser()
    await town.come(browser, await town.provider(default_role="viewer"))
    assert (await browser.ask("POST", "/v1/me/password", {"current": "", "password": PASSWORD})).status_code == 403
    assert (await browser.ask("POST", "/v1/me/totp", {"password": ""})).status_code == 403
    assert (await browser.ask("PATCH", "/v1/me", {"name": "Eve"})).status_code == 403
    assert (await browser.sign_in("ann@harbour.example", PASSWORD)).status_code == 401
    assert (await browser.ask("POST", "/v1/password/forgot", {"email": "ann@harbour.example"})).status_code == 202
    assert await town.street.letters() == []
    await browser.done("DELETE", "/v1/session", status=204)
    assert not await browser.signed_in()


async def test_without_a_default_role_only_the_invited_get_in(town: Town) -> None:
    provider = await town.provider()
    browser = await town.street.browser()
    refused = await town.come(browser, provider)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:offhook:problem:not_permitted")
    assert await town.people() == 0
    assert browser.cookie is None
    await town.street.house.ask("POST", "/members", {"email": "ann@harbour.example", "role": "agent_editor"})
    await town.street.house.ask("POST", "/members", {"email": "ann@harbour.example", "role": "viewer"}, tenant="quayside")
    assert (await town.come(browser, provider)).status_code == 303
    me = await browser.done("GET", "/v1/me")
    assert [(one["tenant_id"], one["role"]) for one in me["memberships"]] == [("harbour", "agent_editor")]
    assert (await town.street.house.get("/invitations")).json()["data"] == []
    assert len((await town.street.house.get("/invitations", "quayside")).json()["data"]) == 1


async def test_a_member_with_a_password_is_let_into_their_account_no_further_than_the_providers_tenant(town: Town) -> None:
    own = await town.street.member("ann@harbour.example", "tenant_admin")
    invited = await town.street.house.ask("POST", "/members", {"email": "ann@harbour.example", "role": "tenant_owner"}, tenant="quayside")
    assert invited.status_code == 201
    await own.done("POST", f"/v1/invitations/{await town.street.token('invitations')}/accept", {})
    assert len((await own.done("GET", "/v1/me"))["memberships"]) == 2

    browser = await town.street.browser()
    assert (await town.come(browser, await town.provider())).status_code == 303
    me = await browser.done("GET", "/v1/me")
    assert me["id"] == (await own.done("GET", "/v1/me"))["id"]
    assert [one["tenant_id"] for one in me["memberships"]] == ["harbour"]
    assert (await browser.ask("GET", f"{HARBOUR}/calls")).status_code == 200
    assert (await browser.ask("GET", "/v1/tenants/quayside/calls")).status_code == 404
    assert (await browser.ask("GET", "/v1/me/sessions")).status_code == 403
    assert (await own.ask("GET", "/v1/tenants/quayside/calls")).status_code == 200


async def test_who_runs_the_platform_cannot_be_impersonated_by_a_tenants_provider(town: Town) -> None:
    await town.street.admin("ann@harbour.example")
    browser = await town.street.browser()
    assert (await town.come(browser, await town.provider(default_role="viewer"))).status_code == 303
    me = await browser.done("GET", "/v1/me")
    assert [(one["level"], one["role"]) for one in me["memberships"]] == [("tenant", "viewer")]
    assert (await browser.ask("GET", "/v1/members")).status_code == 403
    assert await town.people() == 2


async def test_a_return_is_good_once_in_the_browser_and_on_the_host_that_left(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    browser, other = await town.street.browser(), await town.street.browser()
    address = await town.leave(browser, provider)
    assert (await town.back(other, address)).status_code == 403  # login CSRF: somebody else's sign-in
    for name, value in browser.http.cookies.items():
        other.http.cookies.set(name, value, domain="elsewhere.example")
    assert (await town.back(other, address.replace("portal.example", "elsewhere.example"))).status_code == 403
    state = parse_qs(urlsplit(address).query)["state"][0]
    head, body, mac = state.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    edited = base64.urlsafe_b64encode(json.dumps(claims | {"next": "/evil"}).encode()).decode().rstrip("=")
    assert (await town.back(browser, address.replace(state, f"{head}.{edited}.{mac}"))).status_code == 403
    kept = dict(browser.http.cookies.items())
    assert (await town.back(browser, address)).status_code == 303
    for name, value in kept.items():
        browser.http.cookies.set(name, value, domain="portal.example")
    replayed = await town.back(browser, address)
    assert replayed.status_code == 403
    assert "set-cookie" not in replayed.headers
    late = await town.leave(browser, provider)
    town.street.house.now[0] += timedelta(minutes=10)
    assert (await town.back(browser, late)).status_code == 403
    await sweep(town.street.house.services)
    assert (await town.street.house.look("select count(*) from oidc_used"))[0][0] == 0


async def test_two_tabs_do_not_disturb_each_other(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    browser = await town.street.browser()
    addresses = [await town.leave(browser, provider) for _ in range(3)]
    answers: list[int] = []

    async def back(address: str) -> None:
        answers.append((await town.back(browser, address)).status_code)

    async with anyio.create_task_group() as group:
        for address in addresses:
            group.start_soon(back, address)
    assert answers == [303] * 3
    assert await town.people() == 1


FOREIGN = RSAKey.generate_key(2048, {"kid": "one"})


LIES: list[dict[str, Any]] = [
    {"iss": "https://accounts.example"},
    {"iss": None},
    {"aud": "somebody-else"},
    {"aud": [CLIENT, "somebody-else"]},
    {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
    {"aud": None},
    {"nonce": "of another sign-in"},
    {"nonce": None},
    {"exp": 1_700_000_000},
    {"exp": None},
    {"exp": "never"},
    {"iat": 2_000_000_000},
    {"nbf": 2_000_000_000},
    {"sub": None},
    {"sub": 7},
    {"sub": ""},
    {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    {"email_verified": False},
    {"email_verified": None},
    {"email_verified": "true"},
    {"email": None},
    {"email": ["ann@harbour.example"]},
    {"email": "ann@harbour.example.evil.example"},
    {"email": "ann@evil.example"},
    {"email": "ann@evil.example@harbour.example"},
    {"email": "ann@sub.harbour.example"},
]


async def test_what_a_provider_may_not_say_lets_nobody_in(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    for lie in LIES:
        browser = await town.street.browser()
        town.street.house.now[0] += timedelta(minutes=1)
        town.idp.lies = lie
        answer = await town.come(browser, provider)
        # Without an address in the token the provider is asked once more, and this one does not answer.
        assert answer.status_code == (503 if lie == {"email": None} else 403), (lie, answer.text)
        assert browser.cookie is None
    assert await town.people() == 0
    town.idp.lies = {}
    assert (await town.come(await town.street.browser(), provider)).status_code == 303


@pytest.mark.parametrize("how", ["foreign", "none", "confused", "garbled"])
async def test_an_id_token_that_the_provider_did_not_sign_lets_nobody_in(town: Town, how: str) -> None:
    def sign(claims: dict[str, Any]) -> str:
        if how == "foreign":
            return jwt.encode({"alg": "RS256", "kid": "one"}, claims, FOREIGN)
        algorithm = "none" if how == "none" else "HS256"
        parts = [json.dumps({"alg": algorithm, "kid": "one"}).encode(), json.dumps(claims).encode()]
        head = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        assert isinstance(town.idp.key, RSAKey)
        public = town.idp.key.as_pem(private=False)  # known to everybody, taken for the secret of a MAC
        mac = hmac.digest(public, head.encode(), "sha256") if how == "confused" else b""
        return f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}" if how != "garbled" else "a.b.c"

    provider = await town.provider(default_role="viewer")
    browser = await town.street.browser()
    town.idp.signer = sign
    assert (await town.come(browser, provider)).status_code == 403
    assert await town.people() == 0


async def test_other_honest_ways_to_say_the_same(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    browser = await town.street.browser()
    town.idp.key = ECKey.generate_key("P-256", {"kid": "one"})
    town.idp.lies = {"aud": [CLIENT], "azp": CLIENT, "email": None, "email_verified": None, "name": None}
    town.idp.userinfo = {"sub": "somebody-else", "email": "ann@harbour.example", "email_verified": True}
    assert (await town.come(browser, provider)).status_code == 403
    town.idp.userinfo = {"sub": "ann-1", "email": "ann@harbour.example", "email_verified": True}
    assert (await town.come(browser, provider)).status_code == 303
    assert (await browser.done("GET", "/v1/me"))["name"] == "ann"


async def test_a_code_or_a_client_that_the_provider_refuses(town: Town) -> None:
    provider = await town.provider(default_role="viewer", client_secret="wrong")
    browser = await town.street.browser()
    assert (await town.come(browser, provider)).status_code == 403
    address = (await town.leave(browser, provider)).partition("&")[0]
    state = parse_qs(urlsplit(await town.leave(browser, provider)).query)["state"][0]
    denied = f"{address.partition('?')[0]}?error=access_denied&state={state}"
    assert (await town.back(browser, denied)).status_code == 403
    assert (await town.back(browser, f"{address}&iss=https://accounts.example")).status_code == 422  # no state at all


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://169.254.169.254/latest"},
        {"authorization_endpoint": None},
    ],
    ids=str,
)
async def test_a_configuration_that_is_not_as_it_should_be(town: Town, metadata: dict[str, Any]) -> None:
    provider = await town.provider()
    town.idp.metadata = metadata
    answer = await (await town.street.browser()).http.get(f"/v1/oidc/{provider['id']}/start")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:offhook:problem:unavailable")


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
async def test_what_a_configuration_names_is_not_asked_unless_it_is_public(town: Town, name: str) -> None:
    provider = await town.provider(default_role="viewer")
    browser = await town.street.browser()
    for place in ("http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data", "http://[::1]:9/x"):
        town.idp.metadata = {name: place}
        assert (await town.come(browser, provider)).status_code == 503
    assert await town.people() == 0


async def test_where_to_go_on_is_a_page_of_ours(town: Town) -> None:
    provider = await town.provider()
    browser = await town.street.browser()
    for bad in ("//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\\b", "/a\nb", "", "/" + "a" * 500):
        answer = await browser.http.get(f"/v1/oidc/{provider['id']}/start", params={"next": bad})
        assert answer.status_code == 422, bad
    assert (await browser.http.get("/v1/oidc/idp_none/start")).status_code == 404


async def test_providers_are_asked_only_so_often(town: Town) -> None:
    browser = await town.street.browser()
    statuses = [(await browser.http.get("/v1/oidc/idp_none/start")).status_code for _ in range(31)]
    assert statuses == [404] * 30 + [429]


async def test_who_was_removed_is_not_let_in_anew(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    browser = await town.street.browser()
    await town.come(browser, provider)
    member = (await town.street.house.get("/members")).json()["data"][0]["id"]
    assert (await town.street.house.ask("DELETE", f"/members/{member}")).status_code == 204
    assert (await browser.ask("GET", f"{HARBOUR}/calls")).status_code == 404
    town.street.house.now[0] += timedelta(days=2)
    await sweep(town.street.house.services)
    assert (await town.come(browser, provider)).status_code == 403
    await town.street.house.ask("POST", "/members", {"email": "ann@harbour.example", "role": "viewer"})
    assert (await town.come(browser, provider)).status_code == 303
    assert (await browser.ask("GET", f"{HARBOUR}/calls")).status_code == 200


async def test_an_address_that_has_passed_to_somebody_else_does_not_open_the_account(town: Town) -> None:
    provider = await town.provider(default_role="viewer")
    await town.come(await town.street.browser(), provider)
    town.idp.person["sub"] = "another-ann"
    browser = await town.street.browser()
    assert (await town.come(browser, provider)).status_code == 403
    assert browser.cookie is None
