"""Reading and writing numbers."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.numbers.tables import NumberRow
from offhook.orchestrator.scope import PlatformRepo, Repo


class Directory(PlatformRepo):
    """Whose a number is: asked before the tenant is known."""

    async def owner(self, did: str) -> tuple[str, str] | None:
        """Tenant and agent that answer this DID (E.164)."""
        row = (await self._session.execute(select(NumberRow.tenant_id, NumberRow.agent_id).where(NumberRow.did == did))).first()
        return (row.tenant_id, row.agent_id) if row else None


class NumberRepo(Repo):
    """One tenant's numbers."""

    async def put(self, did: str, agent: str) -> bool:
        """Let this agent answer the number; False if it is another tenant's."""
        row = {"tenant_id": self._tenant, "id": did, "did": did, "agent_id": agent}
        made = insert(NumberRow).values(row).on_conflict_do_nothing().returning(NumberRow.did)
        if (await self._session.execute(made)).first() is not None:
            return True
        mine = await self._session.get(NumberRow, (self._tenant, did), populate_existing=True)
        if mine is None:
            return False
        mine.agent_id = agent
        await self._session.flush()
        return True
