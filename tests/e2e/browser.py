"""Headless Chromium and the engine as processes, for tests of the page at ``/talk``."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from offhook import registry
from offhook.core.audio.format import PCM16_16K
from offhook.inference import InferencePool, Priority
from offhook.providers.tts.local import LocalTts
from offhook.weights import ModelStore

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_MS = 90_000
"""How long a page may take for anything: a slow machine takes seconds, only what never comes takes longer."""
expect.set_options(timeout=PATIENCE_MS)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LOOPBACK = ("--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns")
"""Flags for WebRTC over loopback, of which pages without a microphone of the machine's would not tell."""
LISTEN = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    window.wide = new AnalyserNode(this.context, { fftSize: 8192 });
    window.narrow = new AnalyserNode(this.context, { fftSize: 256 });
    connect.call(this, window.wide);
    connect.call(this, window.narrow);
  }
  return connect.call(this, target, ...rest);
};
window.peak = () => {
  const values = new Float32Array(256);
  window.narrow?.getFloatTimeDomainData(values);
  return Math.max(...values.map(Math.abs));
};
"""
"""Makes what goes to the loudspeaker readable: ``wide``, ``narrow`` (5 ms) and ``peak()``."""


def write_wav(path: Path, pcm: bytes, rate: int = 16_000) -> Path:
    """PCM16 as the fake microphone takes it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return path


def tone(hertz: float, seconds: float, rate: int) -> bytes:
    """A sine at half of full scale."""
    return (np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate) * 16_000).astype("<i2").tobytes()


def pitch(samples: Any, rate: float) -> float:
    """The strongest frequency."""
    values = np.asarray(samples, dtype=float)
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values)), 1 << 17))
    return float(np.argmax(spectrum) * rate / (1 << 17))


def spoken(text: str) -> bytes:
    """A sentence in the embedded voice, 16 kHz."""

    async def make() -> bytes:
        async with InferencePool() as pool:
            voice = registry.load("tts", "local", registry.ProviderContext(pool, ModelStore(), dict(os.environ)))
            assert isinstance(voice, LocalTts)
            return (await voice.say(text, PCM16_16K, Priority.TTS_FIRST)).data

    return anyio.run(make)


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def engine(plan: dict[str, Any], folder: Path) -> Iterator[str]:
    """The real engine with one plan; its address."""
    port = free_port()
    path = folder / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    words = ["engine", "--plan", str(path), "--open-media", "--port", str(port), "--state-dir", str(folder / "state")]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OFFHOOK_")}
    with (folder / "engine.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "offhook.cli.main", *words],
            stdout=log,
            stderr=log,
            env={
                **environment,
                "OFFHOOK_ENGINE_DRAIN_S": "1",
                "OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": "0",  # tests/telephony has them: ICE leaves loopback out
                "OFFHOOK_ENGINE_SECRET": "a secret that is long enough to sign with",
            },
        )
        try:
            address = f"http://127.0.0.1:{port}"
            limit = time.monotonic() + PATIENCE_MS / 1_000
            while True:
                try:
                    httpx.get(f"{address}/healthz", timeout=30).raise_for_status()
                    break
                except httpx.HTTPError:
                    assert process.poll() is None, (folder / "engine.log").read_text(encoding="utf-8")
                    assert time.monotonic() < limit, "the engine did not come up"
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def open_page(address: str, microphone: Path, **context: Any) -> Iterator[Page]:
    """The page in a browser of its own whose microphone plays a file once. Fails on errors in the page."""
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"],
            env={**os.environ, "HOME": home},
            timeout=PATIENCE_MS,
        )
        try:
            page = browser.new_context(**context).new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.add_init_script(LISTEN)
            page.goto(f"{address}/talk/")
            yield page
        finally:
            browser.close()
    assert not errors
