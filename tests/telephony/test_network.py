"""Real calls through a bad network: loss, jitter and a blackout end no turn, and the recording stays where it belongs."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
import soundfile
import uvicorn
from numpy.typing import NDArray
from tests.scenarios.harness import SCRIPT
from tests.shared import needs_shared
from tests.telephony.figures import figure
from tests.telephony.network import Network, Way, needs_namespaces, network
from tests.telephony.test_concealment import FRAME, RATE, edges, filled, recordings, spoken

from offhook.core.audio.g711 import mulaw_to_pcm
from offhook.engine.app import create_app
from offhook.engine.call import Call
from offhook.engine.engine import Engine
from offhook.engine.settings import EngineSettings
from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(240), needs_namespaces]
PLAN = {"call": "x", "script": SCRIPT, "region": "GB", "turn": {"max_call_ms": 120_000}}
PATIENCE = 60.0
"""Seconds that only bound a hang: how long TCP takes over what was lost is not ours."""


async def test_the_network_does_what_it_is_asked() -> None:
    """Counted on UDP: what is lost, and what comes late."""
    async with network() as net:
        with net.inside("a"):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind((net.a, 0))
        with net.inside("b"):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with receiver, sender:
            receiver.setblocking(False)
            for way, least, most in ((Way(), 500, 500), (Way(loss=0.2), 350, 450), (Way(loss=0.2, burst=5), 300, 480)):
                net.way = way
                got = await _carried(net, receiver, sender, 500)
                assert least <= len(got) <= most, way
                assert got == sorted(got)
            net.way = Way(delay=0.02, jitter=0.05, ordered=False)
            mixed = await _carried(net, receiver, sender, 500)
            assert len(mixed) == 500
            assert mixed != sorted(mixed)
            net.dark = True
            assert await _carried(net, receiver, sender, 50) == []


async def _carried(net: Network, receiver: socket.socket, sender: socket.socket, count: int) -> list[int]:
    got: list[int] = []

    def read() -> None:
        with suppress(BlockingIOError):
            while True:
                got.append(int.from_bytes(receiver.recv(100), "big"))

    before = net.counts["sent"]
    for number in range(count):
        sender.sendto(number.to_bytes(4, "big"), receiver.getsockname())
        if number % 20 == 19:
            await anyio.sleep(0.002)
            read()
    with anyio.fail_after(PATIENCE):
        while net.counts["sent"] < before + count or not net.settled:
            await anyio.sleep(0.002)
            read()
    read()
    return got


@asynccontextmanager
async def engine(net: Network, folder: Path, **settings: Any) -> AsyncIterator[tuple[Engine, str]]:
    """The real engine with the embedded models, in namespace a; and where it listens."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps(PLAN), encoding="utf-8")
    app = create_app(EngineSettings(plan=plan, open_media=True, state_dir=folder / "state", drain_s=0.1, host=net.a, **settings))
    with net.inside("a"):
        listener = socket.create_server((net.a, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio", lifespan="off", timeout_graceful_shutdown=2))
    with listener:
        async with app.router.lifespan_context(app), anyio.create_task_group() as group:
            group.start_soon(server._serve, [listener])
            yield app.state.engine, f"ws://{net.a}:{listener.getsockname()[1]}/media/twilio"
            server.should_exit = True


def sentence() -> bytes:
    """A recording of one person that is one stretch of speech on a clean line, of some seconds, as mu-law."""
    for _, frames in recordings():
        spans = spoken(edges(*filled(frames, [False] * len(frames), concealed=False)))
        if len(spans) == 1 and spans[0][1] - spans[0][0] > 3 * RATE:
            return b"".join(frames[: -(-spans[0][1] // FRAME) + 5])
    raise AssertionError("no recording is one stretch of speech")


def offset(recorded: NDArray[np.int16], said: bytes, begin: int, end: int, most: int = RATE // 2) -> int:
    """By how many samples the end of what was said lies elsewhere in the recording."""
    pattern = np.frombuffer(mulaw_to_pcm(said[end - RATE : end]), dtype="<i2").astype(np.float64)
    first = max(0, end - RATE - most)
    found = np.correlate(recorded[first : end + most].astype(np.float64), pattern, mode="valid")
    assert begin < end
    return int(np.argmax(found)) + first - (end - RATE)


WAYS: dict[str, tuple[Way, float]] = {
    "5 % loss, 50 ms jitter": (Way(loss=0.05, jitter=0.05), 0.0),
    "20 % loss": (Way(loss=0.2, delay=0.01), 0.0),
    "3 s blackout": (Way(), 3.0),
}


@needs_shared
@pytest.mark.parametrize("name", WAYS)
async def test_a_call_by_websocket_through_a_bad_network(name: str, tmp_path: Path) -> None:
    way, dark = WAYS[name]
    words = sentence()
    async with network() as net, engine(net, tmp_path) as (running, url):
        with net.inside("b"):
            opening = TwilioLine.open(url)
            line = await opening.__aenter__()
        try:
            call = await _greeted(running, line)
            net.way = way
            begin, end = line.play(words)
            if dark:
                assert await line.until((begin + end) // 2)
                net.dark = True
                await anyio.sleep(dark)
                net.dark = False
            assert await line.until(end)
            with anyio.fail_after(PATIENCE):
                while (answer := line.first_audible(end)) is None:
                    await anyio.sleep(0.05)
            early = line.audible(begin, end)
            turns = call.reporter.counts["caller_turns"]
            net.way = Way()
            assert await line.until(answer + RATE // 2)
        finally:
            await opening.__aexit__(None, None, None)
        with anyio.fail_after(PATIENCE):
            while running.calls:
                await anyio.sleep(0.05)
        assert call.reason == "hangup"
    recorded, rate = soundfile.read(next((tmp_path / "state" / "calls").glob("*/call.flac")), dtype="int16", always_2d=True)
    assert rate == RATE
    moved = offset(recorded[:, 0], bytes(line.said), begin, end)
    figure(
        f"websocket, {name}: {max(0, turns - 1) + early} false turn ends, {net.counts['lost']} of {net.counts['sent']} packets lost, "
        f"the recording is {moved / RATE * 1_000:.0f} ms off at the end"
    )
    assert (turns, early) == (1, False)
    assert abs(moved) < RATE // 50
    assert not [word for word in running.failures if word.startswith("crash")]
    assert line.errors == []


async def _greeted(running: Engine, line: TwilioLine) -> Call:
    """The call, once its greeting has been heard."""
    with anyio.fail_after(PATIENCE):
        while line.last_audible() is None or line.position - (line.last_audible() or 0) < RATE:
            await anyio.sleep(0.05)
    [call] = running.calls.values()
    return call
