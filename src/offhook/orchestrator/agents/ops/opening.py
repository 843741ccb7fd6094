"""When a business is open: whenever one of its agents says so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from offhook.errors import NotFound
from offhook.orchestrator.agents.hours import DAY, Opening, opening
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.scope import TenantScope


async def openings(scope: TenantScope, agents: Collection[str], days: Collection[date]) -> list[Opening]:
    """The spans, in UTC, that begin on these days or on the one before the first, in order and joined where they touch.

    Of agents that answer; another one has no hours yet.
    """
    found: list[Opening] = []
    for one in sorted(agents):
        try:
            agent = await reading.live(scope, one)
        except NotFound:
            continue
        for day in {*days, *(each - DAY for each in days)}:
            found += opening(agent.calendar, agent.zone, day)
    return joined(found)


def joined(spans: Collection[Opening]) -> list[Opening]:
    """The same, in order, with those in one that touch. Pure."""
    made: list[Opening] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((start, end))
    return made
