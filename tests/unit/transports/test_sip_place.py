"""Where audio belongs that comes without a position."""

from __future__ import annotations

from offhook.transports.sip import Place

FRAME = 160


def placed(arrivals: list[tuple[float, int]]) -> list[int]:
    """The gap before each piece: seconds of its arrival and its samples."""
    place, position, gaps = Place(8_000), 0, []
    for at, count in arrivals:
        gap = place.gap(at, position + count)
        gaps.append(gap)
        position += gap + count
    return gaps


def test_jitter_and_late_wheels_are_no_gaps() -> None:
    arrivals = [(n * 0.02 + (0.018 if n % 3 else 0.0) + (0.12 if n == 50 else 0.0), FRAME) for n in range(200)]
    assert sum(placed(arrivals)) == 0


def test_what_a_stall_piled_up_is_no_gap() -> None:
    arrivals = [(n * 0.02, FRAME) for n in range(50)] + [(50 * 0.02 + 0.5, 26 * FRAME)] + [(1.52 + n * 0.02, FRAME) for n in range(50)]
    assert sum(placed(arrivals)) == 0


def test_a_break_is_a_gap_of_its_length_at_once() -> None:
    arrivals = [(n * 0.02, FRAME) for n in range(50)] + [(4.0 + n * 0.02, FRAME) for n in range(50)]
    gaps = placed(arrivals)
    assert gaps[50] == 3 * 8_000 + FRAME - FRAME
    assert sum(gaps) == gaps[50]


def test_single_losses_are_made_good_in_sum() -> None:
    arrivals = [(n * 0.02, FRAME) for n in range(1_000) if n % 20]
    lost = 1_000 - len(arrivals)
    assert abs(sum(placed(arrivals)) - lost * FRAME) <= 2 * FRAME
