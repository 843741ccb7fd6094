"""Lost packets on recordings of real people: a gap is no end of a turn, and the recogniser still hears the words. Before and after."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jiwer
import numpy as np
import pytest
import soundfile
from tests.conformance import local_speech
from tests.shared import SHARED, needs_shared
from tests.telephony.figures import figure

from offhook.core.audio.conceal import Concealer, Lost
from offhook.core.audio.format import MULAW_8K, PCM16_8K, silence
from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.core.speech.gate import Edge, Gate, GateSettings
from offhook.inference import InferencePool
from offhook.ports.stt import SttHints
from offhook.providers.stt.local import LocalStt
from offhook.testing.conformance import sound
from offhook.testing.conformance.stt import Speaker, until

pytestmark = [pytest.mark.telephony, needs_shared]
FRAME, RATE = 160, 8_000
RECORDINGS, WORDED = 24, 8
Pattern = Callable[[np.random.Generator, int], list[bool]]


def independent(share: float) -> Pattern:
    return lambda chance, count: [bool(one) for one in chance.random(count) < share]


def bursts(share: float, mean: int = 5) -> Pattern:
    def made(chance: np.random.Generator, count: int) -> list[bool]:
        lost: list[bool] = []
        while len(lost) < count:
            lost += [True] * int(chance.geometric(1 / mean)) if chance.random() < share / mean / (1 - share) else [False]
        return lost[:count]

    return made


PATTERNS = {"5 %": independent(0.05), "20 %": independent(0.20), "5 % in bursts": bursts(0.05), "20 % in bursts": bursts(0.20)}


@cache
def recordings() -> list[tuple[str, list[bytes]]]:
    """What was said, and the frames of a telephone line that carried it, with a second of quiet behind."""
    items: list[dict[str, Any]] = json.loads((SHARED / "speech" / "manifest.json").read_text())
    found = []
    for item in items:
        kind = item["transcript_kind"] or "machine"
        if item["kind"] == "speech" and item["transcript"] and 2 < item["seconds"] < 20 and "machine" not in kind:
            samples, source = soundfile.read(SHARED / "speech" / item["file"], dtype="int16", always_2d=True)
            pcm = sound.resampled(samples[:, 0].tobytes(), source, RATE)
            data = pcm_to_mulaw(pcm + bytes(2 * (RATE - len(pcm) // 2 % FRAME)))
            found.append((item["transcript"], [data[at : at + FRAME] for at in range(0, len(data) - FRAME + 1, FRAME)]))
    return found[:RECORDINGS]


def filled(frames: list[bytes], lost: list[bool], *, concealed: bool) -> tuple[bytes, Lost]:
    """The line's audio with its gaps filled, as the ears fill them: when the next packet comes."""
    concealer, where, out, gap = Concealer(MULAW_8K), Lost(), bytearray(), 0
    for frame, missing in zip(frames, lost, strict=True):
        gap += FRAME if missing else 0
        if missing:
            continue
        if gap and concealed:
            where.add(len(out), len(out) + gap)
            out += concealer.lost(gap)
        elif gap:
            out += silence(MULAW_8K, gap)
        gap = 0
        concealer.heard(frame)
        out += frame
    return bytes(out), where


def edges(data: bytes, where: Lost) -> Iterator[Edge]:
    """What the real detector makes of it, with the gate as the ears have it."""
    vad, gate, pcm = local_speech.silero(), Gate(GateSettings()), mulaw_to_pcm(data)
    state, window = vad.open(PCM16_8K), vad.window(PCM16_8K)
    for at in range(0, len(pcm) // 2 - window + 1, window):
        chance = vad.score([(state, pcm[2 * at : 2 * (at + window)])])[0]
        edge = None if where.most_of(at, at + window) else gate.feed(chance, at, at + window)
        if edge is not None:
            yield edge


def spoken(found: Iterator[Edge]) -> list[tuple[int, int]]:
    begun, spans = 0, []
    for edge in found:
        if edge.started:
            begun = edge.sample
        else:
            spans.append((begun, edge.sample))
    return spans


def test_a_lost_packet_is_no_end_of_speech() -> None:
    """Ends of speech inside what is one stretch of speech on a clean line, more than 100 ms from its edges."""
    clean = [spoken(edges(*filled(frames, [False] * len(frames), concealed=False))) for _, frames in recordings()]
    stretches = sum(len(one) for one in clean)
    assert stretches > 20
    before = after = 0
    for name, pattern in PATTERNS.items():
        false = {True: 0, False: 0}
        for number, (_, frames) in enumerate(recordings()):
            lost = pattern(np.random.default_rng(number), len(frames))
            for concealed in false:
                stops = [edge.sample for edge in edges(*filled(frames, lost, concealed=concealed)) if not edge.started]
                false[concealed] += sum(any(begin + 800 < at < end - 800 for begin, end in clean[number]) for at in stops)
        said = f"{false[False]} false ends of speech with silence in the gaps, {false[True]} concealed, of {stretches} stretches"
        figure(f"{name} of packets lost: {said}")
        before, after = before + false[False], after + false[True]
        assert false[True] <= stretches // 4
    assert 2 * after < before


@pytest.mark.anyio
async def test_the_recogniser_hears_the_words_through_loss() -> None:
    wanted = [" ".join(sound.words(text)) for text, _ in recordings()[:WORDED]]
    rates: dict[tuple[str, bool], float] = {}
    async with InferencePool(1) as pool:
        stt = LocalStt(local_speech.moonshine(), pool)
        for name in ("none", "5 %", "20 %"):
            for concealed in (False, True)[name == "none" :]:
                heard = []
                for number, (_, frames) in enumerate(recordings()[:WORDED]):
                    lost = PATTERNS[name](np.random.default_rng(number), len(frames)) if name != "none" else [False] * len(frames)
                    heard.append(" ".join(sound.words(await _heard(stt, filled(frames, lost, concealed=concealed)[0]))))
                rates[name, concealed] = jiwer.wer(wanted, heard)
    for name in ("5 %", "20 %"):
        figure(
            f"{name} of packets lost: word error {rates[name, False]:.1%} with silence in the gaps, {rates[name, True]:.1%} concealed, "
            f"{rates['none', True]:.1%} on a clean line"
        )
    assert rates["5 %", True] <= rates["none", True] + 0.05
    assert rates["20 %", True] <= rates["none", True] + 0.25


async def _heard(stt: LocalStt, data: bytes) -> str:
    speaker = Speaker(await stt.open(MULAW_8K, "en", SttHints()), MULAW_8K)
    speaker.push(data[: RATE // 5])
    speaker.session.speech_started(0)
    speaker.push(data[RATE // 5 :])
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


def test_what_it_costs() -> None:
    """By the processor's own count, next to the decoding of the same frames: no clock of the wall."""
    frames = recordings()[0][1]
    concealer = Concealer(MULAW_8K)
    for frame in frames:
        concealer.heard(frame)
    spent = {}
    for name, work, count in (("kept", lambda: concealer.heard(frames[0]), 20_000), ("made up", lambda: concealer.lost(FRAME), 500)):
        before = time.process_time()
        for _ in range(count):
            work()
        spent[name] = (time.process_time() - before) / count * 1e6
    figure(f"concealment: {spent['kept']:.1f} us for a packet that came, {spent['made up']:.0f} us for one that did not")
    assert spent["kept"] < 20
    assert spent["made up"] < 4_000
