"""A call from the portal in a real browser, with a voice at its microphone, to a real engine with the embedded models."""

from __future__ import annotations

import base64
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.from_thread
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.e2e.browser import CHROMIUM, FLAGS, PATIENCE_MS, spoken
from tests.e2e.online import Exchange, exchange
from tests.e2e.people import OWNER
from tests.e2e.portal import PICTURES, Visitor, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.softphone import MICROPHONE

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
TALK = "/t/harbour/agents/front-desk/test"


@pytest.fixture(scope="module")
def at(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    name = f"{EMPTY}_testcall"
    postgres.sql(f"create database {name} template {EMPTY}")
    with _exchange(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("testcall")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@contextmanager
def _exchange(database_url: str, owner_url: str, folder: Path) -> Iterator[Exchange]:
    ready, found = threading.Event(), []

    async def serve(stop: anyio.Event) -> None:
        async with exchange(database_url, owner_url, folder, acted=False) as opened:
            await opened.street.member(OWNER, "tenant_owner", name="Ann Haddad")
            found.append(opened)
            ready.set()
            await stop.wait()

    async def event() -> anyio.Event:
        return anyio.Event()

    with anyio.from_thread.start_blocking_portal() as portal:
        stop = portal.call(event)
        running = portal.start_task_soon(serve, stop)
        try:
            while not ready.wait(0.05):
                if running.done():
                    running.result()
            yield found[0]
        finally:
            portal.call(stop.set)
            running.result(60)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *flags], env={**os.environ, "HOME": home}, timeout=PATIENCE_MS
        )
        try:
            yield opened
        finally:
            opened.close()


def begin(visitor: Visitor, way: str = "") -> Page:
    """Sign in, check the microphone, call."""
    page = visitor.page
    visitor.sign_in()
    visitor.go(TALK + way)
    page.get_by_role("button", name="Check the microphone").click()
    expect(page.get_by_text("Say something.", exact=True)).to_be_visible()
    return page


def look(page: Page, name: str) -> None:
    """Pictures of a call under way, in both themes and both widths."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width, height in ((390, 844), (1440, 900)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=PICTURES / f"{name}-{theme}-{width}.png", full_page=width < 900)


def test_the_agent_answers_a_voice_and_the_call_can_be_muted_and_ended(at: Exchange) -> None:
    said = [base64.b64encode(spoken(text)).decode() for text in ("One, two, three.", "I would like to book an appointment.")]
    with chromium() as browser, visit(browser, at.url) as visitor:
        visitor.page.add_init_script(MICROPHONE)
        page = begin(visitor)
        page.evaluate("packed => utter(packed)", said[0])
        expect(page.get_by_text("You are loud enough.")).to_be_visible()
        page.get_by_role("button", name="Start the call").click()
        log = page.get_by_role("log")
        expect(log.locator(".turn.agent").first).to_contain_text("Harbour Plumbing")
        while not page.evaluate("turns()"):  # nothing is said into the greeting, however slow the machine
            page.wait_for_timeout(50)
        page.evaluate("packed => utter(packed)", said[1])
        expect(log.locator(".turn.caller").first).to_be_visible()
        expect(log.locator(".turn.agent .ms").first).to_be_visible()
        expect(page.locator("#reply .stage").first).to_be_attached()
        look(page, "testcall-talking")
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_text("You are muted")).to_be_visible()
        page.keyboard.press("5")
        page.get_by_role("button", name="Keypad").click()
        page.get_by_role("button", name="hash").click()
        expect(page.get_by_label("Keys pressed")).to_have_text("5#")
        page.keyboard.press("Escape")
        expect(page.get_by_role("group", name="Keypad")).to_be_hidden()
        page.get_by_role("button", name="Hang up").click()
        expect(page.get_by_text("You hung up.")).to_be_visible()
        expect(page.get_by_role("button", name="Call again")).to_be_focused()
        expect(page.get_by_role("link", name="Open the call")).to_be_visible()
        look(page, "testcall-ended")
