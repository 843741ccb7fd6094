"""Counts of a tenant's calls by the hour, for those who may know how many there were and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ARRAY, Float, bindparam, func, select, text

from offhook.orchestrator.calls.tables import CallRow
from offhook.orchestrator.scope import Repo, TenantScope

_HOURS: Final = text("""
    select date_trunc('hour', at - make_interval(mins => :shift), 'UTC') + make_interval(mins => :shift) as hour, count(*) as calls,
        count(*) filter (where outcome = 'booked' and reason is distinct from 'failed') as booked,
        count(*) filter (where outcome = 'lead' and reason is distinct from 'failed') as leads,
        count(*) filter (where reason = 'failed') as failed, coalesce(sum(seconds), 0) as seconds
    from call where tenant_id = :tenant and not test and state <> 'planned' and at >= :since group by 1 order by 1
""")
_REPLIES: Final = text("""
    select date_trunc('hour', c.at - make_interval(mins => :shift), 'UTC') + make_interval(mins => :shift) as hour,
        width_bucket((e.body->'ladder'->>'total')::float8, :edges) as box, count(*) as replies
    from call c join call_event e on e.tenant_id = c.tenant_id and e.call_id = c.id
    where c.tenant_id = :tenant and not c.test and c.state <> 'planned' and c.at >= :since and e.tenant_id = :tenant
        and e.type = 'turn.agent' and jsonb_typeof(e.body->'ladder'->'total') = 'number'
    group by 1, 2
""").bindparams(bindparam("edges", type_=ARRAY(Float())))


class Counted(BaseModel):
    """An hour: what its calls came to, and how many replies took how long, by box."""

    model_config = ConfigDict(frozen=True)

    hour: datetime
    calls: int
    booked: int
    leads: int
    failed: int
    seconds: float
    replies: tuple[int, ...]


class Open(BaseModel):
    """Calls that are not over: how many are talking, and when the first of all began."""

    model_config = ConfigDict(frozen=True)

    live: int
    first: datetime | None


class Figures(Repo):
    """A tenant's calls in numbers."""

    async def hours(self, shift: int, since: datetime, edges: Sequence[float]) -> list[Counted]:
        """Hours with calls that began then or later. They begin ``shift`` minutes past UTC's; test calls are not counted."""
        values = {"tenant": self._tenant, "shift": shift, "since": since}
        boxes: dict[datetime, list[int]] = {}
        # A box holds what is not longer than its edge: what stands at an edge exactly belongs below it.
        just_over = [edge + 1e-6 for edge in edges]
        for row in await self._session.execute(_REPLIES, {**values, "edges": just_over}):
            boxes.setdefault(row.hour, [0] * (len(edges) + 1))[row.box] = row.replies
        rows = await self._session.execute(_HOURS, values)
        return [Counted(**row._mapping, replies=tuple(boxes.get(row.hour, ()))) for row in rows]

    async def open(self) -> Open:
        """Calls that are still going on."""
        live = func.count().filter(CallRow.state == "live")
        query = select(live, func.min(CallRow.at)).where(CallRow.tenant_id == self._tenant, CallRow.state != "ended", ~CallRow.test)
        count, first = (await self._session.execute(query)).one()
        return Open(live=count, first=first)


async def hours(scope: TenantScope, shift: int, since: datetime, edges: Sequence[float]) -> list[Counted]:
    """Hours with calls, and what they came to."""
    return await Figures(scope).hours(shift, since, edges)


async def going_on(scope: TenantScope) -> Open:
    """Calls that are not over."""
    return await Figures(scope).open()
