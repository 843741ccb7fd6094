# ruff: noqa: T201 - the figures are the point
"""The embedded recogniser on recordings of real people: word error rate and dictated telephone numbers, with gates."""

from __future__ import annotations

import json
from typing import Any

import jiwer
import pytest
import soundfile
from tests.conformance import local_speech
from tests.shared import SHARED, needs_shared

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.inference import InferencePool
from offhook.ports.stt import SttHints
from offhook.providers.stt.local import LocalStt
from offhook.providers.vad.silero import SileroVad
from offhook.testing.conformance import sound
from offhook.testing.conformance.stt import Speaker, until

pytestmark = [pytest.mark.slow, needs_shared, pytest.mark.timeout(600)]

DIGITS = {"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"} | {
    "eight": "8",
    "nine": "9",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def manifest() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((SHARED / "speech" / "manifest.json").read_text())
    return items


def recording(item: dict[str, Any], rate: int) -> bytes:
    samples, source = soundfile.read(SHARED / "speech" / item["file"], dtype="int16", always_2d=True)
    return sound.resampled(samples[:, 0].tobytes(), source, rate)


def digits(text: str) -> str:
    return "".join(DIGITS.get(word, word if word.isdigit() else "") for word in sound.words(text))


def spans(vad: SileroVad, pcm: bytes, format: AudioFormat) -> list[tuple[int, int]]:
    """Stretches of speech in samples: begun above 0.5, ended by six windows under 0.35."""
    state, window = vad.open(format), vad.window(format)
    found: list[tuple[int, int]] = []
    begun, quiet = -1, 0
    for at in range(0, len(pcm) // 2 - window + 1, window):
        score = vad.score([(state, pcm[2 * at : 2 * (at + window)])])[0]
        quiet = 0 if score > 0.35 else quiet + 1
        if begun < 0 and score > 0.5:
            begun, quiet = at, 0
        elif begun >= 0 and quiet == 6:
            found.append((begun, at - 5 * window))
            begun = -1
    return [*found, (begun, len(pcm) // 2)] if begun >= 0 else found


async def heard_whole(stt: LocalStt, data: bytes, format: AudioFormat) -> str:
    speaker = Speaker(await stt.open(format, "en", SttHints()), format)
    first = format.bytes_for(format.rate // 5)
    speaker.push(data[:first])
    speaker.session.speech_started(0)
    speaker.push(data[first:])
    end = speaker.position
    speaker.quiet(0.2)
    speaker.session.speech_stopped(end)
    texts: dict[int, str] = {}
    while True:
        heard = await until(speaker.session, lambda _: True)
        texts[heard.segment] = heard.text
        if heard.final and heard.end >= end:
            await speaker.session.aclose()
            return " ".join(texts.values())


async def test_word_error_rate_clean_and_through_the_telephone() -> None:
    wanted: list[str] = []
    heard: dict[AudioFormat, list[str]] = {PCM16_16K: [], MULAW_8K: []}
    async with InferencePool(1) as pool:
        stt = LocalStt(local_speech.moonshine(), pool)
        for item in manifest():
            kind = item["transcript_kind"] or "machine"
            if item["kind"] != "speech" or kind.startswith("machine") or item["file"].startswith("phone_") or not item["transcript"]:
                continue
            wanted.append(" ".join(sound.words(item["transcript"])))
            telephone = pcm_to_mulaw(recording(item, 8_000))
            for sent, data in ((PCM16_16K, recording(item, 16_000)), (MULAW_8K, telephone)):
                heard[sent].append(" ".join(sound.words(await heard_whole(stt, data, sent))))
    rates = {str(sent): jiwer.wer(wanted, texts) for sent, texts in heard.items()}
    print(f"word error rate on {len(wanted)} recordings, {sum(len(text.split()) for text in wanted)} words: {rates}")
    assert rates["pcm16/16000"] < 0.13
    assert rates["mulaw/8000"] < 0.15


async def test_dictated_telephone_numbers() -> None:
    right: list[str] = []
    items = [item for item in manifest() if item["file"].startswith("phone_")]
    async with InferencePool(1) as pool:
        stt = LocalStt(local_speech.moonshine(), pool)
        for item in items:
            pcm = recording(item, 8_000)
            speaker = Speaker(await stt.open(MULAW_8K, "en", SttHints()), MULAW_8K)
            last = ""
            for start, end in spans(local_speech.silero(), pcm, PCM16_8K):
                speaker.push(pcm_to_mulaw(pcm[2 * speaker.position : 2 * start + 3_200]))
                speaker.session.speech_started(start)
                speaker.push(pcm_to_mulaw(pcm[2 * speaker.position : 2 * end + 3_200]))
                speaker.session.speech_stopped(end)
                last = (await until(speaker.session, lambda event: event.final)).text
            await speaker.session.aclose()
            if digits(last) == digits(item["transcript"]):
                right.append(item["file"])
            print(item["file"], digits(item["transcript"]), "|", last)
    print(f"{len(right)} of {len(items)} numbers right")
    assert len(right) >= 6
