"""Reading and writing what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Boolean, Row, Select, case, column, delete, func, insert, not_, select, table, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from offhook.orchestrator.overview.schemas import NOTE, WARN, Client, Hour, Order, Totals
from offhook.orchestrator.overview.tables import HourRow, PulseRow
from offhook.orchestrator.scope import PlatformRepo, Repo, ResellerRepo

TENANT: Final = table("tenant", column("id"), column("name"), column("reseller_id"), column("suspended"), column("erasing_at"))
"""Names and owners; the table itself is another domain's."""
_DUE: Final = text("""
    select t.id from tenant t left join tenant_pulse p on p.tenant_id = t.id
    where t.erasing_at is null and (p.counted_at is null or p.counted_at < :before) order by p.counted_at nulls first, t.id
""")
_REPLIES: Final = text("""
    select array_agg(n order by at) from (
        select at, sum(one) as n
        from tenant_pulse p join tenant t on t.id = p.tenant_id, unnest(p.today_replies) with ordinality as boxes(one, at)
        where t.reseller_id = :reseller and t.erasing_at is null group by at
    ) as all_of_them
""")
_HOURS: Final = text("""
    select date_trunc('hour', h.hour) as hour, sum(h.calls) as calls from tenant t join tenant_hour h on h.tenant_id = t.id
    where t.reseller_id = :reseller and t.erasing_at is null and h.hour > :since group by 1
""")


class Counts(Repo):
    """What is counted of one tenant."""

    async def locked(self, shift: int, now: datetime, since: datetime) -> tuple[int, datetime]:
        """The shift of the last count and where the next begins, locked: of two that count at once, one waits for the other."""
        fresh = {"tenant_id": self._tenant, "shift": shift, "counted_at": now, "counted_from": since, "days": [], "today_replies": []}
        numbers = dict.fromkeys(("booked", "today_booked", "today_failed", "seconds", "live", "worst"), 0)
        await self._session.execute(upsert(PulseRow).values(**fresh, **numbers, problems=[]).on_conflict_do_nothing())
        query = select(PulseRow.shift, PulseRow.counted_from).where(PulseRow.tenant_id == self._tenant).with_for_update()
        row = (await self._session.execute(query)).one()
        return row.shift, row.counted_from

    async def replace(self, since: datetime, hours: Sequence[Hour], keep: datetime) -> None:
        """These hours in place of all that begin then or later; those before ``keep`` go."""
        mine = HourRow.tenant_id == self._tenant
        await self._session.execute(delete(HourRow).where(mine, (HourRow.hour >= since) | (HourRow.hour < keep)))
        if hours:
            await self._session.execute(insert(HourRow), [{"tenant_id": self._tenant, **one.model_dump()} for one in hours])

    async def hours(self, since: datetime) -> list[Hour]:
        """Hours that begin then or later."""
        rows = await self._session.execute(select(HourRow).where(HourRow.tenant_id == self._tenant, HourRow.hour >= since))
        names = Hour.model_fields
        return [Hour(**{name: getattr(row, name) for name in names}) for row in rows.scalars()]

    async def put(self, **fields: Any) -> None:  # noqa: ANN401 - columns
        """What all hours come to."""
        put = upsert(PulseRow).values(tenant_id=self._tenant, **fields)
        await self._session.execute(put.on_conflict_do_update(index_elements=["tenant_id"], set_=fields))


class Due(PlatformRepo):
    """Whose turn it is."""

    async def tenants(self, before: datetime) -> list[str]:
        """Tenants that were last counted before this, or never; who has waited longest first."""
        return list((await self._session.execute(_DUE, {"before": before})).scalars())


_RANK: Final = -func.greatest(func.coalesce(PulseRow.worst, 0), case((TENANT.c.suspended, WARN), else_=0))
_SILENT: Final = func.coalesce(
    func.jsonb_path_exists(
        PulseRow.problems, text("""'$[*].code ? (@ == "turned_away" || @ == "unpublished" || @ == "no_number")'"""), type_=Boolean()
    ),
    False,
    type_=Boolean(),
)
"""With these nobody who rings is answered."""
_TODAY: Final = func.coalesce(PulseRow.days[7], 0)
_NAME: Final = func.lower(TENANT.c.name)
_PLACES: Final[dict[Order, tuple[Any, ...]]] = {
    "problems": (_RANK, _NAME, TENANT.c.id),
    "calls": (-_TODAY, _NAME, TENANT.c.id),
    "name": (_NAME, TENANT.c.id),
}


