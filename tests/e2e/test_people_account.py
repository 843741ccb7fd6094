"""One's own account: passwords changed and forgotten, one-time codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import pyotp
import pytest
from argon2 import PasswordHasher
from tests.e2e.business import ADMIN, House
from tests.e2e.people import OWNER, PASSWORD, Browser, Street, open_street

from offhook.orchestrator.people.jobs import send_mail
from offhook.orchestrator.people.passwords import Passwords

NEW = "a kettle of another colour"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as found:
        yield found


async def test_a_password_is_changed_by_who_knows_it(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    other = await street.browser()
    await other.sign_in()
    change = {"current": PASSWORD, "password": NEW}
    for body, path in (
        ({**change, "current": "wrong wrong wrong"}, "current"),
        ({**change, "password": "short"}, "password"),
        ({**change, "password": OWNER}, "password"),
        ({**change, "password": "correcthorsebatterystaple"}, "password"),
        ({**change, "password": "x" * 300}, "password"),
    ):
        answer = await browser.ask("POST", "/v1/me/password", body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)
    await browser.done("POST", "/v1/me/password", change, 204)
    assert await browser.signed_in()
    assert not await other.signed_in()
    assert (await other.sign_in()).status_code == 401
    assert (await other.sign_in(password=NEW)).status_code == 200
    assert [one.subject for one in await street.letters()] == ["Your password has been changed"]
    key = await street.house.key("tenant.read")
    assert (await street.house.http.post("/v1/me/password", json=change, headers=key)).status_code == 403
    assert (await street.house.http.post("/v1/me/password", json=change, headers=ADMIN)).status_code == 403
    assert (await street.house.http.post("/v1/me/password", json=change)).status_code == 401


async def test_a_forgotten_password_is_chosen_anew_by_a_mail(street: Street) -> None:
    signed_in = await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    tokens = []
    for _ in range(2):
        answer = await browser.ask("POST", "/v1/password/forgot", {"email": " Ann@harbour.example"})
        assert (answer.status_code, answer.json()) == (202, {"next": None, "pending": None})
        tokens.append(await street.token("reset"))
    for token, password, status in ((tokens[0], NEW, 404), ("x" * 43, NEW, 404), (tokens[1], "short", 422), (tokens[1], NEW, 204)):
        assert (await browser.ask("POST", "/v1/password/reset", {"token": token, "password": password})).status_code == status
    assert (await browser.ask("POST", "/v1/password/reset", {"token": tokens[1], "password": NEW})).status_code == 404
    assert not await signed_in.signed_in()
    assert not await browser.signed_in()  # whoever has the mail still signs in, with a code if there is one
    assert (await browser.sign_in()).status_code == 401
    assert (await browser.sign_in(password=NEW)).status_code == 200
    assert [one.subject for one in await street.letters()] == ["Your password has been changed"]
    assert "password.reset" in await street.actions("tenant_id is null")
    for token in tokens:
        assert token not in str(await street.house.look("select ticket::text from ticket"))


async def test_a_link_of_a_mail_is_over_after_an_hour_and_with_every_change(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    await browser.done("POST", "/v1/password/forgot", {"email": OWNER}, 202)
    token = await street.token("reset")
    street.house.now[0] += timedelta(hours=1)
    assert (await browser.ask("POST", "/v1/password/reset", {"token": token, "password": NEW})).status_code == 404
    await browser.done("POST", "/v1/password/forgot", {"email": OWNER}, 202)
    token = await street.token("reset")
    await browser.done("POST", "/v1/me/password", {"current": PASSWORD, "password": NEW}, 204)
    assert (await browser.ask("POST", "/v1/password/reset", {"token": token, "password": PASSWORD})).status_code == 404


async def test_the_answer_is_the_same_for_every_address(street: Street) -> None:
    await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    answers = [
        await browser.ask("POST", "/v1/password/forgot", {"email": email}) for email in (OWNER, "nobody@harbour.example", "nonsense")
    ]
    assert {(one.status_code, one.text) for one in answers} == {(202, answers[0].text)}
    assert (await street.house.look("select count(*) from mail"))[0][0] == 3
    assert [one.to for one in await street.letters()] == [OWNER]
    statuses = [(await browser.ask("POST", "/v1/password/forgot", {"email": OWNER})).status_code for _ in range(5)]
    assert statuses == [202] * 4 + [429]


async def test_a_mail_whose_job_runs_twice_at_once_leaves_one_good_link(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    await browser.done("POST", "/v1/password/forgot", {"email": OWNER}, 202)
    ids = [row.id for row in await street.house.look("select id from mail")]
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(send_mail, street.house.services, ids[0])
    assert (await street.house.look("select count(*) from ticket"))[0][0] == 1
    assert len(await street.letters()) == 1  # both wrote the same file


async def test_a_hash_of_older_parameters_is_renewed(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    guards = street.house.app.state.people
    guards.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert (await browser.sign_in()).status_code == 200
    (row,) = await street.house.look("select password_hash from person")
    assert "m=16,t=2" in row.password_hash
    assert (await browser.sign_in()).status_code == 200


async def _enrol(browser: Browser, street: Street) -> tuple[pyotp.TOTP, list[str]]:
    made = await browser.done("POST", "/v1/me/totp", {"password": PASSWORD}, 201)
    assert made["uri"].startswith("otpauth://totp/offhook:ann%40harbour.example?")
    app = pyotp.TOTP(made["secret"])
    codes = await browser.done("POST", "/v1/me/totp/confirm", {"code": app.at(street.house.now[0])})
    return app, codes["recovery_codes"]


async def _pending(browser: Browser) -> str:
    answer = await browser.sign_in()
    assert (answer.status_code, answer.json()["next"]) == (200, "totp")
    assert "set-cookie" not in answer.headers
    found: str = answer.json()["pending"]
    return found


async def _code(browser: Browser, pending: str, code: str) -> int:
    return (await browser.ask("POST", "/v1/session/totp", {"pending": pending, "code": code})).status_code


async def test_one_time_codes_are_put_in_force_and_asked_for(street: Street) -> None:
    house = street.house
    browser, other = await street.member(OWNER, "tenant_owner"), await street.browser()
    await other.sign_in()
    assert (await browser.ask("POST", "/v1/me/totp", {"password": "wrong wrong wrong"})).status_code == 422
    assert (await browser.ask("POST", "/v1/me/totp/confirm", {"code": "123456"})).status_code == 409
    first = await browser.done("POST", "/v1/me/totp", {"password": PASSWORD}, 201)
    assert (await browser.ask("POST", "/v1/me/totp/confirm", {"code": "abc"})).status_code == 422
    assert (await (await street.browser()).sign_in()).json()["next"] is None  # not confirmed, not in force
    app, recovery = await _enrol(browser, street)
    assert first["secret"] != app.secret
    assert len(set(recovery)) == 10
    assert (await browser.done("GET", "/v1/me"))["totp"] is True
    assert await browser.signed_in()
    assert not await other.signed_in()
    assert (await browser.ask("POST", "/v1/me/totp", {"password": PASSWORD})).status_code == 409
    stored = str(await house.look("select totp::text, (select string_agg(audit::text, '') from audit) from totp"))
    assert app.secret not in stored
    assert app.secret.encode().hex() not in stored
    assert not any(code in stored for code in recovery)

    used = app.at(house.now[0])
    pending = await _pending(other)
    assert await _code(other, pending, used) == 401  # it has confirmed the app, and is used up
    house.now[0] += timedelta(seconds=30)
    assert await _code(other, "x" + pending, app.at(house.now[0])) == 401
    assert await _code(other, pending, app.at(house.now[0] - timedelta(minutes=5))) == 401
    assert await _code(other, pending, app.at(house.now[0])) == 200
    assert await other.signed_in()
    assert await _code(other, await _pending(other), app.at(house.now[0])) == 401  # replayed
    assert "totp.enabled" in await street.actions("tenant_id is null")


async def test_a_first_step_is_over_after_five_minutes_on_its_host_and_with_its_password(street: Street) -> None:
    house, browser = street.house, await street.member(OWNER, "tenant_owner")
    app, _ = await _enrol(browser, street)
    house.now[0] += timedelta(minutes=2)
    pending = await _pending(browser)
    assert await _code(await street.browser("other.example"), pending, app.at(house.now[0])) == 401
    house.now[0] += timedelta(minutes=5)
    assert await _code(browser, pending, app.at(house.now[0])) == 401
    fresh = await street.browser()
    pending = await _pending(fresh)
    await fresh.done("POST", "/v1/password/forgot", {"email": OWNER}, 202)
    token = await street.token("reset")
    assert (await fresh.ask("POST", "/v1/password/reset", {"token": token, "password": NEW})).status_code == 204
    assert await _code(fresh, pending, app.at(house.now[0])) == 401
    assert (await fresh.sign_in(password=NEW)).json()["next"] == "totp"  # a mail does not take the codes away


async def test_recovery_codes_are_good_once_each(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    _, recovery = await _enrol(browser, street)
    other = await street.browser()
    assert await _code(other, await _pending(other), recovery[0].lower().replace("-", " ")) == 200
    assert await _code(other, await _pending(other), recovery[0]) == 401
    assert await _code(other, await _pending(other), recovery[1]) == 200
    statuses: list[int] = []
    pending = await _pending(other)

    async def attempt() -> None:
        statuses.append(await _code(await street.browser(), pending, recovery[2]))

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(attempt)
    assert sorted(statuses) == [200, 401]


async def test_codes_can_be_tried_only_so_often(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    app, _ = await _enrol(browser, street)
    street.house.now[0] += timedelta(hours=1)
    other = await street.browser()
    pending = await _pending(other)
    assert [await _code(other, pending, f"{count:06}") for count in range(5)] == [401] * 5
    assert await _code(other, pending, app.at(street.house.now[0])) == 429


async def test_codes_are_turned_off_with_password_and_code(street: Street) -> None:
    house, browser = street.house, await street.member(OWNER, "tenant_owner")
    app, recovery = await _enrol(browser, street)
    house.now[0] += timedelta(minutes=1)
    for body in ({"password": "wrong wrong wrong", "code": app.at(house.now[0])}, {"password": PASSWORD, "code": "000000"}):
        assert (await browser.ask("POST", "/v1/me/totp/disable", body)).status_code == 422
    await browser.done("POST", "/v1/me/totp/disable", {"password": PASSWORD, "code": recovery[0]}, 204)
    assert (await browser.done("GET", "/v1/me"))["totp"] is False
    assert (await browser.sign_in()).json()["next"] is None
    assert [one.subject for one in await street.letters()] == ["One-time codes are off"]
    assert (await house.look("select count(*) from totp"))[0][0] == 0


async def test_who_has_codes_joins_by_an_invitation_and_still_signs_in_with_one(street: Street) -> None:
    browser = await street.member(OWNER, "tenant_owner")
    await _enrol(browser, street)
    await street.house.ask("POST", "/members", {"email": OWNER, "role": "viewer"}, tenant="quayside")
    token = await street.token("invitations")
    other = await street.browser()
    answer = await other.done("POST", f"/v1/invitations/{token}/accept", {"password": PASSWORD})
    assert answer["next"] == "totp"
    assert other.cookie is None
    assert {one["tenant_id"] for one in (await browser.done("GET", "/v1/me"))["memberships"]} == {"harbour", "quayside"}
