"""The call button on a page of another origin, in headless Chromium; tokens that are good once. All is real but the speech."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.e2e.browser import CHROMIUM, FLAGS, PATIENCE_MS, free_port, write_wav
from tests.e2e.online import Exchange, exchange
from tests.e2e.people import OWNER
from tests.e2e.portal import visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.test_portal_testcall_browser import begin, chromium
from tests.telephony import rtc

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.telephony, pytest.mark.timeout(180)]


class Running:
    """An exchange in a thread of its own."""

    def __init__(self, opened: Exchange, portal: Any) -> None:
        self.opened = opened
        self._portal = portal

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        answer: httpx.Response = self._portal.call(partial(self.opened.house.ask, method, path, body, **headers))
        return answer

    def member(self) -> None:
        """Somebody who may sign in."""
        self._portal.call(partial(self.opened.street.member, OWNER, "tenant_owner", name="Ann Haddad"))

    def button(self, *origins: str, **more: Any) -> dict[str, Any]:
        made = self.ask("POST", "/call-buttons", {"agent_id": "front-desk", "origins": origins, **more})
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found


@pytest.fixture(scope="module")
def running(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    name = f"{EMPTY}_widget"
    postgres.sql(f"create database {name} template {EMPTY}")
    ready, found = threading.Event(), []
    folder = tmp_path_factory.mktemp("widget")

    async def serve(stop: anyio.Event) -> None:
        urls = (postgres.url(name, APP), postgres.url(name))
        async with exchange(*urls, folder, webrtc=True, visits_per_minute=1_000) as opened:
            found.append(opened)
            ready.set()
            await stop.wait()

    async def event() -> anyio.Event:
        return anyio.Event()

    with pytest.MonkeyPatch.context() as patch, anyio.from_thread.start_blocking_portal() as portal:
        rtc.loopback(patch)
        stop = portal.call(event)
        task = portal.start_task_soon(serve, stop)
        try:
            while not ready.wait(0.05):
                if task.done():
                    task.result()
            yield Running(found[0], portal)
        finally:
            portal.call(stop.set)
            task.result(60)
    postgres.sql(f"drop database {name} with (force)")


@contextmanager
def site(port: int, snippet: str) -> Iterator[str]:
    """A business's own page, with a strict policy."""

    def page(_: Request) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><html lang=en><title>Harbour</title><body><h1>Harbour</h1>{snippet}</body></html>")

    with rtc.serving(Starlette(routes=[Route("/", page)]), port) as address:
        yield address


@contextmanager
def visitor(address: str, folder: Path) -> Iterator[Page]:
    microphone = write_wav(folder / "quiet.wav", bytes(32_000))
    flags = (*FLAGS, f"--use-file-for-fake-audio-capture={microphone}", "--allow-loopback-in-peer-connection")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(flags), env={**os.environ, "HOME": home}, timeout=PATIENCE_MS
        )
        try:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(address)
            yield page
        finally:
            browser.close()


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")


@needs_chromium
def test_a_visitor_calls_from_a_page_of_another_origin(running: Running, tmp_path: Path) -> None:
    port = free_port()
    made = running.button(f"http://127.0.0.1:{port}")
    snippet = made["snippet"].replace("></offhook-call>", ' colour="#0a5" call="Ring us"></offhook-call>')
    with site(port, snippet) as address, visitor(address, tmp_path) as page:
        page.get_by_role("button", name="Ring us").press("Enter")
        expect(page.get_by_role("status")).to_have_text("On the line")
        log = page.get_by_role("log", name="Conversation")
        expect(log).to_contain_text("Agent: ")
        expect(page.get_by_role("button", name="Hang up")).to_be_focused()
        [call] = running.opened.engine.calls.values()
        assert call.transport.start.transport == "webrtc"
        assert call.plan.test is False
        assert "caller_number" not in call.plan.given
        page.get_by_role("button", name="Mute").click()
        expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Hang up").click()
        expect(page.get_by_role("status")).to_have_text("The call is over.")
        expect(page.get_by_role("button", name="Ring us")).to_be_focused()
    [kept] = [one for one in running.ask("GET", "/calls").json()["data"] if one["transport"] == "webrtc"]
    assert kept["caller"] == ""


