"""Turns in a browser: with the keys alone, and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.tuning import EVENING, draft

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
TURNS = f"/t/harbour/agents/{EVENING}/turns"


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_tuning"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("tuning")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_a_slider_is_moved_with_the_keys_and_its_drawing_follows(place: Site, browser: Browser) -> None:
    with visit(browser, place.address) as visitor:
        visitor.sign_in()
        visitor.go(TURNS)
        page = visitor.page
        slider = page.get_by_role("slider", name="Wait before answering")
        number = page.get_by_role("spinbutton", name="Wait before answering")
        drawing = page.locator("svg.turn-drawing").first
        expect(drawing).to_contain_text("waits 260 ms")
        before = drawing.locator(".moved").get_attribute("transform")
        slider.focus()
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        value = number.input_value()
        assert int(value) > 260
        expect(drawing).to_contain_text(f"waits {value} ms")
        assert drawing.locator(".moved").get_attribute("transform") != before
        page.keyboard.press("Tab")
        expect(number).to_be_focused()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("180")
        expect(drawing).to_contain_text("waits 180 ms")
        assert slider.get_attribute("aria-valuetext") == "180 ms"
        page.keyboard.press("Enter")
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(number).to_have_value("180")
    assert place.run(draft, place.house, EVENING)["turn"]["endpointing"]["sure_ms"] == 180


def test_without_javascript_the_numbers_are_the_form(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, java_script_enabled=False, expected=("422 (Unprocessable",)) as visitor:
        visitor.sign_in()
        visitor.go(TURNS)
        page = visitor.page
        assert page.get_by_role("slider").count() == 0
        page.get_by_role("link", name="Careful and unhurried").click()
        expect(page.get_by_text("These values are not saved yet.")).to_be_visible()
        page.get_by_role("spinbutton", name="Wait before answering").fill("200")
        page.get_by_role("button", name="Replay these values").click()
        expect(page.get_by_role("heading", name="On your last 4 calls")).to_be_visible()
        expect(page.get_by_role("spinbutton", name="Wait before answering")).to_have_value("200")
        page.get_by_role("spinbutton", name="Wait before answering").fill("900")
        page.get_by_role("button", name="Save draft").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_text("Careful and unhurried, 1 changed")).to_be_visible()
        visitor.go(TURNS.replace("turns", "hours"))
        page.get_by_label("Sunday, opens").first.fill("10:00")
        page.get_by_label("Sunday, closes").first.fill("11:00")
        page.get_by_role("button", name="Save draft").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_label("Sunday, opens").first).to_have_value("10:00")
    assert place.run(draft, place.house, EVENING)["turn"]["preset"] == "careful"
