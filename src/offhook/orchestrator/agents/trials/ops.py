"""Voice tests: one-time tokens, and the tools of their calls. Text tests leave nothing behind: see ``text``."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from offhook.contracts.events import ToolAnswer
from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials.repo import TrialRepo, TrialTokens
from offhook.orchestrator.agents.trials.schemas import NewVoiceTest, Subject, VoiceTestView
from offhook.orchestrator.agents.trials.tables import VoiceTestRow
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tools.fakes import Faking

PREFIX: Final = "vt_"
"""What tokens of tests begin with: no carrier's do."""
REAL: Final = "vr_"
"""What tokens of real calls from a browser begin with. The digest is of the whole token: none of the one kind passes for the other."""
MOST_WAITING: Final = 20
KEPT: Final = timedelta(days=1)
"""How long a test is remembered after its token has expired: longer than its call can last."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test call is a test of. ``version`` is None for a draft or a document."""

    id: str
    agent: Agent
    version: int | None
    caller: str


async def subject(scope: TenantScope, agent: str, wanted: Subject) -> Agent:
    """The agent as it is to be tested; NotFound."""
    if wanted.version is not None:
        return await agents.version(scope, agent, wanted.version)
    if isinstance(wanted, NewVoiceTest) and wanted.real:
        return await agents.live(scope, agent)
    draft = await agents.draft(scope, agent)
    return draft if wanted.config is None else Agent.of(draft.tenant, agent, wanted.config)


async def start(
    scope: TenantScope, agent: Agent, wanted: NewVoiceTest, by: str, now: datetime, *, visitor: bool = False
) -> tuple[VoiceTestView, str]:
    """A test and its token, which is nowhere kept. Conflict: too many wait for their calls; those of visitors have limits of their own."""
    repo = TrialRepo(scope)
    await repo.forget(now - KEPT)
    if not visitor and await repo.waiting(now) >= MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} voice tests wait for their calls already: use one, or let one expire")
    token, made = (REAL if wanted.real else PREFIX) + secrets.token_urlsafe(32), new_id("vtt", now)
    await repo.add(
        id=made,
        token_digest=_digest(token),
        agent_id=agent.id,
        version=agent.version or None,
        draft=agent.revision or None,
        config=agent.config.model_dump(mode="json"),
        caller=wanted.caller,
        tools={name: [one.answer().model_dump(mode="json") for one in given] for name, given in wanted.tools.items()},
        made_by=by,
        created_at=now,
        expires_at=now + timedelta(minutes=wanted.minutes),
    )
    return await show(scope, agent.id, made), token


async def begun(scope: TenantScope, by: str, since: datetime) -> int:
    """How many tokens somebody has had since then, at most a day ago."""
    return await TrialRepo(scope).begun(by, since)


async def show(scope: TenantScope, agent: str, id: str) -> VoiceTestView:
    """A test; NotFound."""
    row = await TrialRepo(scope).get(id)
    if row is None or row.agent_id != agent:
        raise NotFound("no such voice test")
    return VoiceTestView.model_validate(row)


def is_token(text: str) -> bool:
    """Whether an engine's token is one of ours."""
    return text.startswith((PREFIX, REAL))


def is_real(token: str) -> bool:
    """Whether the call of such a token is no test, but one like any other."""
    return token.startswith(REAL)


async def redeem(scope: PlatformScope, token: str, call: str, now: datetime) -> tuple[str, str] | None:
    """Tenant and test of a token, used up for this call, which may ask again; None for any other token."""
    return await TrialTokens(scope).redeem(_digest(token), call, now)


async def free(scope: TenantScope, id: str) -> None:
    """The call could not be placed: its token is good for another."""
    await TrialRepo(scope).free(id)


async def get(scope: TenantScope, id: str) -> Trial:
    """What a redeemed test is of; NotFound."""
    return await _trial(scope, await TrialRepo(scope).get(id))


async def answer(scope: TenantScope, call: str, tool: str, args: Mapping[str, Any], key: str, now: datetime) -> ToolAnswer:
    """What a tool answers in a test call; NotFound for a call that is none, or long over."""
    repo = TrialRepo(scope)
    row = await repo.of_call(call, lock=True)
    trial = await _trial(scope, row)
    given = {name: tuple(ToolAnswer.model_validate(one) for one in listed) for name, listed in (row.tools if row else {}).items()}
    used = dict(row.used) if row else {}
    answered = Faking(trial.agent, trial.caller, now, given, used)(tool, args, key)
    if given:
        await repo.used(trial.id, used)
    return answered


async def of_call(scope: TenantScope, call: str) -> Trial:
    """What a test call is a test of; NotFound for a call that is none, or long over."""
    return await _trial(scope, await TrialRepo(scope).of_call(call))


async def _trial(scope: TenantScope, row: VoiceTestRow | None) -> Trial:
    if row is None:
        raise NotFound("no such voice test")
    config = AgentConfig.model_validate(row.config)
    agent = Agent.of(await tenants.get(scope), row.agent_id, config, version=row.version or 0, revision=row.draft or 0)
    return Trial(row.id, agent, row.version, row.caller)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
