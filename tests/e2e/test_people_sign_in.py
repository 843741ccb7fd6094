"""Signing in with a password: the first administrator, sessions, their ends, and how often one may try."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import pytest
from argon2 import PasswordHasher
from tests.e2e.business import House
from tests.e2e.people import OWNER, PASSWORD, Browser, Street, open_street

from offhook.orchestrator.people.jobs import sweep
from offhook.orchestrator.people.ops import setup_link


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as found:
        yield found


@pytest.fixture
async def costly(house: House) -> AsyncIterator[Street]:
    """Passwords take the work that they take in earnest."""
    async with open_street(house, cheap=False) as found:
        yield found


async def test_the_first_administrator_comes_by_a_link_that_is_good_once(costly: Street) -> None:
    house = costly.house
    first, second = await setup_link(house.services), await setup_link(house.services)
    assert first
    assert second
    assert first != second
    browser = await costly.browser()
    body = {"name": "Root", "email": "Root@Platform.example", "password": PASSWORD}

    async def attempt(link: str, **changes: str) -> int:
        return (await browser.ask("POST", "/v1/setup", body | {"token": link.removeprefix("/setup/")} | changes)).status_code

    assert await attempt(first) == 404  # replaced
    assert await attempt("x" * 43) == 404
    assert await attempt(second, password="short") == 422
    assert await attempt(second, password="root@platform.example") == 422
    assert await attempt(second) == 201
    me = await browser.done("GET", "/v1/me")
    assert (me["email"], [one["role"] for one in me["memberships"]]) == ("root@platform.example", ["platform_admin"])
    assert (await browser.ask("GET", "/v1/tenants/harbour/calls")).status_code == 200
    assert await attempt(second) == 404
    assert await setup_link(house.services) is None
    assert await costly.actions("tenant_id is null and reseller_id is null") == ["platform.set_up", "session.created"]
    (row,) = await house.look("select password_hash from person")
    assert row.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_set_up_link_is_over_after_a_day(street: Street) -> None:
    link = await setup_link(street.house.services)
    assert link
    street.house.now[0] += timedelta(hours=24)
    body = {"name": "Root", "email": "root@platform.example", "password": PASSWORD, "token": link.removeprefix("/setup/")}
    assert (await (await street.browser()).ask("POST", "/v1/setup", body)).status_code == 404


async def test_two_who_use_the_link_at_once_make_one_administrator(street: Street) -> None:
    link = await setup_link(street.house.services)
    assert link
    statuses: list[int] = []
    browser = await street.browser()

    async def attempt(count: int) -> None:
        body = {"name": "Root", "email": f"root{count}@x.example", "password": PASSWORD, "token": link.removeprefix("/setup/")}
        statuses.append((await browser.ask("POST", "/v1/setup", body)).status_code)

    async with anyio.create_task_group() as group:
        for count in range(3):
            group.start_soon(attempt, count)
    assert sorted(statuses) == [201, 404, 404]
    assert (await street.house.look("select count(*) from membership"))[0][0] == 1


async def test_a_session_is_a_cookie_that_only_its_host_and_our_pages_can_use(street: Street) -> None:
    await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    answer = await browser.sign_in(" ANN@Harbour.Example ")
    assert (answer.status_code, answer.json()) == (200, {"next": None, "pending": None})
    name, *flags = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert name.startswith("__Host-offhook=")
    assert {flag.lower() for flag in flags} == {"httponly", "secure", "samesite=lax", "path=/", "max-age=2592000"}
    assert browser.cookie
    assert browser.cookie not in str(await street.house.look("select session::text from session"))
    assert await browser.signed_in()
    assert (await browser.ask("GET", "/v1/tenants/harbour/calls")).status_code == 200
    assert (await browser.ask("GET", "/v1/tenants/quayside/calls")).status_code == 404

    stolen = {"cookie": f"__Host-offhook={browser.cookie}"}
    assert (await street.house.http.get("/v1/me", headers=stolen | {"host": "portal.example"})).status_code == 200
    assert (await street.house.http.get("/v1/me", headers=stolen | {"host": "other.example"})).status_code == 401
    assert (await street.house.http.get("/v1/me", headers=stolen)).status_code == 401

    for headers in ({"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}):
        assert (await browser.ask("PATCH", "/v1/me", {"name": "Eve"}, **headers)).status_code == 403
        assert (await browser.ask("DELETE", "/v1/session", **headers)).status_code == 403
        assert (await browser.ask("POST", "/v1/session", {"email": OWNER, "password": PASSWORD}, **headers)).status_code == 403
    assert (await browser.http.patch("/v1/me", json={"name": "Eve"})).status_code == 403  # says nothing of where it comes from
    assert (await browser.http.patch("/v1/me", json={"name": "Eve"}, headers={"origin": "https://evil.example"})).status_code == 403
    assert (await browser.http.patch("/v1/me", json={"name": "Anna"}, headers={"origin": "https://portal.example"})).status_code == 200
    assert (await browser.done("GET", "/v1/me"))["name"] == "Anna"


async def test_every_sign_in_has_a_session_of_its_own_that_can_be_seen_and_ended(street: Street) -> None:
    first = await street.member(OWNER, "tenant_owner")
    street.house.now[0] += timedelta(minutes=5)
    before = first.cookie
    assert (await first.sign_in()).status_code == 200
    assert first.cookie != before
    second = await street.browser("other.example")
    street.house.now[0] += timedelta(minutes=5)
    assert (await second.ask("POST", "/v1/session", {"email": OWNER, "password": PASSWORD}, user_agent="Opus/2")).status_code == 200
    listed = await second.done("GET", "/v1/me/sessions")
    assert [(one["current"], one["host"]) for one in listed] == [
        (True, "other.example"),
        (False, "portal.example"),
        (False, "portal.example"),
    ]
    assert (listed[0]["user_agent"], listed[0]["ip"]) == ("Opus/2", "127.0.0.1")
    await second.done("DELETE", f"/v1/me/sessions/{listed[1]['id']}", status=204)
    assert not await first.signed_in()
    assert (await second.ask("DELETE", f"/v1/me/sessions/{listed[1]['id']}")).status_code == 404
    stranger = await street.member("bob@quayside.example", "viewer", at="/v1/tenants/quayside")
    assert (await stranger.ask("DELETE", f"/v1/me/sessions/{listed[0]['id']}")).status_code == 404
    assert await second.signed_in()

    kept = second.cookie
    await second.done("DELETE", "/v1/session", status=204)
    assert second.cookie is None
    stolen = {"cookie": f"__Host-offhook={kept}", "host": "other.example"}
    assert (await street.house.http.get("/v1/me", headers=stolen)).status_code == 401
    assert (await second.ask("DELETE", "/v1/session")).status_code == 401
    assert (await street.actions("tenant_id is null")).count("session.ended") == 2


@pytest.mark.parametrize(("step", "times", "alive"), [(11, 20, True), (12, 1, False), (11.9, 60, True), (11.9, 61, False)])
async def test_a_session_ends_unused_or_old(street: Street, step: float, times: int, alive: bool) -> None:
    """12 hours unused, or 30 days after it was made (60 times 11.9 hours are 29.75 days)."""
    browser = await street.member(OWNER, "tenant_owner")
    for count in range(times):
        street.house.now[0] += timedelta(hours=step)
        found = await browser.signed_in()
        assert found or count == times - 1
    assert found is alive
    await sweep(street.house.services)
    assert (await street.house.look("select count(*) from session"))[0][0] == int(alive)


async def test_wrong_passwords_and_unknown_addresses_are_told_alike(street: Street) -> None:
    await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    answers = [
        await browser.sign_in(OWNER, "wrong wrong wrong"),
        await browser.sign_in("nobody@harbour.example"),
        await browser.sign_in("nonsense"),
    ]
    assert {(one.status_code, one.text) for one in answers} == {(401, answers[0].text)}
    assert "set-cookie" not in answers[0].headers
    assert answers[0].headers["content-type"] == "application/problem+json"


@pytest.fixture
def hashed_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The thread of every check of a password, in order."""
    threads: list[int] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:
        threads.append(threading.get_ident())
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    return threads


