"""Answering an engine that asks how to take a call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import HttpUrl

from offhook.contracts.plan import CallPlan, PlanRequest, Refusal
from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.calls import ops
from offhook.orchestrator.carriers import ops as carriers
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.numbers.schemas import Owner
from offhook.orchestrator.outgoing import ops as outgoing
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync import context
from offhook.orchestrator.tools import ops as tools
from offhook.orchestrator.trunks import ops as trunks
from offhook.orchestrator.vendors import ops as vendors

OWN: Final = frozenset({"browser", "loopback", "sip"})
"""Transports whose media need not bring a carrier's token: all others are carriers'."""
UNKNOWN: Final = "Sorry, this number is not in service. Goodbye."
BUSY: Final = "Sorry, all our lines are busy. Please ring again in a little while. Goodbye."
STALE: Final = "This test is over. Start another one. Goodbye."
GRACE: Final = timedelta(minutes=2)
"""How much longer than the agent's longest call a place is held, should nobody say that the call has ended."""


async def plan(given: Services, request: PlanRequest) -> CallPlan | Refusal:
    """The plan for a call, or why there is none. Also takes the call's place and makes its record, which keeps the agent's version."""
    now = given.clock()
    if trials.is_token(request.token):
        return await _test(given, request, now)
    if request.token.startswith(outgoing.PREFIX):
        return await _outgoing(given, request, now)
    found = await _whose(given, request, now)
    if isinstance(found, Refusal):
        return found
    owner, caller = found
    async with given.database.tenant(owner.tenant) as scope:
        agent = await _agent(scope, owner, now)
        if isinstance(agent, Refusal):
            return agent
        refusal = await _place(scope, request, owner.number, agent, now)
        if refusal is not None:
            return refusal
        number = numbers.e164(caller, agent.tenant.region) or ""
        call = await ops.ensure(
            scope,
            request.call,
            agent.id,
            transport=request.transport,
            carrier_call=request.carrier_call,
            did=owner.did,
            caller=number,
            version=agent.version,
            engine_url=request.control_url,
        )
        if call.state == "ended":  # asked again, or late, for a call that is over: it holds no place
            await numbers.release(scope, request.call)
    made = plan_of(agent, request.call, now, given.settings.base_url, await context.of_caller(given, agent, number))
    return await _with_accounts(given, agent, made)


async def _test(given: Services, request: PlanRequest, now: datetime) -> CallPlan | Refusal:
    """The plan of a call from a browser: it takes a place of the tenant's as any other, of no number. Who rings is what the token says.

    It is a test, unless the token is for a real one.
    """
    test_only = not trials.is_real(request.token)
    async with given.database.platform() as platform:
        redeemed = await trials.redeem(platform, request.token, request.call, now)
    if redeemed is None:
        return Refusal(reason="bad_token", line=STALE)
    tenant, test = redeemed
    async with given.database.tenant(tenant) as scope:
        trial = await trials.get(scope, test)
        agent = trial.agent
        refusal = Refusal(reason="suspended", line=UNKNOWN) if agent.tenant.suspended else await _place(scope, request, "", agent, now)
        if refusal is not None:
            await trials.free(scope, test)
            return refusal
        call = await ops.ensure(
            scope,
            request.call,
            agent.id,
            transport=request.transport,
            caller=trial.caller,
            version=trial.version,
            test=test_only,
            engine_url=request.control_url,
        )
        if call.state == "ended":
            await numbers.release(scope, request.call)
    nobody = {"caller_number": trial.caller} if trial.caller else {}
    known = nobody if test_only else await context.of_caller(given, agent, trial.caller)
    made = plan_of(agent, request.call, now, given.settings.base_url, known, test=test_only)
    return await _with_accounts(given, agent, made)


async def _outgoing(given: Services, request: PlanRequest, now: datetime) -> CallPlan | Refusal:
    """The plan of a call that we have placed: it begins with who is calling and why, and lasts no longer than it may."""
    async with given.database.platform() as platform:
        redeemed = await carriers.redeem(platform, request.token, request.carrier_call, request.call, now)
    if redeemed is None:
        await carriers.turned_away(given, request.token, request.carrier_call, now)
        return Refusal(reason="bad_token")
    async with given.database.tenant(redeemed.tenant) as scope:
        row = await outgoing.of_carrier(scope, request.carrier_call)
        if row is not None and request.transport == "sip":
            row = await outgoing.taken(scope, given, row)
        if row is None or row.state != "answered":
            return Refusal(reason="bad_token")
        try:
            agent = await agents.live(scope, row.agent_id)
        except NotFound:
            return Refusal(reason="unknown_number")
        refusal = Refusal(reason="suspended") if agent.tenant.suspended else await _place(scope, request, row.number_id, agent, now)
        if refusal is not None:
            return refusal
        call = await ops.ensure(
            scope,
            request.call,
            agent.id,
            transport=request.transport,
            carrier_call=request.carrier_call,
            did=row.did,
            caller=row.to,
            version=agent.version,
            engine_url=request.control_url,
        )
        if call.state == "ended":
            await numbers.release(scope, request.call)
        await outgoing.is_call(scope, row.id, request.call)
        left = await outgoing.left(scope, given, row)
        machine = await outgoing.machine(scope, row)
        visit = await outgoing.visit(scope, row, agent, now)
    known = await context.of_caller(given, agent, row.to)
    made = plan_of(agent, request.call, now, given.settings.base_url, known | {"open_now": True})
    text = outgoing.line(row, agent, visit)
    longest = min(made.turn.max_call_ms, left)
    made = made.model_copy(
        update={
            "script": outgoing.opened(made.script, text),
            "turn": made.turn.model_copy(update={"max_call_ms": longest}),
            "machine": machine,
        }
    )
    return await _with_accounts(given, agent, made)


