"""Calls that we place: kept first, then looked at again and again until they are over (``attempts``).

Whether a number may be rung (``rules``) is asked when the call is made and again before each attempt.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from offhook.errors import Conflict, Fault, Invalid
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.numbers.schemas import NumberView
from offhook.orchestrator.outgoing import lists, rules, states
from offhook.orchestrator.outgoing.answered import came_of as came_of
from offhook.orchestrator.outgoing.answered import is_call as is_call
from offhook.orchestrator.outgoing.answered import left as left
from offhook.orchestrator.outgoing.answered import line as line
from offhook.orchestrator.outgoing.answered import machine as machine
from offhook.orchestrator.outgoing.answered import of_carrier as of_carrier
from offhook.orchestrator.outgoing.answered import visit as visit
from offhook.orchestrator.outgoing.attempts import dial as dial
from offhook.orchestrator.outgoing.by_trunk import taken as taken
from offhook.orchestrator.outgoing.dialling import PREFIX as PREFIX
from offhook.orchestrator.outgoing.opening import opened as opened
from offhook.orchestrator.outgoing.repo import Due, OutgoingRepo
from offhook.orchestrator.outgoing.rules import put_setting as put_setting
from offhook.orchestrator.outgoing.rules import setting as setting
from offhook.orchestrator.outgoing.rules import why_not as why_not
from offhook.orchestrator.outgoing.schemas import NewOutgoing, OutgoingView
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.trunks import ops as trunks

KEPT: Final = timedelta(days=90)
BATCH: Final = 200


async def create(scope: TenantScope, given: Services, new: NewOutgoing, by: str, once: str | None = None) -> OutgoingView:
    """Keep a call and place it as soon as it may be. One that may not be rung is kept as refused, and says why.

    ``once``: what it is the only call for; asked again, it is the first. Invalid and NotFound where it names what is not there.
    """
    repo, now = OutgoingRepo(scope), given.clock()
    if once is not None and (before := await repo.once(once)) is not None:
        return view(before)
    to = await lists.number(scope, new.to, "to")
    await agents.need_in_use(scope, new.agent_id)
    number = await _number(scope, new)
    await _theirs(scope, new)
    if new.on_machine == "leave_message" and not (await rules.setting(scope)).voicemail:
        raise Invalid(
            "there is no message to leave", faults=(Fault("on_machine", "write the message into the settings of calls out first"),)
        )
    consent, why = await rules.may_at_all(scope, to, new.purpose, new.lead_id)
    id = new_id("out", now)  # noqa: A001 - what it is
    fields: dict[str, Any] = {
        **new.model_dump(exclude={"to", "number_id"}),
        "on_machine": new.on_machine or "",
        "to": to,
        "did": number.did,
        "number_id": number.id,
    }
    refused = {"state": "refused", "reason": why, "ended_at": now, "next_at": None}
    due = max(now, new.not_before) if new.not_before else now
    state = refused if why else {"state": "waiting", "next_at": due}
    if not await repo.add(id=id, once=once, consent=consent, by=by, created_at=now, **fields, **state):
        return view(states.found(await repo.once(once or "")))
    if why is not None:
        await states.refused(scope, given, id, to, new.purpose, why)
    else:
        await states.wake(scope, given, id, due)
    return await show(scope, id)


async def show(scope: TenantScope, id: str) -> OutgoingView:
    """A call; NotFound."""
    return view(await states.fresh(scope, id))


async def page(scope: TenantScope, limit: int, after: tuple[datetime, str] | None, state: str | None = None) -> list[OutgoingView]:
    """Calls, newest first."""
    return [view(one) for one in await OutgoingRepo(scope).page(limit, after, state)]


async def cancel(scope: TenantScope, given: Services, id: str) -> OutgoingView:
    """Do not place a call that waits, and ring no more over a trunk; Conflict for any other that rings or was answered."""
    repo = OutgoingRepo(scope)
    row = await states.locked(scope, id)
    if row.state in {"dialling", "ringing"} and row.boot:
        await repo.change(id, reason="by_hand")  # its engine is asked to stop, and says whether somebody was faster
        await states.look_at(scope, given, row, given.clock())
        return await show(scope, id)
    if row.state == "dialling" and row.trunk_id is not None:  # no engine was asked yet
        await states.end(scope, given, row, "cancelled", "by_hand")
        return await show(scope, id)
    if row.state != "waiting":
        raise Conflict("this call is no longer waiting")
    await repo.change(id, state="cancelled", reason="by_hand", next_at=None, ended_at=given.clock())
    return await show(scope, id)


async def due(given: Services) -> int:
    """Have every call looked at that somebody has to look at, as after a worker died; how many."""
    async with given.database.platform() as scope:
        found = await Due(scope).calls(given.clock(), BATCH)
    for tenant, id in found:  # noqa: A001 - what it is
        await given.queue.configure_task(states.DIAL).defer_async(tenant=tenant, outgoing=id)
    return len(found)


async def sweep(scope: PlatformScope, now: datetime) -> None:
    """Drop calls that ended long ago, of all tenants."""
    await Due(scope).sweep(now - KEPT)


def view(row: OutgoingRow) -> OutgoingView:
    """As others see it."""
    return OutgoingView.model_validate(row)


def once_key(principal: str, key: str) -> str:
    """What a request's Idempotency-Key makes a call the only one for."""
    return "key/" + hashlib.sha256(f"{principal}\n{key}".encode()).hexdigest()[:40]


def by_of(principal: Principal) -> str:
    """Who asked, as it is kept."""
    return f"{principal.kind}/{principal.id}"


async def _number(scope: TenantScope, new: NewOutgoing) -> NumberView:
    """The number that is shown."""
    if new.number_id is not None:
        return await numbers.show(scope, new.number_id)
    every = [one for one in await numbers.page(scope, 1_000, None) if one.enabled]
    found = next((one for one in every if one.agent_id == new.agent_id), every[0] if every else None)
    if found is None:
        raise Invalid("there is no number to place calls from", faults=(Fault("number_id", "no number is in use"),))
    return found


async def _theirs(scope: TenantScope, new: NewOutgoing) -> None:
    """NotFound if it names what is not the tenant's."""
    if new.contact_id is not None:
        await crm.contact(scope, new.contact_id)
    if new.lead_id is not None:
        await contacts.lead(scope, new.lead_id)
    if new.appointment_id is not None:
        await bookings.show(scope, new.appointment_id)
    if new.trunk_id is not None:
        await trunks.show(scope, new.trunk_id)
