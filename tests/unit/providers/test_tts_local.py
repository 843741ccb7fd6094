from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.conformance import local_speech

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_24K
from offhook.core.audio.g711 import mulaw_to_pcm
from offhook.core.audio.resample import Resampler
from offhook.errors import ConfigError
from offhook.inference import InferencePool, Priority
from offhook.providers.tts import local
from offhook.providers.tts._flite import FliteVoice
from offhook.providers.tts._hibari import Spoken, _match
from offhook.providers.tts.local import LocalTts, convert, pause


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Counting:
    """A voice of 100 ms a text that counts what it is asked."""

    rate = 24_000

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> Spoken:
        self.said.append(text)
        return Spoken(b"\x01\x10" * 2_400, ((text, 2_400),))


@pytest.fixture
async def pool() -> AsyncIterator[InferencePool]:
    async with InferencePool(1) as pool:
        yield pool


async def test_a_prepared_line_is_not_made_again(pool: InferencePool) -> None:
    voice = Counting()
    tts = LocalTts(voice, pool)
    await tts.prepare(["Hello.", "Bye."], MULAW_8K)
    first = await tts.say("Hello.", MULAW_8K, Priority.TTS_FIRST)
    assert first is await tts.say("Hello.", MULAW_8K, Priority.TTS_FIRST)
    assert voice.said == ["Hello.", "Bye."]
    await tts.say("Hello.", PCM16_24K, Priority.TTS_FIRST)
    assert voice.said == ["Hello.", "Bye.", "Hello."]


async def test_the_store_forgets_what_was_not_used_for_longest(pool: InferencePool) -> None:
    voice = Counting()
    tts = LocalTts(voice, pool, cache_bytes=2_000)
    for text in ("a", "b", "a", "c", "a", "b"):
        await tts.say(text, MULAW_8K, Priority.TTS_FIRST)
    assert voice.said == ["a", "b", "c", "b"]


async def test_pauses_stand_before_the_next_clause(pool: InferencePool) -> None:
    session = await LocalTts(Counting(), pool).open("", "en", PCM16_8K)

    async def clauses() -> AsyncIterator[str]:
        yield "Well,"
        yield "hello."

    first, second = [speech async for speech in session.speak(clauses())]
    assert len(first.data) == 2 * 800
    assert len(second.data) == 2 * round((0.1 + pause("Well,")) * 8_000)
    assert second.words[0].end == len(second.data) // 2


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_a_clause_keeps_its_length_and_place_at_another_rate(rate: int) -> None:
    t = np.arange(24_000) / 24_000
    burst = (8_000 * np.sin(2 * np.pi * 500 * t) * (t >= 0.5)).astype("<i2")
    out = np.frombuffer(convert(burst.tobytes(), 24_000, rate), "<i2").astype(float)
    assert len(out) == rate
    onset = int(np.flatnonzero(np.abs(out) > 2_000)[0]) / rate
    assert abs(onset - 0.5) < 0.002


async def test_speech_over_the_telephone_is_understood(pool: InferencePool) -> None:
    text = "We can send a plumber on Thursday morning."
    speech = await LocalTts(local_speech.heart(), pool).say(text, MULAW_8K, Priority.TTS_FIRST)
    resampler = Resampler(8_000, 16_000)
    pcm = resampler.feed(mulaw_to_pcm(speech.data)) + resampler.flush()
    heard = local_speech.moonshine().transcribe(np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768), lambda: False)
    assert heard is not None
    assert heard.text.lower().strip(".") == text.lower().strip(".")


def test_word_times_survive_written_out_numbers() -> None:
    said = [("The", 10), ("visit", 20), ("costs", 30), ("90", 40), ("dollars", 60), ("today.", 80)]
    assert _match(["The", "visit", "costs", "$90", "today."], said) == [
        ("The", 10),
        ("visit", 20),
        ("costs", 30),
        ("$90", 60),
        ("today.", 80),
    ]
    assert _match(["a", "b", "c"], [("x", 30)]) == [("a", 10), ("b", 20), ("c", 30)]
    assert _match([], [("x", 30)]) == []
    assert _match(["a"], []) == [("a", 0)]


async def test_without_any_voice_it_says_what_to_install(pool: InferencePool, monkeypatch: pytest.MonkeyPatch) -> None:
    from offhook.registry import ProviderContext

    context = ProviderContext(pool, local_speech.STORE, {"PATH": ""})
    with pytest.raises(ConfigError, match="pip install hibari-tts"):
        local.create(context, "flite")
    with pytest.raises(ConfigError, match="fenrir"):
        local.create(context, "fenrir")


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_speaks() -> None:
    program = shutil.which("flite")
    assert program is not None
    spoken = FliteVoice(program).say("-voice Hello there.")
    assert len(spoken.pcm) > 16_000
    assert FliteVoice(program).say("...").pcm == b""
