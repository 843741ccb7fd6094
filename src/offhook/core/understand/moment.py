"""A day with a time or a part of the day: "tomorrow at half past two", "Friday afternoon", "in half an hour", "at nine"."""

from __future__ import annotations

from datetime import date

from offhook.core.understand import calendar, clock
from offhook.core.understand.numbers import explains
from offhook.core.understand.types import Context, Found

_EXTRA = frozenset(
    (
        "o'clock morning afternoon evening night tonight lunchtime first thing early late later works work best after before by from "
        "sometime time day date around anytime any ish sharp coming"
    ).split()
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """One value: ``{"date", "time", "part"}``, each may be None; ``sure`` is that of its least sure piece, lower still without a time."""
    days = sorted(calendar.find(text, context, asked), key=lambda each: -each.sure)
    times = clock.moments(text, asked=asked and not days)
    day_span = [(each.start, each.end) for each in days]
    times = [each for each in times if not any(each.start < b and each.end > a and each.ahead is None for a, b in day_span)]
    parts = clock.parts(text)
    if not days and not times and not parts:
        return []
    spans = [*day_span[:1]]
    sures: list[float] = []
    day: date | None = None
    if days:
        day = date.fromisoformat(str(days[0].value))
        sures.append(days[0].sure)
    value_time = None
    if times:
        moment = _preferred(text, times)
        settled, sure, its_day = clock.settle(moment, context, day)
        if settled:
            value_time = settled
            day = day or its_day
            sures.append(sure)
            spans.append((moment.start, moment.end))
    part = parts[0][0] if parts else None
    if part is not None:
        spans.append((parts[0][1], parts[0][2]))
        sures.append(0.85)
    if not spans:
        return []
    start, end = min(a for a, _ in spans), max(b for _, b in spans)
    sure = min(sures) - (0.1 if value_time is None else 0.0) - (0.05 if day is None else 0.0)
    value = {"date": day.isoformat() if day else None, "time": value_time, "part": part}
    whole = explains(text, start, end, _EXTRA) and explains(_without(text, spans), 0, 0, _EXTRA)
    return [Found("datetime", value, text[start:end], start, end, round(max(sure, 0.1), 2), whole)]


def _preferred(text: str, times: list[clock.Moment]) -> clock.Moment:
    """The first time said, or the one after a correction."""
    marked = [Found("time", place, "", each.start, each.end, 0.9, False) for place, each in enumerate(times)]
    kept = sorted(clock.in_order(text, marked), key=lambda each: -each.sure)
    place = kept[0].value if kept else 0
    return times[place] if isinstance(place, int) else times[0]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text
