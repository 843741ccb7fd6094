"""What is made up for lost audio: of the gap's length, like what was before it, and never a hole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.core.audio.conceal import Concealer, Lost
from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat, Encoding
from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm, pcm_to_alaw, pcm_to_mulaw

ENCODE: dict[Encoding, Callable[[bytes], bytes]] = {Encoding.MULAW: pcm_to_mulaw, Encoding.ALAW: pcm_to_alaw, Encoding.PCM16: bytes}
DECODE: dict[Encoding, Callable[[bytes], bytes]] = {Encoding.MULAW: mulaw_to_pcm, Encoding.ALAW: alaw_to_pcm, Encoding.PCM16: bytes}
FORMATS = [MULAW_8K, ALAW_8K, PCM16_8K, PCM16_16K]


def voice(format: AudioFormat, seconds: float, level: float = 8_000.0, pitch: float = 120.0) -> NDArray[np.float64]:
    at = np.arange(round(seconds * format.rate)) / format.rate
    waves = sum(np.sin(2 * np.pi * pitch * harmonic * at) / harmonic for harmonic in range(1, 8))
    return np.asarray(level * waves / 2)


def encoded(format: AudioFormat, samples: NDArray[np.float64]) -> bytes:
    pcm = samples.astype("<i2").tobytes()
    return ENCODE[format.encoding](pcm)


def decoded(format: AudioFormat, data: bytes) -> NDArray[np.float64]:
    return np.frombuffer(DECODE[format.encoding](data), dtype="<i2").astype(np.float64)


def strength(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("format", FORMATS, ids=str)
@pytest.mark.parametrize("milliseconds", [10, 20, 60, 100, 500, 3_000])
def test_a_gap_is_filled_to_the_sample(format: AudioFormat, milliseconds: int) -> None:
    concealer = Concealer(format)
    concealer.heard(encoded(format, voice(format, 0.3)))
    count = format.rate * milliseconds // 1_000
    assert format.samples_in(len(concealer.lost(count))) == count
    assert concealer.concealed == count


@pytest.mark.parametrize("format", FORMATS, ids=str)
@pytest.mark.parametrize("pitch", [90.0, 120.0, 210.0])
def test_a_voice_goes_on_through_a_lost_packet(format: AudioFormat, pitch: float) -> None:
    """What is made up is nearly what was lost: its harm is a tenth of the voice's power, where a hole would be all of it."""
    concealer, said = Concealer(format), voice(format, 0.5, pitch=pitch)
    kept, lost = said[: -format.rate // 50], said[-format.rate // 50 :]
    for at in range(0, len(kept), format.rate // 50):
        concealer.heard(encoded(format, kept[at : at + format.rate // 50]))
    made = decoded(format, concealer.lost(len(lost)))
    assert strength(made - lost) < 0.33 * strength(lost)


def test_it_fades_into_the_background_that_was_there() -> None:
    concealer = Concealer(PCM16_8K)
    quiet = np.random.default_rng(1).normal(0.0, 40.0, 8_000)
    concealer.heard(encoded(PCM16_8K, quiet[:4_000]))
    concealer.heard(encoded(PCM16_8K, quiet[4_000:] + voice(PCM16_8K, 0.5)))
    made = decoded(PCM16_8K, concealer.lost(8_000))
    parts = [strength(made[at : at + 160]) for at in range(0, 8_000, 160)]
    assert parts[0] > 3_000
    assert all(later <= before * 1.2 for before, later in pairwise(parts[:5]))
    assert all(25 < one < 60 for one in parts[6:])  # as loud as the background, for as long as it takes
    assert not np.array_equal(made[1_000:2_000], made[3_000:4_000])


def test_a_line_that_was_silent_stays_so_and_one_that_was_not_there_too() -> None:
    concealer = Concealer(MULAW_8K)
    assert concealer.lost(160) == b"\xff" * 160
    concealer.heard(b"\xff" * 8_000)
    assert set(concealer.lost(1_600)) <= {0xFF, 0x7F}


def test_short_history_and_odd_sizes() -> None:
    for size in (1, 7, 159, 161, 400):
        concealer = Concealer(MULAW_8K)
        concealer.heard(bytes([0x10, 0x90])[:1] * size)
        assert len(concealer.lost(331)) == 331
    concealer.heard(b"")
    assert len(concealer.lost(1)) == 1


def test_it_keeps_a_second_and_no_more() -> None:
    concealer = Concealer(MULAW_8K)
    for _ in range(500):
        concealer.heard(b"\x20" * 160)
    assert len(concealer._before()) <= 8_160


def test_the_same_is_made_up_each_time() -> None:
    twins = [Concealer(MULAW_8K) for _ in range(2)]
    for one in twins:
        one.heard(encoded(MULAW_8K, voice(MULAW_8K, 0.2)))
    assert twins[0].lost(900) == twins[1].lost(900)


def test_where_most_was_lost_is_known() -> None:
    lost = Lost()
    lost.add(100, 200)
    lost.add(250, 300)
    assert [lost.most_of(at, at + 100) for at in (0, 60, 100, 151, 160, 220, 260, 300)] == [
        False, True, True, False, False, False, False, False,
    ]  # fmt: skip
    assert not lost.most_of(100, 200)  # asked after in order: what is past is forgotten