@needs_chromium
def test_a_page_of_yet_another_origin_calls_nobody(running: Running, tmp_path: Path) -> None:
    made = running.button("https://www.harbour.example")
    with site(free_port(), made["snippet"]) as address, visitor(address, tmp_path) as page:
        page.get_by_role("button", name="Talk to us").click()
        expect(page.get_by_role("status")).to_have_text("Calls cannot be taken here just now.")
        assert not running.opened.engine.calls


def test_who_may_begin_a_call(running: Running) -> None:
    origin = "https://www.harbour.example"
    made = running.button(origin, per_minute=2)
    where = f"{running.opened.url}/widget/{made['key']}/calls"
    for wrong in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        refused = httpx.post(where, headers=wrong, timeout=60)
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
    assert httpx.post(where[:-8] + "x/calls", headers={"Origin": origin}, timeout=60).status_code == 404
    for _ in range(2):
        good = httpx.post(where, headers={"Origin": origin}, timeout=60)
        assert good.status_code == 201
        assert good.headers["access-control-allow-origin"] == origin
        assert good.json()["offers"][0].startswith("http://127.0.0.1:")
    assert httpx.post(where, headers={"Origin": origin}, timeout=60).status_code == 429
    other = running.button(origin)
    off = running.opened.url + f"/widget/{other['key']}/calls"
    assert running.ask("PATCH", f"/call-buttons/{other['id']}", {"enabled": False}, if_match='"r1"').status_code == 200
    assert httpx.post(off, headers={"Origin": origin}, timeout=60).status_code == 404
    assert running.ask("POST", "/call-buttons", {"agent_id": "nobody", "origins": [origin]}).status_code == 422
    assert running.ask("POST", "/call-buttons", {"agent_id": "front-desk", "origins": ["http://www.harbour.example"]}).status_code == 422


@pytest.mark.anyio
async def test_a_token_is_good_for_one_call(running: Running) -> None:
    made = (await anyio.to_thread.run_sync(running.ask, "POST", "/agents/front-desk/voice-tests", {})).json()
    async with rtc.caller() as caller, rtc.caller() as other:
        [address] = [one.partition("/webrtc/")[0] for one in made["offers"]]
        query = made["offers"][0].partition("?")[2]
        assert (await rtc.ring(caller, address, query=query, token=made["token"])).status_code == 200
        await caller.until(lambda: caller.of("speaking") or caller.of("agent"))
        assert (await rtc.ring(other, address, query=query, token=made["token"])).status_code == 200
        await other.until(lambda: other.of("end"))
        assert not other.of("agent")
        assert not other.of("ended"), "it never began"
        caller.hang_up()
        await caller.until(lambda: caller.of("ended"))


def test_the_button_is_small(running: Running) -> None:
    answer = httpx.get(f"{running.opened.url}/widget/offhook-call.js", headers={"Accept-Encoding": "gzip"}, timeout=60)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert int(answer.headers["content-length"]) < 15_000
    assert b"import " not in answer.content.split(b"class OffhookCall")[0]
    again = httpx.get(f"{running.opened.url}/widget/offhook-call.js", headers={"If-None-Match": answer.headers["etag"]}, timeout=60)
    assert again.status_code == 304


@needs_chromium
def test_the_portals_softphone_calls_over_webrtc(running: Running) -> None:
    running.member()
    flags = ("--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection")
    with chromium(*flags) as browser, visit(browser, running.opened.url) as visitor:
        page = begin(visitor)
        page.get_by_role("button", name="Start the call").click()
        expect(page.locator("#phone")).to_have_attribute("data-state", "live")
        expect(page.get_by_role("log").locator(".turn.agent").first).to_be_visible()
        [call] = running.opened.engine.calls.values()
        assert (call.transport.start.transport, call.plan.test) == ("webrtc", True)
        page.keyboard.press("5")
        page.get_by_role("button", name="Hang up").click()
        expect(page.get_by_text("You hung up.")).to_be_visible()
