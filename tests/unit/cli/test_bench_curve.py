"""The trade-off of turn-taking on recordings that are made here: ends that are decided, pauses that are taken for ends, the drawing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from tests.shared import SHARED, needs_shared

from offhook.cli.bench_curve import ALIKE, SCALED, Take, curve, draw, fixed, hear, point, scaled
from offhook.core.time import MS, SECOND
from offhook.core.turn import events as ev
from offhook.core.turn.policy import Endpointing
from offhook.testing.bench.corpus import Pause, pauses


def take(label: str, score: float, pause_ms: int, source: str = "call") -> Take:
    """Half a second of speech, and a pause whose words are known after 100 ms."""
    stop, resume = SECOND, SECOND + pause_ms * MS
    events = (
        *(ev.Answered(0), ev.ReplyAudio(0, 1), ev.ReplyDone(0, 1), ev.Drained(0, 1)),
        ev.SpeechStarted(SECOND // 2, SECOND // 2),
        ev.SpeechStopped(stop + 96 * MS, stop),
        ev.Final(stop + 100 * MS, 0, "some words", score),
        ev.Hangup(resume),
    )
    return Take(Pause("p", "f", label, "high", source, "", b"", 0, 0), events, stop, resume)


def test_a_pause_is_cut_into_where_the_wait_for_its_words_is_shorter() -> None:
    waits = Endpointing()
    assert take("hold", 0.9, 300).decided(waits) == pytest.approx(260)
    assert take("hold", 0.9, 250).decided(waits) is None
    assert take("hold", 0.1, 1_900).decided(waits) is None
    assert take("hold", 0.1, 1_900).decided(scaled(0.5)) == pytest.approx(1_000)
    assert take("hold", 0.1, 1_900).decided(fixed(400)) == pytest.approx(400)
    assert take("hold", 0.9, 300).decided(fixed(400)) is None


def test_a_point_counts_pauses_and_ends() -> None:
    takes = [
        take("hold", 0.9, 300),
        take("hold", 0.1, 300),
        take("hold", 0.1, 300, source="read aloud"),
        take("hold", 0.1, 300, source="read aloud"),
        take("shift", 0.9, 3_000),
        take("complete", 0.1, 3_000),
        take("complete", 0.1, 3_000),
    ]
    found = point("x", 1, Endpointing(), takes)
    assert (found.cut, found.cut_in_calls) == (0.25, 0.5)
    assert found.p50_ms == pytest.approx(2_000)
    assert found.sure_p50_ms == pytest.approx(260)
    never = point("x", 1, scaled(2), takes)
    assert (never.cut, never.p50_ms) == (0, 3_000), "an end that is not decided in time counts as the longest wait"


def test_every_point_of_the_two_series_is_in_the_drawing() -> None:
    points = curve([take("hold", 0.9, 300), take("shift", 0.9, 3_000)])
    root = ElementTree.fromstring(draw(points))  # noqa: S314 - our own
    kinds = [each.tag.rpartition("}")[2] for each in root]
    assert kinds.count("circle") == sum(each.series in {SCALED, ALIKE} for each in points)
    assert kinds.count("polyline") == 2


@needs_shared
def test_a_recording_is_heard_the_same_way_every_time() -> None:
    one = next(each for each in pauses(SHARED) if each.label == "complete" and each.source == "short answer")
    [first], [second] = hear([one]), hear([one])
    assert first == second
    words = [each.text for each in first.events if isinstance(each, ev.Final)]
    assert "".join(words)
    assert first.decided(Endpointing()) is not None
