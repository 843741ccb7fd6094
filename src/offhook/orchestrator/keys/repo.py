"""Reading and writing API keys."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from offhook.orchestrator.keys.tables import ApiKeyRow
from offhook.orchestrator.scope import PlatformRepo


class Directory(PlatformRepo):
    """All keys, for finding out whose one is."""

    async def find(self, id: str, now: datetime) -> ApiKeyRow | None:
        """A key that is in force."""
        query = select(ApiKeyRow).where(
            ApiKeyRow.id == id, ApiKeyRow.revoked_at.is_(None), or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def used(self, id: str, now: datetime) -> None:
        """Remember the use; the time is kept to the minute."""
        await self._session.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.id == id, or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at < now - timedelta(minutes=1)))
            .values(last_used_at=now)
        )

    async def forget_ended(self, reseller: str, now: datetime) -> None:
        """Forget a reseller's keys that are revoked or over."""
        ended = or_(ApiKeyRow.revoked_at.is_not(None), ApiKeyRow.expires_at <= now)
        await self._session.execute(delete(ApiKeyRow).where(ApiKeyRow.reseller_id == reseller, ended))

    async def sweep(self, before: datetime) -> int:
        """Forget keys that ended before then; how many."""
        ended = or_(ApiKeyRow.revoked_at < before, ApiKeyRow.expires_at < before)
        return len(list(await self._session.execute(delete(ApiKeyRow).where(ended).returning(ApiKeyRow.id))))
