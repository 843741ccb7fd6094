"""Where audio belongs that comes without a position."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from offhook.transports._sip_counts import Passed
from offhook.transports._sip_place import Place

FRAME = 160


Count = Callable[[int], int]


def placed(arrivals: list[tuple[float, int]], count: Count | None = None, flushed: int = 1 << 30) -> list[int]:
    """The gap before each piece: seconds of its arrival and its samples. ``count``: packets due when a piece has come, by its number."""
    place, position, gaps, waiting = Place(8_000, counted=count is not None), 0, [], 0
    for number, (at, samples) in enumerate(arrivals):
        waiting += samples
        end, passed = position + waiting, None
        if place.doubtful(at, end, waiting) and count is not None:
            passed = Passed(0, count(number)) if number < flushed else Passed(1, count(number) - count(flushed))
        gap = place.gap(at, end, passed)
        gaps.append(gap or 0)
        if gap is not None:
            position, waiting = end + gap, 0
    return gaps


@pytest.mark.parametrize("count", [None, lambda number: number + 1])
def test_jitter_and_late_wheels_are_no_gaps(count: Count | None) -> None:
    arrivals = [(n * 0.02 + (0.018 if n % 3 else 0.0) + (0.12 if n == 50 else 0.0), FRAME) for n in range(200)]
    assert sum(placed(arrivals, count)) == 0


@pytest.mark.parametrize("count", [None, lambda number: number + 1 + 25 * (number >= 50)])
def test_what_a_stall_piled_up_is_no_gap(count: Count | None) -> None:
    arrivals = [(n * 0.02, FRAME) for n in range(50)] + [(50 * 0.02 + 0.5, 26 * FRAME)] + [(1.52 + n * 0.02, FRAME) for n in range(50)]
    assert sum(placed(arrivals, count)) == 0


@pytest.mark.parametrize("count", [None, lambda number: number + 1 + 25 * (number >= 51)])
def test_nor_is_it_when_it_comes_in_two_pieces(count: Count | None) -> None:
    arrivals = [(n * 0.02, FRAME) for n in range(50)] + [(1.5, FRAME), (1.52, 26 * FRAME)] + [(1.54 + n * 0.02, FRAME) for n in range(50)]
    assert sum(placed(arrivals, count)) == 0


@pytest.mark.parametrize("count", [None, lambda number: number + 1 + 150 * (number >= 50), lambda number: number + 1])
def test_a_break_is_a_gap_of_its_length_soon(count: Count | None) -> None:
    """Whether the packets were lost or never sent."""
    arrivals = [(n * 0.02, FRAME) for n in range(50)] + [(4.0 + n * 0.02, FRAME) for n in range(50)]
    gaps = placed(arrivals, count)
    assert sum(gaps[50:55]) == sum(gaps) == 3 * 8_000


def test_single_losses_are_made_good_in_sum() -> None:
    arrivals = [(n * 0.02, FRAME) for n in range(1_000) if n % 20]
    lost = 1_000 - len(arrivals)
    assert abs(sum(placed(arrivals)) - lost * FRAME) <= 2 * FRAME


def test_what_is_counted_is_made_good_where_it_is_missing() -> None:
    kept = [n for n in range(1_000) if n % 20 != 7]
    gaps = placed([(n * 0.02, FRAME) for n in kept], lambda number: kept[number] + 1)
    assert gaps == [FRAME if n and n - 1 not in kept else 0 for n in kept]


def bad_line(length: int = 3_000) -> tuple[list[int], list[tuple[float, int]]]:
    """Which packets come, and when: the stack's buffer delays by 20 ms and up to 160 ms, and by less again; a fifth is lost."""
    chance, deep, kept, arrivals, at = Random(7), 0.02, [], [], 0.0
    for n in range(length):
        if n % 100 == 99:
            deep = 0.02 + 0.14 * chance.random()
        if n and chance.random() < 0.2:
            continue
        at = max(at + 0.0001, n * 0.02 + deep + 0.01 * chance.random())
        kept.append(n)
        arrivals.append((at, FRAME))
    return kept, arrivals


def moved(kept: list[int], gaps: list[int]) -> list[int]:
    """By how many samples each piece lies elsewhere than it was said."""
    ends, at = [], 0
    for gap in gaps:
        at += gap + FRAME
        ends.append(at)
    return [end - (n + 1) * FRAME for end, n in zip(ends, kept, strict=True)]


def test_a_buffer_that_becomes_deeper_and_shallower_moves_nothing() -> None:
    kept, arrivals = bad_line()
    assert max(map(abs, moved(kept, placed(arrivals, lambda number: kept[number] + 1)))) <= 2 * FRAME


def test_nor_does_a_buffer_that_is_emptied() -> None:
    kept, arrivals = bad_line()
    assert max(map(abs, moved(kept, placed(arrivals, lambda number: kept[number] + 1, flushed=1_000)))) <= 4 * FRAME


def test_a_key_that_counts_for_more_than_its_time_moves_nothing() -> None:
    """Twelve packets in the time of ten: the last of a key is sent three times."""
    kept = [n for n in range(1_000) if not 500 <= n < 510]
    gaps = placed([(n * 0.02, FRAME) for n in kept], lambda number: kept[number] + 1 + 2 * (kept[number] >= 510))
    assert sum(gaps) == 10 * FRAME


def test_silence_that_was_never_sent_is_a_gap_once_it_is_longer_than_a_buffer() -> None:
    arrivals = [(n * 0.02 + 0.1 * (n // 200), FRAME) for n in range(800)]
    gaps = placed(arrivals, lambda number: number + 1)
    assert (sum(gaps[:650]), sum(gaps)) == (0, 2_400)


def test_packets_of_another_length_count_for_as_much() -> None:
    kept = [n for n in range(1_000) if n % 20 != 7]
    arrivals = [(0.0, 480), *((n * 0.03, 240) for n in kept[2:])]
    assert sum(placed(arrivals, lambda number: kept[number + 1] + 1)) == 50 * 240
