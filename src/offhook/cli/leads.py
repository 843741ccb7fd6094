"""``offhook leads``: jobs that may come of calls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import typer

from offhook.cli.api import Api, Cursor, IfMatch, Limit, command, moment, said
from offhook.client.models import LeadChange

app = typer.Typer(help="Leads.", no_args_is_help=True)
LeadId = Annotated[str, typer.Argument(metavar="LEAD", help="Its id.")]
Status = Literal["new", "callback", "booked", "contacted", "won", "lost"]


@command(app, "list")
def list_leads(
    api: Api,
    status: Annotated[Status | None, typer.Option(help="How far it has come.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Then or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before then, UTC.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """The tenant's leads, the newest first."""
    pages = api.client.leads.list(api.tenant, status=status, since=moment(since), until=moment(until), limit=limit, cursor=cursor)
    columns = {
        "lead": "id",
        "status": "status",
        "problem": "problem",
        "assigned": "assigned",
        "contact": "contact_id",
        "since": "created_at",
    }
    api.rows(pages.first(), columns)


@command(app, "show")
def show_lead(api: Api, lead: LeadId) -> None:
    """A lead."""
    api.show(api.client.leads.show(api.tenant, lead).value)


@command(app, "change")
def change_lead(
    api: Api,
    lead: LeadId,
    status: Annotated[Literal["new", "contacted", "won", "lost"] | None, typer.Option(help="How far it has come.")] = None,
    note: Annotated[str | None, typer.Option(help="For people.")] = None,
    assigned: Annotated[str | None, typer.Option(help="Who looks after it.")] = None,
    if_match: IfMatch = None,
) -> None:
    """Say how far a lead has come."""
    tag = if_match or api.client.leads.show(api.tenant, lead).etag
    api.show(api.client.leads.change(api.tenant, lead, LeadChange(**said(status=status, note=note, assigned=assigned)), if_match=tag).value)
