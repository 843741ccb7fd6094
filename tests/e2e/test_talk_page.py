"""The page at ``/talk`` in a real browser: against the real engine, and against a peer that checks its side of the protocol."""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from tests.e2e.browser import CHROMIUM, REPOSITORY, engine, free_port, open_page, pitch, spoken, tone, write_wav
from tests.scenarios.harness import SCRIPT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
PICTURES = os.environ.get("OFFHOOK_TEST_PICTURES")
"""A folder for screenshots, for whoever wants to look at them."""


def look(page: Page, name: str) -> None:
    """Keep pictures of a state in both themes and both widths, if asked for."""
    if not PICTURES:
        return
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(200)
            page.screenshot(path=str(Path(PICTURES) / f"{name}-{theme}-{width}.png"))


# -- with the real engine ---------------------------------------------------------------------------------------------------


def plan() -> dict[str, Any]:
    tools = {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in SCRIPT["tools"].items()}
    return {"script": SCRIPT, "tools": tools, "record": False}


def test_a_call_with_the_embedded_models(tmp_path: Path) -> None:
    silence = bytes(2 * 16_000)
    microphone = write_wav(tmp_path / "caller.wav", silence * 6 + spoken("I would like to book an appointment.") + silence * 30)
    with engine(plan(), tmp_path) as address, open_page(address, microphone) as page:
        expect(page.locator("#status")).to_contain_text("Ready")
        look(page, "idle")
        page.get_by_role("button", name="Call").click()
        expect(page.locator("#status")).to_contain_text("On the line")
        log = page.get_by_role("log")
        expect(log).to_contain_text("Harbour Plumbing, hello.")
        expect(log.locator(".turn.caller")).to_contain_text("appointment", ignore_case=True)
        expect(log).to_contain_text("What is the best number for you?")
        ladder = page.get_by_role("list", name="Replies, latest first").get_by_role("listitem")
        expect(ladder).to_have_count(1)
        shown = ladder.inner_text()
        total = int(shown.split(" ms")[0].split()[-1])
        parts = [int(word.rsplit(" ", 1)[1]) for word in shown.splitlines()[-1].split(", ")]
        assert abs(sum(parts) - total) <= len(parts), "the parts sum to the total, but for rounding"
        widths = ladder.locator("rect").evaluate_all("rects => rects.map(rect => rect.getBoundingClientRect().width)")
        assert all(width > 0 for width in widths)
        page.get_by_role("button", name="Keypad").click()
        page.get_by_role("button", name="5").click()
        expect(page.get_by_label("Keys pressed")).to_have_text("5")
        look(page, "live")
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#status")).to_contain_text("You hung up.")
        expect(page.get_by_role("button", name="Call again")).to_be_focused()
        look(page, "ended")


@pytest.mark.parametrize(
    ("before", "code", "told", "todo"),
    [
        ([], 1011, "The connection was lost.", "still running"),
        ([], 1013, "takes no more calls", "Try again"),
        ([], 1008, "refused", "its log says which"),
        ([], 1000, "refused", "its log says which"),
        ([{"type": "ended", "reason": "finished"}, {"type": "end", "reason": "ended"}], 1000, "The agent ended the call.", ""),
        ([{"type": "ended", "reason": "some new reason"}], 1000, "The call is over.", ""),
    ],
)
def test_how_a_call_ended_is_told(tmp_path: Path, before: list[dict[str, Any]], code: int, told: str, todo: str) -> None:
    microphone = write_wav(tmp_path / "caller.wav", bytes(32_000))
    with peer() as server, open_page(server.address, microphone) as page:
        page.get_by_role("button", name="Call").click()
        expect(page.locator("#status")).to_contain_text("On the line")
        server.tell(*before, code)
        expect(page.locator("#status")).to_contain_text(told)
        if todo:
            expect(page.locator("#remedy")).to_contain_text(todo)
        else:
            expect(page.locator("#remedy")).to_be_hidden()
        expect(page.get_by_role("button", name="Call again")).to_be_focused()
        look(page, f"closed-{code}")


# -- with a peer that checks the protocol -----------------------------------------------------------------------------------


