"""Who may be rung and who may not: consent, and the do-not-call list."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Final

from offhook.errors import Fault, Invalid, NotFound
from offhook.orchestrator.numbers import dialling
from offhook.orchestrator.outgoing.repo import Lists, OutgoingRepo
from offhook.orchestrator.outgoing.schemas import ConsentView, DoNotCallView, NewConsent, NewDoNotCall
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants

MOST_LINES: Final = 2_000


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


async def add_table(scope: TenantScope, table: str, by: str, now: datetime) -> int:
    """Put the numbers of a CSV file on the list, one in each line and why behind it; how many there are. A first line of headings is
    passed over. Invalid, naming the line, if any is no number: then none is added.
    """
    region = (await tenants.get(scope)).region
    found: dict[str, str] = {}
    for line, row in enumerate(csv.reader(table.splitlines()), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        phone = dialling.e164(cells[0], region)
        if phone is None and line == 1 and not any(letter.isdigit() for letter in cells[0]):
            continue
        why = ", ".join(cell for cell in cells[1:] if cell)[:500]
        if phone is None or not why.isprintable():
            raise Invalid(f"line {line} is not a phone number", faults=(Fault("table", f"line {line} is not a phone number"),))
        found[phone] = why
    if not 0 < len(found) <= MOST_LINES:
        raise Invalid("the table has no numbers, or too many", faults=(Fault("table", f"from 1 to {MOST_LINES:,} numbers at once"),))
    for phone, why in found.items():
        await bar(scope, phone, why, by, now)
    return len(found)


async def consents(scope: TenantScope, limit: int, after: str | None) -> list[ConsentView]:
    """Who agreed, by number."""
    return [ConsentView.model_validate(one) for one in await Lists(scope).consents(limit, after)]


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
