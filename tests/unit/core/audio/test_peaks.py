"""Peaks stay bounded and keep every loud moment."""

from __future__ import annotations

import numpy as np

from offhook.core.audio.peaks import Peaks


def test_a_long_recording_has_at_most_1000_pairs_that_cover_all_of_it() -> None:
    peaks = Peaks(160)
    frames = np.zeros((8000, 2), dtype=np.int16)
    for second in range(1800):
        frames[:] = 0
        if second == 900:
            frames[4000] = (-32768, 16384)
        peaks.feed(frames)
    pairs = peaks.pairs()
    assert 500 <= len(pairs) <= 1000
    loud = [i for i, pair in enumerate(pairs) if pair != (0, 0)]
    assert [pairs[i] for i in loud] == [(255, 128)]
    assert abs(loud[0] * peaks.span / 8000 - 900.5) <= peaks.span / 8000


def test_pieces_do_not_matter() -> None:
    frames = np.random.default_rng(3).integers(-32768, 32767, (5000, 2)).astype(np.int16)
    whole, cut = Peaks(100, 20), Peaks(100, 20)
    whole.feed(frames)
    for at in range(0, 5000, 37):
        cut.feed(frames[at : at + 37])
    assert whole.pairs() == cut.pairs()
    assert whole.span == cut.span


def test_a_short_one_has_its_last_part() -> None:
    peaks = Peaks(160)
    peaks.feed(np.full((100, 2), 12800, dtype=np.int16))
    assert peaks.pairs() == [(100, 100)]
    assert Peaks(160).pairs() == []
