"""The built-in CRM."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from offhook.orchestrator.crm.repo import CrmRepo
from offhook.orchestrator.crm.schemas import Customer, Lead, Message
from offhook.orchestrator.scope import TenantScope


async def find_customer(scope: TenantScope, phone: str) -> Customer | None:
    """By number (E.164)."""
    return await CrmRepo(scope).by_phone(phone)


async def save_customer(scope: TenantScope, phone: str | None, *, name: str = "", address: str = "", email: str = "") -> Customer:
    """Make or complete the customer with this number; an empty field changes nothing."""
    return await CrmRepo(scope).save_customer(phone, {"name": name, "address": address, "email": email})


async def stop_calls(scope: TenantScope, customer: str) -> None:
    """Remember not to ring this customer again."""
    await CrmRepo(scope).stop_calls(customer)


async def save_lead(
    scope: TenantScope, customer: str, call: str, *, status: str = "new", problem: str = "", extras: dict[str, Any] | None = None
) -> Lead:
    """The call's one lead."""
    return await CrmRepo(scope).save_lead(customer, call, status, problem, extras or {})


async def add_message(scope: TenantScope, customer: str, call: str, *, kind: str, note: str = "", due: datetime | None = None) -> Message:
    """Keep a message for the team."""
    return await CrmRepo(scope).add_message(customer, call, kind, note, due)


async def of_call(scope: TenantScope, call: str) -> tuple[Lead | None, list[Message]]:
    """What a call left behind."""
    return await CrmRepo(scope).of_call(call)
