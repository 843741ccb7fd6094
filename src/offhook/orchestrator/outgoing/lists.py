"""Who may be rung and who may not: consent, and the do-not-call list."""

from __future__ import annotations

from datetime import datetime

from offhook.errors import Fault, Invalid, NotFound
from offhook.orchestrator.numbers import dialling
from offhook.orchestrator.outgoing.repo import Lists, OutgoingRepo
from offhook.orchestrator.outgoing.schemas import ConsentView, DoNotCallView, NewConsent, NewDoNotCall
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants


async def number(scope: TenantScope, text: str, field: str = "phone") -> str:
    """A phone number as E.164; Invalid."""
    found = dialling.e164(text, (await tenants.get(scope)).region)
    if found is None:
        raise Invalid("the number is not a phone number", faults=(Fault(field, "not a phone number such as +442079460000"),))
    return found


async def bar(scope: TenantScope, phone: str, why: str, by: str, now: datetime) -> bool:
    """Never ring this number (E.164) again: consent to it is withdrawn, and calls that wait for it are refused. False if it is so."""
    lists, calls = Lists(scope), OutgoingRepo(scope)
    await lists.withdraw(phone)
    for one in await calls.waiting_for(phone):
        await calls.change(one, state="refused", reason="do_not_call", next_at=None, ended_at=now)
    return await lists.bar(phone, why, by, now)


async def add(scope: TenantScope, new: NewDoNotCall, by: str, now: datetime) -> DoNotCallView:
    """Put a number on the do-not-call list."""
    phone = await number(scope, new.phone)
    await bar(scope, phone, new.why, by, now)
    found = await Lists(scope).find(phone)
    if found is None:
        raise NotFound("this number is not on the list")
    return DoNotCallView.model_validate(found)


async def remove(scope: TenantScope, phone: str) -> None:
    """Take a number off the list; NotFound."""
    if not await Lists(scope).unbar(phone):
        raise NotFound("this number is not on the list")


async def page(scope: TenantScope, limit: int, after: str | None) -> list[DoNotCallView]:
    """The do-not-call list, by number."""
    return [DoNotCallView.model_validate(one) for one in await Lists(scope).list(limit, after)]


async def agree(scope: TenantScope, new: NewConsent, by: str, now: datetime) -> ConsentView:
    """Keep that somebody agreed to be rung."""
    phone = await number(scope, new.phone)
    await Lists(scope).agree(phone, new.how, by, now)
    return await consent(scope, phone)


async def consent(scope: TenantScope, phone: str) -> ConsentView:
    """Who agreed; NotFound."""
    found = await Lists(scope).consent(phone)
    if found is None:
        raise NotFound("there is no consent of this number")
    return ConsentView.model_validate(found)


async def withdraw(scope: TenantScope, phone: str) -> None:
    """Somebody agrees no more; NotFound."""
    if not await Lists(scope).withdraw(phone):
        raise NotFound("there is no consent of this number")


async def forget_contact(scope: TenantScope, contact: str) -> None:
    """A contact is no more: what was placed to them goes. That they are never to be rung stays."""
    await OutgoingRepo(scope).forget(contact)