@dataclass
class Peer:
    """The other end of the page's websocket; what it received, and what it is told to do."""

    address: str = ""
    start: dict[str, Any] = field(default_factory=dict)
    sound: list[bytes] = field(default_factory=list)
    texts: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    commands: list[int | bytes | dict[str, Any]] = field(default_factory=list)

    def tell(self, *commands: int | bytes | dict[str, Any]) -> None:
        """Queue what to send: bytes, an object, or the code to close with."""
        self.commands.extend(commands)

    def of(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, message) for at, message in self.texts if message["type"] == kind]

    async def serve(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.start = await websocket.receive_json()
        rates = {"rate": self.start["rate"], "rate_out": self.start["rate_out"]}
        await websocket.send_json({"type": "started", "version": 1, **rates})
        async with anyio.create_task_group() as group:
            group.start_soon(self._hear, websocket, group.cancel_scope)
            while True:
                while self.commands:
                    command = self.commands.pop(0)
                    if isinstance(command, int):
                        await websocket.close(command)
                        group.cancel_scope.cancel()
                    elif isinstance(command, bytes):
                        await websocket.send_bytes(command)
                    else:
                        await websocket.send_json(command)
                await anyio.sleep(0.005)

    async def _hear(self, websocket: WebSocket, scope: anyio.CancelScope) -> None:
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if message.get("bytes"):
                    self.sound.append(message["bytes"])
                elif message.get("text"):
                    self.texts.append((time.monotonic(), json.loads(message["text"])))
                    if self.texts[-1][1]["type"] == "hangup":
                        await websocket.send_json({"type": "ended", "reason": "hangup"})
                        await websocket.close(1000)
                        break
        except WebSocketDisconnect:
            pass
        scope.cancel()


@contextmanager
def peer() -> Iterator[Peer]:
    found = Peer()
    folder = REPOSITORY / "src/offhook/transports/static/talk"
    settings = Route("/webrtc/settings", lambda _: JSONResponse({"offered": False, "ice_servers": []}))
    page = Mount("/talk", StaticFiles(directory=folder, html=True))
    app = Starlette(routes=[WebSocketRoute("/media/browser", found.serve), settings, page])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, name="peer")
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        found.address = f"http://127.0.0.1:{port}"
        yield found
    finally:
        server.should_exit = True
        thread.join(60)


def until(reached: Any, limit: float = 60.0, step: float = 0.01) -> None:
    end = time.monotonic() + limit
    while not reached():
        assert time.monotonic() < end, "did not come about in time"
        time.sleep(step)


@pytest.fixture
def call(tmp_path: Path) -> Iterator[tuple[Peer, Page]]:
    microphone = write_wav(tmp_path / "tone.wav", tone(440, 60, 48_000), 48_000)
    with peer() as server, open_page(server.address, microphone) as page:
        page.get_by_role("button", name="Call").click()
        expect(page.locator("#status")).to_contain_text("On the line")
        yield server, page


def test_the_microphone_arrives_as_20_ms_frames_of_16_khz(call: tuple[Peer, Page]) -> None:
    server, page = call
    assert (server.start["version"], server.start["rate"], server.start["rate_out"]) == (1, 16_000, 24_000)
    until(lambda: len(server.sound) > 40)
    first, begin = len(server.sound), page.evaluate("narrow.context.currentTime")
    until(lambda: len(server.sound) > first + 200)
    rate = (len(server.sound) - first) / (page.evaluate("narrow.context.currentTime") - begin)  # by the page's clock of sound
    assert 45 < rate < 55, f"{rate:.1f} frames a second"
    assert {len(frame) for frame in server.sound} == {640}
    pcm = np.frombuffer(b"".join(server.sound[-80:]), "<i2")
    assert abs(pitch(pcm, 16_000) - 440) < 3
    page.get_by_role("button", name="Mute").click()
    until(lambda: not any(server.sound[-1]))
    count = len(server.sound)
    until(lambda: len(server.sound) > count + 10)
    assert not any(b"".join(server.sound[count:])), "muted is silence, and it is sent"


def test_sound_is_played_in_order_and_marks_come_back_when_it_was(call: tuple[Peer, Page]) -> None:
    server, page = call
    begin = time.monotonic()
    server.tell(tone(1_000, 1.0, 24_000), {"type": "mark", "name": "a"}, tone(2_000, 1.0, 24_000), {"type": "mark", "name": "b"})
    read = "() => { const v = new Float32Array(8192); wide.getFloatTimeDomainData(v); return [wide.context.sampleRate, ...v]; }"
    page.wait_for_timeout(600)
    rate, *first = page.evaluate(read)
    until(lambda: len(server.of("mark")) == 1)
    page.wait_for_timeout(500)
    _, *second = page.evaluate(read)
    until(lambda: len(server.of("mark")) == 2)
    assert abs(pitch(first, rate) - 1_000) < 5
    assert abs(pitch(second, rate) - 2_000) < 5
    [(a, mark_a), (b, mark_b)] = server.of("mark")
    assert (mark_a["name"], mark_b["name"]) == ("a", "b")
    assert 0.98 < a - begin < 1.6
    assert 0.85 < b - a < 1.25


