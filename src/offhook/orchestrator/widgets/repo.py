"""Reading and writing call buttons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.scope import PlatformRepo, Repo
from offhook.orchestrator.widgets.tables import WidgetRow


class WidgetDirectory(PlatformRepo):
    """The buttons of all tenants, by the key that stands in their pages."""

    async def find(self, key: str) -> tuple[str, str] | None:
        """Tenant and button of a key."""
        query = select(WidgetRow.tenant_id, WidgetRow.id).where(WidgetRow.key == key)
        row = (await self._session.execute(query)).first()
        return (row.tenant_id, row.id) if row else None


class WidgetRepo(Repo):
    """One tenant's buttons. Rows stay inside this domain."""

    async def add(self, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Make a button."""
        await self._session.execute(insert(WidgetRow).values(tenant_id=self._tenant, **fields))

    async def get(self, id: str, *, lock: bool = False) -> WidgetRow | None:
        """By id."""
        query = select(WidgetRow).where(WidgetRow.tenant_id == self._tenant, WidgetRow.id == id).execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def page(self, limit: int, after: tuple[datetime, str] | None, agent: str = "") -> list[WidgetRow]:
        """Buttons, newest first, from after a place in the list; those of one agent, or all."""
        query = select(WidgetRow).where(WidgetRow.tenant_id == self._tenant)
        if agent:
            query = query.where(WidgetRow.agent_id == agent)
        if after is not None:
            query = query.where(tuple_(WidgetRow.created_at, WidgetRow.id) < after)
        query = query.order_by(WidgetRow.created_at.desc(), WidgetRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": WidgetRow.revision + 1, "updated_at": now}
        await self._session.execute(update(WidgetRow).where(WidgetRow.tenant_id == self._tenant, WidgetRow.id == id).values(values))

    async def delete(self, id: str) -> None:
        """Drop it."""
        await self._session.execute(delete(WidgetRow).where(WidgetRow.tenant_id == self._tenant, WidgetRow.id == id))