async def test_an_unknown_address_takes_the_work_that_a_wrong_password_takes(costly: Street, hashed_in: list[int]) -> None:
    await costly.member(OWNER, "tenant_owner")
    browser = await costly.browser()
    for count, email in enumerate((OWNER, "nobody@harbour.example"), start=1):
        assert (await browser.sign_in(email, "wrong wrong wrong")).status_code == 401
        assert len(hashed_in) == count


async def test_hashing_leaves_the_loop_free(costly: Street, hashed_in: list[int]) -> None:
    await costly.member(OWNER, "tenant_owner")
    browser = await costly.browser()
    async with anyio.create_task_group() as people:
        for _ in range(6):
            people.start_soon(browser.sign_in)
    assert len(hashed_in) == 6
    assert threading.get_ident() not in hashed_in


async def test_who_tries_too_often_must_wait(street: Street) -> None:
    await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    for _ in range(10):
        assert (await browser.sign_in(OWNER, "wrong wrong wrong")).status_code == 401
    refused = await browser.sign_in()  # even with the right one
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.json()["type"] == "urn:offhook:problem:too_many_requests"
    assert (await browser.sign_in("bob@quayside.example")).status_code == 401  # others at the same address may still try
    street.house.now[0] += timedelta(seconds=int(refused.headers["retry-after"]))
    assert (await browser.sign_in()).status_code == 200
    for _ in range(5):  # and success begins anew
        assert (await browser.sign_in(OWNER, "wrong wrong wrong")).status_code == 401


async def test_one_address_cannot_try_many_accounts(street: Street) -> None:
    browser = await street.browser()
    statuses = [await _try(browser, f"user{count}@harbour.example") for count in range(62)]
    assert statuses[:60] == [401] * 60
    assert statuses[60:] == [429] * 2


async def _try(browser: Browser, email: str) -> int:
    return (await browser.ask("POST", "/v1/session", {"email": email, "password": "x"})).status_code


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@b.c"}, {"email": "a@b.c", "password": "x" * 1025}, {"email": 1, "password": "x"}, [], "x"]
)
async def test_what_is_no_sign_in_is_refused(street: Street, body: object) -> None:
    assert (await (await street.browser()).ask("POST", "/v1/session", body)).status_code == 422


async def test_accounts_that_are_nobodys_member_are_forgotten(street: Street) -> None:
    browser = await street.member(OWNER, "viewer")
    member = (await street.house.get("/members")).json()["data"][0]["id"]
    assert (await street.house.ask("DELETE", f"/members/{member}")).status_code == 204
    assert (await browser.done("GET", "/v1/me"))["memberships"] == []
    assert (await browser.ask("GET", "/v1/tenants/harbour/calls")).status_code == 404
    street.house.now[0] += timedelta(days=1)
    await sweep(street.house.services)
    for table in ("person", "session", "membership"):
        assert (await street.house.look(f"select count(*) from {table}"))[0][0] == 0  # noqa: S608
