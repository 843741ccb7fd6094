"""Reading and writing numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import ForeignKeyViolation
from sqlalchemy import ColumnElement, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from offhook.errors import Fault, Invalid
from offhook.orchestrator.numbers.schemas import NumberView, Owner
from offhook.orchestrator.numbers.tables import NumberRow, RefusedCallRow, StrayCallRow
from offhook.orchestrator.scope import PlatformRepo, Repo

KEPT = timedelta(days=90)
"""How long counts of calls that were not taken are kept."""

_KEYS = {
    "fk_number_tenant_id_agent_id": "agent_id",
    "fk_number_tenant_id_carrier_account_id": "carrier_account_id",
    "fk_number_tenant_id_trunk_id": "trunk_id",
}

# One query, because somebody is listening to a ringing tone: who is suspended is told by the directory's own columns. A number that
# rings here again would send a call round in circles, at somebody's cost: nobody is sent to one.
_OWNER = text("""
    select n.tenant_id as tenant, n.id as number, n.did, n.agent_id as agent, n.carrier_account_id as account, n.enabled,
           t.suspended or r.suspended as suspended,
           case when not exists (select from number x where x.did = n.overflow) then n.overflow end as overflow,
           case when not exists (select from number x where x.did = t.fallback_number) then t.fallback_number end as fallback
    from number n join tenant t on t.id = n.tenant_id join reseller r on r.id = t.reseller_id
    where n.did = :did
""")


class Directory(PlatformRepo):
    """Whose a number is: asked before the tenant is known."""

    async def owner(self, did: str) -> Owner | None:
        """Who answers this DID (E.164)."""
        row = (await self._session.execute(_OWNER, {"did": did})).mappings().first()
        return Owner.model_validate(dict(row)) if row else None

    async def stray(self, did: str, now: datetime) -> None:
        """Count a call to a number that is nobody's."""
        put = insert(StrayCallRow).values(day=now.date(), did=did, count=1, last_at=now)
        more = {"count": StrayCallRow.count + 1, "last_at": now}
        await self._session.execute(put.on_conflict_do_update(index_elements=["day", "did"], set_=more))

    async def sweep(self, now: datetime) -> None:
        """Drop old counts, of all tenants."""
        day = (now - KEPT).date()
        await self._session.execute(delete(RefusedCallRow).where(RefusedCallRow.day < day))
        await self._session.execute(delete(StrayCallRow).where(StrayCallRow.day < day))


@contextmanager
def _known() -> Iterator[None]:
    """Invalid for an agent or carrier account that the tenant does not have: the keys in the database say so."""
    try:
        yield
    except IntegrityError as error:
        name = error.orig.diag.constraint_name if isinstance(error.orig, ForeignKeyViolation) else None
        field = _KEYS.get(name or "")
        if field is None:
            raise
        raise Invalid("the number cannot be set up so", faults=(Fault(field, "no such thing"),)) from error


class NumberRepo(Repo):
    """One tenant's numbers."""

    async def add(self, **fields: Any) -> bool:  # noqa: ANN401 - columns
        """Make a number; False if its DID is somebody's, and nobody learns whose."""
        made = insert(NumberRow).values(tenant_id=self._tenant, **fields).on_conflict_do_nothing().returning(NumberRow.id)
        with _known():
            return (await self._session.execute(made)).first() is not None

    async def get(self, id: str, *, lock: bool = False) -> NumberView | None:
        """By id."""
        return await self._one(NumberRow.id == id, lock=lock)

    async def of_did(self, did: str) -> NumberView | None:
        """By DID (E.164)."""
        return await self._one(NumberRow.did == did)

    async def _one(self, which: ColumnElement[bool], *, lock: bool = False) -> NumberView | None:
        query = select(NumberRow).where(NumberRow.tenant_id == self._tenant, which).execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
        return NumberView.model_validate(row) if row else None

    async def page(self, limit: int, after: tuple[datetime, str] | None) -> list[NumberView]:
        """Numbers, newest first, from after a place in the list."""
        query = select(NumberRow).where(NumberRow.tenant_id == self._tenant)
        if after is not None:
            query = query.where(tuple_(NumberRow.created_at, NumberRow.id) < after)
        query = query.order_by(NumberRow.created_at.desc(), NumberRow.id.desc()).limit(limit)
        return [NumberView.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime | None = None) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": NumberRow.revision + 1, "updated_at": now or func.now()}
        with _known():
            await self._session.execute(update(NumberRow).where(NumberRow.tenant_id == self._tenant, NumberRow.id == id).values(values))

    async def delete(self, id: str) -> None:
        """Drop it; its DID is free from then on."""
        await self._session.execute(delete(NumberRow).where(NumberRow.tenant_id == self._tenant, NumberRow.id == id))

    async def with_account(self, account: str) -> int:
        """How many numbers belong to this carrier account."""
        query = select(func.count()).where(NumberRow.tenant_id == self._tenant, NumberRow.carrier_account_id == account)
        return (await self._session.execute(query)).scalar_one()

    async def with_trunk(self, trunk: str) -> int:
        """How many numbers come by this trunk."""
        query = select(func.count()).where(NumberRow.tenant_id == self._tenant, NumberRow.trunk_id == trunk)
        return (await self._session.execute(query)).scalar_one()

    async def refused(self, number: str, reason: str, now: datetime) -> None:
        """Count a call that was not taken."""
        row = {"tenant_id": self._tenant, "day": now.date(), "number_id": number, "reason": reason, "count": 1, "last_at": now}
        more = {"count": RefusedCallRow.count + 1, "last_at": now}
        keys = ["tenant_id", "day", "number_id", "reason"]
        await self._session.execute(insert(RefusedCallRow).values(row).on_conflict_do_update(index_elements=keys, set_=more))

    async def refused_on(self, now: datetime) -> dict[tuple[str, str], int]:
        """Calls that were not taken on this day, by number and reason."""
        query = select(RefusedCallRow.number_id, RefusedCallRow.reason, RefusedCallRow.count).where(
            RefusedCallRow.tenant_id == self._tenant, RefusedCallRow.day == now.date()
        )
        return {(number, reason): count for number, reason, count in await self._session.execute(query)}
