"""What a call's record has of its line: from what the leg counted."""

from __future__ import annotations

from offhook.engine.quality import quality
from offhook.ports.transport import LegStats


def test_a_leg_that_counts_nothing_tells_nothing() -> None:
    assert quality(None, 500) is None


def test_a_legs_own_score_counts_and_a_missing_one_is_estimated() -> None:
    rated = quality(LegStats(received=100, lost=50, mos=4.123, jitter_ms=1.26, rtt_ms=10.04), 0)
    assert rated is not None
    assert (rated.mos, rated.jitter_ms, rated.rtt_ms) == (4.12, 1.3, 10.0)
    estimated = quality(LegStats(received=950, lost=50), 0)
    assert estimated is not None
    assert estimated.mos == 3.9
    assert estimated.rtt_ms is None
    nothing = quality(LegStats(), 0)
    assert nothing is not None
    assert nothing.mos is None


def test_what_the_ears_made_up_is_added_to_what_the_leg_did() -> None:
    found = quality(LegStats(received=1, concealed_ms=100), 40)
    assert found is not None
    assert found.concealed_ms == 140
