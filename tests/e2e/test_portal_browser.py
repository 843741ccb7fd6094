"""The portal as people meet it: in headless Chromium, in both themes, at every width."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.calls import CALLS, Rang, ring
from tests.e2e.people import OWNER, PASSWORD
from tests.e2e.portal import AXE, TAGS, Site, Visitor, chromium, site, visit
from tests.e2e.server import EMPTY, Server

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
OPEN = {
    "sign-in": "/sign-in",
    "forgot": "/forgot",
    "reset": "/reset/none",
    "setup": "/setup/none",
    "invitation-over": "/invitations/none",
    "mail": "/dev/mail",
}
SIGNED_IN = {
    "calls": "/t/harbour/calls",
    "calls-none": "/t/harbour/calls?q=nosuchword",
    "missing": "/t/nowhere/calls",
    "wrong": "/t/harbour/calls?when=never",
    "parts": "/_parts",
}
CALLS_PAGE = SIGNED_IN["calls"]
OPENED = {
    "calls-day": "document.querySelector('.pick').open = true",
    "calls-outcome": "document.querySelectorAll('.pick')[1].open = true",
    "calls-account": "document.querySelector('.me').open = true",
    "calls-keys": "document.getElementById('keys').showModal()",
    "calls-compact": "document.documentElement.dataset.density = 'compact'",
}
"""What opens on a page, each in its turn."""
EXPECTED = ("404 (Not Found)", "422 (Unprocessable", "401 (Unauthorized)")
"""What Chromium says of a page that is an error, which some of these are."""
WIDTHS = (320, 390, 768, 1100, 1440, 1920)
BUDGET = 150_000
LONG = "Maximiliana Featherstonehaugh-Cholmondeley of Llanfairpwllgwy"  # 61 characters without a break that helps


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def everything(visitor: Visitor) -> Iterator[str]:
    """Open each page, one after the other: those for everybody first, then as Ann, then as Root, who sees all businesses."""
    for name, path in OPEN.items():
        visitor.go(path)
        yield name
    visitor.go("/sign-in")
    visitor.fill({"Mail address": OWNER, "Password": "wrong"}, "Sign in")
    yield "sign-in-refused"
    visitor.sign_in()
    for name, path in SIGNED_IN.items():
        visitor.go(path)
        visitor.page.wait_for_timeout(400)
        yield name
    for name, show in OPENED.items():
        visitor.go(CALLS_PAGE)
        visitor.page.evaluate(show)
        yield name
    visitor.page.context.clear_cookies()
    visitor.sign_in("root@platform.example")
    yield "businesses"


# -- looks ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_shuts_anybody_out(place: Site, browser: Browser, theme: str, width: int) -> None:
    """axe finds nothing, on any page, in either theme; pictures are taken on the way."""
    faults: list[str] = []
    options: dict[str, Any] = {"color_scheme": theme, "device_scale_factor": 2 if width == 390 else 1, "bypass_csp": True}
    with visit(browser, place.address, width, expected=EXPECTED, **options) as visitor:
        pages = 0
        for name in everything(visitor):
            visitor.picture(f"{name}-{theme}-{width}")
            visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
            found = visitor.page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
            pages += 1
            for one in found["violations"]:
                faults += [f"{name}: {one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for node in one["nodes"]]
    assert not faults, "\n".join(faults)
    print(f"\nportal: axe, {theme}, {width} px: 0 violations on {pages} pages", end="")  # noqa: T201


def test_axe_sees_what_it_should(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        visitor.go("/sign-in")
        visitor.page.evaluate("document.querySelectorAll('label').forEach((one) => one.remove())")
        visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = visitor.page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    assert [one["id"] for one in found["violations"]] == ["label"]


OUTSIDE = """() => {
  const seen = (one) => one.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const scrolls = (one) => { for (let up = one.parentElement; up; up = up.parentElement) {
    if (/auto|scroll|hidden/.test(getComputedStyle(up).overflowX) && up !== document.documentElement && up !== document.body) return true; }
    return false; };
  const right = document.documentElement.clientWidth;
  const all = [...document.body.querySelectorAll('*')].filter(seen);
  const name = (one) => `${one.tagName.toLowerCase()}.${one.getAttribute('class')}: ${one.textContent.trim().slice(0, 40)}`;
  const out = all.filter((one) => !one.closest('.sr, .skip') && !scrolls(one) && one.getBoundingClientRect().right > right + 1).map(name);
  const cut = all.filter((one) => one.matches('button, h1, h2, h3, .b, summary, label, th, .side li a') && !one.closest('.sr')
    && (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 || one.scrollHeight > one.clientHeight + 2 && one.clientHeight > 0)
    && getComputedStyle(one).overflow !== 'visible').map(name);
  const over = all.filter((one) => one.matches('button, .b, summary, h1, h2, label') && !one.closest('.sr') && one.clientWidth > 0
    && one.scrollWidth > one.clientWidth + 1).map(name);
  return {sideways: document.documentElement.scrollWidth > right, out, cut, over};
}"""
LONGER = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = []; while (walk.nextNode()) texts.push(walk.currentNode);
  for (const text of texts) {
    const said = text.data.trim();
    if (!said || text.parentElement.closest('script, time, .num, kbd, svg')) continue;
    text.data = text.data.replace(said, said + ' ' + 'åéîøü'.repeat(20).slice(0, Math.ceil(said.length * 0.3)));
  }
}"""


