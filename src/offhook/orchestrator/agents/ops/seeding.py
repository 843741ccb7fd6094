"""The agent of a business.yaml."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from offhook.contracts.plan import TurnPlan
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.hours import week_of
from offhook.orchestrator.agents.repo import AgentRepo
from offhook.orchestrator.agents.stored import DOCUMENT, By, dumped
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import wall_clock
from offhook.orchestrator.tenants.schemas import Business

LIMITS: Final = frozenset({"max_call_ms", "max_turn_ms", "idle_ms", "idle_prompts", "tool_ms"})


async def seed(scope: TenantScope, business: Business, script: dict[str, Any], now: datetime | None = None) -> None:
    """Make or renew the agent of a document.

    There is a new version only if the document says something else than when it was last seeded: what people have published since stays.
    """
    repo, config, now = AgentRepo(scope), config_of(business, script), now or wall_clock()
    await repo.add(business.agent, config, None, now)
    stored = await repo.get(business.agent, lock=True)
    last = await repo.seeded(business.agent)
    if stored is None or (last is not None and _same(last, config)):
        return
    await repo.publish(stored, config, None, By(DOCUMENT, business.id, business.script), now)
    await repo.keep_draft(business.agent, config, None, now)


def config_of(business: Business, script: dict[str, Any]) -> AgentConfig:
    """The configuration of a document's agent. Whom the script puts callers through to and the document does not name is nobody."""
    asked = {state.get("transfer") for state in script.get("states", {}).values()} - {None}
    numbers = {name: business.transfer_to.get(name) for name in sorted(asked | set(business.transfer_to))}
    return AgentConfig.model_validate(
        {
            "name": business.name,
            "script": script,
            "voice": business.voice,
            "turn": _differing(business.turn.model_dump(exclude=set(LIMITS)), TurnPlan().model_dump()),
            "limits": _differing(business.turn.model_dump(include=set(LIMITS)), TurnPlan().model_dump()),
            "lines": business.lines.model_dump(),
            "hours": week_of(business.hours).model_dump(),
            "transfer": {name: {"number": number} for name, number in numbers.items()},
            "knowledge": [one.model_dump() for one in business.knowledge],
            "tools": business.tools,
        }
    )


def _same(stored: dict[str, Any], config: AgentConfig) -> bool:
    """Whether a document says what it said then. One that this version would not take any more says something else."""
    try:
        return dumped(AgentConfig.model_validate(stored)) == dumped(config)
    except ValidationError:
        return False


def _differing(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found[name] = _differing(value, usual[name])
        elif value != usual[name]:
            found[name] = value
    return found
