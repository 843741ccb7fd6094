"""What a caller says while there is no recogniser is told to the one that comes, at its exact place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import anyio
import pytest
from tests.unit.engine.test_hear import FRAME, LOUD, QUIET, Ear, Wire

from offhook.core.audio.format import MULAW_8K, PCM16_8K
from offhook.core.audio.link import link
from offhook.core.understand.complete import Expect
from offhook.core.understand.types import Context
from offhook.engine.detector import Detector
from offhook.engine.driver import Driver
from offhook.engine.hear import Ears, Hearing
from offhook.engine.scopes import CallScope
from offhook.errors import ProviderError, Unavailable
from offhook.inference import InferencePool
from offhook.ports.stt import SttEvent, SttSession
from offhook.ports.transport import MediaIn
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeVad

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Breaks(Ear):
    """A session that breaks when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = anyio.Event()
        self.listened = 0

    def listen(self) -> None:
        self.listened += 1

    def __aiter__(self) -> AsyncIterator[SttEvent]:
        return self

    async def __anext__(self) -> SttEvent:
        await self.broken.wait()
        raise Unavailable("stt/x", "it broke")

    async def aclose(self) -> None:
        return


class Desk:
    """A call whose recogniser may be away: the caller's frames, and the sessions that were opened."""

    def __init__(self) -> None:
        self.ears = [Breaks()]
        self.away = False
        self.deaf: list[bool] = []
        self.hearing: Hearing
        self._frames = 0

    async def reopen(self) -> SttSession:
        await anyio.sleep(0.1)
        if self.away:
            raise Unavailable("stt/x", "nobody there")
        self.ears.append(Breaks())
        return cast("SttSession", self.ears[-1])

    async def sound(self, seconds: float, data: bytes = QUIET) -> None:
        for _ in range(round(seconds * 50)):
            self.hearing.media(MediaIn(data, self._frames * FRAME))
            self._frames += 1
            await anyio.sleep(0.02)

    def loud(self, ear: Ear) -> list[int]:
        """First and last loud sample that an ear was told, by its own count."""
        pcm = b"".join(frame.data for frame in ear.frames)
        found = [at for at in range(len(pcm) // 2) if pcm[2 * at : 2 * at + 2] != b"\0\0"]
        return [found[0], found[-1] + 1] if found else []


async def call(act: Callable[[Desk], Awaitable[Any]]) -> None:
    desk, wire, pool = Desk(), Wire(), InferencePool(inline=True)
    detector = Detector(FakeVad(), pool)
    formats = link((MULAW_8K,), (PCM16_8K,), between=("line", "ears"))
    ears = Ears(detector, pool, cast("SttSession", desk.ears[0]), desk.reopen, False, formats, formats, None)
    failed: list[ProviderError] = []
    desk.hearing = Hearing(
        ears,
        cast("Driver", wire),
        cast("CallScope", None),
        MULAW_8K,
        Context("en-GB", "GB"),
        lambda: Expect("free_text"),
        failed.append,
        lambda _text, _final: None,
        lambda window: window,
        desk.deaf.append,
    )
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        group.start_soon(desk.hearing.run)
        await act(desk)
        group.cancel_scope.cancel()
    for ear in desk.ears:
        starts = [frame.start for frame in ear.frames]
        assert starts == [sum(frame.samples for frame in ear.frames[:at]) for at in range(len(starts))], "audio with a gap"


async def test_what_is_said_while_a_recogniser_opens_is_told_to_it_with_its_edges() -> None:
    async def act(desk: Desk) -> None:
        await desk.sound(2.0)
        desk.away = True
        desk.ears[0].broken.set()
        await desk.sound(2.0)
        await desk.sound(0.5, LOUD)
        desk.away = False
        await desk.sound(2.0)
        assert desk.deaf == [True, False]
        [_, ear] = desk.ears
        begin, end = desk.loud(ear)
        assert end - begin == 4_000
        [(first, started), (last, stopped)] = ear.edges
        assert (first, last) == ("started", "stopped")
        assert started == pytest.approx(begin, abs=800)
        assert stopped == pytest.approx(end, abs=800)
        assert ear.frames[0].start == 0
        assert begin == pytest.approx(8_000, abs=800), "with a second of the silence before it"

    await call(act)


async def test_a_word_that_was_cut_in_two_goes_on_as_speech() -> None:
    async def act(desk: Desk) -> None:
        await desk.sound(1.0)
        await desk.sound(0.5, LOUD)
        desk.ears[0].broken.set()
        await desk.sound(0.5, LOUD)
        await desk.sound(0.5)
        [first, ear] = desk.ears
        assert desk.loud(ear)[1] + desk.loud(first)[1] - desk.loud(first)[0] == 8_000
        assert [what for what, _ in ear.edges] == ["started", "stopped"]
        assert ear.edges[0][1] == 0
        assert ear.edges[1][1] == pytest.approx(desk.loud(ear)[1], abs=800)

    await call(act)


async def test_no_more_is_kept_than_half_a_minute() -> None:
    async def act(desk: Desk) -> None:
        desk.away = True
        desk.ears[0].broken.set()
        await desk.sound(60.0, LOUD)
        desk.away = False
        await desk.sound(9.0, LOUD)
        assert 30.0 <= desk.ears[1].samples / 8_000 < 40.0

    await call(act)


@pytest.mark.parametrize("keys", [False, True])
async def test_what_was_used_up_or_said_before_the_keys_were_used_is_not_heard_afterwards(keys: bool) -> None:
    async def act(desk: Desk) -> None:
        desk.away = True
        desk.ears[0].broken.set()
        await desk.sound(0.5)
        await desk.sound(0.5, LOUD)
        await desk.sound(0.5)
        if keys:
            desk.hearing.keyed()
        else:
            desk.hearing.listen()
        desk.away = False
        await desk.sound(3.0)
        assert desk.deaf == [True, False]
        assert desk.loud(desk.ears[1]) == []
        assert desk.ears[1].edges == []

    await call(act)


async def test_keys_take_nothing_from_a_recogniser_that_is_there() -> None:
    async def act(desk: Desk) -> None:
        await desk.sound(0.5, LOUD)
        desk.hearing.keyed()
        assert desk.ears[0].listened == 0

    await call(act)
