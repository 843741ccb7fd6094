"""Waveforms against the samples themselves."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from offhook.orchestrator.recordings.waveform import A_SECOND, BUCKETS, examine, loudness, pack, unpack

RATE = 8_000
WIDTH = RATE // A_SECOND


def flac(samples: NDArray[np.int16]) -> io.BytesIO:
    out = io.BytesIO()
    soundfile.write(out, samples, RATE, format="FLAC")
    out.seek(0)
    return out


@pytest.mark.parametrize("frames", [1, 2, WIDTH - 1, WIDTH, WIDTH + 1, 3 * WIDTH + 17, 250_001])
def test_every_bucket_holds_the_extremes_of_its_samples(frames: int) -> None:
    samples = np.random.default_rng(frames).integers(-32_768, 32_768, (frames, 2)).astype(np.int16)
    sound = examine(flac(samples))
    assert sound is not None
    assert (sound.seconds, sound.sample_rate, sound.channels) == (frames / RATE, RATE, 2)
    assert sound.peaks.shape == (2, 2, -(-frames // WIDTH))
    for bucket in {0, sound.peaks.shape[2] // 2, sound.peaks.shape[2] - 1}:
        part = samples[bucket * WIDTH : (bucket + 1) * WIDTH] >> 8
        assert (sound.peaks[:, 0, bucket] == part.min(axis=0)).all()
        assert (sound.peaks[:, 1, bucket] == part.max(axis=0)).all()
    whole = unpack(pack(sound.peaks), 1)
    assert (whole[:, 0, 0] == samples.min(axis=0) >> 8).all()
    assert (whole[:, 1, 0] == samples.max(axis=0) >> 8).all()


@pytest.mark.parametrize("resolution", [1, 7, 200, 1_000, BUCKETS])
def test_coarser_waveforms_lose_no_extreme(resolution: int) -> None:
    peaks = np.random.default_rng(0).integers(-128, 128, (2, 2, 3_333)).astype(np.int8)
    found = unpack(pack(peaks), resolution)
    assert found.shape[2] <= resolution
    assert (found[:, 0].min(axis=-1) == peaks[:, 0].min(axis=-1)).all()
    assert (found[:, 1].max(axis=-1) == peaks[:, 1].max(axis=-1)).all()


@pytest.mark.parametrize("data", [b"", b"fLaC", b"noise" * 100, b"RIFF"])
def test_what_is_no_recording(data: bytes) -> None:
    assert examine(io.BytesIO(data)) is None


def test_one_channel() -> None:
    sound = examine(flac(np.full((100, 1), 256, dtype=np.int16)))
    assert sound is not None
    assert sound.peaks.tolist() == [[[1], [1]]]


@pytest.mark.parametrize(("a_second", "width"), [(50, 1), (5, 10)])
def test_loudness_is_in_time_with_the_recording(a_second: int, width: int) -> None:
    samples = np.zeros((RATE * 7 + 11, 2), dtype=np.int16)
    samples[2 * RATE : 3 * RATE, 0] = -32_768
    samples[4 * RATE : 5 * RATE, 1] = 256 * 40
    sound = examine(flac(samples))
    assert sound is not None
    rate, found = loudness(sound.peaks, sound.seconds, a_second)
    assert (rate, found.shape) == (a_second, (2, -(-sound.peaks.shape[2] // width)))
    assert np.flatnonzero(found[0]).tolist() == list(range(2 * a_second, 3 * a_second))
    assert np.flatnonzero(found[1]).tolist() == list(range(4 * a_second, 5 * a_second))
    assert (found[0].max(), found[1].max()) == (127, 40)


@pytest.mark.parametrize("seconds", [10.0, 1_800.0])
def test_loudness_of_a_waveform_from_before(seconds: float) -> None:
    """They had 4,000 buckets, however long the recording was."""
    peaks = np.zeros((2, 2, 4_000), dtype=np.int8)
    peaks[0, 1, 2_000:] = 9
    rate, found = loudness(peaks, seconds, 5)
    assert found.shape[1] / rate == pytest.approx(seconds, abs=1 / rate)
    assert np.flatnonzero(found[0])[0] / rate == pytest.approx(seconds / 2, abs=1 / rate)
