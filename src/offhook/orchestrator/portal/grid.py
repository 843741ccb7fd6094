"""Days side by side, a row a quarter of an hour. Pure.

The rows are those of the clock on the wall. Of a day with an hour twice there are rows for both; the days beside it, and a day that
leaves an hour out, have nothing in the rows that they do not have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from offhook.orchestrator.agents.hours import Opening
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.portal.show import Local, _

QUARTER: Final = timedelta(minutes=15)
LANES: Final = (1, 2, 3, 4, 6)
"""How many may stand side by side; a class of the style sheet each."""
LOW: Final = 2
"""Rows that a short visit takes all the same, to be read."""
MARGIN: Final = 4
USUAL: Final = (8 * 60, 18 * 60)
"""Minutes of the day that are shown where nothing says otherwise."""
Key = tuple[int, int]
"""A quarter of an hour on the wall: the minute of the day, and 1 where it is the second one of that name."""


@dataclass(frozen=True, slots=True)
class Block:
    """A visit: its rows, and its place among those at the same time."""

    id: str
    row: int
    rows: int
    lane: int
    lanes: int


@dataclass(frozen=True, slots=True)
class Column:
    """A day: visits, rows in which the business is open, rows that this day does not have, and the row that it is now."""

    day: date
    blocks: tuple[Block, ...]
    open: tuple[tuple[int, int], ...]
    gaps: tuple[tuple[int, int], ...]
    now: int | None


@dataclass(frozen=True, slots=True)
class Grid:
    """All columns, and the hours that their rows share. ``crowded``: more are at once than can stand side by side."""

    rows: int
    hours: tuple[tuple[int, str], ...]
    columns: tuple[Column, ...]
    crowded: bool


def grid(local: Local, days: Sequence[date], visits: Sequence[Appointment], spans: Sequence[Opening]) -> Grid:
    """The days, from an hour before anything is to an hour after."""
    keys = {day: _keys(local, day) for day in days}
    longest = max(keys.values(), key=len)
    axis = longest if len(longest) > 96 else [(minute, 0) for minute in range(0, 24 * 60, 15)]
    place = {key: at for at, key in enumerate(axis)}

    def rows(day: date, start: datetime, end: datetime) -> tuple[int, int] | None:
        """First and last row but one of a time on a day; None if it is on another."""
        first, last = max(start, local.begin(day)), min(end, local.begin(day + timedelta(days=1)))
        if first >= last:
            return None
        return place[_key(local, first)], place[_key(local, last - timedelta(microseconds=1))] + 1

    open_rows = {day: [found for one in spans if (found := rows(day, *one))] for day in days}
    placed = {day: [(one, found) for one in visits if (found := rows(day, one.starts_at, one.ends_at))] for day in days}
    used = [one for found in open_rows.values() for one in found] + [at for found in placed.values() for _visit, at in found]
    low, high = _window(place, used)
    columns = tuple(
        Column(
            day,
            tuple(_blocks(placed[day], low, high)),
            tuple((start - low + 1, end - start) for start, end in open_rows[day]),
            tuple(_gaps(axis[low:high], set(keys[day]))),
            place[_key(local, local.now)] - low + 1 if day == local.today and low <= place[_key(local, local.now)] < high else None,
        )
        for day in days
    )
    hours = tuple((at - low + 1, _hour(axis[at])) for at in range(low, high) if axis[at][0] % 60 == 0)
    return Grid(high - low, hours, columns, any(one.lanes > LANES[-1] for column in columns for one in column.blocks))


def _key(local: Local, moment: datetime) -> Key:
    here = moment.astimezone(local.zone)
    return here.hour * 60 + here.minute - here.minute % 15, here.fold


def _keys(local: Local, day: date) -> list[Key]:
    """The quarters that a day has, as they pass."""
    at, end, found = local.begin(day), local.begin(day + timedelta(days=1)), []
    while at < end:
        found.append(_key(local, at))
        at += QUARTER
    return found


def _window(place: dict[Key, int], used: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """From which row to which is shown: whole hours."""
    if not used:
        return place[USUAL[0], 0], place[USUAL[1], 0]
    low = max(0, min(start for start, _end in used) - MARGIN)
    high = min(len(place), max(end for _start, end in used) + MARGIN)
    return low - low % 4, min(len(place), high + -high % 4)


def _blocks(placed: Sequence[tuple[Appointment, tuple[int, int]]], low: int, high: int) -> list[Block]:
    """Visits in lanes: those that touch stand side by side, each in the first lane that is free."""
    found: list[Block] = []
    cluster: list[tuple[str, int, int, int]] = []
    until = -1
    for one, (start, end) in sorted(placed, key=lambda each: (each[1], each[0].id)):
        shown = min(max(end, start + LOW), high)
        if start >= until:
            found += _lanes(cluster, low)
            cluster = []
        taken = {lane for _id, _start, over, lane in cluster if over > start}
        lane = next(at for at in range(len(cluster) + 1) if at not in taken)
        cluster.append((one.id, start, shown, lane))
        until = max(until, shown) if len(cluster) > 1 else shown
    return found + _lanes(cluster, low)


def _lanes(cluster: Sequence[tuple[str, int, int, int]], low: int) -> list[Block]:
    needed = max((lane + 1 for *_rest, lane in cluster), default=1)
    lanes = next((one for one in LANES if one >= needed), needed)
    return [Block(id, start - low + 1, end - start, lane, lanes) for id, start, end, lane in cluster]  # noqa: A001 - of a visit


def _gaps(axis: Sequence[Key], there: set[Key]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at, key in enumerate(axis, 1):
        if key in there:
            continue
        if found and sum(found[-1]) == at:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((at, 1))
    return found


def _hour(key: Key) -> str:
    hour = key[0] // 60
    label = f"{hour % 12 or 12} {_('am') if hour < 12 else _('pm')}"
    return _("{hour} again").format(hour=label) if key[1] else label


def clashes(visits: Sequence[Appointment]) -> set[str]:
    """Visits at the same time of the same member of staff, or for the same person."""
    found: set[str] = set()
    for at, one in enumerate(visits):
        for other in visits[at + 1 :]:
            same = one.staff == other.staff or (one.contact_id is not None and one.contact_id == other.contact_id)
            if same and one.starts_at < other.ends_at and other.starts_at < one.ends_at:
                found |= {one.id, other.id}
    return found


def within(spans: Sequence[Opening]) -> Callable[[Appointment], bool]:
    """Whether a visit lies in one of these spans."""
    return lambda one: any(start <= one.starts_at and one.ends_at <= end for start, end in spans)
