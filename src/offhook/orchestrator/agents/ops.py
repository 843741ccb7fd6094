"""What other domains ask of agents."""

from __future__ import annotations

from typing import Any

from offhook.errors import NotFound
from offhook.orchestrator.agents.repo import AgentRepo
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Business


async def live(scope: TenantScope, id: str) -> Agent:
    """One of the tenant's agents as it answers now; NotFound."""
    found = await AgentRepo(scope).agent(await tenants.get(scope), id)
    if found is None:
        raise NotFound("no such agent")
    return found


async def seed(scope: TenantScope, business: Business, script: dict[str, Any]) -> None:
    """Make or renew the agent of a document."""
    await AgentRepo(scope).seed(business, script)


def split_ref(ref: str) -> tuple[str, str]:
    """Tenant and agent of a ``ref`` that we wrote; NotFound for anything else."""
    tenant, slash, agent = ref.partition("/")
    if not (tenant and slash and agent):
        raise NotFound("no such owner of a call")
    return tenant, agent
