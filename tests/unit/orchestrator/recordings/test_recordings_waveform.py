"""Waveforms against the samples themselves."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from offhook.orchestrator.recordings.waveform import BUCKETS, examine, pack, unpack

RATE = 8_000


def flac(samples: NDArray[np.int16]) -> io.BytesIO:
    out = io.BytesIO()
    soundfile.write(out, samples, RATE, format="FLAC")
    out.seek(0)
    return out


@pytest.mark.parametrize("frames", [1, 2, BUCKETS - 1, BUCKETS, BUCKETS + 1, 3 * BUCKETS + 17, 250_001])
def test_every_bucket_holds_the_extremes_of_its_samples(frames: int) -> None:
    samples = np.random.default_rng(frames).integers(-32_768, 32_768, (frames, 2)).astype(np.int16)
    sound = examine(flac(samples))
    assert sound is not None
    assert (sound.seconds, sound.sample_rate, sound.channels) == (frames / RATE, RATE, 2)
    width = -(-frames // BUCKETS)
    assert sound.peaks.shape == (2, 2, -(-frames // width))
    for bucket in {0, sound.peaks.shape[2] // 2, sound.peaks.shape[2] - 1}:
        part = samples[bucket * width : (bucket + 1) * width] >> 8
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
    assert sound.peaks.tolist() == [[[1] * 100, [1] * 100]]