def test_nothing_runs_off_the_page_with_long_words_and_long_names(place: Site, browser: Browser) -> None:
    place.run(_long_names, place)
    faults: list[str] = []
    with visit(browser, place.address, expected=EXPECTED) as visitor:
        for name in everything(visitor):
            visitor.page.evaluate(LONGER)
            for width in WIDTHS:
                visitor.page.set_viewport_size({"width": width, "height": 900})
                found = visitor.page.evaluate(OUTSIDE)
                bad = {key: value for key, value in found.items() if value}
                if bad:
                    faults.append(f"{name} at {width}: {bad}")
            visitor.page.set_viewport_size({"width": 390, "height": 844})
            visitor.picture(f"{name}-long-390")
            visitor.page.set_viewport_size({"width": 1440, "height": 900})
    place.run(_short_names, place)
    assert not faults, "\n".join(faults)


async def _long_names(place: Site) -> None:
    await place.house.look("update tenant set name = :name where id = 'harbour'", name=LONG)
    await ring(place.house, [replace(CALLS[0], name=LONG, problem=LONG, minutes=3, caller="+447700900199")], prefix="long")


async def _short_names(place: Site) -> None:
    await place.house.look("update tenant set name = 'Harbour Plumbing' where id = 'harbour'")


@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_is_light(place: Site, browser: Browser, width: int) -> None:
    """HTML, CSS, JavaScript and fonts, as they come over the wire; HTML as a proxy would pack it."""
    weights: dict[str, int] = {}
    with visit(browser, place.address, width, expected=EXPECTED) as visitor:
        visitor.sign_in()
        for name, path in {**SIGNED_IN, "sign-in": "/sign-in"}.items():
            sizes: list[int] = []

            def weigh(request: Request, sizes: list[int] = sizes) -> None:
                answer = request.response()
                assert answer is not None
                packed = "gzip" in answer.headers.get("content-encoding", "") or request.resource_type == "font"
                sizes.append(request.sizes()["responseBodySize"] if packed else len(gzip.compress(answer.body(), 6)))

            visitor.page.on("requestfinished", weigh)
            with visitor.cold():
                visitor.go(path)
                visitor.page.wait_for_load_state("networkidle")
            visitor.page.remove_listener("requestfinished", weigh)
            weights[name] = sum(sizes)
    assert all(0 < one < BUDGET for one in weights.values()), weights
    shown = ", ".join(f"{name} {one / 1000:.0f}" for name, one in sorted(weights.items()))
    print(f"\nportal: weight in kB at {width} px: {shown}", end="")  # noqa: T201


