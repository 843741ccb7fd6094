"""Reading and writing calls that we place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.outgoing.tables import AttemptRow, ConsentRow, DoNotCallRow, OutgoingRow, SettingRow
from offhook.orchestrator.scope import PlatformRepo, Repo


class OutgoingRepo(Repo):
    """One tenant's calls out."""

    async def add(self, **fields: Any) -> bool:  # noqa: ANN401 - columns
        """Keep a call; False if there is one already that it is the only one for."""
        made = insert(OutgoingRow).values(tenant_id=self._tenant, **fields).on_conflict_do_nothing().returning(OutgoingRow.id)
        return (await self._session.execute(made)).first() is not None

    async def get(self, id: str, *, lock: bool = False) -> OutgoingRow | None:
        """By id."""
        query = select(OutgoingRow).where(OutgoingRow.tenant_id == self._tenant, OutgoingRow.id == id)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def of_carrier(self, carrier_call: str) -> OutgoingRow | None:
        """By the carrier's id of its call."""
        query = select(OutgoingRow).where(OutgoingRow.tenant_id == self._tenant, OutgoingRow.carrier_call == carrier_call)
        return (await self._session.execute(query.with_for_update())).scalar_one_or_none()

    async def of_call(self, call: str) -> OutgoingRow | None:
        """By the call's own record."""
        query = select(OutgoingRow).where(OutgoingRow.tenant_id == self._tenant, OutgoingRow.call_id == call)
        return (await self._session.execute(query.with_for_update())).scalar_one_or_none()

    async def once(self, once: str) -> OutgoingRow | None:
        """The one for this."""
        query = select(OutgoingRow).where(OutgoingRow.tenant_id == self._tenant, OutgoingRow.once == once)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def page(self, limit: int, after: tuple[datetime, str] | None, state: str | None) -> list[OutgoingRow]:
        """Newest first, from after a place in the list."""
        query = select(OutgoingRow).where(OutgoingRow.tenant_id == self._tenant)
        if state is not None:
            query = query.where(OutgoingRow.state == state)
        if after is not None:
            query = query.where(tuple_(OutgoingRow.created_at, OutgoingRow.id) < after)
        query = query.order_by(OutgoingRow.created_at.desc(), OutgoingRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def change(self, id: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns."""
        here = (OutgoingRow.tenant_id == self._tenant, OutgoingRow.id == id)
        await self._session.execute(update(OutgoingRow).where(*here).values(**fields))

    async def waiting_for(self, phone: str) -> list[str]:
        """Calls to this number that have not been begun."""
        mine = (OutgoingRow.tenant_id == self._tenant, OutgoingRow.to == phone, OutgoingRow.state == "waiting")
        return list((await self._session.execute(select(OutgoingRow.id).where(*mine).with_for_update())).scalars())

    async def forget(self, contact: str) -> None:
        """Drop the calls to a contact who is no more."""
        await self._session.execute(delete(OutgoingRow).where(OutgoingRow.tenant_id == self._tenant, OutgoingRow.contact_id == contact))

    async def begin(self, id: str, n: int, now: datetime) -> None:
        """Keep an attempt before the carrier is asked."""
        row = {"tenant_id": self._tenant, "outgoing_id": id, "n": n, "asked_at": now}
        await self._session.execute(insert(AttemptRow).values(row))

    async def attempt(self, id: str, n: int, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Write down what came of it."""
        here = (AttemptRow.tenant_id == self._tenant, AttemptRow.outgoing_id == id, AttemptRow.n == n)
        await self._session.execute(update(AttemptRow).where(*here).values(**fields))

    async def attempts(self, id: str) -> list[AttemptRow]:
        """In their order."""
        query = select(AttemptRow).where(AttemptRow.tenant_id == self._tenant, AttemptRow.outgoing_id == id).order_by(AttemptRow.n)
        return list((await self._session.execute(query)).scalars())

    async def setting(self, *, lock: bool = False) -> SettingRow:
        """How the tenant places calls."""
        await self._session.execute(insert(SettingRow).values(tenant_id=self._tenant).on_conflict_do_nothing())
        query = select(SettingRow).where(SettingRow.tenant_id == self._tenant).execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one()

    async def set(self, fields: Mapping[str, Any]) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": SettingRow.revision + 1}
        await self._session.execute(update(SettingRow).where(SettingRow.tenant_id == self._tenant).values(values))


class Lists(Repo):
    """Who may be rung, and who may not."""

    async def find(self, phone: str) -> DoNotCallRow | None:
        """A number on the list."""
        query = select(DoNotCallRow).where(DoNotCallRow.tenant_id == self._tenant, DoNotCallRow.phone == phone)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def bar(self, phone: str, why: str, by: str, now: datetime) -> bool:
        """Put it on the list; False if it is there."""
        row = {"tenant_id": self._tenant, "phone": phone, "why": why, "by": by, "at": now}
        made = insert(DoNotCallRow).values(row).on_conflict_do_nothing().returning(DoNotCallRow.phone)
        return (await self._session.execute(made)).first() is not None

    async def unbar(self, phone: str) -> bool:
        """Take it off; False if it was not there."""
        gone = delete(DoNotCallRow).where(DoNotCallRow.tenant_id == self._tenant, DoNotCallRow.phone == phone)
        return (await self._session.execute(gone.returning(DoNotCallRow.phone))).first() is not None

    async def list(self, limit: int, after: str | None) -> list[DoNotCallRow]:
        """By number."""
        query = select(DoNotCallRow).where(DoNotCallRow.tenant_id == self._tenant)
        if after is not None:
            query = query.where(DoNotCallRow.phone > after)
        return [*(await self._session.execute(query.order_by(DoNotCallRow.phone).limit(limit))).scalars()]

    async def consent(self, phone: str) -> ConsentRow | None:
        """Whether this number's holder has agreed."""
        query = select(ConsentRow).where(ConsentRow.tenant_id == self._tenant, ConsentRow.phone == phone)
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    async def consents(self, limit: int, after: str | None) -> Sequence[ConsentRow]:
        """By number."""
        query = select(ConsentRow).where(ConsentRow.tenant_id == self._tenant)
        if after is not None:
            query = query.where(ConsentRow.phone > after)
        return [*(await self._session.execute(query.order_by(ConsentRow.phone).limit(limit))).scalars()]

    async def agree(self, phone: str, how: str, by: str, now: datetime) -> None:
        """Keep a consent in place of an older one."""
        row = {"how": how, "by": by, "given_at": now}
        made = insert(ConsentRow).values(tenant_id=self._tenant, phone=phone, **row)
        await self._session.execute(made.on_conflict_do_update(index_elements=["tenant_id", "phone"], set_=row))

    async def withdraw(self, phone: str) -> bool:
        """The consent is withdrawn; False if there was none."""
        gone = delete(ConsentRow).where(ConsentRow.tenant_id == self._tenant, ConsentRow.phone == phone)
        return (await self._session.execute(gone.returning(ConsentRow.phone))).first() is not None


class Due(PlatformRepo):
    """What is due, of all tenants."""

    async def calls(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Calls that somebody has to look at."""
        query = select(OutgoingRow.tenant_id, OutgoingRow.id).where(OutgoingRow.next_at <= now).order_by(OutgoingRow.next_at).limit(limit)
        return [(row.tenant_id, row.id) for row in await self._session.execute(query)]

    async def reminding(self) -> list[str]:
        """Tenants that remind people of their visits."""
        query = select(SettingRow.tenant_id).where(SettingRow.reminder_hours.is_not(None))
        return list((await self._session.execute(query)).scalars())

    async def sweep(self, before: datetime) -> None:
        """Drop calls that ended before this."""
        await self._session.execute(delete(OutgoingRow).where(OutgoingRow.ended_at < before))
