"""When a step is tried again, and what an error means for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from offhook.errors import (
    AdapterConflict,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    NotFound,
    OffhookError,
)

DELAYS: Final = tuple(timedelta(seconds=one) for one in (15, 60, 5 * 60, 15 * 60, 3_600, 2 * 3_600, 4 * 3_600))
"""Between one attempt and the next; the last one again and again."""
GIVE_UP: Final = timedelta(hours=72)
"""So long after the first of nothing but failures."""
JITTER: Final = 0.2
"""A delay is up to that part longer, so that what failed together does not come back together."""
LOOK: Final = timedelta(hours=6)
"""How often it is looked whether a connection that has expired works again, should nobody have said so."""
HELD: Final = timedelta(days=30)
"""So long a call's paperwork waits for a connection to be authorised again."""
LONGEST: Final = timedelta(hours=24)
"""Of what a system may ask for."""

Kind = Literal["later", "paced", "held", "refused", "taken", "lost", "off"]
"""Tried again later; as soon as the system has said; once the connection is authorised again; never; never, since the time is taken;
with the customer looked for anew, whose record is gone; never, since the connection is no more."""


def kind_of(error: OffhookError) -> Kind:
    """What an error means."""
    match error:
        case AdapterRateLimited():
            return "paced"
        case AdapterUnauthorized():
            return "held"
        case AdapterRejected():
            return "refused"
        case AdapterConflict():
            return "taken"
        case AdapterNotFound():
            return "lost"
        case NotFound():
            return "off"
        case _:
            return "later"


@dataclass(frozen=True, slots=True)
class Next:
    """When to try again (None: never), after how many failures in a row, and since when there is nothing else."""

    at: datetime | None
    tries: int
    since: datetime


def after(error: OffhookError, tries: int, since: datetime | None, now: datetime, draw: float) -> Next:
    """After one more failure; ``draw`` is from 0 to 1."""
    begun = since or now
    kind = kind_of(error)
    if kind == "held":
        return Next(now + LOOK if now - begun < HELD else None, tries, begun)
    if now - begun >= GIVE_UP:
        return Next(None, tries + 1, begun)
    asked = min(timedelta(seconds=error.retry.after or 0.0), LONGEST)
    if kind == "paced":
        return Next(now + max(asked, timedelta(seconds=1)) * (1 + JITTER * draw), tries, begun)
    wait = DELAYS[min(tries, len(DELAYS) - 1)] * (1 + JITTER * draw)
    return Next(min(now + max(wait, asked), max(begun + GIVE_UP, now + DELAYS[0])), tries + 1, begun)
