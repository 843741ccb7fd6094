"""Putting a caller through: begun by their engine, known to it by asking, ended by whoever is first.

Everything that decides is a change of the transfer's row under its lock, so that of a person who takes the call, a caller who hangs up
and a time that is over one comes first and the others find it so. No transaction is open while the carrier is asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import anyio

from offhook.contracts.transfer import TransferAnswer, TransferRequest, TransferTurn
from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallRecord
from offhook.orchestrator.carriers.dialects import MOVERS
from offhook.orchestrator.carriers.steps import Step
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.transfers import documents, engine_tells, ringing
from offhook.orchestrator.transfers.brief import brief
from offhook.orchestrator.transfers.people import people_of
from offhook.orchestrator.transfers.repo import Overdue, TransferRepo
from offhook.orchestrator.transfers.schemas import OPEN, Transfer
from offhook.orchestrator.trunks import ops as trunks
from offhook.orchestrator.trunks.schemas import TrunkView

LONGEST: Final = timedelta(seconds=90)
"""An engine waits a little longer."""
NEWS_S: Final = 5.0
"""So long an engine's question waits for news."""
POLL_S: Final = 0.2


async def begin(given: Services, request: TransferRequest) -> TransferAnswer:
    """Begin a transfer, once for each key; NotFound where there is no such call. Whom it rings is decided now."""
    tenant, agent_id = agents.split_ref(request.ref)
    async with given.database.tenant(tenant) as scope:
        call = await calls.get(scope, request.call)
        if call.agent_id != agent_id:
            raise NotFound("no such call")
    async with given.database.platform() as platform:
        owner = await numbers.owner(platform, call.did) if call.did else None
    ours = owner is not None and owner.tenant == tenant and not call.test and bool(call.carrier_call)
    async with given.database.tenant(tenant) as scope:
        trunk = await _trunk(scope, owner.number) if ours and owner is not None and call.transport == "sip" else None
        elsewhere = not ours or (call.transport not in MOVERS and trunk is None)
        repo, now = TransferRepo(scope), given.clock()
        agent = await _agent(scope, call)
        people = people_of(agent, request.target, now)
        state, reason = ("trying", "") if people else ("failed", "nobody")
        if elsewhere:
            state, reason = "failed", "elsewhere"
        elif call.state == "ended":
            state, reason = "failed", "gone"
        target = agent.config.transfer.get(request.target)
        await repo.add(
            id=new_id("trf", now),
            call_id=call.id,
            key=request.key,
            target=request.target,
            people=[one.model_dump() for one in people],
            account_id=owner.account if owner is not None else None,
            trunk_id=trunk.id if trunk is not None else None,
            refer=trunk is not None and trunk.transfers == "refer",
            carrier=call.transport,
            caller_leg=call.carrier_call,
            did=call.did,
            language=agent.locale,
            warm=target is None or target.announce,
            brief=brief(request.brief, call.caller, agent.tenant.name, agent.locale) if state == "trying" else "",
            state=state,
            reason=reason,
            created_at=now,
            until=now + LONGEST,
        )
        made = await repo.by_key(request.key)
    if made is None or made.call_id != call.id:
        raise Conflict("this key was used for another transfer")
    return made.answer()


async def news(given: Services, id: str, turn: TransferTurn) -> TransferAnswer:
    """How it stands, once there is more than the engine knows; what is due is done meanwhile. NotFound."""
    tenant, _ = agents.split_ref(turn.ref)
    found = await _of_call(given, tenant, id, turn.call)
    if turn.told is not None:
        await engine_tells.told(given, found, turn.told)
        await ringing.advance(given, tenant, id)
        found = await _of_call(given, tenant, id, turn.call)
    if turn.cancel:
        return (await cancel(given, found)).answer()
    if turn.told is not None:
        return found.answer()
    with anyio.move_on_after(NEWS_S):
        while found.version <= turn.after and found.state in OPEN:
            await ringing.advance(given, tenant, id)
            found = await _of_call(given, tenant, id, turn.call)
            if found.version <= turn.after and found.state in OPEN:
                await anyio.sleep(POLL_S)
    return found.answer()


async def cancel(given: Services, found: Transfer, reason: str = "") -> Transfer:
    """End it, if nobody has taken the call; if somebody has, wait for what comes of that. An engine that was to bring the caller to them
    itself, and ends it, does not.
    """
    async with given.database.tenant(found.tenant_id) as scope:
        locked = await ringing.locked(scope, found.id)
        dead = await ringing.close(scope, given, locked, "cancelled", reason) if locked.state == "trying" else []
        if locked.state == "bridging" and locked.trunk_id is not None:
            await ringing.bridged(scope, given, locked, "gone")
    await ringing.hang_up(given, found, dead)
    return await ringing.settled(given, found)


async def media_ended(given: Services, tenant: str, caller_leg: str) -> list[Step] | None:
    """The caller's media has ended: how they meet a person who has taken the call; None if nobody has. A transfer that
    still rings people rings them no longer.
    """
    async with given.database.tenant(tenant) as scope:
        found = await TransferRepo(scope).of_leg(caller_leg)
    if found is None or found.state not in {"trying", "bridging", "done"}:
        return None
    now = await cancel(given, found) if found.state != "done" else found
    return meeting(given, now) if now.state == "done" else None


async def forget(scope: TenantScope, call: str) -> None:
    """Drop what is known of a call's transfers."""
    await TransferRepo(scope).forget(call)


async def sweep(given: Services) -> int:
    """End those that should be over and whose engines do not ask any more; how many."""
    async with given.database.platform() as platform:
        overdue = await Overdue(platform).before(given.clock())
    for tenant, one in overdue:
        await ringing.advance(given, tenant, one)
    return len(overdue)


async def _of_call(given: Services, tenant: str, id: str, call: str) -> Transfer:
    async with given.database.tenant(tenant) as scope:
        found = await TransferRepo(scope).get(id)
    if found is None or found.call_id != call:
        raise NotFound("no such transfer")
    return found


async def _trunk(scope: TenantScope, number: str) -> TrunkView | None:
    """The trunk by which people are rung for callers of this number: its own, if calls can go out over it."""
    id = (await numbers.show(scope, number)).trunk_id  # noqa: A001 - what it is
    trunk = await trunks.show(scope, id) if id is not None else None
    return trunk if trunk is not None and trunk.enabled and trunk.host else None


async def _agent(scope: TenantScope, call: CallRecord) -> Agent:
    """The agent as the call has it."""
    if call.agent_version is None:
        return await agents.live(scope, call.agent_id)
    return await agents.version(scope, call.agent_id, call.agent_version)


def meeting(given: Services, found: Transfer) -> list[Step]:
    """Where the caller meets the person."""
    return documents.meet(found.id, ringing.url_of(given, found, "parted"))
