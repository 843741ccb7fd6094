"""Agents as they answer, as they answered, and as they are being worked on."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Final

from offhook.errors import Fault, Invalid, NotFound
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.repo import AgentRepo
from offhook.orchestrator.agents.schemas import Agent, AgentView, VersionDetail, VersionView
from offhook.orchestrator.agents.stored import Stored
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Tenant

KEPT: Final = 256
_parsed: OrderedDict[tuple[str, str, int, str], Agent] = OrderedDict()
"""Versions that were used of late, by tenant, agent, number and hash. They never change; the tenant in them is not used."""


async def live(scope: TenantScope, id: str) -> Agent:
    """One of the tenant's agents as it answers now; NotFound. One query where its version is known already."""
    found = await AgentRepo(scope).answering(id)
    if found is None:
        raise NotFound("no such agent")
    tenant, number, sha = found
    return await _version(scope, tenant, id, number, sha)


async def version(scope: TenantScope, id: str, number: int) -> Agent:
    """A version of an agent, as calls that began with it go on with it, archived or not; NotFound."""
    found = await AgentRepo(scope).answering(id, number)
    if found is None:
        raise NotFound("no such version")
    tenant, _, sha = found
    return await _version(scope, tenant, id, number, sha)


async def draft(scope: TenantScope, id: str) -> Agent:
    """An agent as it is being worked on, checked or not; NotFound."""
    stored = await get(scope, id)
    return Agent.of(await tenants.get(scope), id, AgentConfig.model_validate(stored.draft), revision=stored.revision)


async def get(scope: TenantScope, id: str, *, lock: bool = False) -> Stored:
    """An agent's row; NotFound."""
    found = await AgentRepo(scope).get(id, lock=lock)
    if found is None:
        raise NotFound("no such agent")
    return found


async def need_in_use(scope: TenantScope, id: str) -> None:
    """Invalid for an agent that is not there, or that was taken out of use: nobody would answer."""
    stored = await AgentRepo(scope).get(id)
    if stored is None or stored.archived_at is not None:
        fault = Fault("agent_id", "no such thing" if stored is None else "the agent is archived: bring it back first")
        raise Invalid("this agent cannot be rung", faults=(fault,))


async def page(scope: TenantScope, limit: int, after: tuple[datetime, str] | None, *, archived: bool = False) -> list[AgentView]:
    """Agents, newest first."""
    return await AgentRepo(scope).page(limit, after, archived=archived)


async def versions(scope: TenantScope, id: str, limit: int, before: int | None) -> list[VersionView]:
    """An agent's versions, newest first; NotFound."""
    return await AgentRepo(scope).versions(await get(scope, id), limit, before)


async def show_version(scope: TenantScope, id: str, number: int) -> VersionDetail:
    """A version with its configuration; NotFound."""
    found = await AgentRepo(scope).version(await get(scope, id), number)
    if found is None:
        raise NotFound("no such version")
    config, _ = await config_of(scope, id, number)
    return VersionDetail(**found.model_dump(), config=config)


async def config_of(scope: TenantScope, id: str, number: int) -> tuple[AgentConfig, str | None]:
    """A version's configuration, and its script as it was written; NotFound."""
    found = await AgentRepo(scope).config(id, number)
    if found is None:
        raise NotFound("no such version")
    return AgentConfig.model_validate(found[0]), found[1]


def split_ref(ref: str) -> tuple[str, str]:
    """Tenant and agent of a ``ref`` that we wrote; NotFound for anything else."""
    tenant, slash, agent = ref.partition("/")
    if not (tenant and slash and agent):
        raise NotFound("no such owner of a call")
    return tenant, agent


async def _version(scope: TenantScope, tenant: Tenant, id: str, number: int, sha: str) -> Agent:
    key = (scope.tenant, id, number, sha)
    known = _parsed.pop(key, None)
    if known is None:
        config, _ = await config_of(scope, id, number)
        known = Agent.of(tenant, id, config, version=number)
    _parsed[key] = known
    if len(_parsed) > KEPT:
        _parsed.popitem(last=False)
    config = known.config
    of_tenant = {"tenant": tenant, "locale": config.locale or tenant.locale, "timezone": config.timezone or tenant.timezone}
    return known.model_copy(update=of_tenant)
