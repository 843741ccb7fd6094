"""The built-in CRM, for calls and for other domains. What the team does with it by the API: ``contacts`` and ``leads``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from offhook.errors import NotFound
from offhook.orchestrator.crm.repo import ContactRepo, LeadRepo, MessageRepo
from offhook.orchestrator.crm.schemas import By, Contact, Lead, LeadStatus, Message
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


async def find_contact(scope: TenantScope, phone: str) -> Contact | None:
    """By number (E.164)."""
    return await ContactRepo(scope).by_phone(phone)


async def names(scope: TenantScope, phones: Collection[str]) -> dict[str, str]:
    """What those are called whose numbers (E.164) these are, where that is known."""
    return await ContactRepo(scope).names(phones)


async def by_phones(scope: TenantScope, phones: Collection[str]) -> dict[str, Contact]:
    """Whose numbers (E.164) these are, where that is known."""
    return await ContactRepo(scope).by_phones(phones)


async def some(scope: TenantScope, contacts: Collection[str]) -> dict[str, Contact]:
    """Those of these contacts that there are, by id."""
    return await ContactRepo(scope).some(contacts)


async def contact(scope: TenantScope, id: str) -> Contact:
    """By id; NotFound. Nobody deletes it until the transaction ends."""
    found = await ContactRepo(scope).keep(id)
    if found is None:
        raise NotFound("no such contact")
    return found


async def save_contact(
    scope: TenantScope, now: datetime, phone: str | None, *, name: str = "", address: str = "", email: str = ""
) -> Contact:
    """Make or complete the contact with this number; an empty field changes nothing."""
    repo = ContactRepo(scope)
    fields = {"name": name, "address": address, "email": email}
    while True:
        old = await repo.by_phone(phone) if phone else None
        if old is None:
            saved = await repo.add(now, phone, fields)
        else:
            news = {key: value for key, value in fields.items() if value and value != getattr(old, key)}
            saved = await repo.change(old.id, now, news) if news else await repo.keep(old.id)
        if saved is not None:
            return saved
        # Somebody has made, merged or deleted the contact of this number in between; what they did is committed and seen now.


async def stop_calls(scope: TenantScope, now: datetime, contact: str) -> None:
    """Remember not to ring this contact again."""
    await ContactRepo(scope).change(contact, now, {"no_calls": True})


async def save_lead(
    scope: TenantScope,
    given: Services,
    by: By,
    contact: str,
    *,
    status: LeadStatus = "new",
    problem: str = "",
    extras: dict[str, Any] | None = None,
) -> Lead:
    """The one lead of the call ``by``. A new one is told to the tenant's webhooks."""
    lead, new = await LeadRepo(scope).save(given.clock(), contact, by.id, status, problem, extras or {})
    if new and not by.test:
        told = lead.model_dump(mode="json", include={"call_id", "contact_id", "status", "created_at"})
        await hooks.publish(scope, given, "lead.created", {"lead_id": lead.id, **told}, subject=by.id)
    return lead


async def unbooked(scope: TenantScope, now: datetime, call: str) -> None:
    """The call's booking came to nothing: its lead is as new as before."""
    await LeadRepo(scope).unbooked(call, now)


async def add_message(
    scope: TenantScope, now: datetime, contact: str, call: str, *, kind: str, note: str = "", due: datetime | None = None
) -> Message:
    """Keep a message for the team."""
    return await MessageRepo(scope).add(now, contact, call, kind, note, due)


async def of_call(scope: TenantScope, call: str) -> tuple[Lead | None, list[Message]]:
    """What a call left behind."""
    return await LeadRepo(scope).of_call(call), await MessageRepo(scope).of_call(call)
