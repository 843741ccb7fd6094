"""WebRTC in headless Chromium: the page at ``/talk``, against the real engine with the embedded models and against a leg that measures."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.e2e.browser import CHROMIUM, FLAGS, PATIENCE_MS, pitch, spoken, tone, write_wav
from tests.e2e.softphone import MICROPHONE
from tests.scenarios.harness import SCRIPT
from tests.telephony import rtc
from tests.telephony.figures import figure
from tests.unit.engine.test_app import SECRET

from offhook.engine import webrtc
from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.settings import EngineSettings
from offhook.ports.transport import HoldIn, KeyIn, MediaIn, TransportEvent
from offhook.transports import webrtc as transport

pytestmark = [pytest.mark.telephony, pytest.mark.timeout(180), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]
LISTEN = """
window.told = [];
window.channels = [];
const create = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...given) {
  const channel = create.apply(this, given);
  channel.addEventListener("message", ({ data }) => window.told.push(JSON.parse(data)));
  window.channels.push(channel);
  window.peers = [...(window.peers ?? []), this];
  this.addEventListener("track", ({ track }) => {
    const context = new AudioContext();
    window.rate = context.sampleRate;
    window.wide = new AnalyserNode(context, { fftSize: 16384 });
    context.createMediaStreamSource(new MediaStream([track])).connect(window.wide);
  });
  return channel;
};
window.of = (kind) => window.told.filter((one) => one.type === kind);
window.heard = () => { const v = new Float32Array(16384); window.wide?.getFloatTimeDomainData(v); return [...v]; };
"""
"""What the page is told, and what it hears, made readable."""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    rtc.loopback(monkeypatch)


@contextmanager
def engine(folder: Path, **changes: Any) -> Iterator[str]:
    tools = {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in SCRIPT["tools"].items()}
    (folder / "plan.json").write_text(json.dumps({"script": SCRIPT, "tools": tools, "record": False}), encoding="utf-8")
    values: dict[str, Any] = {"plan": folder / "plan.json", "state_dir": folder / "state", "secret": SECRET}
    values |= {"drain_s": 0.0, "open_media": True}
    with rtc.serving(create_app(EngineSettings(**{**values, **changes}))) as address:
        yield address


@contextmanager
def page_of(address: str, microphone: Path, *scripts: str) -> Iterator[Page]:
    errors: list[str] = []
    flags = (f"--use-file-for-fake-audio-capture={microphone}%noloop", "--allow-loopback-in-peer-connection")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *flags], env={**os.environ, "HOME": home}, timeout=PATIENCE_MS
        )
        try:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: errors.append(str(error)))
            for script in (LISTEN, *scripts):
                page.add_init_script(script)
            page.goto(f"{address}/talk/")
            yield page
        finally:
            browser.close()
    assert not errors


def call(page: Page) -> None:
    page.get_by_role("button", name="Call").click()
    expect(page.locator("#status")).to_contain_text("On the line")


def until(page: Page, reached: str, limit: float = 30.0) -> None:
    """The page's policy allows no ``wait_for_function``."""
    end = time.monotonic() + limit
    while not page.evaluate(reached):
        assert time.monotonic() < end, reached
        page.wait_for_timeout(50)


def test_a_question_by_voice_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "RESUME_S", 40)  # the page gives up after 5 s, and a slow machine must not before it
    quiet = bytes(2 * 16_000)
    microphone = write_wav(tmp_path / "caller.wav", quiet * 7 + spoken("I would like to book an appointment.") + quiet * 60)
    with engine(tmp_path) as address, page_of(address, microphone) as page:
        call(page)
        log = page.get_by_role("log")
        expect(log).to_contain_text("Harbour Plumbing, hello.")
        expect(log.locator(".turn.caller")).to_contain_text("appointment", ignore_case=True)
        expect(log).to_contain_text("What is the best number for you?")
        assert page.evaluate("channels[0].readyState") == "open", "the words came over the data channel"
        page.keyboard.press("5")
        # The connection breaks: the page offers the call again, and it goes on.
        begun = time.monotonic()
        page.evaluate("peers[0].close()")
        until(page, "peers.length > 1 && peers.at(-1).connectionState === 'connected' && channels.at(-1).readyState === 'open'")
        figure(f"webrtc: another connection for the same call after {time.monotonic() - begun:.2f} s")
        expect(page.locator("#status")).to_contain_text("On the line")
        page.keyboard.press("#")
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#status")).to_contain_text("You hung up.")


