"""How a tenant places calls, and whether a number may be rung: by consent, by the do-not-call list, and by where calls may go at all."""

from __future__ import annotations

from typing import Final

from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing.repo import Lists, OutgoingRepo
from offhook.orchestrator.outgoing.schemas import REASONS, Purpose, Setting, SettingView
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tolls import ops as tolls

REMINDER: Final = "reminder/"
"""How ``once`` of reminders begins that are made by themselves."""


async def setting(scope: TenantScope, *, lock: bool = False) -> SettingView:
    """How the tenant places calls."""
    return SettingView.model_validate(await OutgoingRepo(scope).setting(lock=lock))


async def put_setting(scope: TenantScope, new: Setting) -> SettingView:
    """Place calls so from now on; NotFound or Conflict for an agent that cannot be used."""
    if new.reminder_agent is not None:
        await agents.need_in_use(scope, new.reminder_agent)
    await OutgoingRepo(scope).set(new.model_dump(mode="json"))
    return await setting(scope)


async def why_not(scope: TenantScope, to: str, purpose: Purpose, lead: str | None = None) -> str:
    """Why this number (E.164) may not be rung, in words; empty where it may."""
    _, why = await may_at_all(scope, to, purpose, lead)
    return REASONS.get(why, why) if why else ""


async def may_at_all(scope: TenantScope, to: str, purpose: str, lead: str | None) -> tuple[str, str | None]:
    """As ``may``, when a call is asked for: nor may one go to a number of the tenant's own, or to where no call may go."""
    consent, why = await may(scope, to, purpose, lead)
    if why is None and await numbers.of_did(scope, to) is not None:
        why = "own_number"
    return consent, why or (await tolls.rules(scope)).why_not(to)


async def may(scope: TenantScope, to: str, purpose: str, lead: str | None) -> tuple[str, str | None]:
    """By what this number may be rung for this purpose, or why it may not."""
    held = Lists(scope)
    contact = await crm.find_contact(scope, to)
    if await held.find(to) is not None or (contact is not None and contact.no_calls):
        return "", "do_not_call"
    if await held.consent(to) is not None:
        return "given", None
    if purpose == "call-back" and lead is not None and contact is not None and await _asked_back(scope, lead, contact.id):
        return "asked", None
    wanted = await setting(scope)
    return ("", "no_consent") if purpose in wanted.consent_for else ("service", None)


async def off(scope: TenantScope, row: OutgoingRow) -> tuple[str, str] | None:
    """How a call that waits ends because what it needs, or is about, has gone meanwhile: state and reason; None where nothing has."""
    if (await tenants.get(scope)).suspended:
        return "refused", "business_suspended"
    try:
        await numbers.show(scope, row.number_id)
    except NotFound:
        return "failed", "no_number"
    try:
        await agents.live(scope, row.agent_id)
    except NotFound:
        return "failed", "no_agent"
    return ("cancelled", "no_visit") if await _visit_is_off(scope, row) else None


def once_of(visit: Appointment) -> str:
    """What makes a reminder the only one of a visit at this time."""
    return f"{REMINDER}{visit.id}/{int(visit.starts_at.timestamp())}"


async def _asked_back(scope: TenantScope, lead: str, contact: str) -> bool:
    """Whether this contact has asked for it: another's wish is no consent of theirs."""
    try:
        found = await contacts.lead(scope, lead)
    except NotFound:  # deleted meanwhile
        return False
    return found.status == "callback" and found.contact_id == contact


async def _visit_is_off(scope: TenantScope, row: OutgoingRow) -> bool:
    if row.purpose != "reminder" or row.appointment_id is None:
        return False
    try:
        visit = (await bookings.show(scope, row.appointment_id)).appointment
    except NotFound:
        return True
    moved = row.once is not None and row.once.startswith(REMINDER) and row.once != once_of(visit)
    return moved or visit.status != "booked"
