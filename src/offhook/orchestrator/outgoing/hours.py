"""When somebody may be rung: within the hours both of the business and of whoever is rung. Pure."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

AHEAD: Final = timedelta(days=14)
"""Nobody is rung later than this, whatever the hours are."""
_UNKNOWN: Final = "Etc/Unknown"


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the day, from and until, and the days (Monday is 0), by the clock on the wall."""

    opens: int = 9 * 60
    closes: int = 20 * 60
    days: frozenset[int] = frozenset(range(7))

    def open_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether it is the time to ring somebody there."""
        local = moment.astimezone(zone)
        return local.weekday() in self.days and self.opens <= local.hour * 60 + local.minute < self.closes

    def opening_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """When it next begins to be; None if it never does."""
        local = moment.astimezone(zone)
        for ahead in range(9):
            day = local.date() + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            # Twice a year an hour is missing or there twice: the second one counts where the first is over.
            for fold in (0, 1):
                at = datetime(day.year, day.month, day.day, self.opens // 60, self.opens % 60, tzinfo=zone, fold=fold).astimezone(UTC)
                if at > moment and self.open_at(at, zone):
                    return at
        return None


def next_time(moment: datetime, zones: Sequence[ZoneInfo], hours: Hours, until: datetime | None) -> datetime | None:
    """The first time from then on at which it is open in every zone; None if there is none before ``until``."""
    if not hours.days or hours.opens >= hours.closes:
        return None
    last = min(until or moment + AHEAD, moment + AHEAD)
    at = moment
    while at <= last:
        closed = next((zone for zone in zones if not hours.open_at(at, zone)), None)
        if closed is None:
            return at
        opening = hours.opening_after(at, closed)
        if opening is None:
            return None
        at = opening
    return None


@functools.lru_cache(maxsize=1_000)
def zones_of(number: str) -> tuple[ZoneInfo, ...]:
    """Every time zone that an E.164 number may be in; none where nobody knows. A mobile number of a wide country may be in many."""
    from phonenumbers import timezone

    found = []
    for name in timezone.time_zones_for_number(phonenumbers.parse(number, None)):
        if name == _UNKNOWN:
            continue
        try:
            found.append(ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return tuple(found)
