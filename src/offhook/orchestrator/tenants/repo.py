"""Reading and writing tenants."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from offhook.orchestrator.scope import PlatformRepo, Repo
from offhook.orchestrator.tenants.schemas import Business, Diary, Tenant
from offhook.orchestrator.tenants.tables import TenantRow

_SEEDED = {"name", "timezone", "region", "locale", "fallback_number", "diary"}


class TenantRepo(Repo):
    """One tenant's own record."""

    async def tenant(self) -> Tenant | None:
        """The tenant."""
        row = await self._session.get(TenantRow, self._tenant)
        return _tenant(row) if row else None

    async def renew(self, business: Business) -> None:
        """Bring the record to what the document says."""
        fields: dict[str, Any] = business.model_dump(mode="json", include=_SEEDED)
        await self._session.execute(update(TenantRow).where(TenantRow.id == self._tenant).values(**fields))


class Directory(PlatformRepo):
    """All tenants, for those who are asked before a tenant is known."""

    async def get(self, id: str) -> Tenant | None:
        """A tenant."""
        row = await self._session.get(TenantRow, id)
        return _tenant(row) if row else None

    async def make(self, business: Business, reseller: str) -> bool:
        """Make a tenant from its document; False if it is there."""
        if await self._session.get(TenantRow, business.id):
            return False
        fields: dict[str, Any] = business.model_dump(mode="json", include=_SEEDED)
        self._session.add(TenantRow(id=business.id, reseller_id=reseller, **fields))
        await self._session.flush()
        return True


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
