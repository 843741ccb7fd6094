"""Counting calls out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from offhook.orchestrator.scope import PlatformRepo, Repo
from offhook.orchestrator.tolls.caps import BASELINE, Used
from offhook.orchestrator.tolls.tables import TollCallRow, TollLimitRow, TollRefusalRow

HOUR: Final = timedelta(hours=1)
LONGEST: Final = timedelta(hours=5)
"""No call that is older counts for the last hour."""
KEPT: Final = timedelta(days=90)
"""How long counts of refusals are kept."""

# Of a call that goes on, what has passed counts; a call of which nobody says that it has ended counts until its time is up.
_USED = text("""
    select count(*) filter (where ended_at is null and until > cast(:now as timestamptz)) as at_once,
        count(*) filter (where started_at > cast(:now as timestamptz) - interval '1 minute') as minute,
        coalesce(sum(m), 0) as minutes, coalesce(sum(ceil(m) * price), 0) as spend
    from toll_call, lateral (select greatest(0, extract(epoch from least(coalesce(ended_at, :now), until, cast(:now as timestamptz))
        - greatest(started_at, cast(:now as timestamptz) - interval '1 hour')) / 60.0) as m) as used
    where tenant_id = :tenant and started_at > :since
""").bindparams(bindparam("now", type_=TIMESTAMP(timezone=True)))
_PREFIX = text("""
    select count(*) filter (where started_at > :hour) as now, count(*) filter (where started_at <= :hour) as before,
        count(distinct date_trunc('hour', started_at)) filter (where started_at <= :hour) as hours
    from toll_call where tenant_id = :tenant and prefix = :prefix and started_at > :since
""")


class TollRepo(Repo):
    """One tenant's limits and calls."""

    async def limits(self, *, lock: bool = False) -> TollLimitRow:
        """The limits; with ``lock`` one at a time."""
        await self._session.execute(insert(TollLimitRow).values(tenant_id=self._tenant).on_conflict_do_nothing())
        query = select(TollLimitRow).where(TollLimitRow.tenant_id == self._tenant).execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one()

    async def change(self, fields: Mapping[str, Any]) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": TollLimitRow.revision + 1}
        await self._session.execute(update(TollLimitRow).where(TollLimitRow.tenant_id == self._tenant).values(values))

    async def used(self, now: datetime) -> Used:
        """What was used until now."""
        row = (await self._session.execute(_USED, {"tenant": self._tenant, "now": now, "since": now - LONGEST})).one()
        return Used(row.at_once, row.minute, float(row.minutes), float(row.spend))

    async def prefix(self, prefix: str, now: datetime) -> tuple[int, int, int]:
        """Calls of the last hour to this range, those before, and in how many hours they were."""
        values = {"tenant": self._tenant, "prefix": prefix, "hour": now - HOUR, "since": now - BASELINE}
        row = (await self._session.execute(_PREFIX, values)).one()
        return row.now, row.before, row.hours

    async def held(self, id: str) -> TollCallRow | None:
        """A call that was let through."""
        query = select(TollCallRow).where(TollCallRow.tenant_id == self._tenant, TollCallRow.id == id)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def add(self, id: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Count a call."""
        await self._session.execute(insert(TollCallRow).values(tenant_id=self._tenant, id=id, **fields))

    async def end(self, id: str, now: datetime) -> None:
        """It goes on no more."""
        mine = (TollCallRow.tenant_id == self._tenant, TollCallRow.id == id, TollCallRow.ended_at.is_(None))
        await self._session.execute(update(TollCallRow).where(*mine).values(ended_at=now))

    async def refused(self, purpose: str, reason: str, now: datetime) -> None:
        """Count a call that was not let through."""
        row = {"tenant_id": self._tenant, "day": now.date(), "purpose": purpose, "reason": reason, "count": 1, "last_at": now}
        more = {"count": TollRefusalRow.count + 1, "last_at": now}
        keys = ["tenant_id", "day", "purpose", "reason"]
        await self._session.execute(insert(TollRefusalRow).values(row).on_conflict_do_update(index_elements=keys, set_=more))

    async def refused_on(self, now: datetime) -> list[TollRefusalRow]:
        """Of this day, the most first."""
        mine = (TollRefusalRow.tenant_id == self._tenant, TollRefusalRow.day == now.date())
        order = (TollRefusalRow.count.desc(), TollRefusalRow.purpose, TollRefusalRow.reason)
        return list((await self._session.execute(select(TollRefusalRow).where(*mine).order_by(*order))).scalars())


class OldTolls(PlatformRepo):
    """Sweeping what counts for nothing any more, of all tenants."""

    async def sweep(self, now: datetime) -> None:
        """Drop it."""
        await self._session.execute(delete(TollCallRow).where(TollCallRow.started_at <= now - BASELINE))
        await self._session.execute(delete(TollRefusalRow).where(TollRefusalRow.day < (now - KEPT).date()))