async def _whose(given: Services, request: PlanRequest, now: datetime) -> tuple[Owner, str] | Refusal:
    """Who is rung, and by whom: in the carrier's own words where the media comes from one."""
    if request.transport == "sip":
        return await _over_trunk(given, request, now)
    did, caller, tenant = request.did, request.caller, None
    if request.transport not in OWN:
        async with given.database.platform() as platform:
            redeemed = await carriers.redeem(platform, request.token, request.carrier_call, request.call, now)
        if redeemed is None:
            await carriers.turned_away(given, request.token, request.carrier_call, now)
            return Refusal(reason="bad_token")
    async with given.database.platform() as platform:
        if request.transport not in OWN and redeemed is not None:
            did, caller, tenant = redeemed.did, redeemed.caller, redeemed.tenant
        elif request.transport in {"browser", "webrtc"}:
            did = given.settings.browser_number
        owner = await numbers.owner(platform, did) if did else None
    if owner is None or tenant not in {None, owner.tenant}:
        return Refusal(reason="unknown_number", line=UNKNOWN)
    return owner, caller


async def _over_trunk(given: Services, request: PlanRequest, now: datetime) -> tuple[Owner, str] | Refusal:
    """Who is rung over a SIP trunk: a number of the trunk's own tenant, or nobody. A call to any other is counted at the trunk."""
    async with given.database.platform() as platform:
        trunk = await trunks.owner(platform, request.parameters.get("trunk_ref", ""))
        if trunk is None:
            await numbers.stray(platform, request.did, now)
            return Refusal(reason="unknown_number", line=UNKNOWN)
        owner = await numbers.owner(platform, request.did)
    tenant, id = trunk  # noqa: A001 - what it is
    if owner is not None and owner.tenant == tenant:
        return owner, request.caller
    async with given.database.tenant(tenant) as scope:
        await numbers.refused(scope, id, "unknown_number", now)
    return Refusal(reason="unknown_number", line=UNKNOWN)


async def _agent(scope: TenantScope, owner: Owner, now: datetime) -> Agent | Refusal:
    """Who answers; a call that nobody does is counted."""
    if owner.suspended:
        await numbers.refused(scope, owner.number, "suspended", now)
        return Refusal(reason="suspended", line=UNKNOWN)
    try:
        if owner.enabled:
            return await agents.live(scope, owner.agent)
    except NotFound:
        pass
    await numbers.refused(scope, owner.number, "no_agent" if owner.enabled else "disabled", now)
    return Refusal(reason="unknown_number", line=UNKNOWN)


async def _place(scope: TenantScope, request: PlanRequest, number: str, agent: Agent, now: datetime) -> Refusal | None:
    """Take the call's place, or hold the one that the carrier's webhook took."""
    until = now + timedelta(milliseconds=agent.turn.max_call_ms) + GRACE
    carrier_call = request.carrier_call if request.transport not in OWN else None
    placing = await numbers.place(scope, number, now, until, call=request.call, carrier_call=carrier_call)
    if placing == "other":
        return Refusal(reason="bad_token")
    return None if placing == "placed" else Refusal(reason="limit", line=BUSY)


async def _with_accounts(given: Services, agent: Agent, made: CallPlan) -> CallPlan:
    """The plan with the accounts that its models need, for the engine alone: what keeps or shows a plan leaves them out."""
    found = await vendors.settings(given, agent.tenant.id, agent.tenant.reseller_id, made.models)
    return made.model_copy(update={"models": made.models.model_copy(update={"vendors": found})}) if found else made


def plan_of(agent: Agent, call: str, moment: datetime, base_url: str, known: Mapping[str, Any], *, test: bool = False) -> CallPlan:
    """An agent's plan for a call that comes in at this moment: who can be reached then, and whether the business is open, is in it."""
    reached = agent.transfer_at(moment)
    return CallPlan(
        call=call,
        ref=agent.ref,
        locale=agent.locale,
        timezone=agent.timezone,
        region=agent.tenant.region,
        hours=agent.hours,
        voice=agent.voice,
        models=agent.models,
        turn=agent.turn,
        lines=agent.lines,
        fillers=agent.fillers,
        openers=agent.openers,
        script=agent.script,
        given={"open_now": agent.open_at(moment), **reached, **known},
        knowledge=agent.knowledge,
        tools=tools.specs(agent, base_url),
        events_url=HttpUrl(f"{base_url}/v1/events"),
        record=agent.record,
        record_after=agent.record_after,
        transfer_to=reached,
        transfers_url=HttpUrl(f"{base_url}/v1/transfers"),
        test=test,
    )
