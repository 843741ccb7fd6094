"""The E-model's simple form, against what the ITU and others publish of it."""

from __future__ import annotations

import pytest

from offhook.core.audio.quality import mos, opinion, rating, share_lost


@pytest.mark.parametrize(("r", "score"), [(0, 1.0), (50, 2.58), (60, 3.10), (70, 3.60), (80, 4.03), (90, 4.34), (93.2, 4.41), (100, 4.5)])
def test_the_score_of_a_rating(r: float, score: float) -> None:
    """G.107 annex B, table B.1: the lower edges of "users very satisfied", "satisfied", and so on."""
    assert opinion(r) == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("loss", "delay_ms", "r"),
    [
        (0, 0, 93.2), (0, 100, 90.8), (0, 300, 72.5), (0.01, 0, 89.6), (0.05, 0, 77.4), (0.2, 0, 51.1), (1, 0, 17.3), (1, 5_000, 0),
        (2, -5, 17.3),
    ],
)  # fmt: skip
def test_the_rating_of_loss_and_delay(loss: float, delay_ms: float, r: float) -> None:
    assert rating(loss, delay_ms) == pytest.approx(r, abs=0.1)


def test_a_legs_counts_become_a_score() -> None:
    assert mos(0, 0) is None
    assert mos(1_000, 0) == 4.4
    scores = [mos(1_000 - lost, lost) or 0 for lost in (0, 10, 50, 200, 900)]
    assert scores == sorted(scores, reverse=True)
    assert (mos(1_000, 0, late=50) or 0) < (mos(1_000, 0) or 0)
    assert (mos(1_000, 0, jitter_ms=100, rtt_ms=300) or 0) < 4.1
    assert mos(0, 100) == pytest.approx(1.0, abs=0.2)


def test_what_was_not_heard_is_what_was_lost_or_late() -> None:
    assert share_lost(0, 0) == 0
    assert share_lost(95, 5) == pytest.approx(0.05)
    assert share_lost(100, 0, late=10) == pytest.approx(0.1)
    assert share_lost(1, 0, late=10) == 1
