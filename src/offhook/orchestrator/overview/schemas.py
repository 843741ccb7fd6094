"""Figures of tenants as those see them who look after many. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

EDGES: Final[tuple[int, ...]] = (*range(25, 1_001, 25), *range(1_100, 3_001, 100), *range(3_500, 10_001, 500))
"""Milliseconds: a reply is counted in the first box whose edge it does not pass, one that took longer than all of them in the last."""
DAYS: Final = 7
NOTE, WARN, BAD = 1, 2, 3
"""Grades of what is wrong: still to be set up, to be looked at, callers are lost."""

Code = Literal["turned_away", "unpublished", "broken", "webhook_off", "webhook_failing", "full", "slow", "no_number"]
Order = Literal["problems", "calls", "name"]


class Problem(BaseModel):
    """What is wrong with a client. ``count`` is of calls, or (slow) milliseconds; ``name`` is of the number, the agent or the address."""

    model_config = ConfigDict(frozen=True)

    code: Code
    grade: Annotated[int, Field(ge=NOTE, le=BAD)]
    count: int = 0
    name: str = ""
    since: datetime | None = None


class Hour(BaseModel):
    """What an hour held."""

    model_config = ConfigDict(frozen=True)

    hour: datetime
    calls: int = 0
    booked: int = 0
    leads: int = 0
    failed: int = 0
    seconds: float = 0.0
    replies: tuple[int, ...] = ()


class Client(BaseModel):
    """A client as its agency's list has it. What was counted is empty until it has been for the first time."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    suspended: bool
    rank: int
    """Its place where problems come first: less is worse."""
    counted_at: datetime | None
    days: tuple[int, ...]
    """Calls of each of seven days, the last one today's."""
    booked: int
    seconds: float
    nine_in_ten: int | None
    """Milliseconds that 9 of 10 replies of seven days were under."""
    live: int
    problems: tuple[Problem, ...]

    @property
    def today(self) -> int:
        """Calls today."""
        return self.days[-1] if self.days else 0


class Totals(BaseModel):
    """Of all clients of an agency. ``oldest`` is when the one was counted that has waited longest for it."""

    model_config = ConfigDict(frozen=True)

    clients: int
    answering: int
    calls: int
    booked: int
    failed: int
    live: int
    troubled: int
    replies: tuple[int, ...]
    hours: tuple[int, ...]
    """Calls of each of the last 24 hours."""
    oldest: datetime | None


def under(replies: Sequence[int], share: float) -> int | None:
    """How many milliseconds this share of the replies took at most, to the edge of a box; None where there are none."""
    total = sum(replies)
    if total == 0:
        return None
    at = bisect_left(list(accumulate(replies)), share * total)
    return EDGES[min(at, len(EDGES) - 1)]
