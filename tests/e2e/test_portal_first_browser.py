"""The first five minutes of somebody new: from the link that ``offhook up`` prints to a visit in the diary that a call has booked.

All of it is real: the platform's processes, the embedded models, the browser; and the caller speaks. Each step leaves a picture in
``build/portal/tutorial``; with ``OFFHOOK_TUTORIAL=1`` also in ``docs/tutorial/images``, for docs/tutorial/first-agent.md.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.e2e.browser import CHROMIUM, LOOPBACK, REPOSITORY, free_port
from tests.e2e.portal import PICTURES, Visitor, chromium, settle, visit
from tests.e2e.softphone import MICROPHONE, Caller, voices

pytestmark = [pytest.mark.portal, pytest.mark.timeout(600), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
FOLDER = PICTURES / "tutorial"
IMAGES = REPOSITORY / "docs" / "tutorial" / "images"
LARGEST = 120_000
"""Bytes of a picture in the documentation."""
NAME, MAIL, PASSWORD = "Ann Haddad", "ann@pond-street.example", "a roof over every head"
BUSINESS, AGENT = "Pond Street Roofing", "Front desk"
ANSWERS: tuple[tuple[str, str], ...] = (
    # What the agent's words must hold, and what the caller says to that; the first that fits is taken.
    (r"anything else", "No, that is all, thank you."),
    (r"shall i book|book it|is that right", "Yes please."),
    (r"which would you like", "The first one, please."),
    (r"which day|what day|suit you", "Any day is fine, the sooner the better."),
    (r"best number|digit", "07911123456#"),
    (r"your name|surname|first name", "My name is James Wilson."),
    (r"address|postcode|house number", "Fourteen Station Road, N W 1, 4 double A."),
    (r"what is it about|shall we come|few words", "The gutter is leaking."),
    (r"book a visit|book, move", "I would like to book a visit."),
)
SMALL = """async ([data, largest]) => {
  const image = new Image();
  image.src = data;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d').drawImage(image, 0, 0);
  const made = [1, 0.9, 0.8, 0.7].map((quality) => canvas.toDataURL('image/webp', quality).split(',')[1]);
  return made.find((one) => one.length * 0.75 < largest);
}"""
"""A picture as WebP, without loss where it is small enough so."""


@contextmanager
def up(folder: Path) -> Iterator[str]:
    """``offhook up`` in a folder of its own; the link that it prints for the first administrator."""
    ports = ["--orchestrator-port", str(free_port()), "--engine-port", str(free_port())]
    words = [sys.executable, "-m", "offhook.cli.main", "up", "--state-dir", str(folder / "var"), *ports]
    plain = {key: value for key, value in os.environ.items() if not key.startswith("OFFHOOK_")}
    log = folder / "up.log"
    with log.open("wb") as out:
        given = {**plain, "OFFHOOK_ENGINE_DRAIN_S": "1", "OFFHOOK_ENGINE_ICE_HOSTS": '["127.0.0.1"]'}
        process = subprocess.Popen(words, stdout=out, stderr=out, env=given, start_new_session=True)
    try:
        end = time.monotonic() + 120
        while "offhook is up" not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < end, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        link = re.search(r"choose a password at (\S+)", log.read_text(encoding="utf-8"))
        assert link, log.read_text(encoding="utf-8")
        yield link.group(1)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 0, log.read_text(encoding="utf-8")


class Album:
    """Pictures of the way, in its order."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._count = 0

    def take(self, page: Page, name: str) -> None:
        """What is seen now."""
        self._count += 1
        FOLDER.mkdir(parents=True, exist_ok=True)
        page.evaluate("document.fonts.ready.then(() => true)")
        settle(page)
        shot = page.screenshot(path=FOLDER / f"{self._count:02}-{name}.png")
        if os.environ.get("OFFHOOK_TUTORIAL") == "1":
            self._keep(name, shot)

    def _keep(self, name: str, shot: bytes) -> None:
        blank = self._context.new_page()
        made = blank.evaluate(SMALL, ["data:image/png;base64," + base64.b64encode(shot).decode(), LARGEST])
        blank.close()
        assert made, f"{name} is too large for the documentation"
        IMAGES.mkdir(parents=True, exist_ok=True)
        (IMAGES / f"{name}.webp").write_bytes(base64.b64decode(made))


