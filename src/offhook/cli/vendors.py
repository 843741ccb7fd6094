"""``offhook vendors``: accounts with vendors of speech and language models, of a tenant or lent by a reseller."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from offhook.cli.api import Api, Columns, Cursor, Limit, OfReseller, Yes, command, confirm, said
from offhook.client.errors import NotFound
from offhook.client.models import RotateVendorKey, VendorAccount

app = typer.Typer(help="Accounts with vendors: of a tenant, or lent to its tenants by a reseller (--reseller).", no_args_is_help=True)
NONE_YET: Final = '"r0"'
"""The ETag of an account that is not there."""
Vendor = Annotated[str, typer.Argument(metavar="VENDOR", help="Such as deepgram, cartesia, openai.")]
Key = Annotated[str, typer.Option("--key", prompt="API key", hide_input=True, help="Better typed than given here.")]
COLUMNS: Columns = {
    "vendor": "vendor",
    "key": lambda one: f"...{one.api_key.last4}" if one.api_key.set else "none",
    "region": "region",
    "address": "base_url",
}


@command(app, "list")
def list_accounts(api: Api, reseller: OfReseller = None, limit: Limit = 50, cursor: Cursor = None) -> None:
    """All accounts, without their keys."""
    group = api.client.vendors
    if reseller:
        pages = group.list_reseller_accounts(reseller, limit=limit, cursor=cursor)
    else:
        pages = group.list_tenant_accounts(api.tenant, limit=limit, cursor=cursor)
    api.rows(pages.first(), COLUMNS)


@command(app, "show")
def show_account(api: Api, vendor: Vendor, reseller: OfReseller = None) -> None:
    """An account, without its key."""
    group = api.client.vendors
    found = group.show_reseller_account(reseller, vendor) if reseller else group.show_tenant_account(api.tenant, vendor)
    api.show(found.value)


@command(app, "put")
def put_account(
    api: Api,
    vendor: Vendor,
    key: Key,
    region: Annotated[str | None, typer.Option(help="One of the vendor's, such as eu.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Where the vendor is reached, if not at its own address.")] = None,
    reseller: OfReseller = None,
) -> None:
    """Keep an account, in the place of the one before. With --key '' for a server of one's own that wants none."""
    body = VendorAccount(**said(api_key=key or None, region=region, base_url=base_url))
    group = api.client.vendors
    tag = NONE_YET
    try:
        found = group.show_reseller_account(reseller, vendor) if reseller else group.show_tenant_account(api.tenant, vendor)
        tag = found.etag
    except NotFound:
        pass
    if reseller:
        api.show(group.put_reseller_account(reseller, vendor, body, if_match=tag).value)
    else:
        api.show(group.put_tenant_account(api.tenant, vendor, body, if_match=tag).value)


@command(app, "rotate")
def rotate_key(api: Api, vendor: Vendor, key: Key, reseller: OfReseller = None) -> None:
    """Another key for the same account: calls use it from the next one on."""
    body, group = RotateVendorKey(api_key=key), api.client.vendors
    api.show(group.rotate_reseller_key(reseller, vendor, body) if reseller else group.rotate_tenant_key(api.tenant, vendor, body))


@command(app, "remove")
def remove_account(api: Api, vendor: Vendor, reseller: OfReseller = None, yes: Yes = False) -> None:
    """Drop an account with its key."""
    group = api.client.vendors
    found = group.show_reseller_account(reseller, vendor) if reseller else group.show_tenant_account(api.tenant, vendor)
    confirm(f"drop the account with {vendor}", yes)
    if reseller:
        group.delete_reseller_account(reseller, vendor, if_match=found.etag)
    else:
        group.delete_tenant_account(api.tenant, vendor, if_match=found.etag)
    api.done(f"the account with {vendor} is dropped")