def test_a_clear_is_silent_at_once_and_answers_the_marks(call: tuple[Peer, Page]) -> None:
    server, page = call
    server.tell(tone(1_000, 5.0, 24_000), {"type": "mark", "name": "a"}, tone(1_000, 1.0, 24_000), {"type": "mark", "name": "b"})
    until(lambda: page.evaluate("peak() > 0.3"), step=0.002)
    page.wait_for_timeout(300)
    server.tell({"type": "clear"})
    sent = time.monotonic()
    until(lambda: page.evaluate("peak() < 0.001"), step=0.002)
    until(lambda: len(server.of("mark")) == 2)
    assert [message["name"] for _, message in server.of("mark")] == ["a", "b"]
    assert server.of("mark")[1][0] - sent < 0.5
    server.tell(tone(3_000, 1.0, 24_000))
    until(lambda: page.evaluate("peak() > 0.3"), step=0.002)


def test_a_clear_takes_less_than_two_frames(call: tuple[Peer, Page]) -> None:
    """The middle of five: each has in it how long a busy machine keeps the page itself waiting."""
    server, page = call
    page.evaluate("""() => {
      window.took = [];
      const post = MessagePort.prototype.postMessage;
      MessagePort.prototype.postMessage = function (message, ...rest) {
        if (message.clear) {
          const at = narrow.context.currentTime;
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            if (peak() < 0.001) window.took.push(narrow.context.currentTime - at);
            else post.call(port2, 0);
          };
          post.call(port2, 0);
        }
        return post.call(this, message, ...rest);
      };
    }""")
    for count in range(1, 6):
        server.tell(tone(1_000, 5.0, 24_000))
        until(lambda: page.evaluate("peak() > 0.3"), step=0.002)
        server.tell({"type": "clear"})
        until(lambda count=count: page.evaluate("took.length") == count)
    assert statistics.median(page.evaluate("took")) <= 0.040


def test_keys_and_the_end_reach_the_peer(call: tuple[Peer, Page]) -> None:
    server, page = call
    page.keyboard.press("7")
    page.get_by_role("button", name="Keypad").click()
    page.get_by_role("button", name="hash").click()
    until(lambda: len(server.of("dtmf")) == 2)
    assert [message["digit"] for _, message in server.of("dtmf")] == ["7", "#"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Keypad")).to_be_hidden()
    page.get_by_role("button", name="Hang up").click()
    until(lambda: bool(server.of("hangup")))
    expect(page.locator("#status")).to_contain_text("You hung up.")


def test_words_that_were_not_heard_are_struck(call: tuple[Peer, Page]) -> None:
    server, page = call
    steps = {"endpoint": 150.0, "understand": 36.4, "first_clause": 159.0, "tts": 79.1, "playout": 38.0}
    server.tell(
        {"type": "speaking", "turn": 1, "text": "Harbour Plumbing, hello. How can I help?"},
        {
            "type": "agent",
            "turn": 1,
            "text": "Harbour Plumbing, hello. How can I help?",
            "heard": "Harbour Plumbing, hello.",
            "interrupted": True,
        },
        {"type": "caller", "turn": 1, "text": "My hot water is leaking, it is all over the laundry."},
        {"type": "speaking", "turn": 2, "text": "Sorry to hear that. Is it still running out, or has it stopped?"},
        {"type": "ladder", "turn": 2, **steps, "total": 462.5},
        {"type": "agent", "turn": 2, "text": "Sorry to hear that. <b>Is it</b> still running out?", "heard": "", "interrupted": False},
        {
            "type": "ladder",
            "turn": 3,
            "endpoint": 300.0,
            "understand": 500.0,
            "first_clause": None,
            "tts": 120.0,
            "playout": 10.0,
            "total": 990.0,
        },
        {"type": "something new", "text": "ignored"},
        {"type": "partial", "text": "Still going. What do I", "final": False},
    )
    log = page.get_by_role("log")
    expect(log.locator("del")).to_have_text("How can I help?")
    expect(log.locator(".ms")).to_have_text("463 ms")
    expect(log).to_contain_text("<b>Is it</b>")
    expect(page.locator("#partial")).to_contain_text("Still going.")
    shown = page.get_by_role("list", name="Replies, latest first").get_by_role("listitem")
    expect(shown).to_have_count(2)
    expect(shown.first).to_contain_text("Unexplained 60")
    look(page, "turns")
    for width in (320, 390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def refuse(page: Page, name: str) -> None:
    """The browser says no to the microphone from now on."""
    page.evaluate("name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }", name)


def test_a_refused_microphone_is_told(tmp_path: Path) -> None:
    microphone = write_wav(tmp_path / "caller.wav", bytes(32_000))
    with peer() as server, open_page(server.address, microphone) as page:
        refuse(page, "NotAllowedError")
        page.get_by_role("button", name="Call").click()
        expect(page.locator("#status")).to_contain_text("The microphone is blocked.")
        expect(page.get_by_text("Allow it for this page")).to_be_visible()
        look(page, "denied")
        refuse(page, "NotFoundError")
        page.get_by_role("button", name="Call again").click()
        expect(page.locator("#status")).to_contain_text("No microphone was found.")
    assert not server.start
