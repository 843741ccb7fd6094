"""Looking at a recording: how long it is, and its waveform. Synchronous and slow: for threads."""

from __future__ import annotations

from dataclasses import dataclass
from io import RawIOBase
from typing import BinaryIO, Final, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

A_SECOND: Final = 50
"""Buckets of the waveform that is kept; coarser ones are made of it."""
BUCKETS: Final = 4_000
"""The finest waveform that the API gives."""
MOST: Final = 1_000_000
"""Buckets of a recording of more than five hours, which are wider."""
LONGEST: Final = 604_800
"""Seconds."""
Peaks = NDArray[np.int8]
"""Channels, lowest and highest, buckets: -128 to 127."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What was found in a recording."""

    seconds: float
    sample_rate: int
    channels: int
    peaks: Peaks


def examine(file: BinaryIO | RawIOBase) -> Sound | None:
    """Read a recording from its beginning to its end; None if it is none."""
    try:
        with soundfile.SoundFile(file) as sound:
            return _read(sound)
    except soundfile.SoundFileError:
        return None


def _read(sound: soundfile.SoundFile) -> Sound:
    channels: int = sound.channels
    if sound.frames > LONGEST * sound.samplerate:  # libsndfile's word for a length that is not known
        raise soundfile.SoundFileRuntimeError("no length")
    width = max(1, round(sound.samplerate / A_SECOND), -(-sound.frames // MOST))
    count = -(-sound.frames // width)
    peaks = np.zeros((channels, 2, count), dtype=np.int8)
    block = width * max(1, 65_536 // width)
    done = 0
    while len(samples := cast("NDArray[np.int16]", sound.read(block, dtype="int16", always_2d=True))):
        rest = -len(samples) % width
        padded = np.pad(samples, ((0, rest), (0, 0)), mode="edge").reshape(-1, width, channels)
        at = done // width
        peaks[:, 0, at : at + len(padded)] = (padded.min(axis=1) >> 8).T
        peaks[:, 1, at : at + len(padded)] = (padded.max(axis=1) >> 8).T
        done += len(samples)
    return Sound(done / sound.samplerate, sound.samplerate, channels, peaks)


def loudness(peaks: Peaks, seconds: float, a_second: int) -> tuple[float, Peaks]:
    """How far from silence each channel goes, 0 to 127, about so many times a second; and how many times a second it really is.

    Waveforms from before they were kept at ``A_SECOND`` have as many buckets as they have.
    """
    count = peaks.shape[2]
    kept = A_SECOND if abs(count - seconds * A_SECOND) <= 1 else count / seconds if seconds > 0 else A_SECOND
    width = max(1, round(kept / a_second))
    loud = np.minimum(127, np.abs(peaks.astype(np.int16)).max(axis=1))
    padded = np.pad(loud, ((0, 0), (0, -count % width)), mode="edge").reshape(len(loud), -1, width)
    return kept / width, padded.max(axis=2).astype(np.int8)


def pack(peaks: Peaks) -> bytes:
    """As bytes: the number of channels, then the values."""
    return bytes((peaks.shape[0],)) + peaks.tobytes()


def unpack(data: bytes, resolution: int) -> Peaks:
    """Of what ``pack`` made, at most so many buckets."""
    channels = data[0]
    peaks = np.frombuffer(data, dtype=np.int8, offset=1).reshape(channels, 2, -1)
    width = max(1, -(-peaks.shape[2] // resolution))
    padded = np.pad(peaks, ((0, 0), (0, 0), (0, -peaks.shape[2] % width)), mode="edge").reshape(channels, 2, -1, width)
    return np.stack((padded[:, 0].min(axis=-1), padded[:, 1].max(axis=-1)), axis=1)
