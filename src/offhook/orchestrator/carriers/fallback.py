"""When a call cannot go on: a person, else a message after a tone. Where the caller went stands in the call's record, and whoever was put
through to nobody is on the team's list of people to ring back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.config import Recording
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers.steps import Dial, HangUp, Heard, Record, Say, Step, Talk
from offhook.orchestrator.carriers.words import said, voice
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers.schemas import Owner
from offhook.orchestrator.recordings import messages
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tolls import ops as tolls

RING_S: Final = 20
"""Seconds that a person is rung."""
LONGEST_S: Final = 120
"""Seconds of a message."""
BROKE: Final = "The call broke off."


@dataclass(frozen=True, slots=True)
class Stranded:
    """A caller whom we cannot go on with."""

    scope: TenantScope
    given: Services
    owner: Owner
    heard: Heard
    talk: Talk

    def asks(self, what: str) -> str:
        """Our address for what follows."""
        base = self.given.settings.public_url.rstrip("/") or self.given.settings.base_url
        return f"{base}/carriers/{self.talk.kind}/{what}"


Stage: TypeAlias = Callable[[Stranded], Awaitable[list[Step]]]


def plain(target: str | None, language: str) -> list[Step]:
    """What the carrier does when it cannot ask us: somebody else, or an apology."""
    return [Dial(target)] if target else [_line("apology", language), HangUp()]


async def begin(one: Stranded) -> list[Step]:
    """The media broke, or never came to an engine."""
    target = one.owner.fallback or one.owner.overflow
    if target and await tolls.passable(one.scope, one.given, target, "overflow"):
        await _note(one, "message", f"{BROKE} The caller was sent on to {target}.")
        return [Dial(target, one.asks("dialled"), RING_S)] if one.talk.asks else [Dial(target)]
    await _note(one, "callback", f"{BROKE} Nobody could be reached: please ring them back.")
    return await _message(one)


async def dialled(one: Stranded) -> list[Step]:
    """The person has been rung: the call is over with them, or they were not to be had."""
    if one.heard.dialled in {"completed", "answered"}:
        await _note(one, "message", "The caller was put through there.")
        return [HangUp()]
    await _note(one, "callback", "Nobody answered there: please ring them back.")
    return await _message(one)


async def left(one: Stranded) -> list[Step]:
    """The caller has left a message."""
    heard = one.heard
    if heard.recording and heard.seconds:
        note = f"They left a message of {heard.seconds} s; the carrier keeps it as recording {heard.recording}."
        call = await _note(one, "callback", note)
        left = messages.Left(one.talk.kind, one.owner.account, heard.recording, heard.audio, heard.seconds)
        await messages.begin(one.scope, one.given, call, left)
    return [_line("thanks", (await _agent(one))[0]), HangUp()]


async def _message(one: Stranded) -> list[Step]:
    """Ask for a message, where the agent's calls are recorded at all; else an apology."""
    locale, recording = await _agent(one)
    if recording is None or not recording.record or not one.talk.asks:
        return plain(None, locale)
    words = f"{said('leave', locale)} {recording.disclosure or said('recorded', locale)}"
    return [Say(words, voice(locale)), Record(one.asks("message"), LONGEST_S), _line("thanks", locale), HangUp()]


async def _agent(one: Stranded) -> tuple[str, Recording | None]:
    """The language of the agent that answers this number, and whether its calls are recorded; of the tenant where it is not live."""
    try:
        agent = await agents.live(one.scope, one.owner.agent)
    except NotFound:
        return (await tenants.get(one.scope)).locale, None
    return agent.locale, agent.config.recording


def _line(name: str, language: str) -> Say:
    return Say(said(name, language), voice(language))


async def _note(one: Stranded, kind: str, note: str) -> str:
    """Into the call's record, once however often the carrier asks; a call that never came to an engine gets one. The call's id."""
    scope, now, heard = one.scope, one.given.clock(), one.heard
    call = await calls.by_carrier_call(scope, heard.carrier_call) if heard.carrier_call else None
    if call is None:
        transport, new = one.talk.kind, new_id("call", now)
        call = await calls.ensure(
            scope, new, one.owner.agent, transport=transport, carrier_call=heard.carrier_call, did=one.owner.did, caller=heard.caller
        )
        await calls.lost(scope, call.id, now)
    _, told = await crm.of_call(scope, call.id)
    if any(each.note == note for each in told):
        return call.id
    contact = await crm.save_contact(scope, now, heard.caller if heard.caller.startswith("+") else None)
    await crm.add_message(scope, now, contact.id, call.id, kind=kind, note=note)
    return call.id
