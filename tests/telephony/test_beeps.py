"""The beep detector on recordings of real people: it hears none, and one that follows their words."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import soundfile
from tests.shared import SHARED, needs_shared
from tests.telephony.figures import figure

from offhook.core.audio.beep import BeepDetector
from offhook.core.audio.format import PCM16_8K, AudioFormat, Encoding
from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.core.audio.link import link

pytestmark = [pytest.mark.telephony, needs_shared]
RATE = 8_000


def _line(sound: np.ndarray[tuple[int], np.dtype[np.int16]], rate: int) -> bytes:
    """As a telephone line carries it."""
    source = AudioFormat(Encoding.PCM16, rate)
    return mulaw_to_pcm(pcm_to_mulaw(link((source,), (PCM16_8K,), between=("a file", "the line")).open().feed(sound.tobytes())))


def test_no_speech_is_a_beep_and_a_beep_after_it_is_one() -> None:
    at = np.arange(RATE * 3 // 10) / RATE
    beep = (6_000 * np.sin(2 * np.pi * 1_000 * at)).astype("<i2").tobytes()
    quiet = bytes(RATE)
    false, missed, seconds, spent, files = [], [], 0.0, 0.0, 0
    for item in json.loads((SHARED / "speech" / "manifest.json").read_text()):
        samples, rate = soundfile.read(SHARED / "speech" / item["file"], dtype="int16", always_2d=True)
        if item["kind"] != "speech":
            continue
        said = _line(np.ascontiguousarray(samples[:, 0]), rate)
        detector, begun = BeepDetector(RATE), time.process_time()
        if detector.feed(said):
            false.append(item["file"])
        spent += time.process_time() - begun
        if len(detector.feed(quiet + beep + quiet)) != 1:
            missed.append(item["file"])
        seconds += len(said) / 2 / RATE
        files += 1
    figure(f"beeps heard in {seconds / 60:.0f} min of people's recorded speech: {len(false)}")
    figure(f"beeps missed of {files} that came after it: {len(missed)}")
    figure(f"looking for a beep takes {100 * spent / seconds:.2f} % of a core for each call, as long as it is not known who has answered")
    assert (false, missed) == ([], [])
    assert files > 100