class Clients(ResellerRepo):
    """A reseller's clients: what is counted of them."""

    async def page(self, order: Order, words: str, after: Sequence[Any] | None, limit: int) -> list[tuple[Client, list[Any]]]:
        """Clients whose name has these letters, each with its place in this order."""
        place = _PLACES[order]
        query = self._query(*place)
        if words:
            query = query.where(TENANT.c.name.icontains(words, autoescape=True))
        if after is not None:
            query = query.where(tuple_(*place) > tuple(after))
        rows = await self._session.execute(query.order_by(*place).limit(limit))
        return [(_client(row), [row[at] for at in range(len(place))]) for row in rows]

    async def troubled(self, limit: int) -> list[Client]:
        """Those with whom something is wrong, the worst first."""
        query = self._query(_RANK, _NAME).where(_RANK < -NOTE).order_by(_RANK, _NAME, TENANT.c.id).limit(limit)
        return [_client(row) for row in await self._session.execute(query)]

    async def troubled_count(self) -> int:
        """With how many something is wrong."""
        query = select(func.count()).select_from(self._query(_RANK).where(_RANK < -NOTE).subquery())
        return (await self._session.execute(query)).scalar_one()

    async def one(self, id: str) -> Client | None:
        """One of them."""
        row = (await self._session.execute(self._query(_RANK).where(TENANT.c.id == id))).one_or_none()
        return _client(row) if row else None

    def _query(self, *first: Any) -> Select[Any]:  # noqa: ANN401 - expressions
        columns = (PulseRow.counted_at, PulseRow.days, PulseRow.booked, PulseRow.seconds, PulseRow.nine_in_ten, PulseRow.live)
        return (
            select(*first, TENANT.c.id, TENANT.c.name, TENANT.c.suspended, _RANK.label("rank"), *columns, PulseRow.problems)
            .select_from(TENANT.outerjoin(PulseRow, PulseRow.tenant_id == TENANT.c.id))
            .where(TENANT.c.reseller_id == self._reseller, TENANT.c.erasing_at.is_(None))
        )

    async def totals(self, now: datetime) -> Totals:
        """Of all of them."""
        one = (
            select(
                func.count().label("clients"),
                func.count().filter(~TENANT.c.suspended, not_(_SILENT)).label("answering"),
                func.coalesce(func.sum(_TODAY), 0).label("calls"),
                func.coalesce(func.sum(PulseRow.today_booked), 0).label("booked"),
                func.coalesce(func.sum(PulseRow.today_failed), 0).label("failed"),
                func.coalesce(func.sum(PulseRow.live), 0).label("live"),
                func.count().filter(_RANK < -NOTE).label("troubled"),
                func.min(PulseRow.counted_at).label("oldest"),
            )
            .select_from(TENANT.outerjoin(PulseRow, PulseRow.tenant_id == TENANT.c.id))
            .where(TENANT.c.reseller_id == self._reseller, TENANT.c.erasing_at.is_(None))
        )
        row = (await self._session.execute(one)).one()
        replies = (await self._session.execute(_REPLIES, {"reseller": self._reseller})).scalar()
        return Totals(**row._mapping, replies=tuple(replies or ()), hours=await self._hours(now))

    async def _hours(self, now: datetime) -> tuple[int, ...]:
        last = now.replace(minute=0, second=0, microsecond=0)
        since = last - timedelta(hours=24)
        rows = await self._session.execute(_HOURS, {"reseller": self._reseller, "since": since})
        found = {row.hour: int(row.calls) for row in rows}
        return tuple(found.get(last - timedelta(hours=back), 0) for back in reversed(range(24)))


def _client(row: Row[Any]) -> Client:
    values = row._mapping
    kept = {name: values[name] for name in ("id", "name", "suspended", "rank", "counted_at", "nine_in_ten")}
    counted = {name: values[name] or 0 for name in ("booked", "seconds", "live")}
    return Client(**kept, **counted, days=tuple(values["days"] or ()), problems=tuple(values["problems"] or ()))
