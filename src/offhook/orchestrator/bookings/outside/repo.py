"""Reading and writing what is known of other systems' calendars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.adapters.model import Busy
from offhook.orchestrator.bookings.outside.schemas import Copy
from offhook.orchestrator.bookings.outside.tables import BusyStateRow, BusyTimeRow, CopyRow
from offhook.orchestrator.bookings.tables import AppointmentRow
from offhook.orchestrator.scope import PlatformRepo, Repo


class Copies(Repo):
    """A tenant's visits in other systems."""

    async def of(self, appointment: str) -> list[Copy]:
        """One visit's, by connection."""
        query = select(CopyRow).where(CopyRow.tenant_id == self._tenant, CopyRow.appointment_id == appointment)
        query = query.order_by(CopyRow.connection_id).execution_options(populate_existing=True)
        return [Copy.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def row(self, appointment: str, connection: str) -> CopyRow | None:
        """One, which nobody else changes until the transaction ends."""
        query = select(CopyRow).where(*self._mine(appointment, connection)).with_for_update()
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    async def by_external(self, connection: str, external: str) -> CopyRow | None:
        """The one that the system knows by this id, locked."""
        query = select(CopyRow).where(
            CopyRow.tenant_id == self._tenant, CopyRow.connection_id == connection, CopyRow.external_id == external
        )
        query = query.order_by(CopyRow.appointment_id).limit(1).with_for_update()
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    async def put(self, appointment: str, connection: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Make it, or set these columns of it."""
        row = {"tenant_id": self._tenant, "appointment_id": appointment, "connection_id": connection, **fields}
        made = insert(CopyRow).values(row)
        await self._session.execute(made.on_conflict_do_update(constraint="pk_appointment_copy", set_=fields))

    async def set(self, appointment: str, connection: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns of one that is there."""
        await self._session.execute(update(CopyRow).where(*self._mine(appointment, connection)).values(**fields))

    async def wake(self, connection: str, now: datetime) -> int:
        """Have all that waits or was given up in a connection tried anew; how many."""
        change = (
            update(CopyRow)
            .where(CopyRow.tenant_id == self._tenant, CopyRow.connection_id == connection, CopyRow.state.in_(("waiting", "failed")))
            .values(state="waiting", next_at=now, waiting_since=now, attempts=0)
            .returning(CopyRow.appointment_id)
        )
        return len((await self._session.execute(change)).all())

    async def clashes(self, since: datetime, now: datetime, limit: int) -> list[Copy]:
        """Of booked visits ahead, those that another entry stands against or that could not be written; the newest first."""
        query = (
            select(CopyRow)
            .join(AppointmentRow, and_(AppointmentRow.tenant_id == CopyRow.tenant_id, AppointmentRow.id == CopyRow.appointment_id))
            .where(
                CopyRow.tenant_id == self._tenant,
                CopyRow.clash_at >= since,
                AppointmentRow.status == "booked",
                AppointmentRow.ends_at > now,
            )
            .order_by(CopyRow.clash_at.desc(), CopyRow.appointment_id)
            .limit(limit)
        )
        return [Copy.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    def _mine(self, appointment: str, connection: str) -> tuple[Any, ...]:
        mine = (CopyRow.appointment_id == appointment, CopyRow.connection_id == connection)
        return (CopyRow.tenant_id == self._tenant, *mine)


class BusyTimes(Repo):
    """When the calendars of a tenant's connections are not free, as far as is known."""

    async def foreign(self, connections: Collection[str], start: datetime, end: datetime) -> list[tuple[str, Busy]]:
        """What touches this time and is no visit of ours, with its connection."""
        if not connections:
            return []
        query = (
            select(BusyTimeRow)
            .outerjoin(
                CopyRow,
                and_(
                    CopyRow.tenant_id == BusyTimeRow.tenant_id,
                    CopyRow.connection_id == BusyTimeRow.connection_id,
                    CopyRow.external_id == BusyTimeRow.external_id,
                    CopyRow.external_id != "",
                ),
            )
            .where(
                BusyTimeRow.tenant_id == self._tenant,
                BusyTimeRow.connection_id.in_(connections),
                BusyTimeRow.starts_at < end,
                BusyTimeRow.ends_at > start,
                CopyRow.appointment_id.is_(None),
            )
        )
        rows = (await self._session.execute(query)).scalars()
        return [(row.connection_id, Busy(row.resource, row.starts_at, row.ends_at, row.external_id)) for row in rows]

    async def ours(self, connections: Collection[str], start: datetime, end: datetime) -> list[tuple[str, str, datetime, datetime]]:
        """Where visits of ours are written: connection, calendar and time. For calendars that do not say which entry is whose."""
        query = select(CopyRow.connection_id, CopyRow.resource, CopyRow.starts_at, CopyRow.ends_at).where(
            CopyRow.tenant_id == self._tenant,
            CopyRow.connection_id.in_(connections),
            CopyRow.state != "gone",
            CopyRow.starts_at < end,
            CopyRow.ends_at > start,
        )
        rows = await self._session.execute(query)
        return [(one, resource, start, end) for one, resource, start, end in rows if start is not None and end is not None]

    async def replace(self, connection: str, resources: Sequence[str], start: datetime, end: datetime, busy: Sequence[Busy]) -> None:
        """Between ``start`` and ``end`` these calendars are busy as given, and not otherwise; outside of it all stays as it was."""
        mine = (BusyTimeRow.tenant_id == self._tenant, BusyTimeRow.connection_id == connection, BusyTimeRow.resource.in_(resources))
        touching = (BusyTimeRow.starts_at < end, BusyTimeRow.ends_at > start)
        gone = await self._session.execute(
            delete(BusyTimeRow)
            .where(*mine, *touching)
            .returning(BusyTimeRow.resource, BusyTimeRow.starts_at, BusyTimeRow.ends_at, BusyTimeRow.external_id)
        )
        left: list[Busy] = []
        for resource, begins, ends, entry in gone:
            left += [Busy(resource, begins, start, entry)] if begins < start else []
            left += [Busy(resource, end, ends, entry)] if ends > end else []
        left += [
            Busy(one.resource, max(one.start, start), min(one.end, end), one.id) for one in busy if one.start < end and one.end > start
        ]
        rows = [
            {
                "tenant_id": self._tenant,
                "connection_id": connection,
                "resource": one.resource,
                "starts_at": one.start,
                "ends_at": one.end,
                "external_id": one.id,
            }
            for one in left
            if one.resource in resources and one.start < one.end
        ]
        for first in range(0, len(rows), 1_000):
            await self._session.execute(insert(BusyTimeRow).values(rows[first : first + 1_000]).on_conflict_do_nothing())

    async def forget(self, connection: str, apart_from: Collection[str], before: datetime) -> None:
        """Drop what has passed, and calendars that are no longer asked."""
        stale = or_(BusyTimeRow.resource.not_in(apart_from), BusyTimeRow.ends_at <= before)
        mine = (BusyTimeRow.tenant_id == self._tenant, BusyTimeRow.connection_id == connection)
        await self._session.execute(delete(BusyTimeRow).where(*mine, stale))

    async def state(self, connection: str) -> BusyStateRow | None:
        """When it was asked, locked."""
        query = select(BusyStateRow).where(BusyStateRow.tenant_id == self._tenant, BusyStateRow.connection_id == connection)
        query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def states(self) -> dict[str, datetime | None]:
        """When each connection's calendars were last asked."""
        query = select(BusyStateRow.connection_id, BusyStateRow.fetched_at).where(BusyStateRow.tenant_id == self._tenant)
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def put_state(self, connection: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns of when it was asked."""
        row = {"tenant_id": self._tenant, "connection_id": connection, **fields}
        made = insert(BusyStateRow).values(row)
        await self._session.execute(made.on_conflict_do_update(constraint="pk_busy_state", set_=fields))


class Due(PlatformRepo):
    """What is due, of all tenants."""

    async def writes(self, now: datetime, limit: int) -> list[tuple[str, str, str]]:
        """Tenant, visit and connection of what is to be written now and is not being written."""
        query = (
            select(CopyRow.tenant_id, CopyRow.appointment_id, CopyRow.connection_id)
            .where(CopyRow.state == "waiting", CopyRow.next_at <= now, or_(CopyRow.leased_until.is_(None), CopyRow.leased_until <= now))
            .order_by(CopyRow.next_at)
            .limit(limit)
        )
        return [(row[0], row[1], row[2]) for row in await self._session.execute(query)]

    async def asked(self) -> dict[tuple[str, str], datetime]:
        """When each connection is to be asked next."""
        query = select(BusyStateRow.tenant_id, BusyStateRow.connection_id, BusyStateRow.next_at)
        return {(row[0], row[1]): row[2] for row in await self._session.execute(query)}
