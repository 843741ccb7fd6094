"""The keys of one tenant or of one reseller."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from offhook.orchestrator.keys.tables import ApiKeyRow
from offhook.orchestrator.scope import ResellerScope, TenantScope


class Ring:
    """Keys of one tenant or one reseller, in its own transaction. Every query names it."""

    def __init__(self, scope: TenantScope | ResellerScope) -> None:
        self._session = scope.session
        self.tenant = scope.tenant if isinstance(scope, TenantScope) else None
        self.reseller = scope.reseller if isinstance(scope, ResellerScope) else None

    @property
    def columns(self) -> dict[str, str | None]:
        """Whose keys, as a row says it."""
        return {"level": "tenant" if self.tenant else "reseller", "tenant_id": self.tenant, "reseller_id": self.reseller}

    @property
    def _kept(self) -> ColumnElement[bool]:
        owner = ApiKeyRow.tenant_id == self.tenant if self.tenant else ApiKeyRow.reseller_id == self.reseller
        return and_(owner, ApiKeyRow.level == self.columns["level"], ApiKeyRow.revoked_at.is_(None))

    async def count(self, now: datetime) -> int:
        """Keys that are in force."""
        alive = or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now)
        return (await self._session.execute(select(func.count()).where(self._kept, alive))).scalar_one()

    async def add(self, row: ApiKeyRow) -> None:
        """A new key."""
        self._session.add(row)
        await self._session.flush()

    async def newest(self, limit: int, after: str | None) -> list[ApiKeyRow]:
        """Keys that nobody has revoked, the newest first; those that are over among them."""
        query = select(ApiKeyRow).where(self._kept).order_by(ApiKeyRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(ApiKeyRow.id < after)
        return list((await self._session.execute(query)).scalars())

    async def find(self, id: str) -> ApiKeyRow | None:
        """A key that nobody has revoked."""
        return (await self._session.execute(select(ApiKeyRow).where(self._kept, ApiKeyRow.id == id))).scalar_one_or_none()

    async def revoke(self, id: str, now: datetime) -> ApiKeyRow | None:
        """Revoke a key; None if there is none."""
        query = update(ApiKeyRow).where(self._kept, ApiKeyRow.id == id).values(revoked_at=now).returning(ApiKeyRow)
        return (await self._session.execute(query)).scalar_one_or_none()
