"""The resampler measured: level, images and aliases, lag, and independence of how the audio is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from offhook.core.audio.resample import Resampler

PAIRS = [
    (8000, 16000),
    (16000, 8000),
    (24000, 8000),
    (24000, 16000),
    (16000, 24000),
    (48000, 8000),
    (48000, 16000),
    (8000, 48000),
    (22050, 16000),
]


def tone(rate: int, hz: float, seconds: float = 1.0, level: float = 10_000) -> bytes:
    return np.round(level * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype("<i2").tobytes()


def spectrum(pcm: bytes, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies, and amplitudes in the samples' unit, of the settled middle."""
    x = np.frombuffer(pcm, "<i2").astype(float)[rate // 10 :]
    x = x[: rate // 2]
    window = np.blackman(len(x))
    amps: NDArray[np.float64] = np.abs(np.fft.rfft(x * window)) * 2 / float(window.sum())
    return np.fft.rfftfreq(len(x), 1 / rate).astype(np.float64), amps


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("hz", [300.0, 1000.0, 3000.0])
def test_a_tone_keeps_its_frequency_and_level_and_gets_no_company(source: int, target: int, hz: float) -> None:
    freqs, amps = spectrum(Resampler(source, target).feed(tone(source, hz)), target)
    peak = int(amps.argmax())
    assert abs(freqs[peak] - hz) <= 2
    assert abs(20 * np.log10(amps[peak] / 10_000)) < 0.5
    others = amps[np.abs(freqs - hz) > 20]
    assert 20 * np.log10(amps[peak] / others.max()) > 45


@pytest.mark.parametrize(("source", "target"), [(16000, 8000), (24000, 8000), (48000, 8000), (24000, 16000), (48000, 16000)])
def test_what_the_lower_rate_cannot_carry_is_gone(source: int, target: int) -> None:
    for hz in np.linspace(target / 2 * 1.04, source / 2 * 0.95, 7):
        _, amps = spectrum(Resampler(source, target).feed(tone(source, float(hz))), target)
        assert 20 * np.log10(10_000 / max(float(amps.max()), 1e-3)) > 40, hz


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_lag_is_what_it_says_and_at_most_2_ms(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    assert resampler.lag <= 0.002
    click = np.zeros(source // 10, dtype="<i2")
    click[source // 20] = 20_000
    out = np.frombuffer(resampler.feed(click.tobytes()), "<i2")
    assert abs(int(np.abs(out.astype(int)).argmax()) / target - (source // 20) / source - resampler.lag) <= 1.01 / target


@pytest.mark.parametrize(("source", "target"), [p for p in PAIRS if p[0] != 22050])
def test_every_20_ms_in_is_20_ms_out(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    data = tone(source, 440, 0.4)
    step = source // 50 * 2
    assert {len(resampler.feed(data[at : at + step])) for at in range(0, len(data), step)} == {target // 50 * 2}


@pytest.mark.parametrize(("source", "target"), PAIRS)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=12), seed=st.integers(0, 2**16))
def test_any_chunks_give_the_same_bytes(source: int, target: int, cuts: list[int], seed: int) -> None:
    data = np.random.default_rng(seed).integers(-32768, 32768, 3000).astype("<i2").tobytes()
    whole = Resampler(source, target)
    want = whole.feed(data) + whole.flush()
    cut, got, at = Resampler(source, target), b"", 0
    for size in cuts:
        got += cut.feed(data[at : at + 2 * size])
        at += 2 * size
    got += cut.feed(data[at:]) + cut.flush()
    assert got == want


def test_flush_gives_the_end_and_begins_anew() -> None:
    resampler = Resampler(16000, 8000)
    first = resampler.feed(tone(16000, 440, 0.1)) + resampler.flush()
    assert len(first) == 2 * (800 + 16)
    assert resampler.feed(tone(16000, 440, 0.1)) + resampler.flush() == first


def test_the_loudest_square_wave_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(1600) // 40 % 2, 32767, -32768).astype("<i2")
    out = np.frombuffer(Resampler(16000, 8000).feed(square.tobytes()), "<i2").astype(int)
    middle = out[16 + 10 : 16 + 18]
    assert (middle < -25_000).all()
