"""Recorded people for the bench: the shared data's pauses and sounds as 8 kHz mu-law."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.core.audio.resample import Resampler
from offhook.errors import ConfigError

RATE = 8_000
BEFORE = 8.0
"""Seconds of a recording that are played before a pause; a dictated number is played from its first digit."""

_SOURCES = {
    "phone": "dictated number",
    "call": "call",
    "talk": "spontaneous",
    "ami": "spontaneous",
    "learner": "spontaneous",
    "answer": "short answer",
    "libri": "read aloud",
    "harvard": "sentence",
    "cmu": "sentence",
    "brooklyn": "question",
}


def source_of(file: str) -> str:
    """What kind of speech a recording holds."""
    return _SOURCES.get(file.split("_")[0], file.split("_")[0])


def load(path: Path) -> npt.NDArray[np.int16]:
    """A recording's first channel at 8 kHz. Raises ConfigError when it cannot be read."""
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise ConfigError(f"{path}: cannot be read as audio") from error
    mono = np.ascontiguousarray(samples[:, 0])
    if rate == RATE:
        return mono
    down = Resampler(rate, RATE)
    return np.frombuffer(down.feed(mono.tobytes()) + down.flush(), dtype="<i2").astype(np.int16)


@dataclass(frozen=True, slots=True)
class Pause:
    """A labelled pause and the audio around it. ``audio`` runs up to the pause, through it, and on; times in samples of ``audio``."""

    id: str
    file: str
    label: str
    trust: str
    source: str
    text: str
    audio: bytes
    pause: int
    resume: int
    """Where the caller's next words begin; the audio's end where none come."""


def pauses(shared: Path) -> list[Pause]:
    """All labelled pauses. Raises ConfigError when the shared data is not there."""
    path = shared / "speech" / "turns.json"
    if not path.is_file():
        raise ConfigError(f"{path} is not there: the bench of turns needs the shared recordings")
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return [_pause(case, shared, _turn_start(case, cases)) for case in cases]


def _turn_start(case: dict[str, Any], cases: list[dict[str, Any]]) -> float:
    """Where the last turn of somebody else ended before a pause: what lies before it is another's turn."""
    start = case.get("pause_start") or 0.0
    shifts = (
        other["pause_start"] + other["pause_seconds"]
        for other in cases
        if other["file"] == case["file"] and other["label"] == "shift" and other["pause_start"] < start
    )
    return max(shifts, default=0.0)


def _pause(case: dict[str, Any], shared: Path, turn_start: float) -> Pause:
    samples = load(shared / "speech" / case["file"])
    start = case.get("pause_start")
    stop = round((start if start is not None else len(samples) / RATE) * RATE)
    # A number that lacks its first digits is not complete, whatever its label says.
    before = stop if source_of(case["file"]) == "dictated number" else round(BEFORE * RATE)
    begin = max(0, stop - before, round(turn_start * RATE))
    length = round((case.get("pause_seconds") or 0.0) * RATE)
    if case["label"] == "hold":
        # The pause as it was, and the caller's next two seconds.
        audio = samples[begin : stop + length + 2 * RATE]
        resume = stop + length - begin
    else:
        audio = samples[begin:stop]
        resume = len(audio)
    return Pause(
        id=case["id"],
        file=case["file"],
        label=case["label"],
        trust=case["trust"],
        source=source_of(case["file"]),
        text=(case.get("text_before") or "").strip(),
        audio=pcm_to_mulaw(np.ascontiguousarray(audio).tobytes()),
        pause=stop - begin,
        resume=resume,
    )


@dataclass(frozen=True, slots=True)
class Sound:
    """Something that is heard while the agent speaks. ``kind``: okay, backchannel, noise, music, other voices, sentence."""

    name: str
    kind: str
    audio: bytes


def sounds(shared: Path) -> list[Sound]:
    """Sounds to make over the agent: cut from the shared recordings."""
    folder = shared / "speech"
    found: list[Sound] = []

    def add(name: str, kind: str, samples: npt.NDArray[np.int16]) -> None:
        found.append(Sound(name, kind, pcm_to_mulaw(np.ascontiguousarray(samples).tobytes())))

    acknowledgements = json.loads((folder / "turns.json").read_text(encoding="utf-8")).get("short_acknowledgements", [])
    for entry in acknowledgements:
        samples = load(folder / entry["file"])
        add(f"{entry['file']}@{entry['start']}", "backchannel", samples[round(entry["start"] * RATE) : round(entry["end"] * RATE)])
    for path in sorted(folder.glob("*.flac")):
        name = path.stem
        kind = {"noise": "noise", "music": "music", "tone": "noise", "babble": "other voices"}.get(name.split("_")[0])
        if kind is not None:
            add(name, kind, load(path)[: 3 * RATE])
        elif name.startswith(("harvard_", "cmu_arctic", "weather", "brooklyn_audio")) and "padding" not in name:
            add(name, "sentence", load(path))
    return found
