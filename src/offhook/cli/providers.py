"""``offhook providers``: where members sign in by OpenID Connect."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.api import Api, Cursor, Limit, OfReseller, Yes, checked, command, confirm, said
from offhook.client.models import NewProvider, ProviderChange

app = typer.Typer(help="Sign-in by OpenID Connect: for a tenant, or a reseller (--reseller).", no_args_is_help=True)
ProviderId = Annotated[str, typer.Argument(metavar="PROVIDER", help="Its id.")]
Domains = Annotated[list[str] | None, typer.Option("--domain", help="Of mail addresses that it may vouch for; several times.")]
Role = Annotated[str | None, typer.Option("--default-role", help="What newcomers become; without it they must be invited.")]
COLUMNS = {"provider": "id", "name": "name", "issuer": "issuer", "domains": "domains", "enabled": "enabled", "sign in at": "sign_in"}


@command(app, "list")
def list_providers(api: Api, reseller: OfReseller = None, limit: Limit = 50, cursor: Cursor = None) -> None:
    """All providers, without their secrets."""
    group = api.client.sign_in_providers
    if reseller:
        pages = group.list_reseller(reseller, limit=limit, cursor=cursor)
    else:
        pages = group.list_tenant(api.tenant, limit=limit, cursor=cursor)
    api.rows(pages.first(), COLUMNS)


@command(app, "show")
def show_provider(api: Api, provider: ProviderId, reseller: OfReseller = None) -> None:
    """A provider: also what it must be told of us."""
    group = api.client.sign_in_providers
    api.show((group.show_reseller(reseller, provider) if reseller else group.show_tenant(api.tenant, provider)).value)


@command(app, "add")
def add_provider(
    api: Api,
    name: Annotated[str, typer.Argument(help="What people know it as.")],
    issuer: Annotated[str, typer.Option(help="Its address.")],
    client_id: Annotated[str, typer.Option(help="What it calls us.")],
    domains: Annotated[list[str], typer.Option("--domain", help="Of mail addresses that it may vouch for; several times.")],
    secret: Annotated[str, typer.Option(prompt="Client secret", hide_input=True, help="Better typed than given here.")],
    role: Role = None,
    reseller: OfReseller = None,
) -> None:
    """Let people sign in there."""
    facts = {"name": name, "issuer": issuer, "client_id": client_id, "client_secret": secret, "domains": domains}
    body = checked(NewProvider, {**facts, **said(default_role=role)})
    group = api.client.sign_in_providers
    api.show(group.create_reseller(reseller, body) if reseller else group.create_tenant(api.tenant, body))


@command(app, "change")
def change_provider(
    api: Api,
    provider: ProviderId,
    name: Annotated[str | None, typer.Option(help="What people know it as.")] = None,
    domains: Domains = None,
    role: Role = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether anybody may sign in there.")] = None,
    reseller: OfReseller = None,
) -> None:
    """Change what is given of a provider."""
    body = checked(ProviderChange, said(name=name, domains=domains or None, default_role=role, enabled=enabled))
    group = api.client.sign_in_providers
    if reseller:
        tag = group.show_reseller(reseller, provider).etag
        api.show(group.change_reseller(reseller, provider, body, if_match=tag).value)
    else:
        tag = group.show_tenant(api.tenant, provider).etag
        api.show(group.change_tenant(api.tenant, provider, body, if_match=tag).value)


@command(app, "remove")
def remove_provider(api: Api, provider: ProviderId, reseller: OfReseller = None, yes: Yes = False) -> None:
    """End signing in there."""
    group = api.client.sign_in_providers
    found, tag = group.show_reseller(reseller, provider) if reseller else group.show_tenant(api.tenant, provider)
    confirm(f"end signing in by {found.name}", yes)
    if reseller:
        group.remove_reseller(reseller, provider, if_match=tag)
    else:
        group.remove_tenant(api.tenant, provider, if_match=tag)
    api.done(f"{found.name} is removed")
