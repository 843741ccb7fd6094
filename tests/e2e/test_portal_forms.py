"""The portal's forms without a browser: signing in and its neighbours, theme and density, and whose forms are taken."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pyotp
import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, PASSWORD, Street, open_street
from tests.e2e.portal_http import CALLS_PAGE, PAGE, bare, get, post

POSTS = ("/look", "/sign-out", "/sign-in", "/forgot", "/setup/none", "/invitations/none", "/reset/none")


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


@pytest.mark.parametrize("path", POSTS)
async def test_no_form_is_taken_without_its_token_or_from_elsewhere(street: Street, path: str) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    at = CALLS_PAGE
    fields = {"email": OWNER, "password": PASSWORD, "theme": "dark", "back": "/"}
    for answer in (
        await ann.http.post(path, data=fields, headers=PAGE | {"sec-fetch-site": "same-origin"}),
        await ann.http.post(path, data=fields | {"_token": "0" * 64}, headers=PAGE | {"sec-fetch-site": "same-origin"}),
        await post(ann, path, fields, at=at, **{"sec-fetch-site": "cross-site"}),
        await post(ann, path, fields, at=at, **{"sec-fetch-site": "same-site"}),
    ):
        assert answer.status_code in {403, 404}, (path, answer.text)
        assert "set-cookie" not in answer.headers or "offhook-theme" not in answer.headers["set-cookie"]
    assert await ann.signed_in()


async def test_a_token_is_good_in_its_own_browser_only(street: Street) -> None:
    ann, eve = await street.browser(), await street.browser()
    token = re.search(r'name="_token" value="([0-9a-f]{64})"', (await get(eve, "/sign-in")).text)
    await get(ann, "/sign-in")
    assert token
    sent = {"_token": token.group(1), "theme": "dark", "back": "/"}
    answer = await ann.http.post("/look", data=sent, headers=PAGE | {"sec-fetch-site": "same-origin"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.text


async def test_a_form_that_is_none_is_refused(street: Street) -> None:
    ann = await street.browser()
    same = PAGE | {"sec-fetch-site": "same-origin"}
    assert (await ann.http.post("/look", json={}, headers=same)).status_code == 422
    assert (await ann.http.post("/look", data={"x": "y" * 70_000}, headers=same)).status_code == 422
    assert (await ann.http.post("/look", files={"x": b"y"}, headers=same)).status_code == 422


async def test_theme_and_density_are_kept_by_the_server(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "data-theme" not in (await get(ann, CALLS_PAGE)).text
    answer = await post(ann, "/look", {"theme": "dark", "back": f"{CALLS_PAGE}?q=a"}, at=CALLS_PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CALLS_PAGE}?q=a")
    await post(ann, "/look", {"density": "compact", "back": "//evil.example"}, at=CALLS_PAGE)
    page = await get(ann, CALLS_PAGE)
    assert 'data-theme="dark" data-density="compact"' in page.text
    await post(ann, "/look", {"theme": "<x>", "density": "none"}, at=CALLS_PAGE)
    assert 'data-theme="dark" data-density="compact"' in (await get(ann, CALLS_PAGE)).text


async def test_signing_in_out_and_wrongly(street: Street) -> None:
    await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    wrong = await post(browser, "/sign-in", {"email": OWNER, "password": "wrong"})
    assert wrong.status_code == 401
    assert "The mail address or the password is wrong." in wrong.text
    assert f'value="{OWNER}"' in wrong.text
    assert 'value="wrong"' not in wrong.text
    assert browser.cookie is None
    await post(browser, "/sign-in", {"email": OWNER, "password": PASSWORD})
    before = browser.cookie
    out = await post(browser, "/sign-out", {}, at=CALLS_PAGE)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert not await browser.signed_in()
    assert "You are signed out." in (await get(browser, "/sign-in")).text
    assert "You are signed out." not in (await get(browser, "/sign-in")).text
    await post(browser, "/sign-in", {"email": OWNER, "password": PASSWORD})
    assert browser.cookie != before


async def test_who_has_an_app_for_codes_is_asked_for_one(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    app = pyotp.TOTP((await ann.done("POST", "/v1/me/totp", {"password": PASSWORD}, 201))["secret"])
    await ann.done("POST", "/v1/me/totp/confirm", {"code": app.at(street.house.now[0])})
    street.house.now[0] += timedelta(minutes=1)
    browser = await street.browser()
    step = await post(browser, "/sign-in", {"email": OWNER, "password": PASSWORD, "next": CALLS_PAGE})
    assert (step.status_code, browser.cookie) == (200, None)
    pending = re.search(r'name="pending" value="([^"]+)"', step.text)
    assert pending
    assert PASSWORD not in step.text
    code = {"pending": pending.group(1), "next": CALLS_PAGE}
    wrong = await post(browser, "/sign-in", {**code, "code": "abc"})
    assert (wrong.status_code, browser.cookie) == (401, None)
    assert "The code is wrong, or was used before." in wrong.text
    done = await post(browser, "/sign-in", {**code, "code": app.at(street.house.now[0])})
    assert (done.status_code, done.headers["location"]) == (303, CALLS_PAGE)
    assert await browser.signed_in()


async def test_a_forgotten_password_is_replaced_by_its_mail(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    browser = await street.browser()
    known = await post(browser, "/forgot", {"email": OWNER}, at="/forgot")
    unknown = await post(browser, "/forgot", {"email": "nobody@harbour.example"}, at="/forgot")
    assert bare(known) == bare(unknown)
    link = f"/reset/{await street.token('reset')}"
    assert "12 characters" in (await post(browser, link, {"password": "short"}, at=link)).text
    done = await post(browser, link, {"password": "and another kettle"}, at=link)
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert not await ann.signed_in()
    again = await post(browser, link, {"password": "and another kettle"}, at=link)
    assert again.status_code == 404
    assert "and another kettle" not in again.text


async def test_an_invitation_says_who_invites_and_is_taken_by_its_form(street: Street) -> None:
    body = {"email": "new@harbour.example", "role": "viewer"}
    assert (await street.house.ask("POST", "/members", body)).status_code == 201
    link = f"/invitations/{await street.token('invitations')}"
    browser = await street.browser()
    page = await get(browser, link)
    assert "Harbour Plumbing as viewer" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    short = await post(browser, link, {"name": "", "password": "short"}, at=link)
    assert short.status_code == 422
    done = await post(browser, link, {"name": "Noa", "password": PASSWORD}, at=link)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "You are a member now" in (await get(browser, "/")).text
    assert "not good any more" in (await get(browser, link)).text
