"""Answering an engine that asks how to take a call."""

from __future__ import annotations

from typing import Any

from pydantic import HttpUrl

from offhook.contracts.plan import CallPlan, PlanRequest, Refusal
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.calls import ops
from offhook.orchestrator.carriers import ops as carriers
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tools import ops as tools

CARRIERS = frozenset({"twilio"})
"""Transports whose media must bring a token."""
UNKNOWN = "Sorry, this number is not in service. Goodbye."


async def plan(given: Services, request: PlanRequest) -> CallPlan | Refusal:
    """The plan for a call, or why there is none. Also makes the call's record."""
    did, caller = request.did, request.caller
    async with given.database.platform() as platform:
        if request.transport in CARRIERS:
            redeemed = await carriers.redeem(platform, request.token, request.carrier_call, request.call, given.clock())
            if redeemed is None:
                return Refusal(reason="bad_token")
            did, caller = redeemed.did, redeemed.caller
        elif request.transport == "browser":
            did = given.settings.browser_number
        owner = await numbers.owner(platform, did) if did else None
    if owner is None:
        return Refusal(reason="unknown_number", line=UNKNOWN)
    async with given.database.tenant(owner[0]) as scope:
        agent = await agents.live(scope, owner[1])
        if agent.tenant.suspended:
            return Refusal(reason="suspended", line=UNKNOWN)
        number = numbers.e164(caller, agent.tenant.region) or ""
        await ops.ensure(
            scope, request.call, agent.id, transport=request.transport, carrier_call=request.carrier_call, did=did, caller=number
        )
        return CallPlan(
            call=request.call,
            ref=agent.ref,
            locale=agent.tenant.locale,
            timezone=agent.tenant.timezone,
            region=agent.tenant.region,
            hours=agent.hours,
            voice=agent.voice,
            turn=agent.turn,
            lines=agent.lines,
            script=agent.script,
            given=await _given(scope, given, agent, number),
            knowledge=agent.knowledge,
            tools=tools.specs(agent, given.settings.base_url),
            events_url=HttpUrl(f"{given.settings.base_url}/v1/events"),
            transfer_to=agent.transfer_to,
        )


async def _given(scope: TenantScope, given: Services, agent: Agent, number: str) -> dict[str, Any]:
    """What is known before the first word."""
    known: dict[str, Any] = {"open_now": agent.open_at(given.clock()), **agent.transfer_to}
    if number:
        known["caller_number"] = number
        customer = await crm.find_customer(scope, number)
        if customer and customer.name:
            known["caller_name"] = customer.name
    return known
