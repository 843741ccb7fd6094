"""``offhook appointments``: a tenant's diary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from offhook.cli.api import Api, Columns, Cursor, IfMatch, Limit, Yes, command, confirm, moment, said
from offhook.client.models import AppointmentChange, NewAppointment

app = typer.Typer(help="The diary.", no_args_is_help=True)
AppointmentId = Annotated[str, typer.Argument(metavar="APPOINTMENT", help="Its id.")]
From = Annotated[datetime | None, typer.Option("--from", help="That begin then or later, UTC.")]
To = Annotated[datetime | None, typer.Option("--to", help="That begin before then, UTC.")]
Staff = Annotated[str | None, typer.Option(help="Who goes there.")]
At = Annotated[datetime | None, typer.Option(help="When, UTC.")]
Slot = Annotated[str | None, typer.Option(help="One that was offered; see `slots`.")]
Minutes = Annotated[int | None, typer.Option(help="How long.")]
Name = Annotated[str | None, typer.Option(help="Whose visit it is.")]
Address = Annotated[str | None, typer.Option(help="Where.")]
Problem = Annotated[str | None, typer.Option(help="What for.")]
COLUMNS = {
    "appointment": "id",
    "when": "starts_at",
    "staff": "staff",
    "name": "name",
    "address": "address",
    "problem": "problem",
    "status": "status",
}


@command(app, "list")
def list_appointments(
    api: Api,
    begin: From = None,
    end: To = None,
    staff: Staff = None,
    status: Annotated[Literal["booked", "cancelled"] | None, typer.Option(help="What became of it.")] = None,
    order: Annotated[Literal["latest", "soonest"] | None, typer.Option(help="Which first.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """The tenant's diary."""
    pages = api.client.appointments.list(
        api.tenant, from_=moment(begin), to=moment(end), staff=staff, status=status, order=order, limit=limit, cursor=cursor
    )
    api.rows(pages.first(), COLUMNS)


@command(app, "show")
def show_appointment(api: Api, appointment: AppointmentId) -> None:
    """An appointment, and all that was done to it."""
    found = api.client.appointments.show(api.tenant, appointment).value
    if api.as_json:
        return api.json(found)
    api.show(found.appointment)
    columns: Columns = {"at": "at", "done": "kind", "by": lambda one: f"{one.by_kind} {one.by_id}"}
    return api.table(found.history, columns)


@command(app, "slots")
def list_slots(
    api: Api,
    agent: Annotated[str, typer.Argument(help="Whose opening hours.")],
    begin: From = None,
    end: To = None,
    staff: Staff = None,
    limit: Annotated[int | None, typer.Option(help="How many at most.")] = None,
) -> None:
    """Visits that an agent could offer now; the next seven days unless said otherwise."""
    first = moment(begin) or datetime.now(UTC)
    found = api.client.appointments.list_slots(
        api.tenant, agent, from_=first, to=moment(end) or first + timedelta(days=7), staff=staff, limit=limit
    )
    if api.as_json:
        return api.json(found)
    return api.table(found, {"slot": "id", "begins": "starts_at", "staff": "staff", "offered as": "label"})


@command(app, "add")
def add_appointment(
    api: Api,
    contact: Annotated[str, typer.Argument(help="Whose it is.")],
    slot: Slot = None,
    at: At = None,
    minutes: Minutes = None,
    staff: Staff = None,
    name: Name = None,
    address: Address = None,
    problem: Problem = None,
) -> None:
    """Book a visit: in a slot that was offered, or at any time at which somebody is free."""
    facts = said(slot=slot, starts_at=moment(at), minutes=minutes, staff=staff, name=name, address=address, problem=problem)
    api.show(api.client.appointments.create(api.tenant, NewAppointment(contact_id=contact, **facts)))


@command(app, "change")
def change_appointment(
    api: Api,
    appointment: AppointmentId,
    slot: Slot = None,
    at: At = None,
    minutes: Minutes = None,
    staff: Staff = None,
    name: Name = None,
    address: Address = None,
    problem: Problem = None,
    if_match: IfMatch = None,
) -> None:
    """Move a visit, or change what is noted of it."""
    facts = said(slot=slot, starts_at=moment(at), minutes=minutes, staff=staff, name=name, address=address, problem=problem)
    tag = if_match or api.client.appointments.show(api.tenant, appointment).etag
    api.show(api.client.appointments.change(api.tenant, appointment, AppointmentChange(**facts), if_match=tag).value)


@command(app, "cancel")
def cancel_appointment(api: Api, appointment: AppointmentId, yes: Yes = False) -> None:
    """Cancel a visit: its time is free again."""
    found, tag = api.client.appointments.show(api.tenant, appointment)
    confirm(f"cancel the visit of {found.appointment.name} at {found.appointment.starts_at:%Y-%m-%d %H:%M} UTC", yes)
    api.show(api.client.appointments.cancel(api.tenant, appointment, if_match=tag).value)
