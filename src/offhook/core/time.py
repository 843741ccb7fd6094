"""Time on the call's clock: integer nanoseconds since the call was answered.

Integers, so that a trace replays bit for bit and tests may compare with ``==``.
"""

from __future__ import annotations

from typing import TypeAlias

Instant: TypeAlias = int
"""Nanoseconds since answer."""

Duration: TypeAlias = int
"""Nanoseconds."""

MS: Duration = 1_000_000
SECOND: Duration = 1_000_000_000


def ms(value: float) -> Duration:
    """Milliseconds as a duration."""
    return round(value * MS)


def s(value: float) -> Duration:
    """Seconds as a duration."""
    return round(value * SECOND)


def as_ms(value: Duration) -> float:
    """A duration in milliseconds, for people."""
    return value / MS


def samples(value: Duration, rate: int) -> int:
    """How many whole samples at ``rate`` Hz fit in a duration."""
    return value * rate // SECOND


def duration(count: int, rate: int) -> Duration:
    """How long ``count`` samples at ``rate`` Hz last."""
    return count * SECOND // rate
