"""Reading and writing appointments."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.errors import Conflict
from offhook.orchestrator.bookings.schemas import Appointment, AppointmentEvent
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.bookings.tables import AppointmentChangeRow, AppointmentRow
from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.kit.among import among
from offhook.orchestrator.scope import Repo

TAKEN: Final = "that time has been taken"
_LETTERS: Final = "HJKLMRWXY"
"""Letters that are not taken for each other on a telephone."""
_VISIT: Final = AppointmentRow.status != "held"
_ALONE: Final = text("select pg_advisory_xact_lock(hashtextextended(:key, 0))")


class AppointmentRepo(Repo):
    """A tenant's appointments. Whoever writes has called ``alone`` first. Times that are held are no appointments yet."""

    async def alone(self) -> None:
        """Let writers of the tenant's diary wait for each other here, so that the constraint never ends in a deadlock."""
        await self._session.execute(_ALONE, {"key": f"diary\n{self._tenant}"})

    async def busy(self, start: datetime, end: datetime, now: datetime, call: str = "") -> list[Span]:
        """Booked spans that touch this time, and those held by others than this call."""
        held = and_(AppointmentRow.status == "held", AppointmentRow.held_until > now, AppointmentRow.held_by != call)
        rows = await self._session.execute(
            select(AppointmentRow.starts_at, AppointmentRow.ends_at, AppointmentRow.staff).where(
                AppointmentRow.tenant_id == self._tenant,
                or_(AppointmentRow.status == "booked", held),
                AppointmentRow.starts_at < end,
                AppointmentRow.ends_at > start,
            )
        )
        return [Span(row.starts_at, row.ends_at, row.staff) for row in rows]

    async def add(self, span: Span, now: datetime, **fields: Any) -> Appointment:  # noqa: ANN401 - columns
        """Book; Conflict when the table's constraint says that the time is taken."""
        return Appointment.model_validate(await self._insert(span, now, **fields))

    async def _insert(self, span: Span, now: datetime, **fields: Any) -> AppointmentRow:  # noqa: ANN401 - columns
        await self.let_go(before=now)
        for attempt in range(20):
            values = {
                "tenant_id": self._tenant,
                "id": new_id("apt", now),
                "ref": _ref(2 + attempt // 5),
                "staff": span.staff,
                "starts_at": span.start,
                "ends_at": span.end,
                "created_at": now,
                "updated_at": now,
                **fields,
            }
            put = insert(AppointmentRow).values(values).on_conflict_do_nothing().returning(AppointmentRow)
            row = (await self._session.execute(put)).scalar_one_or_none()
            if row is not None:
                return row
            if await self.taken(span):
                break
        raise Conflict(TAKEN)

    async def hold(self, span: Span, now: datetime, until: datetime, call: str, key: str) -> str:
        """Keep a time for a call; the row's id. Conflict."""
        held = {"status": "held", "held_until": until, "held_by": call, "held_key": key or None, "extras": {}}
        row = await self._insert(span, now, **held)
        return row.id

    async def held(self, span: Span, call: str, key: str) -> str | None:
        """What the call holds of exactly this time, or by this key."""
        query = select(AppointmentRow.id).where(
            AppointmentRow.tenant_id == self._tenant,
            AppointmentRow.status == "held",
            AppointmentRow.held_by == call,
            AppointmentRow.staff == span.staff,
            AppointmentRow.starts_at == span.start,
            AppointmentRow.ends_at == span.end,
        )
        if key:
            query = query.where(or_(AppointmentRow.held_key.is_(None), AppointmentRow.held_key == key))
        return (await self._session.execute(query.limit(1))).scalar_one_or_none()

    async def extend(self, id: str, until: datetime, key: str) -> None:
        """Hold it for longer, for this request of a tool."""
        change = update(AppointmentRow).where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.id == id)
        await self._session.execute(change.values(held_until=until, **({"held_key": key} if key else {})))

    async def book_held(self, id: str, now: datetime, **fields: Any) -> Appointment | None:  # noqa: ANN401 - columns
        """Make a visit of what is held; None if it is held no longer."""
        free = {"status": "booked", "held_until": None, "held_by": None, "held_key": None, "created_at": now, "updated_at": now}
        change = (
            update(AppointmentRow)
            .where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.id == id, AppointmentRow.status == "held")
            .values(**free, **fields)
            .returning(AppointmentRow)
            .execution_options(populate_existing=True)
        )
        row = (await self._session.execute(change)).scalar_one_or_none()
        return Appointment.model_validate(row) if row else None

    async def let_go(self, *, id: str = "", call: str = "", before: datetime | None = None) -> None:
        """Hold no longer: this one, what a call holds without a request under way, or what has lapsed."""
        which = [AppointmentRow.id == id] if id else []
        which += [AppointmentRow.held_by == call, AppointmentRow.held_key.is_(None)] if call else []
        which += [AppointmentRow.held_until <= before] if before else []
        if which:
            mine = (AppointmentRow.tenant_id == self._tenant, AppointmentRow.status == "held")
            await self._session.execute(delete(AppointmentRow).where(*mine, *which))

    async def change(self, id: str, now: datetime, fields: Mapping[str, Any]) -> Appointment:
        """Set columns of an appointment that is there; the revision goes up by one. Conflict when its new time is taken."""
        if fields.keys() & {"starts_at", "ends_at", "staff"}:
            await self.let_go(before=now)
            span = Span(fields["starts_at"], fields["ends_at"], fields["staff"])
            if await self.taken(span, apart_from=id):
                raise Conflict(TAKEN)
        change = (
            update(AppointmentRow)
            .where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.id == id)
            .values(**fields, revision=AppointmentRow.revision + 1, updated_at=now)
            .returning(AppointmentRow)
            .execution_options(populate_existing=True)
        )
        return Appointment.model_validate((await self._session.execute(change)).scalar_one())

    async def find(self, id: str, *, lock: bool = False) -> Appointment | None:
        """By id or ref."""
        query = select(AppointmentRow).where(
            AppointmentRow.tenant_id == self._tenant, _VISIT, or_(AppointmentRow.id == id, AppointmentRow.ref == id.upper())
        )
        query = query.execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
        return Appointment.model_validate(row) if row else None

    async def next_of(self, contact: str, now: datetime) -> Appointment | None:
        """A contact's next booked visit."""
        row = (
            await self._session.execute(
                select(AppointmentRow)
                .where(
                    AppointmentRow.tenant_id == self._tenant,
                    AppointmentRow.contact_id == contact,
                    AppointmentRow.status == "booked",
                    AppointmentRow.ends_at > now,
                )
                .order_by(AppointmentRow.starts_at)
                .limit(1)
            )
        ).scalar_one_or_none()
        return Appointment.model_validate(row) if row else None

    async def ahead(self, contacts: Collection[str], now: datetime) -> set[str]:
        """Those of these contacts who have a booked visit ahead."""
        query = select(AppointmentRow.contact_id).where(
            AppointmentRow.tenant_id == self._tenant,
            among(AppointmentRow.contact_id, contacts),
            AppointmentRow.status == "booked",
            AppointmentRow.ends_at > now,
        )
        return {str(one) for one in (await self._session.execute(query.distinct())).scalars()} if contacts else set()

    async def of_call(self, call: str) -> list[Appointment]:
        """Those that a call made."""
        return await self._latest(AppointmentRow.call_id == call, 100)

    async def of_contact(self, contact: str, limit: int) -> list[Appointment]:
        """A contact's, the latest first."""
        return await self._latest(AppointmentRow.contact_id == contact, limit)

    async def _latest(self, which: ColumnElement[bool], limit: int) -> list[Appointment]:
        query = select(AppointmentRow).where(AppointmentRow.tenant_id == self._tenant, _VISIT, which)
        query = query.order_by(AppointmentRow.starts_at.desc(), AppointmentRow.id.desc()).limit(limit)
        return [Appointment.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def page(
        self,
        limit: int,
        after: tuple[datetime, str] | None,
        *,
        since: datetime | None,
        until: datetime | None,
        staff: str | None,
        status: str | None,
        soonest: bool,
    ) -> list[Appointment]:
        """Appointments that begin in a window, in order of time."""
        query = select(AppointmentRow).where(AppointmentRow.tenant_id == self._tenant, _VISIT)
        place = tuple_(AppointmentRow.starts_at, AppointmentRow.id)
        if since is not None:
            query = query.where(AppointmentRow.starts_at >= since)
        if until is not None:
            query = query.where(AppointmentRow.starts_at < until)
        if staff is not None:
            query = query.where(AppointmentRow.staff == staff)
        if status is not None:
            query = query.where(AppointmentRow.status == status)
        if after is not None:
            query = query.where(place > after if soonest else place < after)
        ways = (AppointmentRow.starts_at, AppointmentRow.id)
        query = query.order_by(*(way.asc() if soonest else way.desc() for way in ways)).limit(limit)
        return [Appointment.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def move_contact(self, old: str, new: str, now: datetime) -> None:
        """Give all appointments of a contact to another."""
        await self._session.execute(
            update(AppointmentRow)
            .where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.contact_id == old)
            .values(contact_id=new, revision=AppointmentRow.revision + 1, updated_at=now)
        )

    async def forget_contact(self, contact: str, now: datetime) -> None:
        """Take what is personal out of a contact's appointments; the times stay in the diary."""
        blank: dict[str, Any] = {"contact_id": None, "name": "", "address": "", "problem": "", "extras": {}}
        await self._session.execute(
            update(AppointmentRow)
            .where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.contact_id == contact)
            .values(**blank, revision=AppointmentRow.revision + 1, updated_at=now)
        )

    async def forget_call(self, call: str) -> None:
        """No longer say by which call an appointment was made."""
        await self._session.execute(
            update(AppointmentRow).where(AppointmentRow.tenant_id == self._tenant, AppointmentRow.call_id == call).values(call_id=None)
        )

    async def write(self, made: Appointment, now: datetime, kind: str, by: By, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Add to the history."""
        row = {"tenant_id": self._tenant, "appointment_id": made.id, "revision": made.revision, "at": now, "kind": kind}
        values = {**row, "by_kind": by.kind, "by_id": by.id, "before": dict(before), "after": dict(after)}
        await self._session.execute(insert(AppointmentChangeRow).values(values))

    async def history(self, id: str) -> list[AppointmentEvent]:
        """What was done to it, in order."""
        query = (
            select(AppointmentChangeRow)
            .where(AppointmentChangeRow.tenant_id == self._tenant, AppointmentChangeRow.appointment_id == id)
            .order_by(AppointmentChangeRow.revision)
        )
        return [AppointmentEvent.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def makers(self, ids: Collection[str]) -> dict[str, str]:
        """Who made each of these: a kind of ``By``."""
        query = select(AppointmentChangeRow.appointment_id, AppointmentChangeRow.by_kind).where(
            AppointmentChangeRow.tenant_id == self._tenant,
            among(AppointmentChangeRow.appointment_id, ids),
            AppointmentChangeRow.kind == "created",
        )
        return {row[0]: row[1] for row in await self._session.execute(query)} if ids else {}

    async def taken(self, span: Span, apart_from: str = "") -> bool:
        """Whether this member of staff is booked, or held, at that time."""
        query = select(func.count()).where(
            AppointmentRow.tenant_id == self._tenant,
            AppointmentRow.staff == span.staff,
            AppointmentRow.status.in_(("booked", "held")),
            AppointmentRow.starts_at < span.end,
            AppointmentRow.ends_at > span.start,
            AppointmentRow.id != apart_from,
        )
        return bool((await self._session.execute(query)).scalar_one())


def _ref(digits: int) -> str:
    return secrets.choice(_LETTERS) + "".join(secrets.choice("123456789") for _ in range(digits))