def test_from_the_set_up_link_to_a_visit_in_the_diary(tmp_path: Path) -> None:
    spoken = voices(ANSWERS)
    with up(tmp_path) as link, chromium(*LOOPBACK) as browser:
        _tour(browser, link, spoken)


def _tour(browser: Browser, link: str, spoken: dict[str, str]) -> None:
    address = link.partition("/setup/")[0]
    with visit(browser, address, 1200) as visitor:
        visitor.page.set_viewport_size({"width": 1200, "height": 800})
        album = Album(visitor.page.context)
        _settled(visitor, link, album)
        _business(visitor, album)
        _agent(visitor, album)
        visitor.page.add_init_script(MICROPHONE)  # for the page that comes next
        _called(visitor, album, spoken)
        _looked_at(visitor, album)


def _settled(visitor: Visitor, link: str, album: Album) -> None:
    """An account, and where it leads."""
    page = visitor.page
    page.goto(link)
    album.take(page, "set-up")
    visitor.fill({"Your name": NAME, "Mail address": MAIL, "New password": PASSWORD}, "Create my account")
    expect(page.get_by_text("You are signed in as the administrator")).to_be_visible()
    expect(page.get_by_role("heading", name="What comes next")).to_be_visible()
    album.take(page, "first-page")


def _business(visitor: Visitor, album: Album) -> None:
    """A business of one's own."""
    page = visitor.page
    page.get_by_role("link", name="New client").first.click()
    page.get_by_label("Name of the business").fill(BUSINESS)
    page.get_by_label("Mail address of its owner").fill(MAIL)
    album.take(page, "new-business")
    page.get_by_role("button", name="Make the client").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Four steps, and your calls are answered.")
    expect(page.get_by_text("Made, and you are its owner.")).to_be_visible()
    album.take(page, "four-steps")


def _agent(visitor: Visitor, album: Album) -> None:
    """An agent from a template, published."""
    page = visitor.page
    page.get_by_role("link", name="Make an agent").click()
    album.take(page, "templates")
    page.get_by_role("link", name="Booking line").click()
    expect(page.get_by_role("radio", name="Booking line")).to_be_checked()
    page.get_by_label("Name", exact=True).fill(AGENT)
    page.get_by_role("button", name="Make the agent").click()
    page.wait_for_url(re.compile("/script"))
    album.take(page, "script")
    page.get_by_role("link", name="Publish").click()
    page.get_by_label("What is new, and why").fill("The first one")
    album.take(page, "publish")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published. It answers from the next call on.")).to_be_visible()


def _called(visitor: Visitor, album: Album, spoken: dict[str, str]) -> None:
    """A call for real, in which the caller speaks and books."""
    page = visitor.page
    page.get_by_role("link", name="Test call").click()
    page.get_by_role("link", name="For real").click()
    expect(page.get_by_text("This is a real call")).to_be_visible()
    page.get_by_role("button", name="Check the microphone").click()
    expect(page.get_by_text("Say something.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Call for real").click()
    caller = Caller(page, ANSWERS, spoken)
    caller.talk(between=lambda at: album.take(page, "talking") if at == 4 else None)
    expect(page.get_by_text("The agent ended the call.")).to_be_visible()
    assert page.evaluate("ways") == ["webrtc"], "one connection from the beginning to the end"
    expect(page.locator("#written li").first).to_contain_text("Book")
    expect(page.locator("#written li").first.locator("svg")).to_have_class(re.compile("ok"))
    album.take(page, "booked")


def _looked_at(visitor: Visitor, album: Album) -> None:
    """The call's page, the visit in the diary, the day."""
    page = visitor.page
    page.get_by_role("link", name="Open the call").click()
    expect(page.get_by_text("The gutter is leaking").first).to_be_visible()
    went = page.get_by_role("region", name="Where it went")
    expect(went).to_contain_text("Booked in the call")
    expect(page.locator("#learned")).to_contain_text("James Wilson")
    album.take(page, "call")
    went.get_by_role("listitem").filter(has_text="Diary").get_by_role("link", name="Open").click()
    expect(page.get_by_role("main")).to_contain_text("James Wilson")
    album.take(page, "diary")
    page.get_by_role("link", name="Today", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 call answered since midnight")
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 job booked")
    album.take(page, "today")
