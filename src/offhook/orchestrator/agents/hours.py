"""Opening hours and holidays on the calendar of a time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from offhook.contracts.plan import OpeningHours
from offhook.orchestrator.agents.config import DAYS, Holiday, Span, Week

DAY = timedelta(days=1)
Opening = tuple[datetime, datetime]


def opening(hours: Sequence[OpeningHours] | Calendar, zone: ZoneInfo, day: date) -> Iterator[Opening]:
    """The spans, in UTC, that begin on this day; one that closes before it opens ends on the next day.

    A wall time that the clocks skip counts as the moment after the gap; one that they repeat as its first occurrence.
    """
    if isinstance(hours, Calendar):
        spans: Iterable[Span | OpeningHours] = hours.spans(day)
    else:
        spans = [entry for entry in hours if entry.weekday == day.weekday()]
    for entry in sorted(spans, key=lambda entry: entry.opens):
        opens, closes = time.fromisoformat(entry.opens), time.fromisoformat(entry.closes)
        end_day = day + DAY if closes <= opens else day
        start = datetime.combine(day, opens, zone).astimezone(UTC)
        end = datetime.combine(end_day, closes, zone).astimezone(UTC)
        if start < end:
            yield start, end


def is_open(hours: Sequence[OpeningHours] | Calendar, zone: ZoneInfo, moment: datetime) -> bool:
    """Whether ``moment`` (with a zone) lies in the opening hours; the last minute is out.

    A span belongs to the day on which it begins: late hours of the evening before a holiday go on into it.
    """
    today = moment.astimezone(zone).date()
    return any(start <= moment < end for day in (today - DAY, today) for start, end in opening(hours, zone, day))


@dataclass(frozen=True, slots=True)
class Calendar:
    """A week and the days that are not as their weekday."""

    week: Week
    holidays: tuple[Holiday, ...] = ()

    def spans(self, day: date) -> tuple[Span, ...]:
        """The hours of a day, as they are written."""
        special = self.special(day)
        return self.week.spans(day.weekday()) if special is None else special.hours

    def special(self, day: date) -> Holiday | None:
        """The entry for this day: of several the one with the fewest days, of those the last in the list."""
        found: Holiday | None = None
        for one in self.holidays:
            if covers(one, day) and (found is None or length(one) <= length(found)):
                found = one
        return found


def length(holiday: Holiday) -> int:
    """Its days."""
    return ((holiday.last or holiday.first) - holiday.first).days + 1


def covers(holiday: Holiday, day: date) -> bool:
    """Whether a day is one of it; a yearly one may go over the end of a year."""
    first, last = holiday.first, holiday.last or holiday.first
    if not holiday.yearly:
        return first <= day <= last
    begins, ends, at = (first.month, first.day), (last.month, last.day), (day.month, day.day)
    return begins <= at <= ends if begins <= ends else at >= begins or at <= ends


def flat(week: Week) -> tuple[OpeningHours, ...]:
    """A week as a plan has it."""
    return tuple(OpeningHours(weekday=day, opens=span.opens, closes=span.closes) for day in range(7) for span in week.spans(day))


def week_of(hours: Iterable[OpeningHours]) -> Week:
    """The same as a configuration has it."""
    days: dict[str, list[dict[str, str]]] = {}
    for entry in hours:
        days.setdefault(DAYS[entry.weekday], []).append({"opens": entry.opens, "closes": entry.closes})
    return Week.model_validate(days)


def overlaps(spans: Sequence[Span]) -> Iterator[int]:
    """Places of spans that begin before another, which began earlier, has ended; on the clock of one day."""
    minutes = [_minutes(span) for span in spans]
    for index, (opens, _) in enumerate(minutes):
        if any(other < opens < until or (other == opens and at < index) for at, (other, until) in enumerate(minutes)):
            yield index


def spill(spans: Sequence[Span]) -> int:
    """Minutes of the next day that the last span takes."""
    return max((closes - 24 * 60 for _, closes in map(_minutes, spans)), default=0)


def starts(span: Span) -> int:
    """The minute of the day at which it opens."""
    return _minutes(span)[0]


def _minutes(span: Span) -> tuple[int, int]:
    opens, closes = time.fromisoformat(span.opens), time.fromisoformat(span.closes)
    begins, ends = opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute
    return begins, ends if ends > begins else ends + 24 * 60
