"""What other domains know of an agent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from offhook.contracts.plan import Lines, OpeningHours, Passage, TurnPlan
from offhook.orchestrator.agents.hours import is_open
from offhook.orchestrator.tenants.schemas import Model, Tenant


class Agent(Model):
    """Who answers for a tenant. ``tools`` maps a script's tool names to built-in ones where they differ."""

    tenant: Tenant
    id: str
    name: str
    version: int
    script: dict[str, Any]
    voice: str
    turn: TurnPlan = TurnPlan()
    lines: Lines = Lines()
    hours: tuple[OpeningHours, ...] = ()
    knowledge: tuple[Passage, ...] = ()
    transfer_to: dict[str, str] = Field(default_factory=dict)
    tools: dict[str, str] = Field(default_factory=dict)

    @property
    def ref(self) -> str:
        """What an engine is told of the owner of a call."""
        return f"{self.tenant.id}/{self.id}"

    def open_at(self, moment: datetime) -> bool:
        """Whether the business is open."""
        return is_open(self.hours, self.tenant.zone, moment)
