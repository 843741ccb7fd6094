"""Contacts and leads as the team works on them by the API."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import Call, CallFilter
from offhook.orchestrator.crm.repo import After, ContactRepo, LeadRepo, MessageRepo
from offhook.orchestrator.crm.schemas import Callback, Contact, ContactChange, Lead, LeadChange, LeadStatus, NewContact
from offhook.orchestrator.crm.views import ContactDetail
from offhook.orchestrator.crm.words import words
from offhook.orchestrator.kit import once
from offhook.orchestrator.numbers.ops import e164
from offhook.orchestrator.outgoing import lists
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants

SHOWN: Final = 50
"""Calls, visits and leads that are shown with a contact; the newest."""
_STAYS: Final = ("name", "address", "email", "no_calls", "note")


async def page(scope: TenantScope, search: str | None, limit: int, after: After) -> list[Contact]:
    """Contacts, newest first: all, or those with this number, or with these beginnings of words in name and e-mail."""
    if search is None:
        return await ContactRepo(scope).page(limit, after)
    phone = e164(search, (await tenants.get(scope)).region)
    wanted = sorted(words(search))
    if not wanted and phone is None:
        return []
    return await ContactRepo(scope).page(limit, after, wanted, phone)


async def show(scope: TenantScope, id: str) -> ContactDetail:
    """A contact with numbers, calls, visits, leads and messages, the newest of each; NotFound."""
    repo = ContactRepo(scope)
    found = await repo.get(id)
    if found is None:
        raise NotFound("no such contact")
    phones = await repo.phones(id)
    visits, leads = await bookings.of_contact(scope, id, SHOWN), await LeadRepo(scope).of_contact(id, SHOWN)
    messages = await MessageRepo(scope).of_contact(id)
    made = {one.call_id for one in visits if one.call_id} | {one.call_id for one in leads} | {one.call_id for one in messages}
    return ContactDetail(
        contact=found, phones=phones, calls=await _calls(scope, phones, made), appointments=visits, leads=leads, messages=messages[-SHOWN:]
    )


async def _calls(scope: TenantScope, phones: list[str], made: set[str]) -> list[Call]:
    """Calls from these numbers and those that left something, the latest first."""
    found: dict[str, Call] = {}
    for phone in phones:
        found |= {one.id: one for one in await calls.page(scope, CallFilter(caller=phone), SHOWN, None)}
    for one in await calls.some(scope, sorted(made - found.keys())):
        found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.at, one.id), reverse=True)[:SHOWN]


async def create(scope: TenantScope, new: NewContact, now: datetime) -> Contact:
    """Make a contact; Invalid for a phone number that is none, Conflict for one that another contact has."""
    fields = new.model_dump(exclude={"phone"})
    made = await ContactRepo(scope).add(now, await _phone(scope, new.phone), fields)
    if made is None:
        raise _taken()
    return made


async def locked(scope: TenantScope, id: str) -> Contact:
    """A contact that nobody else changes until the transaction ends; NotFound."""
    found = await ContactRepo(scope).get(id, lock=True)
    if found is None:
        raise NotFound("no such contact")
    return found


async def change(scope: TenantScope, old: Contact, changes: ContactChange, now: datetime) -> Contact:
    """Change what is given; Invalid, Conflict."""
    fields: dict[str, Any] = changes.model_dump(exclude_unset=True)
    faults = tuple(Fault(name, "this cannot be null") for name in _STAYS if name in fields and fields[name] is None)
    if faults:
        raise Invalid("leave out what is to stay as it is", faults=faults)
    repo = ContactRepo(scope)
    if "phone" in fields:
        fields["phone"] = phone = await _phone(scope, fields["phone"])
        if phone is None:
            await repo.drop_phones(old.id)
        elif not await repo.take_phone(old.id, phone):
            raise _taken()
    if not fields:
        return old
    new = await repo.change(old.id, now, fields)
    if new is None:
        raise NotFound("no such contact")
    return new


async def merge(scope: TenantScope, id: str, other: str, now: datetime) -> Contact:
    """Make one contact of two: what the first lacks comes from the other, and with it calls, visits, leads and messages; NotFound."""
    # In one order, whoever is merged into whom, so that two such requests wait for each other and do not block each other.
    both = {one: await locked(scope, one) for one in sorted((id, other))}
    if id == other:
        raise Invalid("a contact cannot be merged with itself", faults=(Fault("other", "the same contact"),))
    kept, gone = both[id], both[other]
    repo = ContactRepo(scope)
    await repo.move_phones(other, id)
    await LeadRepo(scope).move(other, id)
    await MessageRepo(scope).move(other, id)
    await bookings.move_contact(scope, other, id, now)
    fields: dict[str, Any] = {name: getattr(kept, name) or getattr(gone, name) for name in ("phone", "name", "address", "email")}
    fields["no_calls"] = kept.no_calls or gone.no_calls
    fields["note"] = "\n".join(note for note in (kept.note, gone.note) if note)
    merged = await repo.change(id, now, fields)
    await repo.delete(other)
    await once.forget(scope, other)
    if merged is None:
        raise NotFound("no such contact")
    return merged


async def delete(scope: TenantScope, old: Contact, now: datetime) -> None:
    """Forget a contact: numbers, leads, messages, and whatever is personal in past visits. Conflict while visits lie ahead.

    Calls are records of their own and are deleted as such.
    """
    if await bookings.next_of(scope, old.id, now) is not None:
        raise Conflict("the contact has visits ahead: cancel them first")
    await bookings.forget_contact(scope, old.id, now)
    await lists.forget_contact(scope, old.id)
    await LeadRepo(scope).delete(contact=old.id)
    await MessageRepo(scope).delete(contact=old.id)
    await ContactRepo(scope).delete(old.id)
    await once.forget(scope, old.id)


async def leads(
    scope: TenantScope, limit: int, after: After, *, status: str | None, since: datetime | None, until: datetime | None
) -> list[Lead]:
    """Leads, newest first."""
    return await LeadRepo(scope).page(limit, after, status=status, since=since, until=until)


async def lead(scope: TenantScope, id: str, *, lock: bool = False) -> Lead:
    """A lead; NotFound. Locked, nobody else changes it until the transaction ends."""
    found = await LeadRepo(scope).get(id, lock=lock)
    if found is None:
        raise NotFound("no such lead")
    return found


async def change_lead(scope: TenantScope, old: Lead, changes: LeadChange, now: datetime) -> Lead:
    """Change what is given; Invalid."""
    fields = changes.model_dump(exclude_unset=True)
    faults = tuple(Fault(name, "this cannot be null") for name, value in fields.items() if value is None)
    if faults:
        raise Invalid("leave out what is to stay as it is", faults=faults)
    return await LeadRepo(scope).change(old.id, now, fields) if fields else old


async def stages(scope: TenantScope, contacts: Collection[str]) -> dict[str, Lead]:
    """How far each of these contacts has come: their newest lead, where there is one."""
    return await LeadRepo(scope).newest(contacts)


async def at_stage(scope: TenantScope, status: LeadStatus, limit: int, after: After) -> list[tuple[Contact, Lead]]:
    """Contacts whose newest lead is at this stage, with it; that of the newest lead first."""
    found = await LeadRepo(scope).at(status, limit, after)
    people = await ContactRepo(scope).some({one.contact_id for one in found})
    return [(people[one.contact_id], one) for one in found]


def noted(old: Lead, new: Lead, fields: Collection[str]) -> dict[str, Any]:
    """What the log says of a lead's change: which fields, and from which stage to which."""
    details: dict[str, Any] = {"fields": sorted(fields)}
    return details | ({"status": [old.status, new.status]} if new.status != old.status else {})


