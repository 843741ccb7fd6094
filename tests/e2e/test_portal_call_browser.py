"""The page of a call in headless Chromium: its ladders as drawn, by keys alone, without JavaScript, and a long call."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.calls import NOW
from tests.e2e.portal import Site, chromium, figure, site, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.stops.call import MINA, PAGE
from tests.e2e.story import QUICK, tell

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
DANA = f"{PAGE}/dana"
HTML = 60_000
ELEMENTS = 9_000
"""Bytes of the longest page, packed: with all else it stays under 150 kB."""


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal_call"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal_call")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


DRAWN = """() => {
  const box = (one) => one.getBoundingClientRect();
  const shown = (one) => one.checkVisibility();
  const through = [...document.querySelectorAll('.through .budget')].filter(shown).map((one) => box(one).x);
  return {through, rows: [...document.querySelectorAll('.rung')].filter(shown).map((rung) => {
    const parts = [...rung.querySelectorAll('rect')];
    const line = [...rung.querySelectorAll('.budget')].filter(shown).map((one) => box(one).x);
    return {x: box(parts[0]).x, end: box(parts.at(-1)).right, line, ms: Number(rung.querySelector('text').textContent.replace(',', ''))};
  })};
}"""


@pytest.mark.parametrize("width", [1440, 1100])
def test_drawn_widths_are_what_was_measured_and_the_budget_is_at_one_place(place: Site, browser: Browser, width: int) -> None:
    with visit(browser, place.address, width) as visitor:
        visitor.sign_in(MINA)
        visitor.go(DANA)
        found = visitor.page.evaluate(DRAWN)
    budgets = {round(x, 1) for x in found["through"]} | {round(x, 1) for row in found["rows"] for x in row["line"]}
    assert len(budgets) == 1
    assert len(found["rows"]) == 8
    for row in found["rows"]:
        scale = (budgets.copy().pop() - row["x"]) / 700
        assert abs(row["end"] - row["x"] + 1 - row["ms"] * scale) <= 1


def test_a_call_is_found_opened_and_read_with_keys_alone(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        visitor.sign_in(MINA)
        visitor.go(f"{PAGE}?when=all")
        keys.press("j")
        first = page.locator("table a.all").first
        expect(first).to_be_focused()
        keys.press("j")
        keys.press("k")
        expect(first).to_be_focused()
        for _ in range(20):
            if "Dana" in page.evaluate("document.activeElement.textContent") and "/dana" in page.evaluate("document.activeElement.href"):
                break
            keys.press("j")
        keys.press("Enter")
        page.wait_for_url(f"**{DANA}")
        keys.press(".")
        expect(page.locator("#ids dl")).to_be_visible()
        keys.press(".")
        expect(page.locator("#ids dl")).to_be_hidden()
        rung = page.locator("#turn-13 .rung")
        rung.focus()
        expect(rung).to_have_attribute("aria-expanded", "false")
        keys.press("Enter")
        expect(page.get_by_text("the second answered in 162 ms")).to_be_visible()
        assert page.url.endswith("?turn=13#turn-13")
        keys.press("Enter")
        expect(page.get_by_text("the second answered in 162 ms")).to_be_hidden()
        keys.press("f")
        expect(page.get_by_label("Why")).to_be_focused()
        keys.type("price was wrong")
        keys.press("Enter")
        expect(page.locator(".say", has_text="price was wrong")).to_be_visible()
        keys.press("e")
        page.wait_for_url(re.compile("edit=1"))
        page.get_by_label("Name", exact=True).fill("Diana Whitlock")
        keys.press("Enter")
        expect(page.locator(".learned")).to_contain_text("Diana Whitlock")


def test_the_turn_that_is_heard_is_marked(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        visitor.sign_in(MINA)
        visitor.go(DANA)
        for seconds, turn in ((0.5, "1"), (26.55, "6"), (66.1, "13"), (65.5, "13")):
            visitor.page.evaluate("seconds => document.dispatchEvent(new CustomEvent('offhook:at', {detail: {seconds}}))", seconds)
            expect(visitor.page.locator(".lines li.now")).to_have_count(1)
            expect(visitor.page.locator(f"#turn-{turn}")).to_have_class(re.compile(r"\bnow\b"))


def test_a_call_is_read_and_put_right_without_javascript(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, java_script_enabled=False, expected=("404",)) as visitor:
        page = visitor.page
        page.goto(f"{place.address}{PAGE}/failed")
        visitor.fill({"Mail address": MINA, "Password": "the kettle is on again"}, "Sign in")
        assert page.url.endswith(f"{PAGE}/failed")
        page.locator("#turn-3 .rung").click()
        assert "turn=3" in page.url
        expect(page.locator("#why-3").get_by_text("adds up")).to_be_visible()
        page.locator("#turn-4 .t").click()
        assert "at=18.20" in page.url
        expect(page.locator("#turn-4")).to_have_class(re.compile(r"\bnow\b"))
        page.locator("summary", has_text="Flag").click()
        page.get_by_label("Why").fill("ring back")
        page.get_by_role("button", name="Save the flag").click()
        expect(page.locator(".say", has_text="ring back")).to_be_visible()
        page.locator(".more summary").click()
        page.get_by_role("link", name="Delete the call").click()
        page.get_by_role("button", name="Delete the call").click()
        assert page.url.endswith(PAGE)
        page.goto(f"{place.address}{PAGE}/failed")
        expect(page.get_by_role("heading", name="This page is not here")).to_be_visible()


SCROLL = """() => new Promise((done) => {
  const gaps = []; let last = performance.now();
  const step = (now) => {
    gaps.push(now - last); last = now; window.scrollBy(0, 400);
    if (gaps.length < 40) requestAnimationFrame(step); else done(gaps.slice(2));
  };
  requestAnimationFrame(step);
})"""


def test_a_call_of_half_an_hour_is_a_small_page(place: Site, browser: Browser) -> None:
    """300 turns, with nothing in the cache. Times are told and not judged, which machines differ in; how much there is to do is."""
    place.run(_long, place)
    opened = []
    with visit(browser, place.address) as visitor:
        visitor.sign_in(MINA)
        for _ in range(3):
            with visitor.cold():
                visitor.go(f"{PAGE}/long")
            opened.append(visitor.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
        frames = sorted(visitor.page.evaluate(SCROLL))
        weight = len(gzip.compress(visitor.page.content().encode(), 6))
        elements = visitor.page.evaluate("document.querySelectorAll('*').length")
    scrolled = f"a frame of scrolling {frames[len(frames) // 2]:.0f} ms, the worst {frames[-1]:.0f} ms"
    figure(f"call page, 300 turns: usable after {min(opened):.0f} ms, best of 3; {elements} elements, {weight / 1000:.0f} kB; {scrolled}")
    assert weight < HTML
    assert elements < ELEMENTS


async def _long(place: Site) -> None:
    said = tuple(
        {"c": f"Word {at}, and some more of them to fill a line.", "at": at * 6.0, "to": at * 6 + 2.0}
        if at % 2
        else {"a": f"I see {at}. That is what I wanted to know, thank you.", "at": at * 6.0, "to": at * 6 + 3.0, "parts": QUICK}
        for at in range(300)
    )
    await tell(place.house, "long", ref="quayside/front-desk", said=said, began=NOW - timedelta(days=20))
