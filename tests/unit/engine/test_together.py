"""Audio from one leg to another, by the clock: what is late is made up for, what is too late is dropped."""

from __future__ import annotations

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K
from offhook.engine.together import CUSHION_MS, MOST_MS, Flow

FRAME = bytes(range(160)) * 2
"""20 ms at 8 kHz."""


def played(flow: Flow, beats: range, given: dict[int, int]) -> list[int]:
    """Milliseconds that went out at each beat of 20 ms; ``given``: frames that came just before a beat (1 where nothing is said)."""
    out = []
    for beat in beats:
        for _ in range(given.get(beat, 1)):
            flow.put(FRAME)
        out.append(len(flow.due(beat * 0.02)) // 16)
    return out


def test_audio_that_comes_in_time_goes_out_in_time_after_a_cushion() -> None:
    out = played(Flow(PCM16_8K, PCM16_8K), range(100), {})
    assert out[0] == 0
    assert out[1:] == [20] * 99
    assert sum(out) == 2_000 - CUSHION_MS + 20


def test_a_late_beat_is_made_up_for() -> None:
    flow = Flow(PCM16_8K, PCM16_8K)
    played(flow, range(10), {})
    for _ in range(3):
        flow.put(FRAME)
    assert len(flow.due(12 * 0.02)) // 16 == 60
    assert flow.dropped == 0


def test_one_late_packet_is_not_heard_and_a_break_begins_anew() -> None:
    flow = Flow(PCM16_8K, PCM16_8K)
    played(flow, range(10), {})
    assert played(flow, range(10, 14), {10: 0, 11: 2}) == [20, 20, 20, 20]
    silent = dict.fromkeys(range(14, 40), 0)
    assert sum(played(flow, range(14, 40), silent)) == CUSHION_MS - 20
    assert played(flow, range(40, 44), {}) == [0, 20, 20, 20]


def test_what_has_gathered_is_dropped_down_to_the_cushion() -> None:
    flow = Flow(PCM16_8K, PCM16_8K)
    played(flow, range(10), {})
    late = MOST_MS // 20 + 5
    out = played(flow, range(10, 20), {10: late})
    assert out == [20] * 10
    assert 0 < flow.dropped <= late * 20
    assert flow._waiting is not None
    assert len(flow._waiting) // 16 <= MOST_MS


def test_a_hold_leaves_nothing_for_later() -> None:
    flow = Flow(PCM16_8K, PCM16_8K)
    played(flow, range(10), {})
    flow.drop()
    assert flow.due(0.2) == b""
    assert played(flow, range(11, 14), {}) == [0, 20, 20]


def test_formats_of_the_two_legs_may_differ() -> None:
    flow = Flow(MULAW_8K, PCM16_16K)
    sent = 0
    for beat in range(50):
        flow.put(b"\xff" * 160)
        sent += len(flow.due(beat * 0.02))
    assert sent % 2 == 0
    assert 900 <= sent // 32 <= 1_000
