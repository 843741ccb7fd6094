"""The beep of an answering machine: tones of many kinds, in noise, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.core.audio import g711
from offhook.core.audio.beep import Beep, BeepDetector

Sound = NDArray[np.float64]
RATE = 8_000


def tone(hz: float, seconds: float, *, rate: int = RATE, level: float = 0.2) -> Sound:
    at = np.arange(int(seconds * rate)) / rate
    return np.asarray(level * np.sin(2 * np.pi * hz * at + 0.3), dtype=np.float64)


def quiet(seconds: float, *, rate: int = RATE) -> Sound:
    return np.zeros(int(seconds * rate))


def heard(*parts: Sound, rate: int = RATE, noise: float = 0.0, mulaw: bool = False, piece: int = 320) -> list[Beep]:
    sound = np.concatenate(parts)
    sound = sound + np.random.default_rng(7).normal(0, noise, len(sound)) if noise else sound
    data = (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()
    if mulaw:
        data = g711.mulaw_to_pcm(g711.pcm_to_mulaw(data))
    detector = BeepDetector(rate)
    return [beep for at in range(0, len(data), piece) for beep in detector.feed(data[at : at + piece])]


@pytest.mark.parametrize("rate", [8_000, 16_000])
@pytest.mark.parametrize("hz", [440, 620, 1_000, 1_400, 2_000])
@pytest.mark.parametrize("seconds", [0.12, 0.15, 0.25, 0.33])
@pytest.mark.parametrize("offset", [0.0, 0.007, 0.013])
def test_a_beep_is_heard_wherever_a_window_begins(rate: int, hz: int, seconds: float, offset: float) -> None:
    [beep] = heard(quiet(0.4 + offset, rate=rate), tone(hz, seconds, rate=rate), quiet(0.5, rate=rate), rate=rate)
    assert abs(beep.hz - hz) < 15
    assert abs((beep.end - beep.start) / rate - seconds) <= 0.041
    assert abs(beep.start / rate - 0.4 - offset) <= 0.041


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5])
def test_a_longer_one_is_a_beep_too_where_no_network_has_its_tones(seconds: float) -> None:
    assert len(heard(quiet(0.4), tone(1_000, seconds), quiet(0.5), mulaw=True)) == 1


@pytest.mark.parametrize("decibels", [30, 20, 12])
def test_a_beep_is_heard_in_noise(decibels: int) -> None:
    noise = 0.2 / 2**0.5 / 10 ** (decibels / 20)
    for hz in (440, 800, 1_000, 1_400):
        assert len(heard(quiet(0.4), tone(hz, 0.3), quiet(0.5), noise=noise)) == 1


def test_pieces_of_any_size_are_the_same() -> None:
    parts = (quiet(0.3), tone(1_000, 0.3), quiet(0.4))
    assert heard(*parts, piece=14) == heard(*parts, piece=4_000) == heard(*parts)


def test_what_is_no_beep() -> None:
    both = tone(440, 2.0) + tone(480, 2.0)
    chord = sum((tone(hz, 0.5, level=0.1) for hz in (523, 659, 784)), quiet(0.5))
    melody = np.concatenate([tone(hz, 0.25) for hz in (523, 587, 659, 698, 784, 880, 784, 659)])
    glide = 0.2 * np.sin(2 * np.pi * np.cumsum(np.linspace(500, 1_500, RATE // 2)) / RATE)
    voice = sum((tone(200 * n, 0.6, level=0.2 / n) for n in range(1, 12)), quiet(0.6))
    fading = tone(600, 0.5) * np.linspace(1, 0, RATE // 2)
    for name, sound in {
        "silence": quiet(1.0),
        "too short": tone(1_000, 0.06),
        "too long": tone(1_000, 2.0),
        "too low": tone(300, 0.3),
        "too high": tone(2_400, 0.3),
        "fax": tone(2_100, 0.5),
        "a key": tone(770, 0.2) + tone(1_336, 0.2),
        "ring-back of Europe": tone(425, 1.0),
        "ring-back of America": both,
        "ring-back of Britain": np.concatenate([tone(400, 0.4) + tone(450, 0.4), quiet(0.2), tone(400, 0.4) + tone(450, 0.4)]),
        "busy": np.concatenate([tone(425, 0.5), quiet(0.5)] * 3),
        "a chord": chord,
        "a melody": melody,
        "a glide": glide,
        "a voice": voice,
        "what fades": fading,
        "what is hardly there": tone(1_000, 0.3, level=0.003),
    }.items():
        assert heard(quiet(0.4), sound, quiet(0.6)) == [], name
    assert heard(quiet(0.2), tone(1_000, 0.3), voice, quiet(0.6)) == []  # no silence after it
    assert heard(np.random.default_rng(3).normal(0, 0.1, 4 * RATE), quiet(0.5)) == []
