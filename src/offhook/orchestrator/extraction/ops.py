"""The structured result of a call: from its script, and from what was said, by a language model where there is one, else by rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from anyio import to_thread

from offhook.authoring.heard import Where
from offhook.contracts.analysis import CallResult
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls import reading
from offhook.orchestrator.calls.results import make_result
from offhook.orchestrator.calls.schemas import CallRecord
from offhook.orchestrator.calls.transcript import turns_of
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.extraction import rules
from offhook.orchestrator.extraction.model import BamlExtractor
from offhook.orchestrator.extraction.port import Draft, StructuredExtractor, Unread
from offhook.orchestrator.extraction.schemas import Extracted as Extracted
from offhook.orchestrator.extraction.servers import server_of
from offhook.orchestrator.extraction.settle import settle
from offhook.orchestrator.extraction.spoken import Spoken
from offhook.orchestrator.hooks.guard import Guard
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vendors import ops as vendors


@dataclass(frozen=True, slots=True)
class Material:
    """All that a result is made of. ``base`` is what the script and the deeds of the call say."""

    record: CallRecord
    agent: Agent | None
    events: list[dict[str, Any]]
    base: CallResult
    lead: str | None
    missing: int

    @property
    def script(self) -> Mapping[str, Any]:
        """The call's; empty where its agent is no more."""
        return self.agent.script if self.agent else {}


async def extract(given: Services, tenant: str, call: str, *, extractor: StructuredExtractor | None = None) -> Extracted:
    """Read a call and keep its result; NotFound. A model that cannot be had leaves it to the rules, and the result says so.

    In transactions of its own, none of which is open while a model is asked. Repeated, it writes the result anew.
    """
    found = await read(given, tenant, call, extractor=extractor)
    async with given.database.tenant(tenant) as scope:
        await calls.write_result(scope, call, found.result, found.missing)
    return Extracted(call=call, result=found.result, complete=found.missing == 0)


@dataclass(frozen=True, slots=True)
class Read:
    """A result, and how many events it was made without."""

    result: CallResult
    missing: int


async def read(given: Services, tenant: str, call: str, *, extractor: StructuredExtractor | None = None) -> Read:
    """The same without keeping it; NotFound."""
    async with given.database.tenant(tenant) as scope:
        found = await material(scope, call)
    return Read(await _read(given, found, extractor), found.missing)


async def material(scope: TenantScope, call: str) -> Material:
    """What a call's result is made of; NotFound."""
    record = await calls.get(scope, call)
    events = await calls.events(scope, call)
    ended = next((event for event in events if event["type"] == "call.ended"), None)
    appointments = [one.starts_at for one in await bookings.made_in(scope, call) if one.status == "booked"]
    lead, _ = await crm.of_call(scope, call)
    agent = await reading.agent_of(scope, record)
    status = lead.status if lead else None
    base = make_result(agent.script if agent else {}, ended, record.caller, appointments, status)
    missing = max(0, record.last_seq - len(events)) if record.last_seq is not None else 0
    return Material(record, agent, events, base, status, missing)


def by_rules(found: Material, now: datetime, *, fallback: str = "") -> CallResult:
    """The result without a model."""
    fields = found.agent.config.extract if found.agent else ()
    draft = rules.read(spoken(found, now), fields)
    return settle(found.base, found.script, found.events, draft, lead=found.lead, fallback=fallback)


def spoken(found: Material, now: datetime) -> Spoken:
    """The words of a call, where and when."""
    if found.agent is None:
        return Spoken(tuple(turns_of(found.events)), Where("en-GB", "GB", found.record.started_at or now))
    moment = (found.record.started_at or now).astimezone(found.agent.zone)
    return Spoken(tuple(turns_of(found.events)), Where(found.agent.locale, found.agent.tenant.region, moment))


async def _read(given: Services, found: Material, extractor: StructuredExtractor | None) -> CallResult:
    now, agent = given.clock(), found.agent
    said = spoken(found, now)
    reader = extractor or (await _extractor(given, agent) if agent and said.turns else None)
    if agent is None or reader is None:
        return await to_thread.run_sync(by_rules, found, now)
    try:
        draft = await reader.read(said, agent.config.extract)
    except Unread as error:
        return await to_thread.run_sync(partial(by_rules, found, now, fallback=str(error)))
    # What the model left open and the rules can show is there all the same; contact details above all.
    read = await to_thread.run_sync(rules.read, said, agent.config.extract)
    both = Draft({**{path: one for path, one in read.values.items() if _kept(path, draft)}, **draft.values}, draft.summary)
    return settle(found.base, found.script, found.events, both, lead=found.lead, by="model", model=reader.name)


def _kept(path: str, draft: Draft) -> bool:
    """Whether a value of the rules stays beside a model's: no second list of times, and no own field that the model saw nothing of."""
    if path.startswith("preferred_times."):
        return not any(other.startswith("preferred_times.") for other in draft.values)
    return not path.startswith("facts.")


async def _extractor(given: Services, agent: Agent) -> StructuredExtractor | None:
    """The agent's own model, with the account of its tenant or reseller; None where there is none of the dialect."""
    models = agent.models.model_copy(update={"stt": (), "tts": (), "endpoint": None})
    if not models.llm:
        return None
    accounts = await vendors.settings(given, agent.tenant.id, agent.tenant.reseller_id, models)
    server = server_of(models.llm, accounts)
    return BamlExtractor(server, Guard.of(given.settings)) if server else None
