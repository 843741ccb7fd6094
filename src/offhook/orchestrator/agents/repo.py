"""Reading and writing agents."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.tables import AgentRow
from offhook.orchestrator.scope import Repo
from offhook.orchestrator.tenants.schemas import Business, Tenant

_SEEDED = {"name", "voice", "turn", "lines", "hours", "knowledge", "transfer_to", "tools"}


class AgentRepo(Repo):
    """One tenant's agents."""

    async def agent(self, tenant: Tenant, id: str) -> Agent | None:
        """An agent with its tenant."""
        row = await self._session.get(AgentRow, (self._tenant, id))
        if row is None:
            return None
        fields: dict[str, Any] = {name: getattr(row, name) for name in Agent.model_fields if name != "tenant"}
        return Agent(tenant=tenant, **fields)

    async def seed(self, business: Business, script: dict[str, Any]) -> None:
        """Make or renew the document's agent. A script that has changed gets the next version."""
        old = await self._session.get(AgentRow, (self._tenant, business.agent), populate_existing=True)
        agent = {
            "tenant_id": self._tenant,
            "id": business.agent,
            "script": script,
            "version": 1 if old is None else old.version + (old.script != script),
            **business.model_dump(mode="json", include=_SEEDED),
        }
        upsert = insert(AgentRow).values(agent)
        await self._session.execute(upsert.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=agent))
