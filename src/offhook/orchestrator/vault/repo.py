"""Reading and writing wrapped data keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.scope import PlatformRepo, PlatformScope, TenantScope
from offhook.orchestrator.vault.tables import DataKeyRow, PlatformDataKeyRow


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key as it is stored."""

    version: int
    kek_id: str
    wrapped: bytes


class KeyRepo:
    """The keys of one owner: a tenant, or the platform, which has a table of its own."""

    def __init__(self, scope: TenantScope | PlatformScope) -> None:
        self._session = scope.session
        self._owner: dict[str, str] = {"tenant_id": scope.tenant} if isinstance(scope, TenantScope) else {}
        self._table: type[DataKeyRow | PlatformDataKeyRow] = DataKeyRow if self._owner else PlatformDataKeyRow

    @property
    def _mine(self) -> list[Any]:
        return [getattr(self._table, name) == value for name, value in self._owner.items()]

    async def newest(self) -> Wrapped | None:
        """The key that seals."""
        found = await self._read(select(self._table).where(*self._mine).order_by(self._table.version.desc()).limit(1))
        return found[0] if found else None

    async def get(self, version: int) -> Wrapped | None:
        """One key."""
        found = await self._read(select(self._table).where(*self._mine, self._table.version == version))
        return found[0] if found else None

    async def wrapped_otherwise(self, kek_id: str) -> list[Wrapped]:
        """Keys that another master key wraps; locked."""
        return await self._read(select(self._table).where(*self._mine, self._table.kek_id != kek_id).with_for_update())

    async def add(self, key: Wrapped, now: datetime) -> None:
        """Store a key and retire those before; nothing if somebody was quicker."""
        row = {**self._owner, "version": key.version, "kek_id": key.kek_id, "wrapped": key.wrapped, "created_at": now}
        made = insert(self._table).values(row).on_conflict_do_nothing().returning(self._table.version)
        if (await self._session.execute(made)).first() is None:
            return
        older = update(self._table).where(*self._mine, self._table.version < key.version, self._table.retired_at.is_(None))
        await self._session.execute(older.values(retired_at=now))

    async def rewrap(self, key: Wrapped) -> None:
        """Store the same key under another master key."""
        query = update(self._table).where(*self._mine, self._table.version == key.version)
        await self._session.execute(query.values(kek_id=key.kek_id, wrapped=key.wrapped))

    async def shred(self) -> int:
        """Delete all of them."""
        return len((await self._session.execute(delete(self._table).where(*self._mine).returning(self._table.version))).all())

    async def _read(self, query: Any) -> list[Wrapped]:  # noqa: ANN401 - a select of either table
        rows = (await self._session.execute(query.execution_options(populate_existing=True))).scalars()
        return [Wrapped(row.version, row.kek_id, row.wrapped) for row in rows]


class KeyDirectory(PlatformRepo):
    """Whose keys are wrapped with what; no key itself."""

    async def owners(self, not_kek: str) -> list[str]:
        """Tenants with a key that another master key wraps."""
        query = select(DataKeyRow.tenant_id).where(DataKeyRow.kek_id != not_kek).distinct().order_by(DataKeyRow.tenant_id)
        return list((await self._session.execute(query)).scalars())

    async def counts(self) -> dict[str, int]:
        """How many keys each master key wraps, the platform's among them."""
        counts: dict[str, int] = {}
        for column in (DataKeyRow.kek_id, PlatformDataKeyRow.kek_id):
            for kek, count in await self._session.execute(select(column, func.count()).group_by(column)):
                counts[kek] = counts.get(kek, 0) + count
        return counts
