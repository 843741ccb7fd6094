"""``offhook connections``: business systems that a tenant has connected, and how they do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from offhook.cli.api import Api, Columns, Cursor, Limit, Yes, command, confirm
from offhook.client.models import NewConnection, Reconnect
from offhook.errors import ConfigError

app = typer.Typer(help="Business systems: connect, test, disconnect.", no_args_is_help=True)
Connection = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id.")]
Given = Annotated[
    list[str] | None, typer.Option("--field", metavar="NAME=VALUE", help="A field of its form; several times. Secrets are better typed.")
]
SYSTEMS: Columns = {
    "system": "adapter",
    "title": "title",
    "by": lambda one: ", ".join(one.ways) or "nothing here",
    "fields": lambda one: ", ".join(field.name for field in one.fields),
    "about": "about",
}
COLUMNS: Columns = {
    "connection": "id",
    "system": "adapter",
    "account": "account",
    "state": "state",
    "last answer": "ok_at",
    "read": "synced_at",
    "problem": "problem",
}


@command(app, "systems")
def list_systems(api: Api) -> None:
    """What can be connected, and what each form asks for."""
    found = api.client.connections.list_systems(api.tenant)
    if api.as_json:
        api.json(found)
    else:
        api.table(found.data, SYSTEMS)


@command(app, "list")
def list_connections(api: Api, limit: Limit = 50, cursor: Cursor = None) -> None:
    """The tenant's connections, the newest first."""
    api.rows(api.client.connections.list(api.tenant, limit=limit, cursor=cursor).first(), COLUMNS)


@command(app, "show")
def show_connection(api: Api, connection: Connection) -> None:
    """A connection, without its secrets."""
    api.show(api.client.connections.show(api.tenant, connection))


@command(app, "connect")
def connect(
    api: Api,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Such as crm/servicem8: see `offhook connections systems`.")],
    field: Given = None,
    again: Annotated[str | None, typer.Option(help="The id of a connection that is to be connected again.")] = None,
) -> None:
    """Connect a system by its key, which is asked for. One that is signed in to is connected in the portal."""
    found = next((one for one in api.client.connections.list_systems(api.tenant).data if one.adapter == system), None)
    if found is None:
        raise ConfigError(f"there is no system {system}: `offhook connections systems` lists them")
    if found.ways == ["oauth"]:
        raise ConfigError(f"{found.title} is connected by signing in there: do it in the portal")
    fields = _fields(found, field or [])
    group = api.client.connections
    if again:
        api.show(group.reconnect(api.tenant, again, Reconnect(fields=fields)))
    else:
        api.show(group.create(api.tenant, NewConnection(adapter=system, fields=fields)))


@command(app, "test")
def test_connection(api: Api, connection: Connection) -> None:
    """Ask the system, now, whose account it is."""
    api.show(api.client.connections.test(api.tenant, connection))


@command(app, "disconnect")
def disconnect(api: Api, connection: Connection, yes: Yes = False) -> None:
    """Switch a connection off: its key or tokens are deleted, and revoked at the system where that can be done."""
    group = api.client.connections
    found = group.show(api.tenant, connection)
    confirm(f"disconnect {found.title} ({found.account})", yes)
    api.show(group.disconnect(api.tenant, connection, if_match=f'"r{found.revision}"').value)


def _fields(system: Any, given: list[str]) -> dict[str, str]:  # noqa: ANN401 - a view of a system
    """Those that were given, and what is needed besides, typed."""
    fields = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator:
            raise ConfigError("--field wants a name and a value: --field branch=north")
        fields[name] = value
    for field in system.fields:
        if field.name not in fields and (field.required or field.name == "key"):
            fields[field.name] = str(typer.prompt(field.title, hide_input=field.secret))
    return fields
