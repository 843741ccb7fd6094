"""Calls that remind people of their visits."""

from __future__ import annotations

import logging
from datetime import timedelta

from offhook.errors import Invalid, OffhookError
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.outgoing import ops, rules
from offhook.orchestrator.outgoing.repo import Due, OutgoingRepo
from offhook.orchestrator.outgoing.schemas import NewOutgoing
from offhook.orchestrator.services import Services

_log = logging.getLogger(__name__)


async def remind(given: Services, tenant: str) -> int:
    """Have the contacts of visits rung that are near, each once for each time that a visit has; how many calls are new."""
    made, now = 0, given.clock()
    async with given.database.tenant(tenant) as scope:
        wanted = await ops.setting(scope)
        if wanted.reminder_hours is None or wanted.reminder_agent is None:
            return 0
        until = now + timedelta(hours=wanted.reminder_hours)
        visits = await bookings.page(scope, ops.BATCH, None, since=now, until=until, status="booked", soonest=True)
        contacts = await crm.some(scope, {one.contact_id for one in visits if one.contact_id})
        repo = OutgoingRepo(scope)
        for visit in visits:
            once = rules.once_of(visit)
            contact = contacts.get(visit.contact_id or "")
            if contact is None or contact.phone is None or visit.starts_at <= now or await repo.once(once) is not None:
                continue
            new = NewOutgoing(
                to=contact.phone, agent_id=wanted.reminder_agent, purpose="reminder", contact_id=contact.id, appointment_id=visit.id,
                not_after=visit.starts_at,
            )  # fmt: skip
            try:
                await ops.create(scope, given, new, "system", once)
            except Invalid as error:  # nothing was written: it is looked at before
                _log.warning("a reminder was not made: %s", error.public, extra={"tenant": tenant})
                continue
            made += 1
    return made


async def remind_all(given: Services) -> int:
    """Reminders of all tenants; how many calls are new. What goes wrong at one keeps none of the others from theirs."""
    async with given.database.platform() as scope:
        tenants = await Due(scope).reminding()
    made = 0
    for tenant in tenants:
        try:
            made += await remind(given, tenant)
        except OffhookError as error:
            _log.warning("no reminders were made: %s", error.public, extra={"tenant": tenant})
    return made
