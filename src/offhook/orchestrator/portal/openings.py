"""Opening hours as people see and write them: a week in a form, and the days to come with holidays and changed clocks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from offhook.errors import Fault, Invalid
from offhook.orchestrator.agents.config import DAYS, Span, Week
from offhook.orchestrator.agents.hours import Calendar, opening
from offhook.orchestrator.portal import show
from offhook.orchestrator.portal.show import Local, _

SPANS: Final = 6
"""A day has no more."""
AHEAD: Final = 14
YEAR: Final = 366


@dataclass(frozen=True, slots=True)
class Entry:
    """A stretch of a day in a form: the names of its two fields, and what stands in them."""

    opens: str
    closes: str
    value: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Day:
    """A day to come. ``note``: a holiday's name, or that the clocks change."""

    date: date
    hours: str
    note: str


def rows(week: Week, typed: Mapping[str, str]) -> list[tuple[str, str, list[Entry]]]:
    """For each day its key, its name, and its stretches with one more to fill in; as they were typed, if they were."""
    found = []
    for at, day in enumerate(DAYS):
        found.append((day, _(show.DAYS[at]), entries(day, week.spans(at), typed)))
    return found


def read(fields: Mapping[str, str], names: tuple[str, ...] = DAYS) -> tuple[dict[str, list[dict[str, str]]], dict[str, str]]:
    """The stretches of each day as a configuration has them, and which field a fault's path in it means. Invalid for half a stretch."""
    found: dict[str, list[dict[str, str]]] = {}
    paths: dict[str, str] = {}
    faults = []
    for day in names:
        spans: list[dict[str, str]] = []
        for number in range(SPANS):
            opens, closes = f"{day}.{number}.opens", f"{day}.{number}.closes"
            begin, end = fields.get(opens, "").strip(), fields.get(closes, "").strip()
            if bool(begin) != bool(end):
                missing = opens if not begin else closes
                paths[missing] = missing
                faults.append(Fault(missing, _("Give both times, or none.")))
            elif begin:
                for part, field in (("", opens), (".opens", opens), (".closes", closes)):
                    paths[f"{day}.{len(spans)}{part}"] = field
                spans.append({"opens": begin, "closes": end})
        found[day] = spans
    if faults:
        raise Invalid("half a stretch of hours", faults=tuple(faults))
    return found, paths


def ahead(calendar: Calendar, local: Local) -> list[Day]:
    """The days to come; of the next year also those on which the clocks change, and the first holidays."""
    today = local.today
    days = {today + timedelta(days=at) for at in range(AHEAD)}
    days |= set(changes(local.zone, today))
    days |= set(_holidays(calendar, today))
    return [_day(calendar, local, day) for day in sorted(days)]


def changes(zone: ZoneInfo, first: date) -> Iterator[date]:
    """Days of the next year on which the clocks of a zone change."""
    for at in range(YEAR):
        if _shift(zone, first + timedelta(days=at)):
            yield first + timedelta(days=at)


def _shift(zone: ZoneInfo, day: date) -> timedelta:
    """How far the clocks go forward on a day; less than nothing for back."""
    local = Local(zone, "", datetime.combine(day, time(), zone))
    return timedelta(days=1) - (local.begin(day + timedelta(days=1)) - local.begin(day))


def _holidays(calendar: Calendar, today: date) -> Iterator[date]:
    found = 0
    for at in range(YEAR):
        day = today + timedelta(days=at)
        if calendar.special(day) is not None:
            found += 1
            yield day
        if found == AHEAD:
            return


def _day(calendar: Calendar, local: Local, day: date) -> Day:
    spans = [f"{local.clock(start)} {_('to')} {local.clock(end)}" for start, end in opening(calendar, local.zone, day)]
    holiday, shift = calendar.special(day), _shift(local.zone, day)
    notes = [holiday.name or _("Holiday")] if holiday is not None else []
    if shift:
        minutes = abs(shift) // timedelta(minutes=1)
        way = _("The clocks go forward by {minutes} minutes") if shift > timedelta() else _("The clocks go back by {minutes} minutes")
        notes.append(way.format(minutes=minutes))
    return Day(day, ", ".join(spans) or _("Closed"), ". ".join(notes))


def entries(name: str, spans: tuple[Span, ...], typed: Mapping[str, str]) -> list[Entry]:
    """The stretches of one day, with one more to fill in; as they were typed, if they were."""
    found = []
    more = sum(f"{name}.{number}.opens" in typed for number in range(SPANS))
    for number in range(min(max(len(spans) + 1, more), SPANS)):
        span = spans[number] if number < len(spans) else None
        opens, closes = f"{name}.{number}.opens", f"{name}.{number}.closes"
        value = (typed.get(opens, span.opens if span else ""), typed.get(closes, span.closes if span else ""))
        found.append(Entry(opens, closes, value))
    return found
