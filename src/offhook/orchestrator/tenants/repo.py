"""Reading and writing tenants."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from offhook.errors import Conflict
from offhook.orchestrator.scope import PlatformScope, Repo, TenantScope
from offhook.orchestrator.tenants.schemas import Agent, Business, Diary, Tenant
from offhook.orchestrator.tenants.tables import AgentRow, NumberRow, TenantRow


class Numbers:
    """Whose a number is: asked before the tenant is known."""

    def __init__(self, scope: PlatformScope) -> None:
        self._session = scope.session

    async def owner(self, did: str) -> tuple[str, str] | None:
        """Tenant and agent that answer this DID (E.164)."""
        row = (await self._session.execute(select(NumberRow.tenant_id, NumberRow.agent_id).where(NumberRow.did == did))).first()
        return (row.tenant_id, row.agent_id) if row else None

    async def tenants(self) -> list[tuple[str, str]]:
        """Id and name of every tenant."""
        rows = await self._session.execute(select(TenantRow.id, TenantRow.name).order_by(TenantRow.id))
        return [(row.id, row.name) for row in rows]


class TenantRepo(Repo):
    """One tenant's own record, agents and numbers."""

    def __init__(self, scope: TenantScope) -> None:
        super().__init__(scope)

    async def tenant(self) -> Tenant | None:
        """The tenant."""
        row = await self._session.get(TenantRow, self._tenant)
        return _tenant(row) if row else None

    async def agent(self, id: str) -> Agent | None:
        """An agent with its tenant."""
        row = await self._session.get(AgentRow, (self._tenant, id))
        tenant = await self.tenant()
        if row is None or tenant is None:
            return None
        fields: dict[str, Any] = {name: getattr(row, name) for name in Agent.model_fields if name != "tenant"}
        return Agent(tenant=tenant, **fields)

    async def save(self, business: Business, script: dict[str, Any]) -> None:
        """Make or renew the tenant, its agent and numbers. A script that has changed gets the next version."""
        tenant = {
            "id": self._tenant,
            **business.model_dump(mode="json", include={"name", "timezone", "region", "locale", "fallback_number", "diary"}),
        }
        await self._session.execute(insert(TenantRow).values(tenant).on_conflict_do_update(index_elements=["id"], set_=tenant))
        old = await self._session.get(AgentRow, (self._tenant, business.agent), populate_existing=True)
        agent = {
            "tenant_id": self._tenant,
            "id": business.agent,
            "script": script,
            "version": 1 if old is None else old.version + (old.script != script),
            **business.model_dump(mode="json", include={"name", "voice", "turn", "lines", "hours", "knowledge", "transfer_to", "tools"}),
        }
        upsert = insert(AgentRow).values(agent)
        await self._session.execute(upsert.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=agent))
        for did in business.numbers:
            number = {"tenant_id": self._tenant, "id": did, "did": did, "agent_id": business.agent}
            put = insert(NumberRow).values(number)
            put = put.on_conflict_do_update(index_elements=["did"], set_=number, where=NumberRow.tenant_id == self._tenant)
            if (await self._session.execute(put.returning(NumberRow.did))).first() is None:
                raise Conflict("this number belongs to another tenant")


def _tenant(row: TenantRow) -> Tenant:
    return Tenant(
        id=row.id,
        name=row.name,
        timezone=row.timezone,
        region=row.region,
        locale=row.locale,
        fallback_number=row.fallback_number,
        suspended=row.suspended,
        diary=Diary.model_validate(row.diary),
    )