def test_sound_is_measured_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[TransportEvent] = []

    async def take(_: Engine, leg: Any) -> str:
        """In place of a call: a tone for 3 s, and what comes is kept."""
        leg.send(tone(440, 3, 24_000))
        await leg.read(heard.append)
        return "hangup"

    monkeypatch.setattr(Engine, "take", take)
    microphone = write_wav(tmp_path / "tone.wav", tone(1_000, 60, 48_000), 48_000)
    with engine(tmp_path, warm=()) as address, page_of(address, microphone) as page:
        begun = time.monotonic()
        call(page)
        connected = time.monotonic() - begun
        until(page, "Math.max(...heard().map(Math.abs)) > 0.1")
        page.wait_for_timeout(600)
        theirs = pitch(page.evaluate("heard()"), page.evaluate("rate"))
        until(page, "peers[0].getStats().then((all) => [...all.values()].some((one) => one.packetsSent > 150))")
        # Keys in the sound, as RFC 4733 has them: our page uses the data channel, others need not.
        assert page.evaluate("peers[0].getSenders()[0].dtmf.canInsertDTMF")
        page.evaluate("peers[0].getSenders()[0].dtmf.insertDTMF('159#', 100, 70)")
        until(page, "peers[0].getSenders()[0].dtmf.toneBuffer === ''")
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#status")).not_to_contain_text("On the line")
    assert [event.digit for event in heard if isinstance(event, KeyIn)] == list("159#")
    pcm = np.frombuffer(b"".join(event.data for event in heard if isinstance(event, MediaIn)), "<i2")
    ours = pitch(pcm[16_000:24_000], 16_000)
    assert abs(theirs - 440) < 4
    assert abs(ours - 1_000) < 4
    assert len(pcm) > 2 * 16_000
    figure(f"webrtc: chromium heard {theirs:.0f} Hz of 440, said {ours:.0f} of 1000; on the line after {connected:.2f} s")


def test_a_microphone_that_sends_only_speech_loses_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[TransportEvent] = []

    async def take(_: Engine, leg: Any) -> str:
        """In place of a call: what comes is kept."""
        await leg.read(heard.append)
        return "hangup"

    monkeypatch.setattr(Engine, "take", take)
    monkeypatch.setattr(transport, "STALL_S", 6.0)
    monkeypatch.setattr(transport, "RESUME_S", 40)
    said = tone(500, 1, 16_000)
    with engine(tmp_path, warm=()) as address, page_of(address, write_wav(tmp_path / "no.wav", bytes(32_000)), MICROPHONE) as page:
        call(page)
        for _ in range(2):
            page.wait_for_timeout(3_500)
            page.evaluate("packed => utter(packed)", base64.b64encode(said).decode())
        page.wait_for_timeout(500)
        sent = page.evaluate("peers[0].getStats().then((all) => [...all.values()].find((one) => one.type === 'outbound-rtp').packetsSent)")
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#status")).not_to_contain_text("On the line")
    media = [event for event in heard if isinstance(event, MediaIn)]
    pcm = np.abs(np.frombuffer(b"".join(event.data for event in media), "<i2").astype(int))
    assert len(pcm) > 8 * 16_000
    assert sent * 320 < len(pcm) / 2, "most of the silence was not sent"
    loud = pcm[: len(pcm) // 320 * 320].reshape(-1, 320).max(axis=1) > 3_000
    assert 90 <= int(loud.sum()) <= 110, "and the words were"
    assert not any(isinstance(event, HoldIn) for event in heard)


def test_without_an_offer_and_without_a_connection_it_is_the_websocket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    microphone = write_wav(tmp_path / "quiet.wav", bytes(32_000))
    with engine(tmp_path) as address:
        monkeypatch.setattr(webrtc.Desk, "offered", property(lambda _: False))
        with page_of(address, microphone) as page:
            call(page)
            assert page.evaluate("told.length") == 0
            expect(page.get_by_role("log")).to_contain_text("Harbour Plumbing, hello.")
        monkeypatch.undo()
        # An address that leads nowhere: ICE fails.
        rtc.loopback(monkeypatch, "127.0.0.2")
        with page_of(address, microphone) as page:
            call(page)
            expect(page.get_by_role("log")).to_contain_text("Harbour Plumbing, hello.")
            assert page.evaluate("peers.length") == 1
