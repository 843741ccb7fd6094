"""How soon a page is there, on a browser four times slower and with nothing in its cache. Times are printed, not judged: they are the
machine's. What is judged is that nothing moves once it is shown, and how much a page asks for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.e2e.browser import CHROMIUM
from tests.e2e.portal import Site, Visitor, chromium, figure, site, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.stops import stops

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
SLOWER = 4
SHIFT, FILES, ELEMENTS = 0.05, 20, 6_000
PAGES = ("calls", "player", "player-long")
WATCH = """
window.seen = {shift: 0, slowest: 0};
new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) window.seen.shift += one.value; })
  .observe({type: 'layout-shift', buffered: true});
const slow = (list) => { for (const one of list.getEntries()) window.seen.slowest = Math.max(window.seen.slowest, one.duration); };
new PerformanceObserver(slow)
  .observe({type: 'event', buffered: true, durationThreshold: 16});
"""
FOUND = """() => {
  const [page] = performance.getEntriesByType('navigation');
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return {...window.seen, paint: paint?.startTime ?? null, usable: page.domContentLoadedEventEnd, answered: page.responseStart,
    files: performance.getEntriesByType('resource').length, elements: document.querySelectorAll('*').length};
}"""


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal_paint"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def use(page: Page) -> None:
    """Open something, press keys, point at something: what a person does first."""
    page.mouse.click(500, 26)
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def opened(visitor: Visitor, path: str, wait: str) -> dict[str, Any]:
    page = visitor.page
    session = page.context.new_cdp_session(page)
    session.send("Network.clearBrowserCache")
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    visitor.go(path)
    if wait:
        page.wait_for_selector(wait)
    use(page)
    found: dict[str, Any] = page.evaluate(FOUND)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    session.detach()
    return found


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_moves_once_it_is_shown(place: Site, browser: Browser, width: int) -> None:
    figure(f"portal: {SLOWER} times slower, cold cache, {width} px, load average {os.getloadavg()[0]:.1f}")
    with visit(browser, place.address, width) as visitor:
        visitor.page.add_init_script(WATCH)
        visitor.sign_in()
        for name in PAGES:
            stop = stops()[name]
            found = opened(visitor, stop.path, stop.wait)
            size = f"shift {found['shift']:.3f}, {found['files']} files, {found['elements']} elements"
            figure(
                f"  {name:12} answered {found['answered']:5.0f}  first paint {found['paint'] or 0:5.0f}  usable {found['usable']:5.0f} ms,"
                f" slowest input {found['slowest']:4.0f} ms, {size}"
            )
            assert found["shift"] < SHIFT, name
            assert found["files"] <= FILES, name
            assert found["elements"] <= ELEMENTS, name


def test_what_moves_is_seen(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        visitor.page.add_init_script(WATCH)
        visitor.sign_in()
        visitor.go(stops()["calls"].path)
        visitor.page.evaluate("() => { document.querySelector('.head').style.marginTop = '300px'; }")
        visitor.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
        assert visitor.page.evaluate("window.seen.shift") > SHIFT
