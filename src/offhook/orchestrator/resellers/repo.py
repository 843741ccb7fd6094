"""Reading and writing resellers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from offhook.orchestrator.resellers.schemas import Brand, ResellerView
from offhook.orchestrator.resellers.tables import ResellerRow
from offhook.orchestrator.scope import PlatformRepo, PlatformScope, ResellerScope

After = tuple[datetime, str] | None


class ResellerRecord:
    """One reseller's record, for itself or for the platform."""

    def __init__(self, scope: ResellerScope | PlatformScope, id: str) -> None:
        self._session = scope.session
        self._id = id

    async def get(self, *, lock: bool = False) -> ResellerView | None:
        """The reseller; ``lock`` keeps others from changing it."""
        query = select(ResellerRow).where(ResellerRow.id == self._id).execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update(key_share=True) if lock else query)).scalar_one_or_none()
        return _view(row) if row else None

    async def change(self, fields: Mapping[str, Any]) -> None:
        """Change these columns; a new revision."""
        query = update(ResellerRow).where(ResellerRow.id == self._id)
        await self._session.execute(query.values(**fields, revision=ResellerRow.revision + 1))


class Resellers(PlatformRepo):
    """All resellers."""

    async def add(self, id: str, name: str, brand: Brand, now: datetime) -> None:
        """Make one."""
        self._session.add(ResellerRow(id=id, name=name, settings=brand.model_dump(mode="json"), created_at=now))
        await self._session.flush()

    async def page(self, limit: int, after: After) -> list[ResellerView]:
        """The newest first."""
        query = select(ResellerRow)
        if after:
            query = query.where(tuple_(ResellerRow.created_at, ResellerRow.id) < after)
        rows = await self._session.execute(query.order_by(ResellerRow.created_at.desc(), ResellerRow.id.desc()).limit(limit))
        return [_view(row) for row in rows.scalars()]

    async def of_host(self, host: str) -> ResellerView | None:
        """Whose brand is shown under this name: of several that say so, the one that was there first."""
        query = select(ResellerRow).where(ResellerRow.settings.contains({"hosts": [host]})).order_by(ResellerRow.created_at, ResellerRow.id)
        row = (await self._session.execute(query.limit(1))).scalar_one_or_none()
        return _view(row) if row else None

    async def delete(self, id: str) -> bool:
        """Delete one; False if something still belongs to it."""
        try:
            async with self._session.begin_nested():
                await self._session.execute(delete(ResellerRow).where(ResellerRow.id == id))
        except IntegrityError:
            return False
        return True


def _view(row: ResellerRow) -> ResellerView:
    return ResellerView(
        id=row.id,
        name=row.name,
        state="suspended" if row.suspended else "active",
        brand=Brand.model_validate(row.settings),
        revision=row.revision,
        created_at=row.created_at,
    )
