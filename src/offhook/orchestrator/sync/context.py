"""What is known of a caller before the first word: from copies alone, within a cap, and nothing at all rather than late.

The number that a call shows is no proof of who rings: what it opens is a name and a visit that is due anyway.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
from sqlalchemy.exc import SQLAlchemyError

from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import label
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync.repo import Known
from offhook.orchestrator.sync.schemas import OutsideCustomer

CAP_S: Final = 0.3
"""The line is ringing: what is not known by then is not known in this call."""
TOLD: Final = timedelta(hours=36)
"""An older balance is not told."""
log = logging.getLogger(__name__)


async def of_caller(given: Services, agent: Agent, number: str) -> dict[str, Any]:
    """Values of a script's ``given`` (``GIVEN`` of agents.check) for this caller (E.164, or empty). Never raises."""
    if not number:
        return {}
    known: dict[str, Any] = {"caller_number": number}
    try:
        with anyio.move_on_after(CAP_S) as cap:
            # The database gives up by itself, a little before: a query that is cut off from here would cost its connection.
            async with given.database.tenant(agent.tenant.id, within_ms=int(CAP_S * 900)) as scope:
                known |= await _known(scope, given, agent, number)
        if cap.cancelled_caught:
            log.warning("what is known of a caller took too long", extra={"tenant": agent.tenant.id})
    except SQLAlchemyError:
        log.warning("what is known of a caller could not be read", exc_info=True, extra={"tenant": agent.tenant.id})
    return known


async def _known(scope: TenantScope, given: Services, agent: Agent, number: str) -> dict[str, Any]:
    callers, now = agent.config.callers, given.clock()
    contact = await crm.find_contact(scope, number)
    theirs = one_each(await Known(scope).by_phone(number))
    name = (contact.name if contact else "") or next((one.name for one in theirs if one.name), "")
    found: dict[str, Any] = {"caller_known": contact is not None or bool(theirs)}
    if name and callers.greet:
        found["caller_name"] = name
    if callers.visits:
        jobs = await Known(scope).jobs(theirs) if theirs else []
        visits = await Known(scope).visits(theirs, jobs, now) if theirs else []
        own = await bookings.next_of(scope, contact.id, now) if contact else None
        starts = [one.starts_at for one in visits[:1]] + ([own.starts_at] if own else [])
        if starts:
            found["next_visit"] = label(min(starts), agent.zone, now)
        if jobs:
            found["open_job"] = jobs[0].title
    if callers.balance and (owed := balance(theirs, now)):
        found["balance"] = owed
    return found


def one_each(customers: list[OutsideCustomer]) -> list[OutsideCustomer]:
    """Those who are the only one with this number in their system: of two, nobody says who rings."""
    count: dict[str, int] = {}
    for one in customers:
        count[one.connection_id] = count.get(one.connection_id, 0) + 1
    return [one for one in customers if count[one.connection_id] == 1]


def balance(customers: list[OutsideCustomer], now: datetime) -> str:
    """What they owe, as it is said; empty where nobody has said so lately, or they owe nothing."""
    lately = [one for one in customers if one.asked_at is not None and one.asked_at > now - TOLD]
    owed = next((one for one in lately if one.balance is not None and one.balance > 0), None)
    return f"{owed.balance:.2f} {owed.currency}".strip() if owed else ""
