"""``offhook resellers``: who sells under a brand of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.api import Api, Cursor, IfMatch, Limit, Yes, command, confirm, document_as, said
from offhook.client.models import Brand, NewReseller, ResellerChange

app = typer.Typer(help="Resellers.", no_args_is_help=True)
BrandFile = Annotated[Path | None, typer.Option("--brand", help="A document: product_name, hosts, sender_name, support_address ...")]


@command(app, "list")
def list_resellers(api: Api, limit: Limit = 50, cursor: Cursor = None) -> None:
    """All resellers."""
    page = api.client.resellers.list(limit=limit, cursor=cursor).first()
    api.rows(page, {"reseller": "id", "name": "name", "state": "state", "since": "created_at"})


@command(app, "create")
def create_reseller(api: Api, name: str, brand: BrandFile = None) -> None:
    """Make a reseller."""
    look = None if brand is None else document_as(Brand, brand)
    api.show(api.client.resellers.create(NewReseller(name=name, **said(brand=look))))


@command(app, "show")
def show_reseller(api: Api, reseller: str) -> None:
    """A reseller."""
    api.show(api.client.resellers.show(reseller).value)


@command(app, "change")
def change_reseller(
    api: Api,
    reseller: str,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    brand: BrandFile = None,
    if_match: IfMatch = None,
) -> None:
    """Change its name or how it presents itself."""
    look = None if brand is None else document_as(Brand, brand)
    tag = if_match or api.client.resellers.show(reseller).etag
    api.show(api.client.resellers.change(reseller, ResellerChange(**said(name=name, brand=look)), if_match=tag).value)


@command(app, "suspend")
def suspend_reseller(api: Api, reseller: str, yes: Yes = False) -> None:
    """Refuse the calls of all its tenants."""
    confirm(f"refuse the calls of all tenants of {reseller}", yes)
    api.show(api.client.resellers.suspend(reseller))


@command(app, "resume")
def resume_reseller(api: Api, reseller: str) -> None:
    """Take the calls of its tenants again."""
    api.show(api.client.resellers.resume(reseller))


@command(app, "delete")
def delete_reseller(api: Api, reseller: str, yes: Yes = False) -> None:
    """Delete a reseller that nothing belongs to any more."""
    found, tag = api.client.resellers.show(reseller)
    confirm(f"delete {found.name}", yes)
    api.client.resellers.delete(reseller, if_match=tag)
    api.done(f"{found.name} is deleted")
