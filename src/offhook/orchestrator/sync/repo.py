"""Reading and writing copies of business systems."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.adapters.model import Appointment, Customer, Job, Money
from offhook.orchestrator.scope import PlatformRepo, Repo, TenantScope
from offhook.orchestrator.sync.schemas import OutsideCustomer, OutsideJob, OutsideVisit
from offhook.orchestrator.sync.tables import HeardRow, OutsideCustomerRow, OutsideJobRow, OutsidePhoneRow, OutsideVisitRow, SyncRow

Table = type[OutsideCustomerRow] | type[OutsideJobRow] | type[OutsideVisitRow]
BATCH: Final = 500
"""Customers that are written at once."""
COPIES: tuple[Table, ...] = (OutsideCustomerRow, OutsideJobRow, OutsideVisitRow)


class Syncs(PlatformRepo):
    """Whose reading is due."""

    async def due(self, now: datetime, limit: int = 500) -> list[tuple[str, str]]:
        """Tenants and connections, the longest due first."""
        free = or_(SyncRow.leased_until.is_(None), SyncRow.leased_until <= now)
        query = select(SyncRow.tenant_id, SyncRow.connection_id).where(SyncRow.due_at <= now, free)
        return [(row[0], row[1]) for row in await self._session.execute(query.order_by(SyncRow.due_at).limit(limit))]


class SyncRepo(Repo):
    """How far one connection has been read, and what that brought."""

    def __init__(self, scope: TenantScope, connection: str) -> None:
        super().__init__(scope)
        self._connection = connection

    def _mine(self, table: Any) -> list[Any]:  # noqa: ANN401 - a table class
        return [table.tenant_id == self._tenant, table.connection_id == self._connection]

    def _keys(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
        return {"tenant_id": self._tenant, "connection_id": self._connection, **more}

    # how far

    async def begin(self, due: datetime) -> None:
        """Have it read from ``due`` on; changes nothing where it is read already."""
        await self._session.execute(insert(SyncRow).values(self._keys(due_at=due)).on_conflict_do_nothing())

    async def lock(self) -> SyncRow | None:
        """The reading, kept from others until the transaction ends."""
        query = select(SyncRow).where(*self._mine(SyncRow)).with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def state(self) -> SyncRow | None:
        """The reading as it is."""
        query = select(SyncRow).where(*self._mine(SyncRow)).execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def put(self, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns of the reading."""
        await self._session.execute(update(SyncRow).where(*self._mine(SyncRow)).values(fields))

    async def heard(self, message: str, now: datetime, kept: timedelta) -> bool:
        """Take a message of the system; False where it was taken before. Those older than ``kept`` are forgotten."""
        await self._session.execute(delete(HeardRow).where(*self._mine(HeardRow), HeardRow.at < now - kept))
        made = insert(HeardRow).values(self._keys(id=message, at=now)).on_conflict_do_nothing().returning(HeardRow.id)
        return (await self._session.execute(made)).first() is not None

    async def drop(self) -> None:
        """Forget all of it."""
        for table in (SyncRow, HeardRow, *COPIES):
            await self._session.execute(delete(table).where(*self._mine(table)))

    # what it brought

    async def customers(self, some: Sequence[Customer], now: datetime, lap: int) -> None:
        """Keep customers and their numbers."""
        for at in range(0, len(some), BATCH):
            await self._customers({one.id: one for one in some[at : at + BATCH]}, now, lap)

    async def _customers(self, some: Mapping[str, Customer], now: datetime, lap: int) -> None:
        rows = []
        for key, one in some.items():
            told = {"name": one.name, "email": one.email, "address": one.address, "url": linked(one.url)}
            rows.append(self._keys(id=key, read_at=now, lap=lap, currency="", **told))
        put = insert(OutsideCustomerRow).values(rows)
        fields = {name: put.excluded[name] for name in ("name", "email", "address", "url", "read_at", "lap")}
        await self._session.execute(put.on_conflict_do_update(index_elements=["tenant_id", "connection_id", "id"], set_=fields))
        await self._session.execute(delete(OutsidePhoneRow).where(*self._mine(OutsidePhoneRow), OutsidePhoneRow.customer_id.in_(some)))
        phones = {(phone, key) for key, one in some.items() for phone in one.phones if phone.startswith("+")}
        if phones:
            named = [self._keys(phone=phone, customer_id=key) for phone, key in sorted(phones)]
            await self._session.execute(insert(OutsidePhoneRow).values(named))

    async def asked(self, customer: str, now: datetime, balance: Money | None) -> None:
        """Keep what was asked of one customer beyond what changes bring."""
        owed = {"balance": balance.amount, "currency": balance.currency} if balance else {"balance": None, "currency": ""}
        mine = [*self._mine(OutsideCustomerRow), OutsideCustomerRow.id == customer]
        await self._session.execute(update(OutsideCustomerRow).where(*mine).values(asked_at=now, **owed))

    async def only_jobs(self, customer: str, jobs: Collection[str]) -> None:
        """Drop a customer's jobs but for these."""
        mine = [*self._mine(OutsideJobRow), OutsideJobRow.customer_id == customer]
        await self._session.execute(delete(OutsideJobRow).where(*mine, OutsideJobRow.id.not_in(jobs)))

    async def job(self, one: Job, now: datetime, lap: int) -> None:
        """Keep an open job; drop one that is done."""
        if not one.open:
            await self.gone(OutsideJobRow, one.id)
            return
        fields: dict[str, Any] = {"customer_id": one.customer, "title": one.title, "status": one.status, "url": linked(one.url)}
        fields |= {"changed_at": one.updated_at or now, "lap": lap}
        put = insert(OutsideJobRow).values(self._keys(id=one.id, **fields))
        await self._session.execute(put.on_conflict_do_update(index_elements=["tenant_id", "connection_id", "id"], set_=fields))

    async def visit(self, one: Appointment, now: datetime, lap: int) -> None:
        """Keep a visit that lies ahead; drop any other."""
        if one.cancelled or one.end <= now:
            await self.gone(OutsideVisitRow, one.id)
            return
        fields: dict[str, Any] = {"customer_id": one.customer, "job_id": one.job, "title": one.title, "url": linked(one.url)}
        fields |= {"starts_at": one.start, "ends_at": one.end, "lap": lap}
        put = insert(OutsideVisitRow).values(self._keys(id=one.id, **fields))
        await self._session.execute(put.on_conflict_do_update(index_elements=["tenant_id", "connection_id", "id"], set_=fields))

    async def gone(self, table: Table, id: str) -> None:
        """Drop a copy."""
        await self._session.execute(delete(table).where(*self._mine(table), table.id == id))

    async def not_seen(self, lap: int) -> list[str]:
        """Drop what this whole reading did not bring; the ids of visits among it."""
        dropped: list[str] = []
        for table in COPIES:
            query = delete(table).where(*self._mine(table), table.lap < lap).returning(table.id)
            ids = [row[0] for row in await self._session.execute(query)]
            dropped = ids if table is OutsideVisitRow else dropped
        return dropped


