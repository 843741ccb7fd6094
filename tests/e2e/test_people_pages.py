"""The first start's link, and forgetting a password, as a person does it: in a browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.e2e.browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.e2e.business import MASTER_KEY, SECRET

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
SESSION = "__Host-offhook"
PASSWORD, NEXT = "the tap drips at night", "and the boiler hums along"


@contextmanager
def orchestrator(folder: Path) -> Iterator[tuple[str, str]]:
    """``offhook orchestrator`` as a process on an empty folder; its address and the link that it prints."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OFFHOOK_")},
        "OFFHOOK_ORCHESTRATOR_SECRET": SECRET,
        "OFFHOOK_ORCHESTRATOR_MASTER_KEYS": json.dumps([MASTER_KEY]),
    }
    words = [sys.executable, "-m", "offhook.cli.main", "orchestrator", "--port", "0", "--state-dir", str(folder / "state")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        try:
            limit = time.monotonic() + PATIENCE_MS / 1_000
            while not (found := re.search(r"orchestrator at (\S+)\n.* choose a password at (\S+)", (folder / "log").read_text())):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < limit, (folder / "log").read_text()
                time.sleep(0.1)
            yield found.group(1), found.group(2)
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def browser() -> Iterator[Page]:
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), env={**os.environ, "HOME": home}, timeout=PATIENCE_MS
        )
        try:
            page = chromium.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: errors.append(str(error)))
            yield page
        finally:
            chromium.close()
    assert not errors


def test_the_first_start_has_no_password_and_a_forgotten_one_is_replaced(tmp_path: Path) -> None:
    with orchestrator(tmp_path) as (address, link), browser() as page:
        page.goto(link)
        page.get_by_label("Your name").fill("Ann Lee")
        page.get_by_label("Mail address").fill("ann@example.com")
        page.get_by_label("New password").fill("short")
        page.get_by_role("button").click()
        expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("main")).to_contain_text("12 characters")
        expect(page.get_by_label("Your name")).to_have_value("Ann Lee")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text("You are signed in as the administrator")
        (session,) = [cookie for cookie in page.context.cookies() if cookie["name"] == SESSION]
        assert (session["httpOnly"], session["secure"]) == (True, True)
        me = page.evaluate("fetch('/v1/me').then((answer) => answer.json())")
        assert (me["email"], me["memberships"][0]["role"]) == ("ann@example.com", "platform_admin")

        page.goto(link)  # once is enough
        page.get_by_label("Your name").fill("Eve")
        page.get_by_label("Mail address").fill("eve@example.com")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("not good any more")

        page.goto(f"{address}/forgot")
        page.get_by_label("Mail address").fill("ann@example.com")
        page.get_by_role("button").click()
        expect(page.locator("main")).to_contain_text("a mail is on its way")
        limit = time.monotonic() + PATIENCE_MS / 1_000
        page.goto(f"{address}/dev/mail")
        while not page.locator("a[href*='/reset/']").count():
            assert time.monotonic() < limit, page.content()
            page.wait_for_timeout(200)
            page.reload()
        page.locator("a[href*='/reset/']").first.click()
        page.get_by_label("New password").fill(NEXT)
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text("Your password is changed")
        assert SESSION not in {cookie["name"] for cookie in page.context.cookies()}

        page.get_by_label("Mail address").fill("ann@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        expect(page.get_by_label("Mail address")).to_have_value("ann@example.com")
        page.get_by_label("Password").fill(NEXT)
        page.get_by_role("button").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Clients")
