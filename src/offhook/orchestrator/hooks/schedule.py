"""When a delivery is tried again, and what an answer means for it and for its endpoint. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

DELAYS: Final = tuple(
    timedelta(seconds=one) for one in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Between one attempt and the next: ten attempts over three days and four hours."""
JITTER: Final = 0.2
"""A delay is up to that part longer, so that what failed together does not come back together."""
LONGEST_PAUSE: Final = timedelta(hours=24)
"""Of what an endpoint may ask for by Retry-After."""
LAPSE: Final = timedelta(hours=48)
"""Failures further apart than this say nothing about the time between them."""
GONE: Final = 410
BUSY: Final = frozenset({429, 503})
"""Answers that speak for the whole endpoint when they say how long to wait."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to. ``error`` is None for a success, else a word for it; ``pause`` what the endpoint has asked for."""

    status: int | None
    error: str | None
    message: str
    pause: timedelta | None = None

    @property
    def ok(self) -> bool:
        """Whether the event has arrived."""
        return self.error is None

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no more, ever."""
        return self.status == GONE


def judge(status: int, headers: Mapping[str, str], now: datetime) -> Outcome:
    """What an answer means: 2xx and nothing else is a success. Names of headers are in small letters."""
    if 200 <= status < 300:
        return Outcome(status, None, "")
    pause = retry_after(headers.get("retry-after", ""), now) if status in BUSY else None
    if 300 <= status < 400:
        return Outcome(status, "redirect", "redirects are not followed: give the URL that it leads to")
    if status == GONE:
        return Outcome(status, "gone", "the endpoint wants no more events (410)")
    return Outcome(status, "status", f"the endpoint answered {status}", pause)


def retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110 section 10.2.3), within bounds; None for what is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:9]), LONGEST_PAUSE.total_seconds()))
    else:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), LONGEST_PAUSE)


def next_try(tries: int, draw: float, pause: timedelta | None = None) -> timedelta | None:
    """How long to wait after this many failures in a row; None to give up. ``draw`` is from 0 to 1."""
    if tries > len(DELAYS):
        return None
    wait = DELAYS[tries - 1] * (1 + JITTER * draw)
    return max(wait, pause) if pause else wait


def failing_since(before: datetime | None, last: datetime | None, now: datetime) -> datetime:
    """Since when an endpoint has nothing but failures, after one more; ``last`` is the failure before."""
    return now if before is None or last is None or now - last > LAPSE else before