async def callbacks(scope: TenantScope, since: datetime, limit: int) -> list[Callback]:
    """Who waits to be rung back: by what a call promised, unless the team has taken it up since."""
    messages = {one.call_id: one for one in await MessageRepo(scope).callbacks(since, limit)}
    leads = {one.call_id: one for one in await LeadRepo(scope).page(limit, None, status="callback", since=since, until=None)}
    known = leads | await LeadRepo(scope).of_calls(messages.keys() - leads.keys())
    found = []
    for call in known.keys() | messages.keys():
        lead, message = known.get(call), messages.get(call)
        if lead is not None and lead.status != "callback":
            continue
        at = [one.created_at for one in (lead, message) if one is not None]
        about = (lead.problem if lead else "") or (message.note if message else "")
        contact = next(one.contact_id for one in (lead, message) if one is not None)
        found.append(Callback(call_id=call, contact_id=contact, at=max(at), due=message.due if message else None, about=about))
    return sorted(found, key=lambda one: (one.at, one.call_id), reverse=True)[:limit]


async def _phone(scope: TenantScope, text: str | None) -> str | None:
    if text is None:
        return None
    number = e164(text, (await tenants.get(scope)).region)
    if number is None:
        raise Invalid("the phone number is none", faults=(Fault("phone", "not a phone number such as +447700900123"),))
    return number


def _taken() -> Conflict:
    return Conflict("another contact has this phone number: merge the two")
