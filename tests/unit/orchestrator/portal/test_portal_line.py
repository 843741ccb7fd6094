"""How a call's line is told: a word, and figures."""

from __future__ import annotations

import pytest

from offhook.contracts.events import MediaQuality
from offhook.orchestrator.portal.line import line_of


@pytest.mark.parametrize(
    ("media", "word", "kind"),
    [
        (MediaQuality(received=979, lost=21, jitter_ms=14, mos=4.2), "Good", "ok"),
        (MediaQuality(received=979, lost=21, mos=3.9), "Fair", "warn"),
        (MediaQuality(received=500, lost=500, mos=2.1), "Poor", "bad"),
        (MediaQuality(received=1_000), "Good", "ok"),
        (MediaQuality(received=1_000, late=20), "Fair", "warn"),
        (MediaQuality(received=900, lost=100), "Poor", "bad"),
    ],
)
def test_a_word_for_it(media: MediaQuality, word: str, kind: str) -> None:
    found = line_of(media)
    assert found is not None
    assert (found.word, found.kind) == (word, kind)


def test_the_figures_that_are_known() -> None:
    known = line_of(MediaQuality(received=979, lost=20, late=1, jitter_ms=14.2, rtt_ms=41.6, mos=3.91, concealed_ms=420, codec="PCMA"))
    assert known is not None
    assert known.facts == (
        ("Lost", "2.1 %"), ("Jitter", "14 ms"), ("Way there and back", "42 ms"), ("MOS", "3.9"), ("Made up for", "0.4 s"),
        ("Codec", "PCMA"),
    )  # fmt: skip
    bare = line_of(MediaQuality(received=10))
    assert bare is not None
    assert [name for name, _ in bare.facts] == ["Lost", "Jitter"]


def test_of_a_line_that_carried_nothing_nothing_is_told() -> None:
    assert line_of(None) is None
    assert line_of(MediaQuality()) is None
