"""Reading and writing appointments."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from offhook.errors import Conflict
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.bookings.tables import AppointmentRow
from offhook.orchestrator.scope import Repo

_LETTERS: Final = "HJKLMRWXY"
"""Letters that are not taken for each other on a telephone."""


class AppointmentRepo(Repo):
    """A tenant's appointments."""

    async def busy(self, start: datetime, end: datetime) -> list[Span]:
        """Booked spans that touch this time."""
        rows = await self._session.execute(
            select(AppointmentRow.starts_at, AppointmentRow.ends_at, AppointmentRow.staff).where(
                AppointmentRow.tenant_id == self._tenant,
                AppointmentRow.status == "booked",
                AppointmentRow.starts_at < end,
                AppointmentRow.ends_at > start,
            )
        )
        return [Span(row.starts_at, row.ends_at, row.staff) for row in rows]

    async def add(self, span: Span, **fields: Any) -> Appointment:  # noqa: ANN401 - columns
        """Book; Conflict when the table's constraint says that the time is taken."""
        await self._hold(span.staff)
        for attempt in range(20):
            values = {
                "tenant_id": self._tenant,
                "id": secrets.token_hex(8),
                "ref": _ref(2 + attempt // 5),
                "staff": span.staff,
                "starts_at": span.start,
                "ends_at": span.end,
                **fields,
            }
            put = insert(AppointmentRow).values(values).on_conflict_do_nothing().returning(AppointmentRow)
            row = (await self._session.execute(put)).scalar_one_or_none()
            if row is not None:
                return Appointment.model_validate(row)
            if await self._taken(span):
                break
        raise Conflict("that time has been taken")

    async def move(self, id: str, span: Span) -> Appointment | None:
        """Move a booked appointment, by id or ref; Conflict when the time is taken, None when there is none such."""
        await self._hold(span.staff)
        found = await self.find(id)
        if found is None or found.status != "booked":
            return None
        if await self._taken(span, apart_from=found.id):
            raise Conflict("that time has been taken")
        change = (
            update(AppointmentRow)
            .where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.id == found.id)
            .values(staff=span.staff, starts_at=span.start, ends_at=span.end)
            .returning(AppointmentRow)
            .execution_options(populate_existing=True)
        )
        return Appointment.model_validate((await self._session.execute(change)).scalar_one())

    async def cancel(self, id: str) -> Appointment | None:
        """Cancel by id or ref; harmless when it is cancelled already; None when there is none such."""
        found = await self.find(id)
        if found is None:
            return None
        change = (
            update(AppointmentRow)
            .where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.id == found.id)
            .values(status="cancelled")
            .returning(AppointmentRow)
            .execution_options(populate_existing=True)
        )
        return Appointment.model_validate((await self._session.execute(change)).scalar_one())

    async def find(self, id: str) -> Appointment | None:
        """By id or ref."""
        row = (
            await self._session.execute(
                select(AppointmentRow).where(
                    AppointmentRow.tenant_id == self._tenant, or_(AppointmentRow.id == id, AppointmentRow.ref == id.upper())
                )
            )
        ).scalar_one_or_none()
        return Appointment.model_validate(row) if row else None

    async def next_of(self, customer: str, now: datetime) -> Appointment | None:
        """A customer's next booked visit."""
        row = (
            await self._session.execute(
                select(AppointmentRow)
                .where(
                    AppointmentRow.tenant_id == self._tenant,
                    AppointmentRow.customer_id == customer,
                    AppointmentRow.status == "booked",
                    AppointmentRow.ends_at > now,
                )
                .order_by(AppointmentRow.starts_at)
                .limit(1)
            )
        ).scalar_one_or_none()
        return Appointment.model_validate(row) if row else None

    async def latest(self, call: str | None = None, limit: int = 100) -> list[Appointment]:
        """The latest, or those that a call made."""
        query = (
            select(AppointmentRow).where(AppointmentRow.tenant_id == self._tenant).order_by(AppointmentRow.starts_at.desc()).limit(limit)
        )
        if call is not None:
            query = query.where(AppointmentRow.call_id == call)
        return [Appointment.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def forget_call(self, call: str) -> None:
        """Drop the reference to a call."""
        mine = update(AppointmentRow).where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.call_id == call)
        await self._session.execute(mine.values(call_id=""))

    async def _hold(self, staff: str) -> None:
        """Let writers of one person's diary wait for each other here, so that the constraint never ends in a deadlock."""
        await self._session.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{self._tenant}\n{staff}"})

    async def _taken(self, span: Span, apart_from: str = "") -> bool:
        query = select(func.count()).where(
            AppointmentRow.tenant_id == self._tenant,
            AppointmentRow.staff == span.staff,
            AppointmentRow.status == "booked",
            AppointmentRow.starts_at < span.end,
            AppointmentRow.ends_at > span.start,
            AppointmentRow.id != apart_from,
        )
        return bool((await self._session.execute(query)).scalar_one())


def _ref(digits: int) -> str:
    return secrets.choice(_LETTERS) + "".join(secrets.choice("123456789") for _ in range(digits))
