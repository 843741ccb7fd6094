"""Numbers, developers and settings as people meet them: with keys alone, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.people import OWNER, PASSWORD
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal_settings"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_a_key_is_made_and_copied_with_keys_alone(place: Site, browser: Browser) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    with visit(browser, place.address, permissions=permissions) as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        visitor.sign_in()
        keys.press("g")
        keys.press("v")
        page.wait_for_url("**/developers/webhooks")
        _press(visitor.page, "API keys", "link")
        page.wait_for_url("**/developers/keys")
        _press(page, "New key", "link")
        page.wait_for_url("**/keys/new")
        page.get_by_label("What it is for").focus()
        keys.type("Van screen")
        page.get_by_label("calls.read").focus()
        keys.press("Space")
        _press(page, "Make the key", "button")
        expect(page.get_by_text("The new key")).to_be_visible()
        secret = page.locator("code").first.inner_text()
        _press(page, "Copy", "button")
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == secret
        assert secret.startswith("ok_live_")


def _press(page: Page, name: str, role: Literal["link", "button"]) -> None:
    """Go there by Tab alone, and press Enter."""
    target = page.get_by_role(role, name=name, exact=True).first
    for _ in range(80):
        if target.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(target).to_be_focused()
    page.keyboard.press("Enter")


def test_it_works_without_javascript(place: Site, browser: Browser) -> None:
    expected = ("422 (Unprocessable",)
    with visit(browser, place.address, java_script_enabled=False, expected=expected) as visitor:
        page = visitor.page
        page.goto(f"{place.address}/t/harbour/numbers")
        visitor.fill({"Mail address": OWNER, "Password": PASSWORD}, "Sign in")
        page.get_by_role("link", name="Add a number").click()
        page.get_by_role("link", name="Twilio, account of this installation").click()
        visitor.fill({"Number": "123", "What it is for": "Van signs"}, "Add the number")
        expect(page.locator("#e-did")).to_contain_text("Not a phone number")
        expect(page.get_by_label("What it is for")).to_have_value("Van signs")
        visitor.fill({"Number": "020 7946 0999"}, "Add the number")
        expect(page.get_by_role("status")).to_contain_text("Added.")
        page.get_by_text("Delete this number").click()
        page.get_by_role("button", name=re.compile("^Delete 020")).click()
        expect(page.get_by_role("status")).to_contain_text("Deleted.")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("link", name="Retention").click()
        visitor.fill({"Days that calls are kept": "90"}, "Save")
        expect(page.get_by_role("status")).to_contain_text("Saved.")
        page.goto(f"{place.address}/t/harbour/developers/webhooks/new")
        visitor.fill({"Address": "https://hooks.harbour.example/two"}, "Make the endpoint")
        expect(page.get_by_text("The secret that signs the events")).to_be_visible()
        assert page.locator("code").first.inner_text().startswith("whsec_")
