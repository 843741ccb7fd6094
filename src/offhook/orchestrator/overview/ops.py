"""Counting how tenants are doing, and showing it to those who look after many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any, Final
from zoneinfo import ZoneInfo

from offhook.errors import NotFound
from offhook.orchestrator.agents.ops import reading as agents
from offhook.orchestrator.calls import figures
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.overview.problems import problems
from offhook.orchestrator.overview.repo import Clients, Counts, Due
from offhook.orchestrator.overview.schemas import DAYS, EDGES, Client, Hour, Order, Totals, under
from offhook.orchestrator.scope import ResellerScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

KEPT: Final = timedelta(days=DAYS + 1)
"""How far hours go back, and how far the first count does."""
LATEST: Final = timedelta(hours=24)
"""A call that is open for longer than this holds nobody up: whatever it comes to is not counted."""
EVERY: Final = timedelta(seconds=30)
"""Nobody is counted twice within this."""
BUDGET: Final = timedelta(seconds=45)
"""What one run may take; whoever is left is first in the next."""
MOST: Final = 1_000
"""Numbers, agents and webhooks of a tenant that are looked at."""


async def roll_up(given: Services) -> int:
    """Count every tenant, who has waited longest first, for as long as the budget lasts; how many were counted."""
    began = given.clock()
    async with given.database.platform() as scope:
        due = await Due(scope).tenants(began - EVERY)
    done = 0
    for tenant in due:
        if given.clock() - began > BUDGET:
            break
        async with given.database.tenant(tenant) as one:
            done += await count(one, given.clock())
    return done


async def count(scope: TenantScope, now: datetime) -> bool:
    """Count one tenant's hours from where they may have changed, and make its figures of all of them. False: it is gone.

    To do it again, or after a day without a worker, comes to the same.
    """
    try:
        tenant = await tenants.get(scope)
    except NotFound:  # it began to be erased in the meantime
        return False
    repo, zone = Counts(scope), tenant.zone
    shift = _shift(now, zone)
    first = _hour(now - KEPT, shift)
    before, since = await repo.locked(shift, now, first)
    if before != shift or since < first:
        since = first
    found = await figures.hours(scope, shift, since, EDGES)
    await repo.replace(since, [Hour(**one.model_dump()) for one in found], first)
    going_on = await figures.going_on(scope)
    fields = _figures(await repo.hours(first), now, zone)
    wrong = problems(
        await numbers.page(scope, MOST, None),
        await numbers.lines(scope, now),
        await agents.page(scope, MOST, None),
        await hooks.page(scope, MOST, None),
        fields["today_failed"],
        fields["today_replies"],
    )
    await repo.put(
        shift=shift,
        counted_at=now,
        counted_from=_settled(now, going_on.first, shift),
        live=going_on.live,
        worst=max((one.grade for one in wrong), default=0),
        problems=[one.model_dump(mode="json") for one in wrong],
        **fields,
    )
    return True


def _shift(now: datetime, zone: ZoneInfo) -> int:
    """How many minutes past UTC's hours those of a zone begin: India's at half past."""
    offset = now.astimezone(zone).utcoffset() or timedelta()
    return -int(offset.total_seconds() // 60) % 60


def _hour(moment: datetime, shift: int) -> datetime:
    """When the hour began that a moment is in."""
    past = timedelta(minutes=shift)
    return (moment - past).astimezone(UTC).replace(minute=0, second=0, microsecond=0) + past


def _settled(now: datetime, first_open: datetime | None, shift: int) -> datetime:
    """From where the next count begins: an hour before all that is open, since an outcome may come late."""
    since = min(now, first_open or now)
    return _hour(max(since, now - LATEST) - timedelta(hours=1), shift)


def _figures(hours: Sequence[Hour], now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Today and seven days, of the tenant's own days."""
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]

    def of(day: date) -> list[Hour]:
        return [one for one in hours if one.hour.astimezone(zone).date() == day]

    week, last = [one for day in days for one in of(day)], of(today)
    return {
        "days": [sum(one.calls for one in of(day)) for day in days],
        "booked": sum(one.booked for one in week),
        "seconds": sum(one.seconds for one in week),
        "nine_in_ten": under(_together(week), 0.9),
        "today_booked": sum(one.booked for one in last),
        "today_failed": sum(one.failed for one in last),
        "today_replies": _together(last),
    }


def _together(hours: Sequence[Hour]) -> list[int]:
    return [sum(boxes) for boxes in zip_longest(*(one.replies for one in hours), fillvalue=0)]


async def totals(scope: ResellerScope, now: datetime) -> Totals:
    """Of all clients of a reseller."""
    return await Clients(scope).totals(now)


async def page(scope: ResellerScope, order: Order, words: str, after: Sequence[Any] | None, limit: int) -> list[tuple[Client, list[Any]]]:
    """Clients in this order, each with its place in it."""
    return await Clients(scope).page(order, words, after, limit)


async def troubled(scope: ResellerScope, limit: int) -> list[Client]:
    """Clients with whom something is wrong, the worst first."""
    return await Clients(scope).troubled(limit)


async def troubled_count(scope: ResellerScope) -> int:
    """With how many clients something is wrong."""
    return await Clients(scope).troubled_count()


async def client(scope: ResellerScope, id: str) -> Client:
    """One client; NotFound."""
    found = await Clients(scope).one(id)
    if found is None:
        raise NotFound("no such tenant")
    return found
