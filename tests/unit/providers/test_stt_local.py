from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import anyio
import numpy as np
import pytest
from tests.conformance import local_speech

from offhook.core.audio.format import MULAW_8K, PCM16_16K
from offhook.core.audio.frame import PcmFrame
from offhook.errors import FormatError
from offhook.inference import InferencePool, Priority
from offhook.ports.stt import Heard, SttHints
from offhook.providers.stt.local import LocalStt, LocalSttSession
from offhook.testing.conformance.stt import Speaker, until

SAID = "The kitchen sink is leaking on the floor."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def pool() -> AsyncIterator[InferencePool]:
    async with InferencePool(2) as pool:
        yield pool


async def opened(pool: InferencePool) -> LocalSttSession:
    return await LocalStt(local_speech.moonshine(), pool).open(PCM16_16K, "en-AU", SttHints())


def feed(session: LocalSttSession, pcm: bytes, start: float, end: float) -> None:
    session.push(PcmFrame(pcm[round(start * 32_000) // 2 * 2 : round(end * 32_000) // 2 * 2], PCM16_16K, round(start * 16_000)))


async def test_the_first_words_come_after_450_ms_of_speech(pool: InferencePool) -> None:
    pcm = bytes(16_000) + local_speech.utterance(SAID).pcm
    session = await opened(pool)
    feed(session, pcm, 0.0, 0.7)
    session.speech_started(8_000)
    feed(session, pcm, 0.7, 0.92)
    with anyio.move_on_after(0.2):
        await until(session, lambda _: True)
    assert pool.stats().done == 0
    feed(session, pcm, 0.92, 0.96)
    heard = await until(session, lambda _: True)
    assert (heard.final, heard.end) == (False, round(0.96 * 16_000))
    await session.aclose()


async def test_partials_give_way_when_the_pool_is_busy_and_the_final_does_not(pool: InferencePool) -> None:
    said = local_speech.utterance(SAID)
    go = threading.Event()
    speaker = Speaker(await opened(pool), PCM16_16K)
    heard: list[Heard] = []

    async def hold() -> None:
        await pool.run(go.wait, 60.0, priority=Priority.TTS_REST)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        while pool.stats().running < 1:
            await anyio.lowlevel.checkpoint()
        speaker.begin(said)
        with anyio.move_on_after(0.1):
            heard.append(await until(speaker.session, lambda _: True))
        assert heard == []
        assert pool.stats().skipped == 1
        end = speaker.position
        speaker.quiet(0.2)
        speaker.session.speech_stopped(end)
        assert (await until(speaker.session, lambda _: True)).final
        go.set()
    await speaker.session.aclose()


async def test_marked_noise_and_silence_are_no_words_but_an_answer(pool: InferencePool) -> None:
    rng = np.random.default_rng(5)
    for level in (0, 60, 600):
        session = await opened(pool)
        session.push(PcmFrame((rng.standard_normal(16_000) * level).astype("<i2").tobytes(), PCM16_16K, 0))
        session.speech_started(2_000)
        session.speech_stopped(12_000)
        heard = await until(session, lambda event: event.final)
        assert heard.text == "", level
        await session.aclose()


async def test_a_long_turn_is_cut_and_memory_stays_bounded(pool: InferencePool) -> None:
    said = local_speech.utterance(SAID)
    session = await opened(pool)
    speaker = Speaker(session, PCM16_16K)
    finals: dict[int, Heard] = {}
    for _ in range(12):
        speaker.say(said)
        heard = await until(speaker.session, lambda event: event.final)
        finals[heard.segment] = heard
        speaker.quiet(5.0)
    assert len(finals) >= 2
    assert sorted(finals) == list(range(len(finals)))
    kept = len(session._recent) + sum(len(span.audio) for span in session._spans)
    assert kept <= (12 + 1.5) * 32_000
    await speaker.session.aclose()


async def test_half_a_sample_is_refused(pool: InferencePool) -> None:
    session = await opened(pool)
    with pytest.raises(FormatError, match="whole samples"):
        session.push(PcmFrame(b"abc", PCM16_16K, 0))
    with pytest.raises(FormatError, match="mulaw/8000"):
        session.push(PcmFrame(b"ab", MULAW_8K, 0))
    await session.aclose()
