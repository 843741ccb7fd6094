"""What is wrong with a tenant, as far as its own records tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from offhook.orchestrator.agents.schemas import AgentView
from offhook.orchestrator.hooks.schemas import WebhookView
from offhook.orchestrator.numbers.schemas import LinesView, NumberView
from offhook.orchestrator.overview.schemas import BAD, NOTE, WARN, Problem, under

SLOW_MS: Final = 1_400
"""Nine in ten replies of a day should be under this: twice what a reply may take."""
ENOUGH: Final = 20
"""Replies before a day is called slow."""
_NOBODY: Final = frozenset({"disabled", "no_agent"})
_FULL: Final = frozenset({"tenant_full", "number_full"})


def problems(
    numbers: Sequence[NumberView],
    lines: LinesView,
    agents: Sequence[AgentView],
    webhooks: Sequence[WebhookView],
    failed: int,
    replies: Sequence[int],
) -> tuple[Problem, ...]:
    """The worst first. ``failed`` and ``replies`` are of the tenant's day."""
    found = [*_numbers(numbers, lines), *_agents(numbers, agents), *_webhooks(webhooks)]
    if failed:
        found.append(Problem(code="broken", grade=BAD, count=failed))
    slow = under(replies, 0.9)
    if slow is not None and slow > SLOW_MS and sum(replies) >= ENOUGH:
        found.append(Problem(code="slow", grade=WARN, count=slow))
    return tuple(sorted(found, key=lambda one: -one.grade))


def _numbers(numbers: Sequence[NumberView], lines: LinesView) -> Iterator[Problem]:
    if not numbers:
        yield Problem(code="no_number", grade=NOTE)
    for one in lines.numbers:
        if away := sum(count for reason, count in one.refused.items() if reason in _NOBODY):
            yield Problem(code="turned_away", grade=BAD, count=away, name=one.did)
    if full := sum(count for one in lines.numbers for reason, count in one.refused.items() if reason in _FULL):
        yield Problem(code="full", grade=WARN, count=full)


def _agents(numbers: Sequence[NumberView], agents: Sequence[AgentView]) -> Iterator[Problem]:
    answering = {one.agent_id for one in numbers if one.enabled}
    for agent in agents:
        if agent.id in answering and agent.live is None:
            yield Problem(code="unpublished", grade=BAD, name=agent.name)


def _webhooks(webhooks: Sequence[WebhookView]) -> Iterator[Problem]:
    for one in webhooks:
        if not one.enabled and one.disabled_reason in {"failing", "gone"}:
            yield Problem(code="webhook_off", grade=BAD, count=one.waiting, name=one.description or one.url, since=one.disabled_at)
        elif one.enabled and one.failing_since is not None:
            yield Problem(code="webhook_failing", grade=WARN, count=one.waiting, name=one.description or one.url, since=one.failing_since)
