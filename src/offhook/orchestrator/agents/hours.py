"""Opening hours on the calendar of a time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from offhook.contracts.plan import OpeningHours


def opening(hours: Sequence[OpeningHours], zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, datetime]]:
    """The spans, in UTC, that begin on this day; one that closes before it opens ends on the next day.

    A wall time that the clocks skip counts as the moment after the gap; one that they repeat as its first occurrence.
    """
    for entry in sorted(hours, key=lambda entry: entry.opens):
        if entry.weekday != day.weekday():
            continue
        opens, closes = time.fromisoformat(entry.opens), time.fromisoformat(entry.closes)
        end_day = day + timedelta(days=1) if closes <= opens else day
        start = datetime.combine(day, opens, zone).astimezone(UTC)
        end = datetime.combine(end_day, closes, zone).astimezone(UTC)
        if start < end:
            yield start, end


def is_open(hours: Sequence[OpeningHours], zone: ZoneInfo, moment: datetime) -> bool:
    """Whether ``moment`` (with a zone) lies in the opening hours; the last minute is out."""
    today = moment.astimezone(zone).date()
    return any(start <= moment < end for day in (today - timedelta(days=1), today) for start, end in opening(hours, zone, day))
