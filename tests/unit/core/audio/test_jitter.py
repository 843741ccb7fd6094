"""Order, gaps, duplicates, wild numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.jitter import Filler, Jitter


def packet(n: int) -> bytes:
    return bytes([n % 250]) * 160


def run(order: list[int]) -> tuple[Jitter, list[tuple[int, int]]]:
    jitter = Jitter(MULAW_8K)
    out = []
    for n in order:
        out += jitter.push(n, (n - 1) * 160, packet(n))
    return jitter, [(p.data[0], p.start) for p in [*out, *jitter.drain()]]


def test_in_order_nothing_waits() -> None:
    jitter = Jitter(MULAW_8K)
    for n in range(1, 100):
        assert [p.start for p in jitter.push(n, (n - 1) * 160, packet(n))] == [(n - 1) * 160]


@given(st.permutations([2, 3, 4]), st.permutations([6, 7, 8]))
def test_small_disorder_is_undone(a: list[int], b: list[int]) -> None:
    jitter, got = run([1, *a, 5, *b, 9])
    assert got == [(n, (n - 1) * 160) for n in range(1, 10)]
    assert jitter.skipped == jitter.late == 0


def test_a_gap_is_waited_for_within_the_bound_and_then_a_jump() -> None:
    jitter, got = run([1, 2, 5, 6, 7, 8, 9, 10])
    assert got == [(n, (n - 1) * 160) for n in (1, 2, 5, 6, 7, 8, 9, 10)]
    assert jitter.skipped == 2


def test_too_late_and_twice_are_dropped() -> None:
    jitter, got = run([1, 2, 3, 2, 4, 4, 6, 6, 5])
    assert [n for n, _ in got] == [1, 2, 3, 4, 5, 6]
    assert jitter.late + jitter.duplicates == 3


def test_one_wild_sequence_number_does_not_deafen() -> None:
    _, got = run([1, 2, 10**12, 3, 4, 5, 6, 7, 8])
    assert [n for n, _ in got if n < 200][:8] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_sequence_that_begins_anew_is_followed() -> None:
    jitter = Jitter(MULAW_8K)
    for n in range(1000, 1010):
        jitter.push(n, None, packet(n))
    got = [p for n in range(1, 20) for p in jitter.push(n, None, packet(n))]
    assert len(got) == 15
    assert jitter.late == 5


def test_wild_timestamps_are_not_believed() -> None:
    jitter = Jitter(MULAW_8K)
    assert jitter.push(1, 0, packet(1), latest=8000)[0].start == 0
    assert jitter.push(2, 10**12, packet(2), latest=8000)[0].start == 160
    assert jitter.push(3, 320, packet(3), latest=8000)[0].start == 320
    assert jitter.push(4, 4000, packet(4), latest=8000)[0].start == 4000
    assert jitter.wild == 1


def test_a_stream_may_begin_at_any_timestamp() -> None:
    jitter = Jitter(MULAW_8K)
    assert [jitter.push(n, 77_000 + n * 160, packet(n))[0].start for n in range(5, 8)] == [0, 160, 320]


def test_gaps_are_filled_with_silence_of_their_exact_length() -> None:
    filler = Filler(MULAW_8K, most=8000)
    assert filler.push(b"a" * 160, 0) == b"a" * 160
    assert filler.push(b"b" * 160, 480) == b"\xff" * 320 + b"b" * 160
    assert filler.push(b"c" * 160, 560) == b"c" * 80
    assert filler.push(b"d" * 160, 100) == b""
    assert filler.position == 720
    assert filler.push(b"e" * 160, 10**6) == b"e" * 160
    assert filler.position == 10**6 + 160


def test_concealment_may_use_what_came_before_and_cannot_change_the_length() -> None:
    filler = Filler(MULAW_8K, most=8000, conceal=lambda _gap, before: before * 9)
    filler.push(b"a" * 160, 0)
    assert filler.push(b"b" * 160, 360) == b"a" * 200 + b"b" * 160
    short = Filler(MULAW_8K, most=8000, conceal=lambda _gap, before: before)
    short.push(b"a" * 160, 0)
    assert short.push(b"b" * 160, 360) == b"a" * 160 + b"\xff" * 40 + b"b" * 160


def test_without_timestamps_a_small_gap_counts_as_its_packets() -> None:
    jitter = Jitter(MULAW_8K, bound=2)
    got = [p.start for n in (1, 2, 4, 5, 6) for p in jitter.push(n, None, packet(n))]
    assert got == [0, 160, 480, 640, 800]
