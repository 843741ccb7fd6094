"""Reading and writing tenants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, tuple_, update

from offhook.orchestrator.scope import PlatformRepo, PlatformScope, Repo, ResellerRepo, ResellerScope
from offhook.orchestrator.tenants.schemas import Business, Diary, ErasureView, Tenant, TenantView
from offhook.orchestrator.tenants.tables import ErasureRow, TenantRow

_SEEDED = {"name", "timezone", "region", "locale", "fallback_number", "diary"}
After = tuple[datetime, str] | None
"""Where the page before ended."""


def subject(tenant: str) -> str:
    """What a tenant is called where its own name must not be: a hash of its id, which is random (80 bits)."""
    return hashlib.sha256(b"offhook tenant\0" + tenant.encode()).hexdigest()


class TenantRepo(Repo):
    """One tenant's own record. One that is being erased is there for nobody."""

    async def tenant(self) -> Tenant | None:
        """The tenant."""
        row = await self._row()
        return _tenant(row) if row else None

    async def view(self, *, lock: bool = False) -> TenantView | None:
        """The tenant as it is shown; ``lock`` keeps others from changing it."""
        row = await self._row(lock=lock)
        return view(row) if row else None

    async def change(self, fields: Mapping[str, Any]) -> None:
        """Change these columns; a new revision."""
        await self._session.execute(update(TenantRow).where(TenantRow.id == self._tenant).values(**fields, revision=TenantRow.revision + 1))

    async def renew(self, business: Business) -> None:
        """Bring the record to what the document says."""
        fields: dict[str, Any] = business.model_dump(mode="json", include=_SEEDED)
        await self._session.execute(update(TenantRow).where(TenantRow.id == self._tenant).values(**fields))

    async def _row(self, *, lock: bool = False) -> TenantRow | None:
        query = select(TenantRow).where(TenantRow.id == self._tenant, TenantRow.erasing_at.is_(None))
        query = query.with_for_update(key_share=True) if lock else query
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


class Portfolio(ResellerRepo):
    """A reseller's tenants: their records, none of their data."""

    async def add(self, id: str, now: datetime, fields: Mapping[str, Any]) -> TenantView:
        """Make a tenant."""
        row = TenantRow(id=id, reseller_id=self._reseller, created_at=now, suspended=False, revision=1, **fields)
        self._session.add(row)
        await self._session.flush()
        return view(row)

    async def get(self, id: str, *, lock: bool = True) -> TenantView | None:
        """A tenant; ``lock`` keeps others from changing it."""
        query = select(TenantRow).where(TenantRow.id == id, TenantRow.reseller_id == self._reseller, TenantRow.erasing_at.is_(None))
        query = query.with_for_update(key_share=True) if lock else query
        row = (await self._session.execute(query.execution_options(populate_existing=True))).scalar()
        return view(row) if row else None

    async def change(self, id: str, fields: Mapping[str, Any]) -> None:
        """Change these columns; a new revision."""
        query = update(TenantRow).where(TenantRow.id == id, TenantRow.reseller_id == self._reseller)
        await self._session.execute(query.values(**fields, revision=TenantRow.revision + 1))

    async def page(self, limit: int, after: After) -> list[TenantView]:
        """Its tenants, the newest first."""
        return await _page(self._session, select(TenantRow).where(TenantRow.reseller_id == self._reseller), limit, after)


class Directory(PlatformRepo):
    """All tenants, for those who are asked before a tenant is known."""

    async def every(self) -> list[str]:
        """All ids."""
        return list((await self._session.execute(select(TenantRow.id).order_by(TenantRow.id))).scalars())

    async def get(self, id: str) -> Tenant | None:
        """A tenant; None for one that is being erased."""
        row = await self._session.get(TenantRow, id)
        return _tenant(row) if row and row.erasing_at is None else None

    async def make(self, business: Business, reseller: str) -> bool:
        """Make a tenant from its document; False if it is there."""
        if await self._session.get(TenantRow, business.id):
            return False
        fields: dict[str, Any] = business.model_dump(mode="json", include=_SEEDED)
        self._session.add(TenantRow(id=business.id, reseller_id=reseller, **fields))
        await self._session.flush()
        return True

    async def page(self, everywhere: bool, resellers: Sequence[str], tenants: Sequence[str], limit: int, after: After) -> list[TenantView]:
        """Tenants of these resellers, and these tenants, the newest first."""
        query = select(TenantRow)
        if not everywhere:
            query = query.where(or_(TenantRow.reseller_id.in_(resellers), TenantRow.id.in_(tenants)))
        return await _page(self._session, query, limit, after)

    async def locked(self, id: str) -> TenantView | None:
        """A tenant that nobody else changes until the transaction ends."""
        query = select(TenantRow).where(TenantRow.id == id, TenantRow.erasing_at.is_(None)).with_for_update(key_share=True)
        row = (await self._session.execute(query.execution_options(populate_existing=True))).scalar()
        return view(row) if row else None

    async def move(self, id: str, reseller: str) -> None:
        """Give a tenant to another reseller."""
        query = update(TenantRow).where(TenantRow.id == id)
        await self._session.execute(query.values(reseller_id=reseller, revision=TenantRow.revision + 1))


class Certificates:
    """Certificates of erasure: all of them for the platform, a reseller's own for it."""

    def __init__(self, scope: PlatformScope | ResellerScope) -> None:
        self._session = scope.session
        self._mine = [ErasureRow.reseller_id == scope.reseller] if isinstance(scope, ResellerScope) else []

    async def get(self, id: str) -> ErasureView | None:
        """One."""
        row = (await self._session.execute(select(ErasureRow).where(ErasureRow.id == id, *self._mine))).scalar_one_or_none()
        return ErasureView.model_validate(row) if row else None

    async def page(self, limit: int, after: After) -> list[ErasureView]:
        """The newest first."""
        query = select(ErasureRow).where(*self._mine)
        if after:
            query = query.where(tuple_(ErasureRow.requested_at, ErasureRow.id) < after)
        rows = await self._session.execute(query.order_by(ErasureRow.requested_at.desc(), ErasureRow.id.desc()).limit(limit))
        return [ErasureView.model_validate(row) for row in rows.scalars()]


async def _page(session: Any, query: Select[Any], limit: int, after: After) -> list[TenantView]:  # noqa: ANN401 - any scope's session
    query = query.where(TenantRow.erasing_at.is_(None))
    if after:
        query = query.where(tuple_(TenantRow.created_at, TenantRow.id) < after)
    rows = await session.execute(query.order_by(TenantRow.created_at.desc(), TenantRow.id.desc()).limit(limit))
    return [view(row) for row in rows.scalars()]


def view(row: TenantRow) -> TenantView:
    """A row as it is shown."""
    return TenantView(
        id=row.id,
        reseller_id=row.reseller_id,
        name=row.name,
        timezone=row.timezone,
        region=row.region,
        locale=row.locale,
        fallback_number=row.fallback_number,
        retention_days=row.retention_days,
        diary=Diary.model_validate(row.diary),
        max_calls=row.max_calls,
        state="suspended" if row.suspended else "active",
        revision=row.revision,
        created_at=row.created_at,
        subject=subject(row.id),
    )


def _tenant(row: TenantRow) -> Tenant:
    return Tenant(
        id=row.id,
        reseller_id=row.reseller_id,
        name=row.name,
        timezone=row.timezone,
        region=row.region,
        locale=row.locale,
        fallback_number=row.fallback_number,
        suspended=row.suspended,
        diary=Diary.model_validate(row.diary),
    )
