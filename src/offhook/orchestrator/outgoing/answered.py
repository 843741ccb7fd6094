"""A call that somebody, or a machine, has answered: who it is, what the engine is told for it, and what came of it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final, Literal, cast

from offhook.contracts.plan import MachinePlan
from offhook.errors import Conflict, NotFound, Unreachable
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.live import ops as live
from offhook.orchestrator.outgoing import opening, rules
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.repo import OutgoingRepo
from offhook.orchestrator.outgoing.schemas import Purpose
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls

_log = logging.getLogger(__name__)
MACHINES: Final = frozenset({"machine", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"})
"""What carriers call whoever is no person."""


async def of_carrier(scope: TenantScope, carrier_call: str) -> OutgoingRow | None:
    """The call that this one of the carrier's is, for whoever changes it."""
    return await OutgoingRepo(scope).of_carrier(carrier_call)


async def is_call(scope: TenantScope, id: str, call: str) -> None:
    """Which record of a call it has become."""
    await OutgoingRepo(scope).change(id, call_id=call)


async def left(scope: TenantScope, given: Services, row: OutgoingRow) -> int:
    """How much longer the call may last, in milliseconds; at least a moment, in which it can be ended."""
    found = await tolls.left(scope, given, key_of(row.id, row.attempts))
    return max(1_000, int(found.total_seconds() * 1_000)) if found is not None else 60_000


async def machine(scope: TenantScope, row: OutgoingRow) -> MachinePlan:
    """What the engine does where a machine answers."""
    message = "" if row.on_machine == "hang_up" else (await rules.setting(scope)).voicemail
    by: Literal["", "human", "machine"] = "machine" if row.answered_by in MACHINES else "human" if row.answered_by == "human" else ""
    return MachinePlan(on_machine="leave_message" if message else "hang_up", message=message, carrier=by)


async def visit(scope: TenantScope, row: OutgoingRow, agent: Agent, now: datetime) -> str:
    """When the visit is that a call is about, as it is said; empty without one."""
    if row.appointment_id is None:
        return ""
    return opening.of_visit((await bookings.show(scope, row.appointment_id)).appointment.starts_at, agent.zone, now, agent.locale)


def line(row: OutgoingRow, agent: Agent, when: str) -> str:
    """What is said first, in the agent's language."""
    return opening.line(cast("Purpose", row.purpose), agent.tenant.name, row.about, when, agent.locale)


async def listened(scope: TenantScope, given: Services, row: OutgoingRow, by: str) -> None:
    """The carrier says who has answered, while they are talked to: their engine decides, which hears them too."""
    await OutgoingRepo(scope).change(row.id, answered_by=by)
    if row.call_id is None or by not in MACHINES | {"human"}:
        return  # the plan says so
    try:
        await live.command(scope, given, row.call_id, "answered", {"machine": by in MACHINES}, f"{key_of(row.id, row.attempts)}.{by}")
    except (Conflict, NotFound, Unreachable) as error:
        _log.info("an engine was not told who has answered: %s", error.public, extra={"tenant": scope.tenant})


async def came_of(scope: TenantScope, call: str, outcome: str) -> None:
    """The engine says how a call ended: a machine was found out, and was left the message or not."""
    if outcome in {"voicemail", "voicemail_left"} and (row := await OutgoingRepo(scope).of_call(call)) is not None:
        await OutgoingRepo(scope).change(row.id, reason=outcome, answered_by=row.answered_by if row.answered_by in MACHINES else "machine")
