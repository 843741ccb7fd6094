"""What leaves at a beat: two frames at once where enough is ahead, all of it in order, and whose fault a gap is."""

from __future__ import annotations

import random

import pytest

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.playout import LEAD, MOST, Playout
from offhook.core.time import MS, Instant
from offhook.engine.pacing import Pacing, enough_of, lead_of

FRAME = 160
ENOUGH = enough_of(40 * MS)


class Leg:
    """A playout and its pacing; what left, with the instant and what was ahead before it."""

    def __init__(self, message_ms: int = 40) -> None:
        self.playout = Playout(MULAW_8K, lead=lead_of(message_ms * MS))
        self.pacing = Pacing(self.playout, message_ms * MS)
        self.sent: list[tuple[Instant, bytes, int]] = []

    def say(self, frames: int, turn: int = 1) -> None:
        self.playout.append(turn, bytes([turn]) * (frames * FRAME))

    def beat(self, at: Instant) -> None:
        ahead = self.playout.ahead(at)
        data = self.pacing.due(at)
        if data:
            self.sent.append((at, data, ahead))

    def beats(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.beat(20 * MS * number)

    @property
    def sizes(self) -> list[int]:
        return [len(data) // FRAME for _, data, _ in self.sent]


def test_where_enough_is_ahead_two_frames_leave_in_one_message() -> None:
    leg = Leg()
    leg.say(30)
    leg.beats(0, 26)
    assert leg.sizes == [5, *[2] * 12]
    assert [at // (20 * MS) for at, _, _ in leg.sent] == [0, *range(2, 26, 2)]


def test_a_carrier_that_takes_100_ms_at_a_time_has_at_least_90_ahead() -> None:
    leg = Leg(100)
    leg.say(60)
    leg.beats(0, 56)
    assert leg.sizes == [10, *[5] * 10]
    assert min(ahead for _, _, ahead in leg.sent[1:]) >= 90 * MS
    assert lead_of(100 * MS) <= MOST


def test_a_transport_that_wants_frames_gets_frames() -> None:
    leg = Leg(20)
    leg.say(30)
    leg.beats(0, 26)
    assert leg.sizes == [5, *[1] * 25]
    assert lead_of(20 * MS) == LEAD


@pytest.mark.parametrize("seed", range(20))
def test_beats_that_come_a_little_late_change_nothing_and_all_arrives_once_and_in_order(seed: int) -> None:
    dice = random.Random(seed)
    leg = Leg()
    said = bytes(dice.randrange(256) for _ in range(200 * FRAME))
    leg.playout.append(1, said)
    leg.playout.finish(1)
    for number in range(220):
        at = round((20 * number + dice.uniform(0, 9)) * MS)
        leg.beat(at)
        assert leg.playout.ahead(at) <= MOST
    assert b"".join(data for _, data, _ in leg.sent) == said
    assert set(leg.sizes[1:-1]) == {2}
    assert min(ahead for _, _, ahead in leg.sent[1:]) >= ENOUGH - 20 * MS - 9 * MS
    assert not leg.pacing.gaps


def test_while_the_lead_is_built_no_frame_waits_for_another() -> None:
    leg = Leg()
    for number in range(6):
        leg.say(1)
        leg.beat(20 * MS * number)
    assert leg.sizes == [1] * 6


def test_a_beat_that_comes_too_late_is_the_engines_gap() -> None:
    leg = Leg()
    leg.say(30)
    leg.beats(0, 5)
    leg.beat(300 * MS)
    assert leg.pacing.gaps == {"engine": 1}


def test_audio_that_comes_too_late_is_the_voices_gap() -> None:
    leg = Leg()
    leg.say(2)
    leg.beats(0, 5)  # dry after 40 ms
    leg.say(2)
    leg.beats(5, 3)
    assert leg.pacing.gaps == {"voice": 1}


def test_silence_that_was_meant_is_no_gap() -> None:
    leg = Leg()
    leg.say(30)
    leg.beats(0, 5)
    leg.playout.hold(100 * MS)
    leg.beats(5, 8)
    leg.playout.resume()
    leg.beats(13, 4)
    assert len(leg.sent) == 5, "after a hold it goes on"
    leg.playout.clear(17 * 20 * MS)
    leg.beats(17, 10)
    leg.say(10, turn=2)
    leg.beats(27, 5)
    assert leg.sent[-1][1][:1] == b"\x02"
    assert not leg.pacing.gaps
