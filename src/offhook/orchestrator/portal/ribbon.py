"""A day as a line: when calls were, how long, and what came of them; and how fast replies were. Pure.

Places along the line are in percent, so that it is as wide as there is room for; heights are in pixels. The line is one of time that
passes, not of the clock on the wall: a day of 25 hours is longer, and its second 1 am stands after the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from offhook.orchestrator.agents.hours import Opening
from offhook.orchestrator.calls.schemas import Mark
from offhook.orchestrator.portal.outcomes import of_call
from offhook.orchestrator.portal.show import Local, _

HEIGHT: Final = 72
"""Pixels of the tallest mark."""
FULL_S: Final = 240.0
"""Calls so long, or longer, are as tall as a mark can be, unless all are shorter."""
LEAST: Final = 8
HOUR: Final = timedelta(hours=1)
LABELS: Final = 8
"""Hours that are named, at most."""
USUAL: Final = (8, 18)
"""Hours that are shown of a day on which nobody opens."""
DOTS_HIGH: Final = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A call. ``kind`` is the colour of its outcome."""

    x: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Ribbon:
    """The line: calls, spans in which the business is open (place and width), named hours, and now."""

    bars: tuple[Bar, ...]
    open: tuple[tuple[float, float], ...]
    ticks: tuple[tuple[float, str], ...]
    now: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Dots:
    """Replies, a dot a call: place, height from above, and whether it was over the budget."""

    dots: tuple[tuple[float, float, bool], ...]
    budget: float


def hour(local: Local, moment: datetime) -> str:
    """As 6 am, or 6:30 am where it is no full hour."""
    here = moment.astimezone(local.zone)
    minutes = f":{here.minute:02}" if here.minute else ""
    return f"{here.hour % 12 or 12}{minutes} {_('am') if here.hour < 12 else _('pm')}"


def span(local: Local, start: datetime, end: datetime) -> str:
    """As 10 – 12, or 9:30 – 11."""
    return " – ".join(_bare(local, one) for one in (start, end))


def _bare(local: Local, moment: datetime) -> str:
    here = moment.astimezone(local.zone)
    return f"{here.hour % 12 or 12}" + (f":{here.minute:02}" if here.minute else "")


def hours_said(local: Local, spans: Sequence[Opening]) -> str:
    """As open 7 to 5; empty for none."""
    if not spans:
        return ""
    each = (_("{opens} to {closes}").format(opens=_bare(local, opens), closes=_bare(local, closes)) for opens, closes in spans)
    return _("open {hours}").format(hours=", ".join(each))


def ribbon(local: Local, marks: Sequence[Mark], spans: Sequence[Opening], text: str) -> Ribbon:
    """The line of today: from an hour before the business opens, or the first call, to an hour after it closes, or now."""
    day, after = local.begin(local.today), local.begin(local.today + timedelta(days=1))
    today = [(max(opens, day), min(closes, after)) for opens, closes in spans if opens < after and closes > day]
    begins = [opens - HOUR for opens, _closes in today] + [one.at for one in marks]
    ends = [closes + HOUR for _opens, closes in today] + [one.at for one in marks] + [local.now]
    if not begins:
        begins, ends = ([datetime.combine(local.today, time(one), local.zone).astimezone(UTC)] for one in USUAL)
    first = max(day, _whole(local, min(begins)))
    last = min(after, max(*ends, first + 4 * HOUR))
    length = (last - first).total_seconds()

    def place(moment: datetime) -> float:
        return round(100 * min(1.0, max(0.0, (moment - first).total_seconds() / length)), 2)

    tallest = max(FULL_S, max((one.seconds or 0.0 for one in marks), default=0.0))
    bars = tuple(Bar(place(one.at), round(max(LEAST, HEIGHT * (one.seconds or 0.0) / tallest), 1), of_call(one).kind) for one in marks)
    shaded = tuple((place(opens), round(place(closes) - place(opens), 2)) for opens, closes in today)
    return Ribbon(bars, shaded, _ticks(local, first, last, place), place(local.now) if first <= local.now < last else None, text)


def _whole(local: Local, moment: datetime) -> datetime:
    """The full hour on the wall that began last."""
    here = moment.astimezone(local.zone)
    return moment - timedelta(minutes=here.minute, seconds=here.second, microseconds=here.microsecond)


def _ticks(local: Local, first: datetime, last: datetime, place: Callable[[datetime], float]) -> tuple[tuple[float, str], ...]:
    count = int((last - first) / HOUR)
    step = max(1, -(-count // (LABELS - 1)))
    moments = [first + at * HOUR for at in range(0, count + 1, step)]
    # The last one would run over the edge.
    return tuple((place(one), hour(local, one)) for one in moments if (last - one) / (last - first) > 0.03)


def dots(typical: Sequence[float], budget: float) -> Dots:
    """A dot a call, the earliest first. What takes more than twice the budget is drawn at the top."""
    most = 2 * budget
    step = 100 / max(1, len(typical))

    def down(value: float) -> float:
        return round(DOTS_HIGH - (DOTS_HIGH - 8) * min(value, most) / most - 4, 1)

    found = tuple((round(step * (at + 0.5), 2), down(value), value > budget) for at, value in enumerate(typical))
    return Dots(found, down(budget))
