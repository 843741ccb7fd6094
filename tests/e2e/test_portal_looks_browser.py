"""How every page looks, in every state: to axe in both themes and both widths, at six widths with long words, and on the scales."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Request
from playwright.sync_api import Error as PlaywrightError
from tests.e2e.browser import CHROMIUM
from tests.e2e.calls import CALLS, ring
from tests.e2e.portal import AXE, TAGS, Site, Visitor, chromium, figure, settle, site, stopping, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.stops import areas

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
EXPECTED = ("404 (Not Found)", "422 (Unprocessable", "401 (Unauthorized)", "412 (Precondition", "409 (Conflict")
"""What Chromium says of a page that is an error, which some of these are."""
ONLY = tuple(filter(None, os.environ.get("STOPS", "").split(",")))
"""While one page is being made: STOPS=calls,calls-none."""
AREAS = tuple(areas(ONLY))
COLOURS = ["color-contrast", "link-in-text-block"]
"""All of axe's rules that the theme has a part in."""
WIDTHS = (320, 390, 768, 1100, 1440, 1920)
BUDGET = 150_000
LONG = "Maximiliana Featherstonehaugh-Cholmondeley of Llanfairpwllgwy"  # 61 characters without a break that helps


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_looks"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("area", AREAS)
def test_no_page_shuts_anybody_out_or_weighs_too_much(place: Site, browser: Browser, area: str) -> None:
    """axe finds nothing, on any page, in either theme, narrow or wide; pictures are taken on the way.

    Weight is that of HTML, CSS, JavaScript and fonts as they come over the wire with nothing kept; HTML as a proxy would pack it.
    """
    faults: list[str] = []
    weights: dict[str, int] = {}
    pages = 0
    with visit(browser, place.address, expected=EXPECTED, bypass_csp=True) as visitor:
        for name, stop in stopping(visitor, areas(ONLY)[area]):
            finished: list[Request] = []

            def note(request: Request, finished: list[Request] = finished) -> None:
                finished.append(request)

            if stop.show:  # it may go on to another page, and what came of this one is then gone
                visitor.open(stop)
            else:
                visitor.page.on("requestfinished", note)
                with visitor.cold():
                    visitor.open(stop)
                visitor.page.remove_listener("requestfinished", note)
                weights[name] = sum(_weight(one, visitor) for one in finished)
            pages += 1
            visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
            for width in (1440, 390):
                visitor.page.set_viewport_size({"width": width, "height": 900 if width > 900 else 844})
                for theme in ("light", "dark"):
                    visitor.page.emulate_media(color_scheme=theme)
                    settle(visitor.page)
                    visitor.picture(f"{name}-{theme}-{width}")
                    found = visitor.page.evaluate("only => axe.run(document, {runOnly: only})", TAGS if theme == "light" else COLOURS)
                    for one in found["violations"]:
                        where = f"{name}, {theme}, {width}: {one['id']}"
                        faults += [f"{where}: {node['html'][:160]} {node['failureSummary'][:300]}" for node in one["nodes"]]
            visitor.page.set_viewport_size({"width": 1440, "height": 900})
    assert not faults, "\n".join(faults)
    assert all(0 < one < BUDGET for one in weights.values()), weights
    shown = ", ".join(f"{name} {one / 1000:.0f}" for name, one in weights.items())
    figure(f"{area}: axe, 2 themes, 390 and 1440 px: 0 violations on {pages} pages; kB: {shown}")


def _weight(request: Request, visitor: Visitor) -> int:
    answer = request.response()
    assert answer is not None
    if request.resource_type == "media":
        return 0
    if answer.status in {204, 303, 304} or "event-stream" in answer.headers.get("content-type", ""):
        return 0
    packed = "gzip" in answer.headers.get("content-encoding", "") or request.resource_type == "font"
    if packed:
        return request.sizes()["responseBodySize"]
    try:
        body = answer.body()
    except PlaywrightError:  # Chromium keeps it for a while only: the same again weighs the same
        body = visitor.page.context.request.get(request.url).body()
    return len(gzip.compress(body, 6))


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


@pytest.mark.parametrize("area", AREAS)
def test_nothing_runs_off_the_page_with_long_words_and_long_names(place: Site, browser: Browser, area: str) -> None:
    place.run(_long_names, place)
    faults: list[str] = []
    with visit(browser, place.address, expected=EXPECTED) as visitor:
        for name, stop in stopping(visitor, areas(ONLY)[area]):
            visitor.open(stop)
            visitor.page.evaluate(LONGER)
            for width in WIDTHS:
                visitor.page.set_viewport_size({"width": width, "height": 900})
                faults += _off_the_page(visitor, f"{name} at {width}")
            visitor.page.set_viewport_size({"width": 390, "height": 844})
            visitor.picture(f"{name}-long-390")
            visitor.page.set_viewport_size({"width": 1440, "height": 900})
    place.run(_short_names, place)
    assert not faults, "\n".join(faults)


def _off_the_page(visitor: Visitor, where: str) -> list[str]:
    bad = {key: value for key, value in visitor.page.evaluate(OUTSIDE).items() if value}
    return [f"{where}: {bad}"] if bad else []


async def _long_names(place: Site) -> None:
    await place.house.look("update tenant set name = :name where id = 'harbour'", name=LONG)
    if not await place.house.look("select 1 from call where id like 'long%'"):
        await ring(place.house, [replace(CALLS[0], name=LONG, problem=LONG, minutes=3, caller="+447700900199")], prefix="long")


async def _short_names(place: Site) -> None:
    await place.house.look("update tenant set name = 'Harbour Plumbing' where id = 'harbour'")
