"""The start page, the diary and people as they are used: without JavaScript, with keys alone, and while the page refreshes itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.calls import Rang, ring
from tests.e2e.people import OWNER, PASSWORD
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal_today"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_a_day_is_worked_through_without_javascript(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, java_script_enabled=False) as visitor:
        page = visitor.page
        page.goto(f"{place.address}/")
        visitor.fill({"Mail address": OWNER, "Password": PASSWORD}, "Sign in")
        assert page.url.endswith("/t/harbour")
        needs = page.get_by_role("list", name="Needs you").get_by_role("listitem")
        before = needs.count()
        needs.filter(has_text="Call back 07700 900159").get_by_role("button", name="Done").click()
        expect(page.get_by_role("status")).to_contain_text("off the list")
        expect(needs).to_have_count(before - 1)
        page.get_by_role("link", name="Diary", exact=True).click()
        page.get_by_role("link", name="New appointment").click()
        visitor.fill({"Phone number": "07700 900195", "What it is about": "boiler service"}, "Book it")
        expect(page.get_by_role("status")).to_contain_text("Booked")
        page.get_by_role("link", name="No name yet").click()
        page.get_by_role("button", name="Never ring them").click()
        expect(page.get_by_text("Asked never to be rung")).to_be_visible()


def test_what_needs_somebody_is_done_with_keys_alone(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        visitor.sign_in()
        page, keys = visitor.page, visitor.page.keyboard
        done = page.locator("[id^=need-promise]").get_by_role("button", name="Done")
        for _ in range(60):
            if done.evaluate("one => one === document.activeElement"):
                break
            keys.press("Tab")
        assert done.evaluate("one => getComputedStyle(one).outlineWidth") == "2px"
        keys.press("Enter")
        expect(page.locator("[id^=need-promise]")).to_have_count(0)
        keys.press("g")
        keys.press("d")
        page.wait_for_url("**/t/harbour/diary")


def test_the_page_refreshes_itself_and_the_focus_stays(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page = visitor.page
        page.clock.install()
        visitor.sign_in()
        visitor.go("/t/harbour")
        link = page.get_by_role("link", name="All calls")
        link.focus()
        page.evaluate("window.same = true")
        place.run(_ring, place)
        page.clock.run_for(31_000)
        expect(page.get_by_role("link", name="Yusuf Adeyemi")).to_be_visible()
        expect(link).to_be_focused()
        assert page.evaluate("window.same") is True


async def _ring(place: Site) -> None:
    await ring(place.house, [Rang(1, "+447700900198", "Yusuf Adeyemi", "lost key", "booked", 40)], prefix="news")
