"""The player as people meet it: it sounds, it is moved by hand and by keys, and it looks as the theme says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.business import House
from tests.e2e.people import OWNER, PASSWORD
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.test_portal_message import left

from offhook.orchestrator.embedded import APP
from offhook.orchestrator.recordings import messages, ops
from offhook.orchestrator.recordings.sound import as_flac
from offhook.testing.carriers.tapes import tone

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
PAGE = "/_player/harbour/call_dana"
SAID = "window.said = []; document.addEventListener('offhook:at', (event) => window.said.push(event.detail.seconds));"
LOUD = """() => {
  const connect = AudioNode.prototype.connect;
  window.ears = [];
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const ear = new AnalyserNode(this.context, {fftSize: 2048});
      connect.call(this, ear);
      window.ears.push(ear);
    }
    return connect.call(this, target, ...rest);
  };
}"""
HEARD = """() => window.ears.map((ear) => { const values = new Float32Array(2048); ear.getFloatTimeDomainData(values);
  return Math.max(...values.map(Math.abs)); })"""
INK = """([x, y]) => { const one = document.querySelector('.draw canvas'), ratio = window.devicePixelRatio;
  return [...one.getContext('2d').getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data]; }"""


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal_player"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def until(page: Page, holds: str) -> None:
    """Wait for it frame by frame, inside the page: its policy lets nobody evaluate a text."""
    page.evaluate(f"async () => {{ while (!({holds})) await new Promise(requestAnimationFrame); }}")


def now(page: Page) -> float:
    minutes, seconds = page.locator("[data-now]").inner_text().split(":")
    return int(minutes) * 60 + float(seconds)


def test_it_sounds_and_the_page_is_told_where_it_is(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page = visitor.page
        page.add_init_script(f"({LOUD})(); {SAID}")
        visitor.sign_in()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.headers.get("range", "")) if request.url.endswith("/audio") else None)
        visitor.go(f"{PAGE}?at=66.08")
        page.wait_for_selector(".player.drawn")
        assert (now(page), asked) == (66.0, [])  # nothing is fetched, and nobody has listened, before somebody plays it
        assert page.evaluate("window.said.at(-1)") == pytest.approx(66.08)
        page.get_by_role("button", name="Play").click()
        until(page, "window.said.at(-1) > 66.8")
        assert asked
        assert page.evaluate("document.querySelector('audio').currentTime") == pytest.approx(now(page), abs=0.5)
        # The agent speaks here: only its ear hears anything, and neither where the caller alone is listened to.
        until(page, f"({HEARD})()[1] > 0.05")
        assert page.evaluate(HEARD)[0] < 0.01
        page.get_by_role("button", name="Caller", exact=True).click()
        until(page, f"({HEARD})()[1] < 0.001")
        expect(page.locator("[data-side][aria-pressed=true]")).to_have_text(["Caller"])
        page.get_by_role("button", name="2×").click()
        assert page.evaluate("document.querySelector('audio').playbackRate") == 2
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Play")).to_be_visible()
        said = page.evaluate("window.said")
        assert said == sorted(said)


def test_it_is_moved_by_hand_by_links_and_by_keys(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        page.add_init_script(SAID)
        visitor.sign_in()
        visitor.go(PAGE)
        page.wait_for_selector(".player.drawn")
        slider = page.get_by_role("slider")
        box = slider.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
        assert now(page) == pytest.approx(49.5, abs=0.2)
        expect(slider).to_have_attribute("aria-valuetext", "0 min 49 s, agent speaking")
        page.wait_for_url(re.compile(r"at=49\.5"))
        page.mouse.move(box["x"] + 10, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] + 50, box["y"] + 40, steps=4)
        page.mouse.up()
        assert now(page) == 99.0
        page.locator(".pins a", has_text="Cut off").click()
        assert now(page) == 26.7
        page.locator("#turn-12 a").click()
        assert now(page) == 58.0
        page.locator("main").focus()
        keys.press("ArrowRight")
        assert now(page) == 60.0
        keys.press("Shift+ArrowRight")
        assert now(page) == 66.0
        keys.press("Shift+ArrowLeft")
        assert now(page) == 58.0
        slider.focus()
        for key, at in (("Home", 0.0), ("ArrowUp", 2.0), ("PageUp", 12.0), ("ArrowLeft", 10.0), ("End", 99.0)):
            keys.press(key)
            assert now(page) == at
        assert page.evaluate("window.said.at(-1)") == 99
        keys.press("Home")
        keys.press(" ")
        expect(page.locator(".player.playing")).to_be_visible()
        keys.press(" ")
        expect(page.locator(".player.playing")).to_have_count(0)


def test_silences_are_skipped(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page = visitor.page
        visitor.sign_in()
        visitor.go("/_player/harbour/call_pause?at=2.5")
        page.wait_for_selector(".player.drawn")
        page.get_by_role("button", name="Skip silences").click()
        page.locator("main").focus()
        page.keyboard.press(" ")
        expect(page.locator("[data-now]")).to_have_text(re.compile(r"^0:2\d"))  # from second 3 to second 23
        assert page.evaluate("document.querySelector('audio').currentTime") > 22


def test_colours_are_the_themes_as_soon_as_that_changes(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, color_scheme="light", expected=("Canvas2D",)) as visitor:
        page = visitor.page
        visitor.sign_in()
        visitor.go(f"{PAGE}?at=90")
        page.wait_for_selector(".player.drawn")
        x = page.locator(".draw canvas").evaluate("one => one.clientWidth * 9 / 99")  # the caller speaks, and it has been played
        shades = set()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            found = [page.evaluate(INK, [x + step, 58]) for step in range(4)]
            shades |= {tuple(one[:3]) for one in found if one[3] == 255}
        assert shades >= {(0x9C, 0x56, 0x00), (0xED, 0xAA, 0x55)}
        page.emulate_media(forced_colors="active")
        visitor.picture("player-forced-1440")


def test_a_long_call_is_seen_through_a_window(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        page = visitor.page
        visitor.sign_in()
        visitor.go("/_player/harbour/call_long")
        page.wait_for_selector(".player.drawn")
        whole, slider = page.locator("[data-whole]"), page.get_by_role("slider")
        box = whole.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
        lanes = slider.bounding_box()
        assert lanes
        page.mouse.click(lanes["x"] + 1, lanes["y"] + 40)
        assert now(page) == pytest.approx(300, abs=1)  # the window is two minutes around the middle of twelve
        shown = page.locator(".pins li:not([hidden])").evaluate_all("all => all.map((one) => Number(one.dataset.at))")
        assert all(300 <= at <= 420 for at in shown)


def test_without_javascript_it_is_the_browsers_own_player(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, java_script_enabled=False) as visitor:
        page = visitor.page
        page.goto(f"{place.address}{PAGE}")
        visitor.fill({"Mail address": OWNER, "Password": PASSWORD}, "Sign in")
        expect(page.locator("audio")).to_be_visible()
        expect(page.get_by_role("slider")).to_be_hidden()
        expect(page.get_by_role("button", name="Play")).to_be_hidden()
        expect(page.get_by_role("list", name="What happened").get_by_role("link")).to_have_text(
            ["Cut off", "752 ms", "free_slots 380 ms", "1,184 ms", "book 642 ms"]
        )
        visitor.picture("player-plain-1440")


def test_a_recording_that_does_not_come_is_said(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, expected=("Failed to load resource",)) as visitor:
        page = visitor.page
        visitor.sign_in()
        page.route("**/_wave", lambda route: route.fulfill(status=500))
        visitor.go(PAGE)
        expect(page.get_by_text("The recording did not load.")).to_be_visible()
        page.unroute("**/_wave")
        page.get_by_role("link", name="Try again").click()
        page.wait_for_selector(".player.drawn")
        expect(page.get_by_text("The recording did not load.")).to_be_hidden()


def test_a_message_is_a_sound_of_its_own_beside_the_calls(place: Site, browser: Browser) -> None:
    place.run(_message, place.house)
    with visit(browser, place.address) as visitor:
        page = visitor.page
        page.add_init_script(SAID)
        visitor.sign_in()
        visitor.go("/t/harbour/calls/call_left?at=3")
        letter = page.locator(".left .player")
        expect(letter).to_have_class(re.compile("drawn"))
        own = letter.locator("[data-now]")
        expect(own).to_have_text("0:00.0")  # the address points into the call
        expect(letter.get_by_role("button", name="Caller")).to_have_count(0)
        said = page.evaluate("window.said.length")
        letter.get_by_role("button", name="Play").click()
        expect(page.locator(".left .player.playing")).to_be_visible()
        expect(own).not_to_have_text("0:00.0")
        letter.get_by_role("button", name="Pause").click()
        expect(page.locator(".player.playing")).to_have_count(0)
        slider = letter.get_by_role("slider", name="Where in the message")
        slider.focus()
        page.keyboard.press("End")
        expect(own).to_have_text("0:08.5")
        assert page.evaluate("window.said.length") == said
        assert page.url.endswith("?at=3")
        visitor.picture("call-message")


async def _message(house: House) -> None:
    await left(house)
    sound = as_flac(tone(8.5))
    assert sound is not None
    assert await messages.keep(house.services, "harbour", "call_left", sound)
    assert await ops.examine(house.services, "harbour", "call_left", "message")
