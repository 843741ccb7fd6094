"""How many calls out a tenant may have, and when there are too many to one place. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from offhook.orchestrator.tolls.rules import Why

BASELINE: Final = timedelta(days=28)
"""What is usual is counted over this long."""
TIMES: Final = 5
"""So many times what is usual is not usual any more."""
QUIET: Final = 2.0
"""Calls in an hour to one place that are usual for everybody, also for who has never rung it."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What a tenant may use. Money is in the minor unit of its currency."""

    at_once: int
    per_minute: int
    minutes_per_hour: int
    spend_per_hour: int
    max_minutes: int


@dataclass(frozen=True, slots=True)
class Used:
    """What it has used: calls that go on, calls of the last minute, minutes and money of the last hour."""

    at_once: int
    minute: int
    minutes: float
    spend: float


def full(caps: Caps, used: Used) -> Why | None:
    """Which cap one call more would break."""
    if used.at_once >= caps.at_once:
        return "at_once"
    if used.minute >= caps.per_minute:
        return "per_minute"
    if used.minutes >= caps.minutes_per_hour:
        return "minutes_per_hour"
    return "spend_per_hour" if used.spend >= caps.spend_per_hour else None


def longest(caps: Caps, used: Used, price: int) -> timedelta:
    """How long a call may last that is let through: no longer than what is left of the hour's minutes and money; at least one minute."""
    left = min(float(caps.max_minutes), caps.minutes_per_hour - used.minutes)
    if price:
        left = min(left, (caps.spend_per_hour - used.spend) / price)
    return timedelta(minutes=max(1.0, left))


def unusual(now: int, before: int, hours: int) -> bool:
    """Whether so many calls in the last hour to one place are too many, after ``before`` calls in ``hours`` hours that had any."""
    usual = max(QUIET, before / hours if hours else 0.0)
    return now >= TIMES * usual
