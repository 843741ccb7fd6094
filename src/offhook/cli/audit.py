"""``offhook audit``: who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from offhook.cli.api import Api, Columns, Cursor, Limit, OfPlatform, OfReseller, command, moment
from offhook.client.models import Checked

app = typer.Typer(help="Who did what: in a tenant, a reseller (--reseller), on the platform (--platform).", no_args_is_help=True)
COLUMNS: Columns = {
    "when": "at",
    "who": lambda one: f"{one.actor_name or one.actor_id} ({one.actor_kind})",
    "did": "action",
    "to": "target",
    "details": lambda one: one.details or "",
    "from": "ip",
}


@command(app, "list")
def list_audit(
    api: Api,
    actor: Annotated[str | None, typer.Option(help="Id of who did it.")] = None,
    action: Annotated[str | None, typer.Option(help="What was done, such as agent.published.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Then or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before then, UTC.")] = None,
    reseller: OfReseller = None,
    platform: OfPlatform = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """Entries of the log, newest first."""
    audit, begin, end = api.client.audit, moment(since), moment(until)
    if platform:
        pages = audit.list_platform(actor=actor, action=action, since=begin, until=end, limit=limit, cursor=cursor)
    elif reseller:
        pages = audit.list_reseller(reseller, actor=actor, action=action, since=begin, until=end, limit=limit, cursor=cursor)
    else:
        pages = audit.list_tenant(api.tenant, actor=actor, action=action, since=begin, until=end, limit=limit, cursor=cursor)
    api.rows(pages.first(), COLUMNS)


@command(app, "check")
def check_audit(api: Api, reseller: OfReseller = None, platform: OfPlatform = False) -> None:
    """Whether every entry is as it was written, and none is missing."""
    found = _checked(api, reseller, platform=platform)
    api.show(found)
    if not found.whole:
        raise typer.Exit(1)


def _checked(api: Api, reseller: str | None, *, platform: bool) -> Checked:
    if platform:
        return api.client.audit.check_platform()
    return api.client.audit.check_reseller(reseller) if reseller else api.client.audit.check_tenant(api.tenant)
