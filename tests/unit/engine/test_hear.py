"""A call's ears: positions hold through gaps, repeats and bursts."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from offhook.core.audio.format import MULAW_8K, PCM16_8K
from offhook.core.audio.frame import PcmFrame
from offhook.core.audio.link import link
from offhook.core.time import MS
from offhook.core.turn import events as ev
from offhook.core.understand.types import Context
from offhook.engine.detector import Detector
from offhook.engine.driver import Driver
from offhook.engine.hear import Ears, Hearing
from offhook.engine.scopes import CallScope
from offhook.inference import InferencePool
from offhook.ports.stt import SttSession
from offhook.ports.transport import MediaIn
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeVad

pytestmark = pytest.mark.anyio
FRAME = 160
QUIET = b"\xff" * FRAME
LOUD = bytes([0x10, 0x90] * (FRAME // 2))


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Ear:
    """A recogniser's session that keeps what it is given."""

    def __init__(self) -> None:
        self.frames: list[PcmFrame] = []
        self.edges: list[tuple[str, int]] = []

    def push(self, frame: PcmFrame) -> None:
        self.frames.append(frame)

    def speech_started(self, sample: int) -> None:
        self.edges.append(("started", sample))

    def speech_stopped(self, sample: int) -> None:
        self.edges.append(("stopped", sample))

    def listen(self) -> None:
        self.edges.append(("listen", 0))

    @property
    def samples(self) -> int:
        return sum(len(frame.data) // 2 for frame in self.frames)


class Wire:
    """Stands where the driver is: a clock, and what was fed."""

    def __init__(self) -> None:
        self.fed: list[Any] = []
        self._begin = anyio.current_time()

    def now(self) -> int:
        return round((anyio.current_time() - self._begin) * 1e9)

    def feed(self, event: ev.Event) -> None:
        self.fed.append(event)


async def listening(scene: Callable[[Hearing, Ear, Wire], Any]) -> None:
    ear, wire, pool = Ear(), Wire(), InferencePool(inline=True)
    detector = Detector(FakeVad(), pool)
    formats = link((MULAW_8K,), (PCM16_8K,), between=("line", "ears"))
    ears = Ears(
        detector,
        pool,
        cast("SttSession", ear),
        cast("Any", None),
        own_endpointing=False,
        to_detector=formats,
        to_stt=formats,
        endpoint=None,
    )
    context = cast("Context", SimpleNamespace())
    hearing = Hearing(
        ears,
        cast("Driver", wire),
        cast("CallScope", None),
        MULAW_8K,
        context,
        cast("Any", None),
        lambda _: None,
        lambda _text, _final: None,
        lambda window: window,
    )
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        await scene(hearing, ear, wire)
        group.cancel_scope.cancel()


async def test_a_gap_is_made_up_for_in_its_exact_length() -> None:
    async def scene(hearing: Hearing, ear: Ear, _wire: Wire) -> None:
        hearing.media(MediaIn(LOUD, 0))
        hearing.media(MediaIn(LOUD, 5 * FRAME))
        assert ear.samples == 6 * FRAME
        pcm = b"".join(frame.data for frame in ear.frames)
        assert any(pcm[2 * FRAME : 10 * FRAME])
        assert hearing.concealed_ms == 80
        assert any(pcm[10 * FRAME :])
        starts = [frame.start for frame in ear.frames]
        assert starts == sorted(starts)

    await listening(scene)


async def test_sound_that_was_there_already_is_not_heard_twice() -> None:
    async def scene(hearing: Hearing, ear: Ear, _wire: Wire) -> None:
        hearing.media(MediaIn(LOUD, 0))
        hearing.media(MediaIn(LOUD, FRAME))
        hearing.media(MediaIn(LOUD, 0))
        assert ear.samples == 2 * FRAME

    await listening(scene)


async def test_a_timestamp_from_far_ahead_fills_no_memory() -> None:
    async def scene(hearing: Hearing, ear: Ear, _wire: Wire) -> None:
        hearing.media(MediaIn(LOUD, 0))
        hearing.media(MediaIn(LOUD, 10**12))
        assert ear.samples == 2 * FRAME

    await listening(scene)


async def test_a_burst_after_a_stall_has_its_speech_where_it_was_spoken() -> None:
    """A second of speech and half a second of quiet come at once: the speech ended half a second ago, not now."""

    async def scene(hearing: Hearing, ear: Ear, wire: Wire) -> None:
        for number in range(25):
            hearing.media(MediaIn(QUIET, number * FRAME))
            await anyio.sleep(0.02)
        await anyio.sleep(1.5)
        for number in range(25, 100):
            hearing.media(MediaIn(LOUD if number < 75 else QUIET, number * FRAME))
        await anyio.sleep(0.1)
        [started, stopped] = [event for event in wire.fed if isinstance(event, ev.SpeechStarted | ev.SpeechStopped)]
        assert isinstance(started, ev.SpeechStarted)
        assert isinstance(stopped, ev.SpeechStopped)
        assert (started.at - started.since) / MS == pytest.approx(1_500, abs=120)
        assert (stopped.at - stopped.since) / MS == pytest.approx(500, abs=120)
        assert [name for name, _ in ear.edges] == ["started", "stopped"]
        assert ear.edges[1][1] - ear.edges[0][1] == pytest.approx(8_000, abs=1_000)

    await listening(scene)


async def test_what_was_lost_is_no_silence_of_the_callers() -> None:
    """The line is dead from the middle of a pause on: the caller has been silent for what was heard of it, before and after."""

    async def scene(hearing: Hearing, _ear: Ear, wire: Wire) -> None:
        for number in range(54):
            hearing.media(MediaIn(LOUD if number < 50 else QUIET, number * FRAME))
            await anyio.sleep(0.02)
        await anyio.sleep(3.0)
        for number in range(204, 216):
            hearing.media(MediaIn(QUIET, number * FRAME))
            await anyio.sleep(0.02)
        [stopped] = [event for event in wire.fed if isinstance(event, ev.SpeechStopped)]
        assert 60 * MS <= stopped.at - stopped.since <= 250 * MS

    await listening(scene)
