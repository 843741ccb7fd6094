"""A sound as somebody else has it, made into what recordings are kept as. Synchronous and slow: for threads."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import soundfile

LONGEST_S: Final = 600
"""Seconds of a sound that is taken: several times what a message may last."""
HIGHEST_HZ: Final = 48_000
"""A few bytes of silence would fill memory at a rate that nobody needs."""
FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "MP3", "MPEG", "FLAC", "OGG"})


@dataclass(frozen=True, slots=True)
class Flac:
    """A sound as it is kept."""

    data: bytes
    seconds: float


def as_flac(body: bytes) -> Flac | None:
    """A sound as FLAC of 16 bits with the channels and the rate that it has; None for what is no sound, is empty, lasts too long,
    or has a rate above ``HIGHEST_HZ``.
    """
    out = io.BytesIO()
    try:
        with soundfile.SoundFile(io.BytesIO(body)) as sound:
            rate = sound.samplerate
            if sound.format not in FORMATS or sound.channels > 2 or rate > HIGHEST_HZ or not 0 < sound.frames <= LONGEST_S * rate:
                return None
            samples = sound.read(dtype="int16", always_2d=True)
        if not len(samples):
            return None
        soundfile.write(out, samples, rate, format="FLAC", subtype="PCM_16")
    except (soundfile.SoundFileError, ValueError):
        return None
    return Flac(out.getvalue(), len(samples) / rate)
