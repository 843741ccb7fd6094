"""A day of calls in figures. Each query goes along an index of the tenant's and reads no more than the day, or the few that it is after."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Float, exists, func, select, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from offhook.orchestrator.calls.schemas import Call, Ending, Mark, Speed
from offhook.orchestrator.calls.tables import CallEventRow, CallRow
from offhook.orchestrator.scope import Repo, TenantScope

BROKE: Final = text("call.reason = 'failed'")
"""In the partial index's own words."""


class Days(Repo):
    """A tenant's calls by day."""

    def _day(self, since: datetime, until: datetime) -> tuple[Any, ...]:
        return (CallRow.tenant_id == self._tenant, ~CallRow.test, CallRow.at >= since, CallRow.at < until)

    async def marks(self, since: datetime, until: datetime, limit: int) -> list[Mark]:
        """When calls were and how long, the latest first."""
        fields = (CallRow.id, CallRow.at, CallRow.seconds, CallRow.state, CallRow.reason, CallRow.outcome)
        query = select(*fields).where(*self._day(since, until)).order_by(CallRow.at.desc(), CallRow.id.desc()).limit(limit)
        return [Mark.model_validate(row) for row in await self._session.execute(query)]

    async def endings(self, since: datetime, until: datetime) -> list[Ending]:
        """How calls ended, each way once."""
        ways = (CallRow.state, CallRow.reason, CallRow.outcome)
        query = select(*ways, func.count().label("count")).where(*self._day(since, until), CallRow.state != "planned").group_by(*ways)
        return [Ending.model_validate(row) for row in await self._session.execute(query)]

    async def broken(self, since: datetime, limit: int) -> list[Call]:
        """Calls that broke off on our side and whose callers have not got through since, the latest first."""
        later = aliased(CallRow)
        got_through = exists().where(
            later.tenant_id == self._tenant,
            later.caller == CallRow.caller,
            CallRow.caller != "",
            later.at > CallRow.at,
            later.state == "ended",
            later.reason != "failed",
            ~later.test,
        )
        query = select(CallRow).where(CallRow.tenant_id == self._tenant, BROKE, CallRow.at >= since, ~CallRow.test, ~got_through)
        rows = await self._session.execute(query.order_by(CallRow.at.desc(), CallRow.id.desc()).limit(limit))
        return [Call.model_validate(row) for row in rows.scalars()]

    async def waits(self, calls: Collection[str]) -> dict[str, list[float]]:
        """How long each reply in each of these calls was waited for, in milliseconds."""
        total = sql_cast(CallEventRow.body["ladder"]["total"].astext, Float)
        query = select(CallEventRow.call_id, sql_cast(func.array_agg(total), ARRAY(Float)))
        query = query.where(
            CallEventRow.tenant_id == self._tenant, CallEventRow.call_id.in_(calls), CallEventRow.type == "turn.agent", total.is_not(None)
        )
        return {row[0]: sorted(row[1]) for row in await self._session.execute(query.group_by(CallEventRow.call_id))} if calls else {}


async def marks(scope: TenantScope, since: datetime, until: datetime, limit: int) -> list[Mark]:
    """When the calls of a time were and how long, the latest first."""
    return await Days(scope).marks(since, until, limit)


async def endings(scope: TenantScope, since: datetime, until: datetime) -> list[Ending]:
    """How the calls of a time ended, each way once. Those that have only been planned are none yet."""
    return await Days(scope).endings(since, until)


async def broken(scope: TenantScope, since: datetime, limit: int) -> list[Call]:
    """Calls that broke off on our side and whose callers have not got through since, the latest first."""
    return await Days(scope).broken(since, limit)


async def speed(scope: TenantScope, calls: Collection[str]) -> Speed | None:
    """How long replies were waited for in these calls; None if nobody waited for one."""
    found = await Days(scope).waits(calls)
    every = sorted(one for waits in found.values() for one in waits)
    if not every:
        return None
    return Speed(typical_ms=_at(every, 0.5), nine_in_ten_ms=_at(every, 0.9), calls={call: _at(waits, 0.5) for call, waits in found.items()})


def _at(values: list[float], part: float) -> float:
    """The value below which this part of the sorted ones lies; the nearest one that was measured."""
    return values[min(len(values) - 1, int(part * len(values)))]