def test_a_picture_of_each_part_in_the_theme_that_one_chose(place: Site, browser: Browser) -> None:
    """What is chosen wins over the system's theme, without a flash: the server has written it into the page."""
    with visit(browser, place.address, color_scheme="dark") as visitor:
        visitor.sign_in()
        visitor.go(CALLS_PAGE)
        dark = visitor.colour("body")
        visitor.page.locator("summary").filter(has_text="Ann Haddad").click()
        visitor.page.get_by_role("button", name="Light").click()
        visitor.page.wait_for_load_state()
        assert visitor.colour("body") == "rgb(255, 255, 255)" != dark
        assert visitor.page.url.endswith(CALLS_PAGE)


# -- use --------------------------------------------------------------------------------------------------------------------------


def test_calls_are_found_with_keys_alone(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        visitor.go("/sign-in")
        for text in ("", OWNER, PASSWORD):
            keys.press("Tab")
            keys.type(text)
        keys.press("Enter")
        page.wait_for_url("**/t/harbour/calls")
        keys.press("Tab")
        expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
        keys.press("Enter")
        expect(page.locator("main")).to_be_focused()
        keys.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        keys.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        keys.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        keys.type("islington g")
        keys.press("Backspace")
        keys.press("Backspace")
        keys.press("Enter")
        page.wait_for_url(re.compile("q=islington"))
        expect(page.locator("td.who b")).to_have_text(["Dana Whitlock"])
        page.locator("main").focus()
        keys.press("g")
        keys.press("c")
        page.wait_for_url("**/t/harbour/calls")
        outcome = page.locator("summary", has_text="Outcome")
        for _ in range(30):
            if outcome.evaluate("one => one === document.activeElement"):
                break
            keys.press("Tab")
        ring_width = outcome.evaluate("one => getComputedStyle(one).outlineWidth")
        assert ring_width == "2px"
        keys.press("Enter")
        expect(page.get_by_role("link", name="Lead")).to_be_visible()
        keys.press("Escape")
        expect(page.get_by_role("link", name="Lead")).to_be_hidden()
        expect(outcome).to_be_focused()
        keys.press("Enter")
        keys.press("Tab")
        keys.press("Tab")
        keys.press("Tab")
        keys.press("Enter")
        page.wait_for_url(re.compile("outcome=lead"))
        expect(page.locator("td.who b")).to_have_text(["Greg Sandilands", "Sunrise Cafe"])


def test_keys_can_be_turned_off(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        visitor.sign_in()
        visitor.page.keyboard.press("?")
        visitor.page.get_by_label("Use keys on this device").uncheck()
        visitor.page.get_by_role("button", name="Close").click()
        visitor.page.keyboard.press("/")
        expect(visitor.page.get_by_role("searchbox")).not_to_be_focused()
        visitor.page.reload()
        visitor.page.keyboard.press("?")
        expect(visitor.page.get_by_role("dialog")).to_be_hidden()


def test_it_works_without_javascript(place: Site, browser: Browser) -> None:
    place.run(_many_calls, place)
    with visit(browser, place.address, java_script_enabled=False, expected=EXPECTED) as visitor:
        page = visitor.page
        page.goto(f"{place.address}{CALLS_PAGE}?when=all")
        assert "/sign-in" in page.url
        visitor.fill({"Mail address": OWNER, "Password": PASSWORD}, "Sign in")
        assert page.url.endswith("/t/harbour/calls?when=all")
        expect(page.locator("td.who")).to_have_count(50)
        page.get_by_role("link", name="Load more").click()
        assert page.locator("td.who").count() > 10
        page.locator("summary", has_text="Outcome").click()
        page.get_by_role("link", name="Lead").click()
        expect(page.locator("td.out").first).to_have_text("Lead")
        page.get_by_role("searchbox").fill("islington")
        page.get_by_role("searchbox").press("Enter")
        expect(page.locator("td.who b")).to_have_text(["Dana Whitlock"])
        page.get_by_role("button", name="Compact").click()
        expect(page.locator("html")).to_have_attribute("data-density", "compact")
        page.locator("summary", has_text="Ann Haddad").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_contain_text("You are signed out")
        page.goto(f"{place.address}{CALLS_PAGE}")
        assert "/sign-in" in page.url
    place.run(_few_calls, place)


def test_load_more_adds_to_the_page_and_htmx_obeys_the_policy(place: Site, browser: Browser) -> None:
    place.run(_many_calls, place)
    with visit(browser, place.address) as visitor:
        page = visitor.page
        visitor.sign_in()
        visitor.go(f"{CALLS_PAGE}?when=all")
        page.evaluate("window.same = true")
        expect(page.locator("td.who")).to_have_count(50)
        page.get_by_role("link", name="Load more").click()
        expect(page.locator("td.who").nth(71)).to_be_attached()
        expect(page.get_by_role("link", name="Load more")).to_have_count(0)
        assert page.evaluate("window.same") is True
        assert page.url.endswith("?when=all")
        shown = page.locator("tr.day th").all_inner_texts()
        assert len(shown) == len(set(shown))
    place.run(_few_calls, place)


def test_an_element_that_somebody_smuggles_in_does_nothing(place: Site, browser: Browser) -> None:
    """Without the page's nonce htmx strips an element's attributes, and the browser runs no script and no style."""
    with visit(browser, place.address, expected=("[hx-csp] blocked", "Content Security Policy", "404 (Not Found)")) as visitor:
        page = visitor.page
        visitor.sign_in()
        visitor.go(CALLS_PAGE)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.evaluate("""() => {
          const bad = document.createElement('div');
          bad.innerHTML = '<b id="bad" hx-get="/healthz" hx-trigger="load" style="color: red">x</b>'
            + '<img src="/none.png" onerror="window.ran = 1">';
          document.querySelector('main').append(bad);
          htmx.process(bad);
          const script = document.createElement('script');
          script.textContent = 'window.ran = 2';
          document.body.append(script);
        }""")
        page.wait_for_timeout(300)
        assert page.evaluate("window.ran") is None
        assert page.locator("#bad").get_attribute("hx-get") is None
        assert not any("healthz" in one for one in asked)


def test_a_phone_has_its_own_way_to_everything(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, 390, has_touch=True, is_mobile=True) as visitor:
        page = visitor.page
        visitor.sign_in()
        page.get_by_role("link", name="Find a call").tap()
        page.get_by_role("searchbox").fill("islington")
        page.get_by_role("searchbox").press("Enter")
        expect(page.locator("td.who b")).to_have_text(["Dana Whitlock"])
        small = page.evaluate("""() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]
          .filter((one) => one.checkVisibility() && !one.closest('.skip, .sr, .segments') && !one.matches('.skip, .place a'))
          .filter((one) => { const box = one.getBoundingClientRect(); return box.width > 0 && box.height < 43.5; })
          .map((one) => one.outerHTML.slice(0, 80))""")
        assert small == []
        page.locator("summary", has_text="More").tap()
        page.get_by_role("button", name="Dark").tap()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.locator("summary", has_text="More").tap()
        page.get_by_role("button", name="Sign out").tap()
        page.wait_for_url("**/sign-in")


def test_a_brand_is_the_colour_of_what_one_does_first(place: Site, browser: Browser) -> None:
    place.run(_brand, place, "#f5b700")
    with visit(browser, place.address) as visitor:
        visitor.go("/sign-in")
        assert visitor.colour("button.primary") == "rgb(245, 183, 0)"
        visitor.picture("sign-in-yellow-1440")
        place.run(_brand, place, "#3d5af1")
        visitor.page.reload()
        assert visitor.colour("button.primary") == "rgb(61, 90, 241)"
    place.run(_brand, place, None)


async def _brand(place: Site, colour: str | None) -> None:
    document = f'{{"hosts": ["127.0.0.1"], "product_name": "Trellis Voice", "colour": "{colour}"}}' if colour else "{}"
    await place.house.look("update reseller set settings = cast(:document as jsonb) where id = 'direct'", document=document)


async def _many_calls(place: Site) -> None:
    far = timedelta(days=10) // timedelta(minutes=1)
    calls = [Rang(far + at * 300, "+447700900123", "", f"tap {at}", "message", 20) for at in range(60)]
    await ring(place.house, calls, prefix="old")


async def _few_calls(place: Site) -> None:
    for table in ("call_word", "call_result", "call_event"):
        await place.house.look(f"delete from {table} where call_id like 'old%' or call_id like 'long%'")  # noqa: S608
    await place.house.look("delete from call where id like 'old%' or id like 'long%'")
