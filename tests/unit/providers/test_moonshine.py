from __future__ import annotations

import numpy as np
import pytest
from tests.conformance import local_speech

from offhook.providers.stt._moonshine import Transcript, looping
from offhook.providers.stt.local import believable, quietest


@pytest.mark.parametrize(
    ("tokens", "extra"),
    [
        ([], 0),
        ([5, 6, 7], 0),
        ([9, 5, 5, 5, 5, 5], 0),
        ([9, *[5] * 8], 7),
        ([1, *[3, 4] * 8], 14),
        ([1, *[3, 4, 5] * 4], 9),
        ([1, *[3, 4, 5] * 3], 0),
        ([*[3, 4, 5] * 4, 9], 0),
    ],
)
def test_loops_are_found_and_repeated_digits_are_not(tokens: list[int], extra: int) -> None:
    assert looping(tokens) == extra


def test_a_cancelled_decode_stops_between_tokens() -> None:
    said = local_speech.utterance("The kitchen sink is leaking on the floor.")
    audio = np.frombuffer(said.pcm, "<i2").astype(np.float32) / np.float32(32_768)
    asked: list[int] = []

    def after_three() -> bool:
        asked.append(1)
        return len(asked) > 3

    assert local_speech.moonshine().transcribe(audio, after_three) is None
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("text", "confidence", "kept"),
    [
        ("Thank you.", 0.91, True),
        ("Thank you.", 0.55, False),
        ("Thank you for watching!", 0.73, False),
        ("You", 0.92, False),
        ("Book a room.", 0.53, True),
        ("I'm going to", 0.25, False),
        ("...", 0.99, False),
        ("♪♪", 0.99, False),
        ("", 0.0, False),
    ],
)
def test_made_up_words_are_dropped(text: str, confidence: float, kept: bool) -> None:
    assert believable(Transcript(text, confidence)).text == (text if kept else "")


def test_the_quietest_place_is_found() -> None:
    rate = 8_000
    rng = np.random.default_rng(3)
    loud = rng.integers(-8_000, 8_000, 6 * rate)
    loud[2 * rate : round(2.4 * rate)] //= 100
    loud[4 * rate : round(4.3 * rate)] //= 50
    pcm = loud.astype("<i2").tobytes()
    assert 2.0 <= quietest(pcm, rate, 0.0) / rate <= 2.4
    assert 4.0 <= quietest(pcm, rate, 3.0) / rate <= 4.3
    assert 5.0 <= quietest(pcm, rate, 5.0) / rate <= 6.0
    assert 0 < quietest(pcm, rate, 60.0) <= len(loud)
