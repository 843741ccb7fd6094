"""Attempts that an engine is asked for over a trunk (``dialling``), and what it says of them, asked or by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from offhook.contracts.dial import Dialled
from offhook.errors import NotFound
from offhook.orchestrator.outgoing import dialling, states
from offhook.orchestrator.outgoing.repo import OutgoingRepo
from offhook.orchestrator.outgoing.schemas import FAILED
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

LOOK: Final = timedelta(seconds=60)
"""An engine is asked how far a call over a trunk is when it has told nothing for so long."""


async def asked(scope: TenantScope, given: Services, row: OutgoingRow) -> dialling.Asked | None:
    """What an engine is asked; the engine is kept before it is. None where there is none, and the attempt waits or is over."""
    begun, now = (await OutgoingRepo(scope).attempts(row.id))[-1].asked_at, given.clock()
    if row.state == "dialling" and now - begun >= states.GIVE_UP:
        await states.end(scope, given, row, "failed", "unknown" if row.boot else "no_engine")
        return None
    try:
        there = bool(row.boot) or await dialling.chosen(scope, given, row)
    except NotFound:
        await states.end(scope, given, row, "failed", "no_trunk")
        return None
    if not there:
        await states.look_at(scope, given, row, now + states.PAUSE)
        return None
    row = await states.fresh(scope, row.id)
    await OutgoingRepo(scope).change(row.id, next_at=now + states.LEASE)
    return await dialling.asked(scope, given, row)


async def ask(given: Services, tenant: str, row: OutgoingRow, one: dialling.Asked) -> str:
    """Ask the engine, in no transaction, to place it, or how far it is; the call's state then."""
    stop = row.reason == "by_hand" and row.state != "answered"
    if row.state == "dialling" and not stop:
        said = await dialling.place(given, one)
    else:
        said = await dialling.look(given, one, stop=stop)
    async with given.database.tenant(tenant) as scope:
        now = await OutgoingRepo(scope).get(row.id, lock=True)
        if now is None:  # its contact is no more
            return "gone"
        if now.attempts == row.attempts and now.boot == one.dial.boot and now.state in states.UNDER_WAY:
            await (_not_heard(scope, given, now, said) if isinstance(said, str) else _heard(scope, given, now, said))
        return (await states.fresh(scope, row.id)).state


async def told(given: Services, said: Dialled) -> bool:
    """An engine tells how far a call is; False where that changes nothing. In a transaction of its own."""
    of = dialling.of_ref(said.ref)
    if of is None:
        return False
    tenant, id, attempt = of  # noqa: A001 - what it is
    try:
        async with given.database.tenant(tenant) as scope:
            row = await OutgoingRepo(scope).get(id, lock=True)
            goes_on = row is not None and row.attempts == attempt and row.state in states.UNDER_WAY
            if row is None or not goes_on or row.carrier_call != said.key or (row.state == "answered" and said.state == "failed"):
                return False
            await _heard(scope, given, row, said)
            return True
    except NotFound:  # the tenant is gone
        return False


async def taken(scope: TenantScope, given: Services, row: OutgoingRow) -> OutgoingRow:
    """Somebody has answered a call over a trunk: its engine asks for the plan, which may be before it has told anything else."""
    return await _rung(scope, given, row, taken=True) if row.boot and row.state in {"dialling", "ringing"} else row


async def _heard(scope: TenantScope, given: Services, row: OutgoingRow, said: Dialled) -> None:
    """What its engine says of the attempt that goes on."""
    if said.why == "unasked":  # another engine may be
        await OutgoingRepo(scope).change(row.id, engine="", boot="", carrier_call="")
        await states.look_at(scope, given, row, given.clock() + states.PAUSE)
        return
    row = await _rung(scope, given, row, taken=said.state in {"answered", "ended"})
    if said.state == "ended":
        await states.attempt_ended(scope, given, row, "completed")
    elif said.why == "cancelled":
        await states.end(scope, given, row, "cancelled", "by_hand")
    elif said.state == "failed":
        await states.attempt_ended(scope, given, row, FAILED.get(said.why, "failed"))


async def _not_heard(scope: TenantScope, given: Services, row: OutgoingRow, said: str) -> None:
    """Its engine says nothing: it is asked again for hours, and a call that died with its engine is over."""
    begun, now = (await OutgoingRepo(scope).attempts(row.id))[-1].asked_at, given.clock()
    if said == "silent" and now - begun < states.SILENT:
        await states.look_at(scope, given, row, now + (states.PAUSE if row.state == "dialling" else LOOK))
    elif row.state == "answered":
        await states.attempt_ended(scope, given, row, "completed")
    elif row.reason == "by_hand":
        await states.end(scope, given, row, "cancelled", "by_hand")
    else:
        await states.end(scope, given, row, "failed", "unknown")


async def _rung(scope: TenantScope, given: Services, row: OutgoingRow, *, taken: bool) -> OutgoingRow:
    """It has rung over its trunk, and perhaps was answered; its engine is asked again when it has told nothing for long."""
    if row.state == "dialling":
        await states.rings(scope, given, row, row.carrier_call)
    if taken and row.state != "answered":
        await states.answered(scope, given, row, "")
        await OutgoingRepo(scope).change(row.id, reason="")  # whoever wanted it stopped was too late
    await OutgoingRepo(scope).change(row.id, next_at=given.clock() + LOOK)
    return await states.fresh(scope, row.id)
