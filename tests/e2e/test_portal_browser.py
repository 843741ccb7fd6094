"""The portal as people meet it: in headless Chromium, in both themes, at every width."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.calls import Rang, ring
from tests.e2e.people import OWNER, PASSWORD
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.stops.calls import CALLS_PAGE

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
EXPECTED = ("404 (Not Found)", "422 (Unprocessable", "401 (Unauthorized)")
"""What Chromium says of a page that is an error, which some of these are."""
ONLY = tuple(filter(None, os.environ.get("STOPS", "").split(",")))
"""While one page is being made: STOPS=calls,calls-none."""
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
        page.wait_for_url("**/t/harbour")
        keys.press("g")
        keys.press("c")
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
          .filter((one) => one.checkVisibility() && !one.closest('.skip, .sr, .segments') && !one.matches('.skip, .place a, a.all'))
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
