"""``offhook keys``: API keys of a tenant or a reseller."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from offhook.cli.api import Api, Cursor, Limit, OfReseller, Yes, checked, command, confirm, moment, said
from offhook.client.models import NewResellerKey, NewTenantKey

app = typer.Typer(help="API keys: of a tenant, or of a reseller (--reseller).", no_args_is_help=True)
COLUMNS = {
    "key": "id",
    "name": "name",
    "may": "permissions",
    "until": "expires_at",
    "last used": "last_used_at",
}


@command(app, "list")
def list_keys(api: Api, reseller: OfReseller = None, limit: Limit = 50, cursor: Cursor = None) -> None:
    """All keys, without their secrets."""
    keys = api.client.keys
    if reseller:
        pages = keys.list_reseller(reseller, limit=limit, cursor=cursor)
    else:
        pages = keys.list_tenant(api.tenant, limit=limit, cursor=cursor)
    api.rows(pages.first(), COLUMNS)


@command(app, "create")
def create_key(
    api: Api,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    allow: Annotated[list[str], typer.Option("--allow", help="What it may do, such as calls.read; several times.")],
    until: Annotated[datetime | None, typer.Option(help="When it ends, UTC; without it when it is revoked.")] = None,
    reseller: OfReseller = None,
) -> None:
    """Make a key. Its secret is printed this once."""
    facts = {"name": name, "permissions": allow, **said(expires_at=moment(until))}
    keys = api.client.keys
    if reseller:
        made = keys.create_reseller(reseller, checked(NewResellerKey, facts))
    else:
        made = keys.create_tenant(api.tenant, checked(NewTenantKey, facts))
    if api.as_json:
        return api.json(made)
    api.done(f"{made.id} may {', '.join(made.permissions)}. Its secret, shown this once:")
    return typer.echo(made.secret)


@command(app, "revoke")
def revoke_key(api: Api, key: str, reseller: OfReseller = None, yes: Yes = False) -> None:
    """End a key at once."""
    confirm(f"end the key {key}", yes)
    if reseller:
        api.client.keys.revoke_reseller(reseller, key)
    else:
        api.client.keys.revoke_tenant(api.tenant, key)
    api.done(f"{key} is revoked")
