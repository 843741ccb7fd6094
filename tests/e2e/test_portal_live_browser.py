"""Live calls in a real browser: a stream that is cut in the middle of a call and comes back, and a call that is steered by keys alone."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.calls import NOW
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server
from tests.e2e.stops.live import CAL, LIVE

from offhook.orchestrator.embedded import APP

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_live"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, APP), postgres.url(name), tmp_path_factory.mktemp("live")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@dataclass(slots=True)
class Wire:
    """A TCP proxy in front of the portal that can be cut, and mended."""

    to: int
    listener: socket.socket
    pairs: list[socket.socket] = field(default_factory=list)
    up: bool = True
    cuts: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            self.pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()

    def cut(self) -> None:
        """Break all that is open, and refuse what comes."""
        self.up, self.cuts = False, self.cuts + 1
        _end(self.pairs)

    def mend(self) -> None:
        self.up = True


def _end(pairs: list[socket.socket]) -> None:
    for one in pairs:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
    pairs.clear()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def wire(place: Site) -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Wire(int(place.address.rpartition(":")[2]), listener)
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            _end(made.pairs)
            thread.join(5)


def turns(page: Page) -> list[str]:
    return [" ".join(one.split()) for one in page.locator("#turns .turn .words").all_inner_texts()]


def test_a_stream_that_is_cut_comes_back_without_a_word_lost_or_doubled(place: Site, browser: Browser) -> None:
    said: list[str] = []

    async def begin() -> None:
        await place.house.plan("cut", did="+441134960000", caller="+447700900123")
        began: dict[str, Any] = {
            "transport": "twilio",
            "did": "+441134960000",
            "caller": "+447700900123",
            "script": "x",
            "script_version": 1,
        }
        answer = await place.house.event(1, "call.started", "cut", ref="quayside/front-desk", time=NOW.isoformat(), **began)
        assert answer.status_code == 200, answer.text

    async def speak(count: int) -> None:
        for _ in range(count):
            seq = len(said) + 2
            said.append(f"Sentence number {seq}, and no other.")
            body = {"turn": seq, "text": said[-1], "start_ms": seq * 1_000, "end_ms": seq * 1_000 + 500}
            answer = await place.house.event(seq, "turn.caller", "cut", ref="quayside/front-desk", time=NOW.isoformat(), **body)
            assert answer.status_code == 200, answer.text

    place.run(begin)
    errors = ("ERR_", "Failed to fetch", "network error", "htmx")
    with wire(place) as between, visit(browser, between.address, expected=errors) as visitor:
        page = visitor.page
        visitor.sign_in(CAL)
        place.run(speak, 3)
        visitor.go(f"{LIVE}/cut")
        assert turns(page) == said
        stale = page.locator("#stale")
        for times in range(3):
            place.run(speak, 4)
            expect(page.locator("#turns .turn")).to_have_count(len(said))
            between.cut()
            place.run(speak, 5)  # nobody hears these
            if times == 0:
                expect(stale).to_be_visible()
                expect(stale).to_contain_text("Reconnecting, last update")
            between.mend()
            place.run(speak, 2)
            expect(page.locator("#turns .turn")).to_have_count(len(said))
            expect(stale).to_be_hidden()
        assert between.cuts == 3
        assert turns(page) == said
        transcript = place.run(_transcript, place, "cut")
        assert turns(page) == transcript


async def _transcript(place: Site, call: str) -> list[str]:
    answer = await place.house.get(f"/calls/{call}/transcript", tenant="quayside")
    return [one["text"] for one in answer.json()["turns"]]


def test_a_call_is_steered_with_keys_alone(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, expected=("503", "Failed to load resource")) as visitor:
        page = visitor.page
        visitor.sign_in(CAL)
        page.keyboard.press("g")
        page.keyboard.press("l")
        page.wait_for_url("**/live")
        page.get_by_role("link", name="Marcus Oyelaran").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/live_marcus")
        expect(page.locator("#now .moving")).to_contain_text("someone has to be here")
        page.keyboard.press("s")
        page.keyboard.type("The engineer is on the way.")
        page.keyboard.press("Enter")
        # The engine of this call takes no commands: that is said, and what was typed is still there.
        expect(page.locator("#told .told.bad")).to_contain_text("The engineer is on the way.")
        expect(page.locator("#say")).to_have_value("The engineer is on the way.")
        page.locator("#say").evaluate("one => one.blur()")
        end = page.get_by_role("button", name="End", exact=True)
        end.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="End the call with Marcus Oyelaran?")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(end).to_be_focused()
        assert "someone has to be here" not in page.get_by_role("log").inner_text()
        assert page.locator("#now").get_attribute("aria-hidden") == "true"


def test_a_call_that_ends_says_so_and_leads_to_its_page(place: Site, browser: Browser) -> None:
    async def tell(seq: int, kind: str, **fields: Any) -> None:
        answer = await place.house.event(seq, kind, "ends", ref="quayside/front-desk", time=NOW.isoformat(), **fields)
        assert answer.status_code == 200, answer.text

    async def begin() -> None:
        await place.house.plan("ends", did="+441134960000", caller="+447700900124")
        await tell(1, "call.started", transport="twilio", did="+441134960000", caller="+447700900124", script="x", script_version=1)

    async def end() -> None:
        await tell(2, "call.ended", reason="hangup", outcome="booked", seconds=9.0, slots={}, path=[], counters={})

    def slow(route: Route) -> None:
        answer = route.fetch()
        held.append(route.request.url)
        visitor.page.wait_for_timeout(300)
        route.fulfill(response=answer)

    held: list[str] = []
    place.run(begin)
    with visit(browser, place.address) as visitor:
        visitor.sign_in(CAL)
        visitor.page.route(re.compile("hx-sse"), slow)  # the script of the stream comes long after htmx itself
        visitor.go(f"{LIVE}/ends")
        assert held
        expect(visitor.page.locator("#ended")).to_be_hidden()
        place.run(end)
        expect(visitor.page.locator("#ended")).to_be_visible()
        expect(visitor.page.get_by_role("link", name="Open the call")).to_have_attribute("href", "/t/quayside/calls/ends")
        expect(visitor.page.locator("#steer")).to_have_count(0)


def test_a_session_that_ends_in_another_tab_loses_nothing_that_was_typed(place: Site, browser: Browser) -> None:
    with visit(browser, place.address, expected=("401 (Unauthorized)", "403 (Forbidden)")) as visitor:
        editor, context = visitor.page, visitor.page.context
        visitor.sign_in()
        visitor.go("/t/harbour/agents/agt_new/script?step=greet")
        watching, other = context.new_page(), context.new_page()
        watching.goto(f"{place.address}/t/harbour/live")
        expect(watching.get_by_role("heading", name="Live")).to_be_attached()
        other.goto(f"{place.address}/t/harbour/calls")
        other.locator("details.me summary").click()
        other.get_by_role("button", name="Sign out").click()
        other.wait_for_url("**/sign-in")
        editor.get_by_label("What the agent is after here").fill("Mine, and not kept")
        expect(editor.get_by_role("alert")).to_contain_text("You are signed out")
        expect(editor.get_by_label("What the agent is after here")).to_have_value("Mine, and not kept")
        expect(editor.get_by_role("link", name="Sign in")).to_have_attribute("href", re.compile("agt_new"))
        watching.wait_for_url(re.compile("/sign-in"))
        context.close()  # with what was typed there is a question on leaving
