"""The portal's pages without a browser: what stands on them, who may see them, and what goes with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import get_args

import anyio
import httpx
import pytest
from tests.e2e.business import House, open_house
from tests.e2e.calls import CALLS, NOW, Rang, ring
from tests.e2e.people import OWNER, PASSWORD, Street, open_street
from tests.e2e.portal_http import CALLS_PAGE, PAGE, bare, get, post

from offhook.orchestrator.auth.permissions import ROLES, Role
from offhook.orchestrator.portal.brand import shades


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


def names(answer: httpx.Response) -> list[str]:
    """Who rang, in the order of the list."""
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="who"><b><a class="all" href="[^"]*">([^<]*)</a></b>', answer.text)


# -- calls ----------------------------------------------------------------------------------------------------------------------


async def test_the_list_says_who_rang_when_about_what_and_what_came_of_it(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, CALLS_PAGE)
    assert names(page)[:3] == ["Priya Nair", "020 7946 0841", "Greg Sandilands"]
    assert len(names(page)) == len(CALLS)
    assert "12 this week" in page.text
    assert '<time datetime="2026-11-26T10:31:00+00:00">10:31 am</time>' in page.text
    assert "Blocked kitchen drain, Mayfield" in page.text
    for word in ("Booked", "Transferred", "Lead", "Hung up early", "Message", "Failed", "no reply", "2:11"):
        assert word in page.text
    assert re.findall(r'class="num slow over">([^<]+)', page.text) == ["720 ms", "2,140 ms", "1,184 ms"]
    assert page.text.count('class="urgent"') == 1
    assert page.text.count("agent was cut off once") == 1
    assert re.findall(r'colspan="7">([^<]+)<', page.text) == ["Thursday 26 November", "Wednesday 25 November"]


async def test_filters_and_words_narrow_it(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    assert names(await get(ann, f"{CALLS_PAGE}?outcome=lead")) == ["Greg Sandilands", "Sunrise Cafe"]
    assert names(await get(ann, f"{CALLS_PAGE}?when=yesterday")) == ["Sunrise Cafe"]
    assert names(await get(ann, f"{CALLS_PAGE}?on=2026-11-25")) == ["Sunrise Cafe"]
    assert names(await get(ann, f"{CALLS_PAGE}?q=islington&when=all")) == ["Dana Whitlock"]
    assert names(await get(ann, f"{CALLS_PAGE}?q=07700+900151&when=all")) == ["Dana Whitlock"]
    assert names(await get(ann, f"{CALLS_PAGE}?agent=nobody")) == []
    page = await get(ann, f"{CALLS_PAGE}?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text
    assert "Nothing fits these filters" in page.text
    wrong = await get(ann, f"{CALLS_PAGE}?when=never")
    assert (wrong.status_code, "This address is not right" in wrong.text) == (422, True)


async def test_it_goes_on_where_the_page_before_ended_without_saying_the_day_twice(street: Street) -> None:
    many = [Rang(minutes, "+447700900123", "", f"tap {minutes}", "message", 20) for minutes in range(1, 61)]
    await ring(street.house, many)
    ann = await street.member(OWNER, "tenant_owner")
    first = await get(ann, CALLS_PAGE)
    href = re.search(r'hx-get="([^"]+)"', first.text)
    assert href
    assert len(names(first)) == 50
    link = href.group(1).replace("&amp;", "&")
    part = await get(ann, link, hx_request="true", hx_request_type="partial")
    whole = await get(ann, link)
    assert names(part) == names(whole)
    assert len(names(part)) == 10
    assert part.text.lstrip().startswith("<tbody")
    assert "<nav" not in part.text
    assert "colspan" not in part.text  # neither the day again, nor another button
    assert part.headers["vary"] == whole.headers["vary"] == "HX-Request-Type"
    assert part.headers["cache-control"] == "no-store"
    assert "nonce-" in part.headers["content-security-policy"]
    foreign = await get(ann, link.replace("when", "q=x&when") if "when" in link else f"{link}&q=x")
    assert foreign.status_code == 422


async def test_a_tenant_without_calls_is_told_what_to_do(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert "Nothing fits these filters" in (await get(ann, CALLS_PAGE)).text
    assert "Ring your number from any phone" in (await get(ann, f"{CALLS_PAGE}?when=all")).text


async def test_times_are_the_tenants_own(street: Street) -> None:
    await ring(street.house, CALLS[:1])
    await street.house.look("update tenant set timezone = 'Australia/Lord_Howe', region = 'AU' where id = 'harbour'")
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, CALLS_PAGE)
    assert '<time datetime="2026-11-26T21:31:00+11:00">9:31 pm</time>' in page.text


async def test_what_a_caller_says_is_text_and_nothing_else(street: Street) -> None:
    evil = "<img src=x onerror=alert(1)>\" hx-get='/v1' {{ 7*7 }}"
    await ring(street.house, [Rang(5, "+447700900123", evil, evil, "booked", 20)])
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, CALLS_PAGE)
    assert "<img" not in page.text
    assert "&lt;img" in page.text
    assert "{{ 7*7 }}" in page.text
    assert not re.search(r"<[^>]*hx-get", page.text)


# -- who may --------------------------------------------------------------------------------------------------------------------


async def test_nobody_is_asked_to_sign_in_and_comes_back(street: Street) -> None:
    stranger = await street.browser()
    answer = await get(stranger, f"{CALLS_PAGE}?outcome=lead")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Ft%2Fharbour%2Fcalls%3Foutcome%3Dlead")
    part = await get(stranger, CALLS_PAGE, hx_request="true", hx_request_type="partial")
    assert part.status_code == 401
    assert (await stranger.http.get(CALLS_PAGE)).headers["content-type"] == "application/problem+json"
    await street.member(OWNER, "tenant_owner")
    answer = await post(stranger, "/sign-in", {"email": OWNER, "password": PASSWORD, "next": f"{CALLS_PAGE}?outcome=lead"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CALLS_PAGE}?outcome=lead")
    assert (await get(stranger, CALLS_PAGE)).status_code == 200


@pytest.mark.parametrize("onward", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"])
async def test_signing_in_leads_nowhere_else(street: Street, onward: str) -> None:
    await street.member(OWNER, "tenant_owner")
    answer = await post(await street.browser(), "/sign-in", {"email": OWNER, "password": PASSWORD, "next": onward})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_what_is_not_theirs_looks_like_what_is_not_there(street: Street) -> None:
    await ring(street.house)
    quay = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    theirs, nowhere = await get(quay, CALLS_PAGE), await get(quay, "/t/nowhere/calls")
    assert theirs.status_code == nowhere.status_code == 404
    assert bare(theirs) == bare(nowhere)
    assert "This page is not here" in theirs.text
    assert "Priya" not in theirs.text + (await get(quay, "/t/quayside/calls?when=all")).text
    key = await street.house.key("tenant.read")
    lesser = await street.house.http.get(CALLS_PAGE, headers=PAGE | key)
    assert (lesser.status_code, bare(lesser)) == (404, bare(nowhere))
    unknown = await get(quay, "/no/such/page")
    assert (unknown.status_code, bare(unknown)) == (404, bare(nowhere))


async def test_another_tenants_cursor_is_of_no_use(street: Street) -> None:
    await ring(street.house, [Rang(minutes, "+447700900123", "", "tap", "message", 20) for minutes in range(1, 53)])
    ann = await street.member(OWNER, "tenant_owner")
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    cursor = re.search(r"cursor=([\w-]+)", (await get(ann, CALLS_PAGE)).text)
    assert cursor
    assert (await get(bea, f"/t/quayside/calls?cursor={cursor.group(1)}")).status_code == 422


@pytest.mark.parametrize("role", get_args(Role))
async def test_a_role_sees_only_ways_that_it_can_go(house: House, role: Role) -> None:
    answer = await house.http.get(CALLS_PAGE, headers=PAGE | await house.role(role))
    assert answer.status_code == (200 if "calls.read" in ROLES[role] else 404)
    for href in re.findall(r'<a href="([^"]+)" data-go', answer.text):
        assert (await house.http.get(href, headers=PAGE | await house.role(role))).status_code in {200, 303}, href
    assert ("/r/direct" in re.findall(r'<a href="([^"]+)" data-go', answer.text)) == (
        role in {"platform_admin", "reseller_admin", "reseller_support"}
    )


async def test_the_first_page_is_ones_business_or_all_of_them(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    # What was done on the page before is said here once; then the only business is opened.
    assert "You are a member now" not in (await get(ann, "/")).text
    answer = await get(ann, "/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/t/harbour")
    await street.house.look(
        "insert into membership (id, person_id, level, tenant_id, role, created_by, created_at)"
        " select 'mbr_two', id, 'tenant', 'quayside', 'viewer', 'test', now() from person"
    )
    page = await get(ann, "/")
    assert ["Harbour Plumbing" in page.text, "Quayside Heating" in page.text] == [True, True]


# -- what goes with a page ---------------------------------------------------------------------------------------------------------


async def test_every_page_tells_the_browser_what_it_may(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    for path in ("/sign-in", "/forgot", "/reset/x", CALLS_PAGE, "/nowhere", "/dev/mail"):
        answer = await get(ann, path)
        nonce = re.search(r"script-src 'self' 'nonce-([\w-]+)'", answer.headers["content-security-policy"])
        assert nonce, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "style-src 'self';" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["permissions-policy"].startswith("microphone=()")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert set(re.findall(r'nonce="([^"]+)"', answer.text)) == {nonce.group(1)}, path
        assert not re.search(r"<style|\sstyle=|\son\w+=", answer.text), path
        assert not re.search(r"https?://(?!portal\.example)", answer.text.replace("http://www.w3.org", "")), path
    assert (await get(ann, CALLS_PAGE)).headers["content-security-policy"] != (await get(ann, CALLS_PAGE)).headers[
        "content-security-policy"
    ]


async def test_the_brand_is_the_hosts(street: Street) -> None:
    house = street.house
    brand = '{"product_name": "Trellis Voice", "hosts": ["voice.trellis.example"], "colour": "#3d5af1"}'
    await house.look("insert into reseller (id, name, settings) values ('res_t', 'Trellis', cast(:brand as jsonb))", brand=brand)
    theirs, ours = await street.browser("voice.trellis.example"), await street.browser("portal.example")
    page = await get(theirs, "/sign-in")
    assert "Trellis Voice" in page.text
    assert "offhook" not in re.sub(r"offhook-\w+", "", page.text)
    assert "offhook" not in (await get(theirs, "/no/such/page")).text
    href = re.search(r'href="(/brand.css\?v=\w+)"', page.text)
    assert href
    css = await theirs.http.get(href.group(1))
    light, dark = shades("#3d5af1")
    assert f"--brand: {light.brand};" in css.text
    assert f"--btext: {dark.btext};" in css.text
    assert "immutable" in css.headers["cache-control"]
    assert css.headers["content-type"].startswith("text/css")
    icon = await theirs.http.get("/icon.svg")
    assert (icon.headers["content-type"], light.brand in icon.text, ">T<" in icon.text) == ("image/svg+xml", True, True)
    assert "Trellis" not in (await get(ours, "/sign-in")).text
    await house.look("update reseller set settings = settings || '{\"colour\": \"#aa0000\"}' where id = 'res_t'")
    assert href.group(1) not in (await get(theirs, "/sign-in")).text
    assert (await theirs.http.get(href.group(1))).headers["cache-control"] == "no-cache"


async def test_files_are_kept_for_ever_under_their_own_hash(house: House) -> None:
    page = (await house.http.get("/sign-in", headers=PAGE)).text
    hrefs = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert hrefs
    for href in hrefs:
        answer = await house.http.get(href)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable"), href
    css = next(one for one in hrefs if "app.css" in one)
    packed = await house.http.get(css, headers={"accept-encoding": "gzip"})
    plain = await house.http.get(css, headers={"accept-encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    for font in re.findall(r'url\("([^"]+)"\)', plain.text):
        answer = await house.http.get(font)
        assert (answer.headers["content-type"], "immutable" in answer.headers["cache-control"]) == ("font/woff2", True)
    assert (await house.http.get("/static/app.css?v=old")).headers["cache-control"] == "no-cache"
    same = await house.http.get("/static/app.css", headers={"if-none-match": packed.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    for path in ("/static/../pages/calls.py", "/static/%2e%2e/render.py", "/static/vendor/manifest.json", "/static/"):
        assert (await house.http.get(path)).status_code == 404, path


async def test_parts_are_shown_only_where_they_are_asked_for(house: House, database_url: str) -> None:
    assert (await house.http.get("/_parts", headers=PAGE)).status_code == 404
    async with open_house(database_url, portal_parts=True) as other:
        page = await other.http.get("/_parts?theme=dark", headers=PAGE)
        assert page.status_code == 200
        assert 'data-theme="dark"' in page.text


async def test_a_page_never_waits_for_a_connection_while_it_holds_one(house: House, database_url: str) -> None:
    """Else as many requests at once as there are connections would all wait for ever."""
    async with open_house(database_url, pool_size=1) as narrow:
        headers = PAGE | await house.role("platform_admin")
        for path in ("/", "/ops", "/r/direct", CALLS_PAGE, "/t/harbour", "/sign-in", "/nowhere", "/t/nowhere/calls"):
            with anyio.fail_after(150):
                assert (await narrow.http.get(path, headers=headers)).status_code in {200, 303, 404}, path


async def test_a_fault_of_ours_has_a_number_and_says_nothing_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the password of the database is swordfish")

    monkeypatch.setattr("offhook.orchestrator.portal.pages.calls.ops.page", broken)
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://orchestrator") as http:
        answer = await http.get(CALLS_PAGE, headers=PAGE | await house.role("viewer"))
    assert answer.status_code == 500
    assert "swordfish" not in answer.text
    assert f"Error {answer.headers['x-error-id']}." in answer.text


async def test_who_asks_too_often_is_told_to_wait(street: Street) -> None:
    browser = await street.browser()
    for _ in range(12):
        answer = await post(browser, "/sign-in", {"email": OWNER, "password": "wrong"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many requests" in answer.text
