"""The script editor in headless Chromium: with keys alone, without JavaScript, and with two people at it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
SCRIPT = "/t/harbour/agents/agt_new/script"


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_agents"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_what_is_typed_is_kept_and_all_sides_follow(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, expected=("412 (Precondition", "422 (Unprocessable")) as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        visitor.sign_in()
        visitor.go(f"{SCRIPT}?step=route")
        page.evaluate("window.same = true")
        page.get_by_label("What the agent is after here").focus()
        keys.press("Control+A")
        keys.type("Learn what they want")
        expect(page.locator("#code-shown")).to_contain_text("goal: Learn what they want")
        expect(page.get_by_label("What the agent is after here")).to_be_focused()
        page.locator("#n-bye").focus()
        keys.press("Enter")
        page.wait_for_url(re.compile(r"step=bye"))
        expect(page.get_by_role("heading", name="Bye")).to_be_visible()
        text = page.get_by_label("The script as YAML")
        text.evaluate("one => { const at = one.value.indexOf('next: route'); one.setSelectionRange(at + 6, at + 11); one.focus(); }")
        keys.type("rout")
        expect(page.locator(".node.missing")).to_contain_text("rout")
        expect(page.get_by_text("Stopped: There is no step 'rout'.")).to_be_visible()
        expect(page.locator("#code-shown .bad")).to_contain_text("rout")
        keys.type("e")
        expect(page.locator(".node.missing")).to_have_count(0)
        assert page.evaluate("window.same") is True
        page.go_back()
        expect(page.get_by_role("heading", name="Route")).to_be_visible()
        with visit(browser, place.address, expected=("412 (Precondition",)) as other:
            other.sign_in()
            other.go(f"{SCRIPT}?step=greet")
            other.page.get_by_label("What the agent is after here").fill("Be kind")
            expect(other.page.locator("#code-shown")).to_contain_text("Be kind")
        page.get_by_label("What the agent is after here").fill("Mine")
        expect(page.get_by_role("alert")).to_contain_text("saved 0 s ago")
        expect(page.get_by_label("What the agent is after here")).to_have_value("Mine")
        page.get_by_role("link", name="Take theirs").click()
        expect(page.locator("#code-shown")).to_contain_text("Be kind")


def test_a_script_is_changed_tried_and_published_without_javascript(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, java_script_enabled=False, expected=("404 (Not Found)",)) as visitor:
        page = visitor.page
        page.goto(f"{place.address}/t/harbour/agents/new")
        visitor.fill({"Mail address": "ann@harbour.example", "Password": "the kettle is on again"}, "Sign in")
        page.get_by_label("Receptionist").check()
        visitor.fill({"Name": "By hand"}, "Make the agent")
        page.get_by_role("link", name=re.compile("^Message,")).click()
        page.get_by_label("What the agent is after here").fill("Take it down")
        page.get_by_role("button", name="Save", exact=True).last.click()
        expect(page.get_by_label("The script as YAML")).to_have_value(re.compile("goal: Take it down"))
        page.get_by_role("button", name="Let it answer a call").click()
        expect(page.get_by_role("log")).to_contain_text("Thank you for ringing us.")
        page.get_by_label("Type as the caller").fill("I would like to leave a message")
        page.get_by_role("button", name="Say it").click()
        expect(page.get_by_role("log")).to_contain_text("I would like to leave a message")
        page.get_by_role("link", name="Publish").click()
        visitor.fill({"What is new, and why": "The first"}, "Publish")
        assert page.url.endswith("/versions")
        page.goto(f"{place.address}/t/harbour/agents")
        expect(page.get_by_role("row", name=re.compile("By hand"))).to_contain_text("Version 1")