class Known(Repo):
    """What all connections of a tenant know of somebody."""

    async def by_phone(self, phone: str, connection: str | None = None) -> list[OutsideCustomer]:
        """Whose number this is, each connection's."""
        query = (
            select(OutsideCustomerRow)
            .join(
                OutsidePhoneRow,
                (OutsidePhoneRow.tenant_id == OutsideCustomerRow.tenant_id)
                & (OutsidePhoneRow.connection_id == OutsideCustomerRow.connection_id)
                & (OutsidePhoneRow.customer_id == OutsideCustomerRow.id),
            )
            .where(OutsidePhoneRow.tenant_id == self._tenant, OutsidePhoneRow.phone == phone)
            .order_by(OutsideCustomerRow.connection_id, OutsideCustomerRow.id)
        )
        if connection is not None:
            query = query.where(OutsidePhoneRow.connection_id == connection)
        return [OutsideCustomer.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def asked_before(self, moment: datetime, limit: int) -> list[OutsideCustomer]:
        """Those of whom systems were asked, and not since then; the longest ago first."""
        query = select(OutsideCustomerRow).where(OutsideCustomerRow.tenant_id == self._tenant, OutsideCustomerRow.asked_at < moment)
        rows = (await self._session.execute(query.order_by(OutsideCustomerRow.asked_at).limit(limit))).scalars()
        return [OutsideCustomer.model_validate(row) for row in rows]

    async def jobs(self, customers: Sequence[OutsideCustomer]) -> list[OutsideJob]:
        """Their open jobs, the newest first."""
        query = select(OutsideJobRow).where(OutsideJobRow.tenant_id == self._tenant, _theirs(OutsideJobRow, customers))
        rows = (await self._session.execute(query.order_by(OutsideJobRow.changed_at.desc(), OutsideJobRow.id).limit(50))).scalars()
        return [OutsideJob.model_validate(row) for row in rows]

    async def visits(self, customers: Sequence[OutsideCustomer], jobs: Collection[OutsideJob], now: datetime) -> list[OutsideVisit]:
        """Their visits that lie ahead, the next first: those in their own name, and those of their jobs."""
        of_jobs = [(OutsideVisitRow.connection_id == job.connection_id) & (OutsideVisitRow.job_id == job.id) for job in jobs]
        whose = or_(_theirs(OutsideVisitRow, customers), *of_jobs)
        query = select(OutsideVisitRow).where(OutsideVisitRow.tenant_id == self._tenant, OutsideVisitRow.starts_at > now, whose)
        rows = (await self._session.execute(query.order_by(OutsideVisitRow.starts_at, OutsideVisitRow.id).limit(20))).scalars()
        return [OutsideVisit.model_validate(row) for row in rows]


def linked(url: str) -> str:
    """An address that a page may link to; empty for any other, whatever a system says."""
    return url[:2_000] if url.startswith("https://") else ""


def _theirs(table: type[OutsideJobRow] | type[OutsideVisitRow], customers: Sequence[OutsideCustomer]) -> Any:  # noqa: ANN401 - a clause
    return or_(False, *((table.connection_id == one.connection_id) & (table.customer_id == one.id) for one in customers))
