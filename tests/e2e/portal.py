"""The portal on a real server, with a week of calls and a clock that stands still, and a browser in front of it."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.e2e.browser import CHROMIUM, FLAGS, PATIENCE_MS, REPOSITORY, free_port
from tests.e2e.business import House, open_house
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, PASSWORD, open_street
from tests.e2e.stops import Stop, modules

from offhook.testing.business.servicem8 import ServiceM8

T = TypeVar("T")
PICTURES = REPOSITORY / "build" / "portal"
FIGURES = PICTURES / "figures.txt"
AXE = REPOSITORY / "tests" / "e2e" / "vendor" / "axe.js"
MOVING = """() => document.getAnimations().filter(
    (one) => one.playState === "running" && one.effect.getTiming().iterations !== Infinity
).map((one) => one.animationName ?? one.transitionProperty)"""
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(slots=True)
class Site:
    """A served portal. ``run`` does something on its loop."""

    address: str
    house: House
    portal: anyio.from_thread.BlockingPortal
    names: dict[str, str] = field(default_factory=dict)

    def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        return self.portal.call(work, *args)


@contextmanager
def site(
    database_url: str, owner_url: str, folder: Path, furnished: Callable[[House], Awaitable[None]] | None = None, **settings: Any
) -> Iterator[Site]:
    """Serve the portal from a thread until the block ends. Ann is Harbour's owner, Root runs the platform.

    ``furnished`` puts something else there than what the pages of ``stops`` show.
    """
    port = free_port()
    ready = threading.Event()
    found: list[House] = []

    async def serve(stop: anyio.Event) -> None:
        values: dict[str, Any] = {"portal_parts": True, "requests_per_minute": 1_000_000, "live_stream_s": 600.0}
        values |= {"portal_url": f"http://127.0.0.1:{port}", "oauth_clients": {"calendar/google": {"id": "here", "secret": "there"}}}
        mill = ServiceM8()
        mill.clock = lambda: NOW
        transports = {"crm/servicem8": mill.transport()}
        async with open_house(database_url, folder, owner_url=owner_url, transports=transports, **(values | settings)) as house:
            house.now[0] = NOW
            await (furnished or furnish)(house)
            server = _Server(uvicorn.Config(house.app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
            found.append(house)
            async with anyio.create_task_group() as group:
                group.start_soon(server.serve)
                while not server.started:
                    await anyio.sleep(0.02)
                ready.set()
                await stop.wait()
                server.should_exit = True

    with anyio.from_thread.start_blocking_portal() as portal:
        stop = portal.call(_event)
        running = portal.start_task_soon(serve, stop)
        try:
            while not ready.wait(0.05):
                if running.done():
                    running.result()
            yield Site(f"http://127.0.0.1:{port}", found[0], portal)
        finally:
            portal.call(stop.set)
            running.result(120)


async def _event() -> anyio.Event:
    return anyio.Event()


async def furnish(house: House) -> None:
    """People, and what the pages of each module of ``stops`` show."""
    async with open_street(house) as street:
        await street.admin()
        await street.member(OWNER, "tenant_owner", name="Ann Haddad")
    for module in modules():
        if hasattr(module, "furnish"):
            await module.furnish(house)


@dataclass(slots=True)
class Visitor:
    """A browser's window, and what went wrong in it."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.page.evaluate("document.fonts.ready.then(() => true)")

    def open(self, stop: Stop) -> None:
        """Go there, and open what is to be open."""
        self.go(stop.path)
        if stop.show:
            self.page.evaluate(stop.show)
        if stop.wait:
            self.page.wait_for_selector(stop.wait)
        settle(self.page)

    def sign_in(self, email: str = OWNER, password: str = PASSWORD) -> None:
        self.go("/sign-in")
        self.fill({"Mail address": email, "Password": password}, "Sign in")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def fill(self, fields: dict[str, str], button: str) -> None:
        for label, text in fields.items():
            self.page.get_by_label(label).fill(text)
        self.page.get_by_role("button", name=button).click()

    def colour(self, selector: str) -> str:
        found: str = self.page.locator(selector).first.evaluate("one => getComputedStyle(one).backgroundColor")
        return found

    @contextmanager
    def cold(self) -> Iterator[None]:
        """With nothing in the browser's cache."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Network.clearBrowserCache")
        try:
            yield
        finally:
            session.detach()

    def picture(self, name: str, *, whole: bool = True) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


def stopping(visitor: Visitor, stops: Mapping[str, Stop]) -> Iterator[tuple[str, Stop]]:
    """Each stop, with who is to be signed in there signed in."""
    signed_in: str | None = None
    for name, stop in stops.items():
        if stop.who != signed_in:
            visitor.page.context.clear_cookies()
            if stop.who is not None:
                visitor.sign_in(stop.who)
            signed_in = stop.who
        yield name, stop


def settle(page: Page) -> None:
    """Wait for what moves to have moved, but for what moves for ever.

    Looked at again and again: Chromium leaves the promise of an animation's end open at times, for ever, though the animation has ended.
    """
    for _ in range(500):
        moving = page.evaluate(MOVING)
        if not moving:
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"{page.url}: what should have moved long ago still moves: {moving}")


def figure(text: str) -> None:
    """Keep a line for the end of ``make test-portal``."""
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    with FIGURES.open("a", encoding="utf-8") as out:
        out.write(text + "\n")


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """The browser, for a module's tests."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *flags], env={**os.environ, "HOME": home}, timeout=PATIENCE_MS
        )
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def visit(browser: Browser, address: str, width: int = 1440, *, expected: tuple[str, ...] = (), **options: Any) -> Iterator[Visitor]:
    """A visitor with a window so wide. What the console says is an error, but for what is expected."""
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": 900 if width > 900 else 844}, **options)
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(context.new_page(), address)
    visitor.page.on("pageerror", lambda error: visitor.errors.append(str(error)))
    visitor.page.on("console", lambda message: visitor.errors.append(message.text) if message.type in {"error", "warning"} else None)
    try:
        yield visitor
    finally:
        context.close()
    bad = [one for one in visitor.errors if not any(word in one for word in expected)]
    assert not bad, bad
