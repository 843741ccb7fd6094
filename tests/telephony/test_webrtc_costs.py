"""What a WebRTC call costs: the engine's side of twelve calls at once, and where its time goes. Printed, not judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.e2e.browser import tone
from tests.telephony import rtc
from tests.telephony.figures import figure
from tests.telephony.test_webrtc_engine import engine

from offhook.engine.engine import Engine
from offhook.ports.transport import MediaIn, TransportEvent
from offhook.transports._rtc import OPUS, Voice, _Opus

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(120)]
CALLS = 12
FRAMES = 200


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_twelve_calls_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rtc.loopback(monkeypatch)
    counted: dict[int, int] = {}
    spent: list[tuple[float, int]] = []
    speech = tone(200, 10, 24_000)

    async def take(_: Engine, leg: Any) -> str:
        """In place of a call: speech all the time, and what comes is counted."""
        leg.send(speech)
        mine = len(counted)
        counted[mine] = 0

        def heard(event: TransportEvent) -> None:
            counted[mine] += isinstance(event, MediaIn)
            if mine == 0 and counted[mine] % 50 == 0:
                spent.append((time.thread_time(), sum(counted.values())))

        await leg.read(heard)
        return "hangup"

    monkeypatch.setattr(Engine, "take", take)
    with engine(tmp_path, open_media=True, max_webrtc_calls=CALLS) as address:
        async with AsyncExitStack() as stack:
            callers = [await stack.enter_async_context(rtc.caller()) for _ in range(CALLS)]
            for caller in callers:
                assert (await rtc.ring(caller, address)).status_code == 200
            with anyio.fail_after(150):
                while len(counted) < CALLS or min(counted.values()) < FRAMES:
                    await anyio.sleep(0.1)
            for caller in callers:
                caller.hang_up()
    assert len(spent) > 3
    (before, first), (after, last) = spent[1], spent[-1]
    whole = (after - before) / (last - first)
    encode, decode = _encoding(), _decoding()
    rest = max(0.0, whole * 1e6 - encode - decode)
    figure(f"webrtc: {CALLS} Opus calls at once, {whole * 1e6:.0f} us of CPU a call for 20 ms both ways ({whole / 0.0002:.1f} % of a core)")
    figure(f"webrtc: of it encoding {encode:.0f} us, decoding and resampling {decode:.0f}, SRTP, RTP, ICE and the loop {rest:.0f}")


def _cost(work: Callable[[int], object]) -> float:
    begun = time.thread_time()
    for at in range(FRAMES):
        work(at)
    return (time.thread_time() - begun) / FRAMES * 1e6


def _encoding() -> float:
    speech, voice = tone(200, FRAMES / 50, 24_000), Voice(OPUS, lambda: None)

    def encode(at: int) -> object:
        voice._slot = at
        return voice._coded(speech[at * 960 : at * 960 + 960])

    return _cost(encode)


def _decoding() -> float:
    speech, voice, ears = tone(200, FRAMES / 50, 24_000), Voice(OPUS, lambda: None), _Opus()
    packets = []
    for at in range(FRAMES):
        voice._slot = at
        packets.append(voice._coded(speech[at * 960 : at * 960 + 960]))
    return _cost(lambda at: ears.feed(packets[at]))
