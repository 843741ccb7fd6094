"""Reading and writing trunks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.scope import PlatformRepo, Repo
from offhook.orchestrator.trunks.tables import TrunkLeaseRow, TrunkRow, TrunkStateRow

# All that decides what an engine is told: a change of any of it is another version. Who is suspended has no trunk.
_KNOWN = text("""
    select t.tenant_id as tenant, t.id, t.revision,
           coalesce((select string_agg(n.did, ' ' order by n.did) from number n where n.tenant_id = t.tenant_id and n.trunk_id = t.id
                     and n.enabled), '') as dids
    from trunk t join tenant c on c.id = t.tenant_id join reseller r on r.id = c.reseller_id
    where t.enabled and not c.suspended and not r.suspended
    order by t.tenant_id, t.id
""")


class Known(NamedTuple):
    """A trunk as the directory knows it: whose, and which numbers may be rung over it."""

    tenant: str
    id: str
    revision: int
    dids: tuple[str, ...]


class TrunkDirectory(PlatformRepo):
    """The trunks of all tenants, without what is in them."""

    async def known(self) -> list[Known]:
        """Those that are in use."""
        rows = await self._session.execute(_KNOWN)
        return [Known(row.tenant, row.id, row.revision, tuple(row.dids.split())) for row in rows]

    async def in_use(self, tenant: str, id: str) -> bool:
        """Whether a tenant has this trunk, and it is enabled."""
        found = select(TrunkRow.id).where(TrunkRow.tenant_id == tenant, TrunkRow.id == id, TrunkRow.enabled)
        return (await self._session.execute(found)).first() is not None


class TrunkRepo(Repo):
    """One tenant's trunks. Rows hold sealed passwords and stay inside this domain."""

    async def add(self, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Make a trunk."""
        await self._session.execute(insert(TrunkRow).values(tenant_id=self._tenant, **fields))

    async def get(self, id: str, *, lock: bool = False) -> TrunkRow | None:
        """By id."""
        query = select(TrunkRow).where(TrunkRow.tenant_id == self._tenant, TrunkRow.id == id).execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def every(self) -> list[TrunkRow]:
        """Those that are enabled."""
        query = select(TrunkRow).where(TrunkRow.tenant_id == self._tenant, TrunkRow.enabled)
        return list((await self._session.execute(query)).scalars())

    async def page(self, limit: int, after: tuple[datetime, str] | None) -> list[TrunkRow]:
        """Trunks, newest first, from after a place in the list."""
        query = select(TrunkRow).where(TrunkRow.tenant_id == self._tenant)
        if after is not None:
            query = query.where(tuple_(TrunkRow.created_at, TrunkRow.id) < after)
        query = query.order_by(TrunkRow.created_at.desc(), TrunkRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": TrunkRow.revision + 1, "updated_at": now}
        await self._session.execute(update(TrunkRow).where(TrunkRow.tenant_id == self._tenant, TrunkRow.id == id).values(values))

    async def delete(self, id: str) -> None:
        """Drop it with its password and what engines told of it."""
        await self._session.execute(delete(TrunkRow).where(TrunkRow.tenant_id == self._tenant, TrunkRow.id == id))

    async def states(self, ids: list[str]) -> dict[str, list[TrunkStateRow]]:
        """What engines have last told of these trunks."""
        query = select(TrunkStateRow).where(TrunkStateRow.tenant_id == self._tenant, TrunkStateRow.trunk_id.in_(ids))
        found: dict[str, list[TrunkStateRow]] = {}
        for row in (await self._session.execute(query.order_by(TrunkStateRow.engine))).scalars():
            found.setdefault(row.trunk_id, []).append(row)
        return found

    async def tell(self, id: str, engine: str, now: datetime, **fields: Any) -> bool:  # noqa: ANN401 - columns
        """Keep what an engine tells of a trunk; False if there is no such trunk."""
        # Nobody drops it until this is written: a report of many trunks is not lost for one that goes.
        kept = select(TrunkRow.id).where(TrunkRow.tenant_id == self._tenant, TrunkRow.id == id).with_for_update(read=True, key_share=True)
        if (await self._session.execute(kept)).first() is None:
            return False
        put = insert(TrunkStateRow).values(tenant_id=self._tenant, trunk_id=id, engine=engine, at=now, **fields)
        keys = ["tenant_id", "trunk_id", "engine"]
        await self._session.execute(put.on_conflict_do_update(index_elements=keys, set_={**fields, "at": now}))
        return True

    async def heard(self, id: str, since: datetime) -> list[TrunkStateRow]:
        """Engines that have told of this trunk since then, and place calls; the one that is registered first, then the least busy."""
        mine = (TrunkStateRow.tenant_id == self._tenant, TrunkStateRow.trunk_id == id, TrunkStateRow.at >= since, TrunkStateRow.boot != "")
        order = (TrunkStateRow.state != "registered", TrunkStateRow.calls, TrunkStateRow.engine)
        return list((await self._session.execute(select(TrunkStateRow).where(*mine).order_by(*order))).scalars())

    async def lease(self, id: str, holder: str, now: datetime, until: datetime) -> bool:
        """Let an engine register until then, unless another one does."""
        put = insert(TrunkLeaseRow).values(tenant_id=self._tenant, trunk_id=id, holder=holder, until=until)
        put = put.on_conflict_do_update(
            index_elements=["tenant_id", "trunk_id"],
            set_={"holder": holder, "until": until},
            where=or_(TrunkLeaseRow.holder == holder, TrunkLeaseRow.until <= now),
        )
        return (await self._session.execute(put.returning(TrunkLeaseRow.trunk_id))).first() is not None

    async def let_go(self, holder: str, but: Collection[str]) -> None:
        """An engine registers with none but these any more."""
        held = (TrunkLeaseRow.tenant_id == self._tenant, TrunkLeaseRow.holder == holder, TrunkLeaseRow.trunk_id.not_in(but))
        await self._session.execute(delete(TrunkLeaseRow).where(*held))

    async def forget(self, before: datetime) -> None:
        """Drop what engines told before then: they are gone."""
        old = (TrunkStateRow.tenant_id == self._tenant, TrunkStateRow.at < before)
        await self._session.execute(delete(TrunkStateRow).where(*old))
