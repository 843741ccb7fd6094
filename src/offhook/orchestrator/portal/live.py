"""What is shown of calls that are under way: who is on the line, what was said, and where in the script it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from offhook.contracts.control import Glimpse
from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.auth.permissions import Permission
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.results import value_text
from offhook.orchestrator.calls.schemas import Call, CallFilter, Rhythm
from offhook.orchestrator.calls.transcript import Said, turns_of
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal.outcomes import Outcome, of_call
from offhook.orchestrator.portal.reply import LastReply, last_reply
from offhook.orchestrator.portal.show import Local, _, many
from offhook.orchestrator.portal.strip import Strip, strip
from offhook.orchestrator.scope import TenantScope

MOST: Final = 100
"""Lines of a list."""
ENDED: Final = 6
"""Calls that have just ended."""
_SHORT: Final = 80


@dataclass(frozen=True, slots=True)
class Line:
    """A call of the list at the side. ``outcome`` where it has ended."""

    id: str
    href: str
    who: str
    what: str
    at: datetime
    seconds: float
    test: bool
    strip: Strip | None = None
    outcome: Outcome | None = None
    current: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """Who is on the line, and who just was."""

    now: tuple[Line, ...]
    ended: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Something that is over and will not change: a turn, or a tool that ran."""

    seq: int
    kind: str
    """caller, agent or tool."""
    seconds: float
    text: str
    unheard: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A state of the script that the call has come to."""

    label: str
    now: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A value that is known; ``sure`` once the caller has confirmed it."""

    label: str
    text: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the words."""

    steps: tuple[Step, ...]
    facts: tuple[Fact, ...]
    reply: LastReply | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a caller may be put through to."""

    name: str
    label: str
    where: str
    open: bool


def name_of(code: str) -> str:
    """A name of the script's as people write it."""
    return code.replace("_", " ").strip().capitalize()


async def lines(scope: TenantScope, local: Local, current: str = "") -> Lines:
    """Calls that are under way and those that have just ended, the latest first."""
    now = await calls.page(scope, CallFilter(state="live"), MOST, None)
    over = await calls.page(scope, CallFilter(state="ended", test=False, since=local.begin(local.today)), ENDED, None)
    ids = [one.id for one in now]
    said, rhythms = await calls.last_said(scope, ids), await calls.rhythms(scope, ids)
    known = await crm.names(scope, {one.caller for one in (*now, *over) if one.caller})
    results = await calls.results(scope, [one.id for one in over])
    told = {call: result.contact.name for call, result in results.items() if result.contact.name}
    return Lines(
        tuple(_line(scope.tenant, local, one, known, said.get(one.id), rhythms.get(one.id), current) for one in now),
        tuple(_line(scope.tenant, local, one, known | ({one.caller: told[one.id]} if one.id in told else {})) for one in over),
    )


def _line(
    tenant: str,
    local: Local,
    call: Call,
    known: Mapping[str, str],
    said: Said | None = None,
    rhythm: Rhythm | None = None,
    current: str = "",
) -> Line:
    live = call.state == "live"
    seconds = max(0.0, (local.now - call.at).total_seconds()) if live else call.seconds or 0.0
    what = said.text if said is not None else _("Greeting")
    return Line(
        id=call.id,
        href=f"/t/{tenant}/{'live' if live else 'calls'}/{call.id}",
        who=who(call, local, known),
        what=what if len(what) <= _SHORT else f"{what[: _SHORT - 1].rstrip()}…",
        at=call.at,
        seconds=seconds,
        test=call.test,
        strip=strip(rhythm, seconds) if rhythm else None,
        outcome=None if live else of_call(call),
        current=call.id == current,
    )


def who(call: Call, local: Local, known: Mapping[str, str]) -> str:
    """A name, else a number."""
    return known.get(call.caller) or local.phone(call.caller) or (_("Test call") if call.test else _("Number withheld"))


def rows(events: Sequence[Mapping[str, Any]]) -> list[Row]:
    """What is shown of these events, in their order."""
    found = []
    for event in events:
        if event["type"] == "tool.finished":
            took = float(event["took_ms"])
            found.append(
                Row(
                    event["seq"],
                    "tool",
                    event["at_ms"] / 1000,
                    f"{name_of(event['tool'])}, {took / 1000:.1f} s",
                    failed=bool(event["error"]),
                )
            )
        found.extend(
            Row(event["seq"], said.speaker, said.start_ms / 1000, said.text, said.unheard)
            for said in turns_of([event])
            if said.text or said.unheard
        )
    return found


def beside(events: Sequence[Mapping[str, Any]], glimpse: Glimpse | None, script: Mapping[str, Any]) -> Beside:
    """Where the call is and what is known of it. Without word from its engine only what its events tell."""
    path = list(dict.fromkeys(reversed(glimpse.path if glimpse else ())))[::-1]
    steps = tuple(Step(name_of(state), at == len(path) - 1) for at, state in enumerate(path))
    facts = tuple(_facts(glimpse.values if glimpse else {}, script.get("slots") or {}))
    return Beside(steps, facts, last_reply([event.get("ladder") or {} for event in events if event["type"] == "turn.agent"]))


def _facts(values: Mapping[str, Any], slots: Mapping[str, Any]) -> list[Fact]:
    found = []
    for name, value in values.items():
        text = value_text(value)
        if text is None:
            continue
        spec = slots.get(name)
        choice = isinstance(spec, Mapping) and spec.get("type") == "choice"
        sure = isinstance(value, Mapping) and value.get("status") == "confirmed"
        found.append(Fact(name_of(name), name_of(text) if choice else text, sure))
    return found


async def free(scope: TenantScope, may: frozenset[Permission], now: datetime) -> str:
    """As 6 lines free; nothing for who may not know of numbers."""
    if "numbers.read" not in may:
        return ""
    found = await numbers.lines(scope, now)
    return many("1 line free", "{n} lines free", max(0, found.max_calls - found.calls))


async def agent_of(scope: TenantScope, call: Call) -> Agent | None:
    """The agent as it answers this call; None where that is no longer known."""
    try:
        if call.test:
            return (await trials.of_call(scope, call.id)).agent
        if call.agent_version is not None:
            return await agents.version(scope, call.agent_id, call.agent_version)
        return await agents.live(scope, call.agent_id)
    except NotFound:
        return None


def targets(agent: Agent | None, local: Local) -> list[Target]:
    """Where its callers can be put through to, those first where somebody answers now."""
    if agent is None:
        return []
    reached = agent.transfer_at(local.now)
    found = [
        Target(name, name_of(name), local.phone(one.number), reached.get(name) == one.number)
        for name, one in agent.config.transfer.items()
        if one.number is not None and name in reached
    ]
    return sorted(found, key=lambda one: not one.open)
