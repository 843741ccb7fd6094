"""How a call that we place stands: what changes that, and when somebody has to look at it next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from offhook.errors import NotFound
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing import rules
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.repo import OutgoingRepo
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.tolls.rules import Purpose as TollPurpose
from offhook.orchestrator.tolls.rules import prefix_of

DIAL: Final = "dial_outgoing"
"""Name of the job that looks at one call."""
UNDER_WAY: Final = frozenset({"dialling", "ringing", "answered"})
"""States in which an attempt goes on."""
PAUSE: Final = timedelta(minutes=1)
"""How long what passes by itself is waited for."""
LEASE: Final = timedelta(seconds=60)
"""An attempt whose worker is not heard of for so long is another's; the carrier is asked by the same key."""
GIVE_UP: Final = timedelta(minutes=10)
"""So long after an attempt was begun nobody asks any more whether it was placed."""
SILENT: Final = timedelta(hours=5)
"""A call of which the carrier says nothing more for so long is over."""
AGAIN: Final = frozenset({"busy", "no-answer"})
"""What an attempt may end by that is followed by another."""


async def locked(scope: TenantScope, id: str) -> OutgoingRow:
    """A call, for whoever changes it; NotFound."""
    return found(await OutgoingRepo(scope).get(id, lock=True))


async def fresh(scope: TenantScope, id: str) -> OutgoingRow:
    """A call as it stands now; NotFound."""
    return found(await OutgoingRepo(scope).get(id))


def found(row: OutgoingRow | None) -> OutgoingRow:
    """It; NotFound if there is none."""
    if row is None:
        raise NotFound("no such call")
    return row


async def rings(scope: TenantScope, given: Services, row: OutgoingRow, carrier_call: str) -> None:
    """The carrier has taken the attempt that goes on."""
    repo = OutgoingRepo(scope)
    await repo.attempt(row.id, row.attempts, carrier_call=carrier_call)
    await repo.change(row.id, state="ringing", carrier_call=carrier_call, next_at=given.clock() + SILENT)


async def is_named(scope: TenantScope, row: OutgoingRow, carrier_call: str) -> None:
    """The carrier calls the attempt that goes on something else than when it was placed."""
    repo = OutgoingRepo(scope)
    await repo.attempt(row.id, row.attempts, carrier_call=carrier_call)
    await repo.change(row.id, carrier_call=carrier_call)


async def answered(scope: TenantScope, given: Services, row: OutgoingRow, by: str) -> None:
    """Somebody, or a machine, has answered the attempt that goes on."""
    await OutgoingRepo(scope).change(row.id, state="answered", answered_by=by, next_at=given.clock() + SILENT)


async def attempt_ended(scope: TenantScope, given: Services, row: OutgoingRow, status: str) -> None:
    """The attempt that goes on has ended, by the carrier's word; whether there is another is the tenant's to say."""
    repo, now = OutgoingRepo(scope), given.clock()
    await tolls.free(scope, given, key_of(row.id, row.attempts))
    await numbers.release_carrier(scope, row.carrier_call)
    await repo.attempt(row.id, row.attempts, result=status, ended_at=now)
    wanted = await rules.setting(scope)
    if row.state == "answered":
        await end(scope, given, row, "done", row.reason)
    elif row.reason == "by_hand":  # somebody has stopped it, and there is to be no other
        await end(scope, given, row, "cancelled", "by_hand")
    elif status in AGAIN and row.attempts < wanted.attempts:
        await repo.change(row.id, reason=status)
        await wait(scope, given, row, now + timedelta(minutes=wanted.gap_minutes))
    else:
        await end(scope, given, row, "failed", status if status in {"busy", "no-answer", "canceled", "carrier"} else "failed")


async def end(scope: TenantScope, given: Services, row: OutgoingRow, state: str, reason: str) -> None:
    """The call is over."""
    repo, now = OutgoingRepo(scope), given.clock()
    if row.attempts:
        await tolls.free(scope, given, key_of(row.id, row.attempts))
        attempts = await repo.attempts(row.id)
        if attempts and not attempts[-1].result:
            await repo.attempt(row.id, row.attempts, result=reason or state, ended_at=now)
    await repo.change(row.id, state=state, reason=reason, next_at=None, ended_at=now)
    if state == "refused":
        await refused(scope, given, row.id, row.to, row.purpose, reason)


async def refused(scope: TenantScope, given: Services, id: str, to: str, purpose: str, why: str) -> None:
    """Count and audit a call that is not placed."""
    await tolls.note(scope, given, prefix_of(to), toll_of(purpose), why, call=id)


async def wait(scope: TenantScope, given: Services, row: OutgoingRow, at: datetime) -> None:
    """Have its next attempt begun then; it is over if that is too late."""
    if row.not_after is not None and at > row.not_after:
        await end(scope, given, row, "failed", row.reason or "expired")
        return
    await OutgoingRepo(scope).change(row.id, state="waiting", next_at=at)
    await wake(scope, given, row.id, at)


async def look_at(scope: TenantScope, given: Services, row: OutgoingRow, at: datetime) -> None:
    """Have it looked at again then, as it stands."""
    await OutgoingRepo(scope).change(row.id, next_at=at)
    await wake(scope, given, row.id, at)


async def wake(scope: TenantScope, given: Services, id: str, at: datetime) -> None:
    """Have somebody look at a call then, once this transaction is committed."""
    connection = await raw_connection(scope.session)
    seconds = max(0, int((at - given.clock()).total_seconds() + 0.999))
    job = given.queue.configure_task(DIAL, connection=connection, schedule_in={"seconds": seconds} if seconds else None)
    await job.defer_async(tenant=scope.tenant, outgoing=id)


def toll_of(purpose: str) -> TollPurpose:
    """What it is for, as the limits of calls out have it."""
    return "call-back" if purpose == "call-back" else "outgoing"
