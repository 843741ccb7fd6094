"""Routes of contacts and leads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.bookings.schemas import Moment
from offhook.orchestrator.crm import contacts as ops
from offhook.orchestrator.crm.schemas import Contact, ContactChange, Lead, LeadChange, LeadStatus, Merge, NewContact
from offhook.orchestrator.crm.views import ContactDetail
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of

contacts = APIRouter(prefix="/v1/tenants/{tenant}", tags=["contacts"])
leads = APIRouter(prefix="/v1/tenants/{tenant}", tags=["leads"])
Reading = Annotated[TenantAccess, in_tenant("contacts.read")]
Writing = Annotated[TenantAccess, in_tenant("contacts.write")]
ContactId = Annotated[str, Path(pattern=ID)]
LeadId = Annotated[str, Path(pattern=ID)]
Search = Annotated[
    str | None,
    Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="A phone number, or beginnings of words of name and e-mail."),
]
Since = Annotated[Moment | None, Query(description="Made then or later.")]
Until = Annotated[Moment | None, Query(description="Made before then.")]
PROBLEM: dict[str, Any] = {"model": Problem}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 412: PROBLEM, 428: PROBLEM}


@contacts.get("/contacts")
async def list_contacts(access: Reading, part: PageQuery, q: Search = None) -> Page[Contact]:
    """The tenant's contacts, newest first; all, or those that fit a search."""
    filters = {"list": "contacts", "tenant": access.scope.tenant, "q": q}
    rows = await ops.page(access.scope, q, part.limit + 1, _after(access, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@contacts.get("/contacts/{contact}", responses={404: PROBLEM})
async def show_contact(contact: ContactId, access: Reading, response: Response) -> ContactDetail:
    """A contact with the newest of its calls, visits, leads and messages; its ETag is needed to change it."""
    found = await ops.show(access.scope, contact)
    response.headers["ETag"] = etag(found.contact.revision)
    return found


@contacts.post("/contacts", status_code=201, responses={409: PROBLEM})
@once
async def create_contact(body: NewContact, access: Writing) -> Contact:
    """Make a contact. A phone number is one contact's only."""
    made = await ops.create(access.scope, body, access.given.clock())
    await access.audit("contact.created", made.id)
    return made


@contacts.patch("/contacts/{contact}", responses=CHANGING)
async def change_contact(
    contact: ContactId, body: ContactChange, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> Contact:
    """Change what is given of a contact."""
    old = await ops.locked(access.scope, contact)
    match(request, old.revision)
    new = await ops.change(access.scope, old, body, access.given.clock())
    # The log outlives the contact: it names what was changed and not to what.
    await access.audit("contact.changed", contact, {"fields": sorted(body.model_fields_set)})
    response.headers["ETag"] = etag(new.revision)
    return new


@contacts.post("/contacts/{contact}/merge", responses={404: PROBLEM, 409: PROBLEM})
@once
async def merge_contacts(contact: ContactId, body: Merge, access: Writing) -> Contact:
    """Make one contact of two who are the same person. Calls, visits, leads, messages and numbers of the other come to this one."""
    merged = await ops.merge(access.scope, contact, body.other, access.given.clock())
    await access.audit("contact.merged", contact, {"other": body.other})
    return merged


@contacts.delete("/contacts/{contact}", status_code=204, responses=CHANGING)
async def delete_contact(contact: ContactId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Forget a contact with numbers, leads and messages; past visits stay in the diary without anything personal.

    Refused while visits lie ahead. Calls are records of their own and are deleted as such.
    """
    old = await ops.locked(access.scope, contact)
    match(request, old.revision)
    await ops.delete(access.scope, old, access.given.clock())
    await access.audit("contact.deleted", contact)


@leads.get("/leads")
async def list_leads(
    access: Reading, part: PageQuery, status: LeadStatus | None = None, since: Since = None, until: Until = None
) -> Page[Lead]:
    """The tenant's leads, newest first."""
    filters = {"list": "leads", "tenant": access.scope.tenant, "status": status, "since": since, "until": until}
    after = _after(access, filters, part.cursor)
    rows = await ops.leads(access.scope, part.limit + 1, after, status=status, since=since, until=until)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@leads.get("/leads/{lead}", responses={404: PROBLEM})
async def show_lead(lead: LeadId, access: Reading, response: Response) -> Lead:
    """A lead; its ETag is needed to change it."""
    found = await ops.lead(access.scope, lead)
    response.headers["ETag"] = etag(found.revision)
    return found


@leads.patch("/leads/{lead}", responses=CHANGING)
async def change_lead(lead: LeadId, body: LeadChange, access: Writing, request: Request, response: Response, _: IfMatch = None) -> Lead:
    """Say how far a lead has come, who looks after it, and what there is to note."""
    old = await ops.lead(access.scope, lead, lock=True)
    match(request, old.revision)
    new = await ops.change_lead(access.scope, old, body, access.given.clock())
    await access.audit("lead.changed", lead, ops.noted(old, new, body.model_fields_set))
    response.headers["ETag"] = etag(new.revision)
    return new


def _after(access: TenantAccess, filters: dict[str, Any], cursor: str | None) -> tuple[datetime, str] | None:
    position = position_of(access.given, filters, cursor)
    return (datetime.fromisoformat(position[0]), str(position[1])) if position else None


routers: tuple[APIRouter, ...] = (contacts, leads)
