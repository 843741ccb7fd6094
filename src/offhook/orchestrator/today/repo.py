"""Reading and writing what has been seen to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.scope import Repo
from offhook.orchestrator.today.tables import SeenToRow


class SeenTo(Repo):
    """What somebody of a tenant has seen to."""

    async def of(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
        """When these were seen to, those that were."""
        query = select(SeenToRow.kind, SeenToRow.thing, SeenToRow.at).where(SeenToRow.tenant_id == self._tenant)
        query = query.where(tuple_(SeenToRow.kind, SeenToRow.thing).in_(sorted(keys)))
        return {(row[0], row[1]): row[2] for row in await self._session.execute(query)} if keys else {}

    async def put(self, kind: str, thing: str, at: datetime, by: By) -> None:
        """Note it; of two times the later counts."""
        said = {"at": at, "by_kind": by.kind, "by_id": by.id}
        made = insert(SeenToRow).values(tenant_id=self._tenant, kind=kind, thing=thing, **said)
        await self._session.execute(made.on_conflict_do_update(index_elements=["tenant_id", "kind", "thing"], set_=said))
