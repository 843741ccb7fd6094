"""Reading and adding to the audit log."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from offhook.orchestrator.audit.chain import START, Line, link
from offhook.orchestrator.audit.schemas import AuditFilter
from offhook.orchestrator.audit.tables import AuditHeadRow, AuditRow
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope


class Log:
    """The log of one owner: a tenant, a reseller, or the platform."""

    def __init__(self, scope: TenantScope | ResellerScope | PlatformScope) -> None:
        self._session = scope.session
        self.tenant = scope.tenant if isinstance(scope, TenantScope) else None
        self.reseller = scope.reseller if isinstance(scope, ResellerScope) else None
        self._owner = f"tenant/{self.tenant}" if self.tenant else f"reseller/{self.reseller}" if self.reseller else "platform"

    @property
    def _mine(self) -> list[Any]:
        return [AuditRow.tenant_id.is_not_distinct_from(self.tenant), AuditRow.reseller_id.is_not_distinct_from(self.reseller)]

    async def end(self) -> tuple[int, bytes]:
        """Place and hash of the last row. Locked: a second writer waits here, and then reads what the first has committed."""
        row = {"owner": self._owner, "tenant_id": self.tenant, "reseller_id": self.reseller, "seq": 0, "hash": START}
        # To insert or else change nothing both locks and reads, in one statement; a lock before a read would take two.
        query = upsert(AuditHeadRow).values(row).on_conflict_do_update(index_elements=["owner"], set_={"seq": AuditHeadRow.seq})
        found = (await self._session.execute(query.returning(AuditHeadRow.seq, AuditHeadRow.hash))).one()
        return found.seq, found.hash

    async def add(self, line: Line, before: bytes) -> None:
        """Add a row after the one with the hash ``before``."""
        hashed = link(before, line)
        fields = {name: getattr(line, name) for name in Line.__slots__}
        await self._session.execute(insert(AuditRow).values(**fields, hash=hashed))
        await self._session.execute(update(AuditHeadRow).where(AuditHeadRow.owner == self._owner).values(seq=line.seq, hash=hashed))

    async def head(self) -> tuple[int, bytes]:
        """Place and hash of the last row as it was noted, without a lock."""
        query = select(AuditHeadRow.seq, AuditHeadRow.hash).where(AuditHeadRow.owner == self._owner)
        found = (await self._session.execute(query)).first()
        return (found.seq, found.hash) if found else (0, START)

    async def newest(self, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditRow]:
        """Rows, the newest first."""
        query = select(AuditRow).where(*self._mine)
        if before is not None:
            query = query.where(AuditRow.seq < before)
        if wanted.actor is not None:
            query = query.where(AuditRow.actor_id == wanted.actor)
        if wanted.action is not None:
            query = query.where(func.starts_with(AuditRow.action, wanted.action))
        if wanted.since is not None:
            query = query.where(AuditRow.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(AuditRow.at < wanted.until)
        return list((await self._session.execute(query.order_by(AuditRow.seq.desc()).limit(limit))).scalars())

    async def after(self, seq: int, limit: int) -> list[tuple[Line, bytes]]:
        """Rows with their hashes, the oldest first."""
        query = select(AuditRow).where(*self._mine, AuditRow.seq > seq).order_by(AuditRow.seq).limit(limit)
        rows = (await self._session.execute(query.execution_options(populate_existing=True))).scalars()
        return [(Line(**{name: getattr(row, name) for name in Line.__slots__}), row.hash) for row in rows]

    async def stray(self, head: tuple[int, bytes]) -> bool:
        """Whether there are rows above the head."""
        query = select(AuditRow.seq).where(*self._mine, AuditRow.seq > head[0]).limit(1)
        return (await self._session.execute(query)).first() is not None
