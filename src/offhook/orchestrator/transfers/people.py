"""Whom a caller is put through to, in order. Pure."""

from __future__ import annotations

from datetime import datetime

from offhook.orchestrator.agents.config import TransferTarget
from offhook.orchestrator.agents.hours import Calendar, is_open
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.transfers.schemas import Person


def people_of(agent: Agent, target: str, moment: datetime) -> tuple[Person, ...]:
    """Who is rung for a target: its own number, then its other people, then the targets that stand in, each at its hours and once."""
    targets = agent.config.transfer
    chosen = targets.get(target)
    if chosen is None:
        return ()
    standing = sorted((one.order, name) for name, one in targets.items() if one.order is not None and name != target)
    found: dict[str, Person] = {}
    for name in (target, *(name for _, name in standing)):
        for one in _at(agent, name, targets[name], moment):
            found.setdefault(one.number, one)
    return tuple(found.values())


def _at(agent: Agent, name: str, target: TransferTarget, moment: datetime) -> list[Person]:
    def there(hours: object) -> bool:
        return hours is None or is_open(Calendar(hours), agent.zone, moment)  # type: ignore[arg-type]

    if not there(target.hours):
        return []
    first = [Person(name=name.replace("_", " "), number=target.number, ring_s=target.ring_s)] if target.number else []
    others = [Person(name=one.name, number=one.number, ring_s=target.ring_s) for one in target.people if there(one.hours)]
    return first + others
