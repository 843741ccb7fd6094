"""``offhook contacts``: who is known to a tenant."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.api import Api, Cursor, IfMatch, Limit, Yes, command, confirm, said
from offhook.client.models import ContactChange, Merge, NewContact

app = typer.Typer(help="Contacts.", no_args_is_help=True)
ContactId = Annotated[str, typer.Argument(metavar="CONTACT", help="Its id.")]
Name = Annotated[str | None, typer.Option(help="What they are called.")]
Phone = Annotated[str | None, typer.Option(help="Such as +447700900123.")]
Address = Annotated[str | None, typer.Option(help="Where they live.")]
Email = Annotated[str | None, typer.Option(help="Mail address.")]
Note = Annotated[str | None, typer.Option(help="For people.")]
NoCalls = Annotated[bool | None, typer.Option("--no-calls/--calls", help="Whether they must not be called.")]
COLUMNS = {"contact": "id", "name": "name", "phone": "phone", "address": "address", "no calls": "no_calls", "changed": "updated_at"}


@command(app, "list")
def list_contacts(
    api: Api,
    search: Annotated[str | None, typer.Option(help="Part of a name, number or address.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """The tenant's contacts, the newest first."""
    api.rows(api.client.contacts.list(api.tenant, q=search, limit=limit, cursor=cursor).first(), COLUMNS)


@command(app, "show")
def show_contact(api: Api, contact: ContactId) -> None:
    """A contact, with calls, visits, leads and messages."""
    found = api.client.contacts.show(api.tenant, contact).value
    if api.as_json:
        return api.json(found)
    api.show(found.contact)
    if found.calls:
        api.table(found.calls, {"call": "id", "when": "at", "outcome": "outcome", "summary": "summary"})
    if found.appointments:
        api.table(found.appointments, {"visit": "id", "when": "starts_at", "staff": "staff", "status": "status", "problem": "problem"})
    if found.leads:
        api.table(found.leads, {"lead": "id", "status": "status", "problem": "problem"})
    if found.messages:
        api.table(found.messages, {"message": "id", "kind": "kind", "note": "note"})
    return None


@command(app, "add")
def add_contact(
    api: Api, name: Annotated[str, typer.Argument()], phone: Phone = None, address: Address = None, email: Email = None, note: Note = None
) -> None:
    """Make a contact."""
    api.show(api.client.contacts.create(api.tenant, NewContact(name=name, **said(phone=phone, address=address, email=email, note=note))))


@command(app, "change")
def change_contact(
    api: Api,
    contact: ContactId,
    name: Name = None,
    phone: Phone = None,
    address: Address = None,
    email: Email = None,
    note: Note = None,
    no_calls: NoCalls = None,
    if_match: IfMatch = None,
) -> None:
    """Change what is given of a contact."""
    body = ContactChange(**said(name=name, phone=phone, address=address, email=email, note=note, no_calls=no_calls))
    tag = if_match or api.client.contacts.show(api.tenant, contact).etag
    api.show(api.client.contacts.change(api.tenant, contact, body, if_match=tag).value)


@command(app, "merge")
def merge_contacts(
    api: Api, contact: ContactId, other: Annotated[str, typer.Argument(help="Who is the same person, and will be gone.")], yes: Yes = False
) -> None:
    """Make one contact of two."""
    confirm(f"give all of {other} to {contact}", yes)
    api.show(api.client.contacts.merge(api.tenant, contact, Merge(other=other)))


@command(app, "delete")
def delete_contact(api: Api, contact: ContactId, yes: Yes = False) -> None:
    """Forget a contact, with numbers, leads and messages."""
    found, tag = api.client.contacts.show(api.tenant, contact)
    confirm(f"forget {found.contact.name or found.contact.phone or contact}", yes)
    api.client.contacts.delete(api.tenant, contact, if_match=tag)
    api.done(f"{contact} is forgotten")
