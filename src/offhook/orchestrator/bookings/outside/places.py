"""Which calendar of a connection is whose, by what its owner chose. Pure.

``staff/<name>`` and ``calendar/<name>`` name the calendars of one of the diary's staff; ``calendar`` or ``staff`` alone those of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from offhook.orchestrator.bookings.slots import Span

Chosen: TypeAlias = Mapping[str, Sequence[str]]
WHOSE: Final = ("staff", "calendar")


def resources(chosen: Chosen, staff: str) -> tuple[str, ...]:
    """The calendars that say when somebody is busy, the one that visits are written to first; none where nobody chose one."""
    own = [one for kind in WHOSE for one in chosen.get(f"{kind}/{staff}", ())]
    found = own if by_staff(chosen) else [one for kind in WHOSE for one in chosen.get(kind, ())]
    return tuple(dict.fromkeys(one for one in found if one))


def every(chosen: Chosen, staff: Iterable[str]) -> tuple[str, ...]:
    """All calendars that count for anybody of these."""
    return tuple(dict.fromkeys(one for name in staff for one in resources(chosen, name)))


def by_staff(chosen: Chosen) -> bool:
    """Whether the calendars were chosen for each of the staff."""
    return any(key.startswith(tuple(f"{kind}/" for kind in WHOSE)) and values for key, values in chosen.items())


def whose(chosen: Chosen, resource: str, staff: Iterable[str]) -> str | None:
    """The one of the staff whose calendar this is; None where it is nobody's or several people's."""
    found = [one for one in staff if resource in resources(chosen, one)]
    return found[0] if len(found) == 1 else None


def without(span: Span, holes: Iterable[tuple[datetime, datetime]]) -> list[Span]:
    """What is left of a span without these times."""
    left = [span]
    for start, end in holes:
        parts: list[Span] = []
        for one in left:
            if end <= one.start or start >= one.end:
                parts.append(one)
                continue
            if one.start < start:
                parts.append(Span(one.start, start, one.staff))
            if end < one.end:
                parts.append(Span(end, one.end, one.staff))
        left = parts
    return left
