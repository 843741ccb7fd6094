"""``offhook webhooks``: where a tenant's events are sent, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from offhook.cli.api import Api, Columns, Cursor, IfMatch, Limit, Yes, checked, command, confirm, moment, said
from offhook.client.models import NewWebhook, ReplayRange, RotateSecret, WebhookChange
from offhook.errors import ConfigError

app = typer.Typer(help="Endpoints for events.", no_args_is_help=True)
Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="A type of event, such as call.ended; several times. All without it.")]
Description = Annotated[str | None, typer.Option(help="For people.")]


def _state(one: Any) -> str:  # noqa: ANN401 - a view of an endpoint
    return "enabled" if one.enabled else f"disabled ({one.disabled_reason or 'hand'})"


COLUMNS: Columns = {
    "webhook": "id",
    "url": "url",
    "types": lambda one: ", ".join(one.event_types) if one.event_types else "all",
    "state": _state,
    "waiting": "waiting",
    "last success": "last_success_at",
}
DELIVERIES: Columns = {
    "delivery": "id",
    "type": "type",
    "about": "subject",
    "state": "state",
    "tried": "attempts",
    "answer": lambda one: one.last_status or one.last_error,
    "next": "next_at",
    "made": "created_at",
}


@command(app, "list")
def list_webhooks(api: Api, limit: Limit = 50, cursor: Cursor = None) -> None:
    """The tenant's endpoints."""
    api.rows(api.client.webhooks.list(api.tenant, limit=limit, cursor=cursor).first(), COLUMNS)


@command(app, "show")
def show_webhook(api: Api, webhook: Webhook) -> None:
    """An endpoint, without its secret."""
    api.show(api.client.webhooks.show(api.tenant, webhook).value)


@command(app, "types")
def list_types(api: Api) -> None:
    """The types of events."""
    found = api.client.webhooks.list_event_types()
    if api.as_json:
        return api.json(found)
    return api.table(found.data, {"type": "type", "says": "description"})


@command(app, "add")
def add_webhook(
    api: Api,
    to: Annotated[str, typer.Argument(metavar="URL", help="Where events go.")],
    types: Types = None,
    description: Description = None,
) -> None:
    """Have events sent to a URL. The secret that signs them is printed this once."""
    body = checked(NewWebhook, {"url": to, **said(event_types=types or None, description=description)})
    made = api.client.webhooks.create(api.tenant, body)
    if api.as_json:
        return api.json(made)
    api.done(f"{made.id} is added. Its secret, shown this once:")
    return typer.echo(made.secret)


@command(app, "change")
def change_webhook(
    api: Api,
    webhook: Webhook,
    to: Annotated[str | None, typer.Option("--to", metavar="URL", help="Where events go.")] = None,
    types: Types = None,
    description: Description = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether anything is sent.")] = None,
    if_match: IfMatch = None,
) -> None:
    """Change what is given of an endpoint."""
    body = checked(WebhookChange, said(url=to, event_types=types or None, description=description, enabled=enabled))
    tag = if_match or api.client.webhooks.show(api.tenant, webhook).etag
    api.show(api.client.webhooks.change(api.tenant, webhook, body, if_match=tag).value)


@command(app, "remove")
def remove_webhook(api: Api, webhook: Webhook, yes: Yes = False) -> None:
    """Drop an endpoint with the log of what was sent there."""
    found, tag = api.client.webhooks.show(api.tenant, webhook)
    confirm(f"drop the endpoint {found.url}", yes)
    api.client.webhooks.delete(api.tenant, webhook, if_match=tag)
    api.done(f"{webhook} is dropped")


@command(app, "test")
def test_webhook(api: Api, webhook: Webhook) -> None:
    """Send a test event there; `deliveries` tells how it went."""
    api.show(api.client.webhooks.test(api.tenant, webhook))


@command(app, "rotate")
def rotate_webhook(
    api: Api,
    webhook: Webhook,
    overlap: Annotated[int | None, typer.Option("--overlap-hours", help="How long the old secret goes on signing too.")] = None,
) -> None:
    """Make a new secret. It is printed this once."""
    made = api.client.webhooks.rotate_secret(api.tenant, webhook, RotateSecret(**said(overlap_hours=overlap)))
    if api.as_json:
        return api.json(made)
    api.done("The new secret, shown this once:")
    return typer.echo(made.secret)


@command(app, "deliveries")
def list_deliveries(
    api: Api,
    webhook: Webhook,
    state: Annotated[Literal["waiting", "succeeded", "failed"] | None, typer.Option(help="How far they are.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Then or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before then, UTC.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """What was or is to be sent to an endpoint, the newest event first."""
    pages = api.client.webhooks.list_deliveries(
        api.tenant, webhook, state=state, since=moment(since), until=moment(until), limit=limit, cursor=cursor
    )
    api.rows(pages.first(), DELIVERIES)


@command(app, "delivery")
def show_delivery(api: Api, webhook: Webhook, delivery: str) -> None:
    """A delivery with its event and all that was tried."""
    found = api.client.webhooks.show_delivery(api.tenant, webhook, delivery)
    if api.as_json:
        return api.json(found)
    api.show(found.delivery)
    api.json(found.event)
    return api.table(
        found.attempts, {"at": "at", "ms": "ms", "status": "status", "error": lambda one: one.error or one.message, "answer": "response"}
    )


@command(app, "replay")
def replay_webhook(
    api: Api,
    webhook: Webhook,
    delivery: Annotated[str | None, typer.Argument(help="One delivery; else give --since.")] = None,
    since: Annotated[datetime | None, typer.Option(help="All events since then, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Until then, UTC.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that succeeded too, not only those given up.")] = False,
) -> None:
    """Send an event again, or the events of a time."""
    if (delivery is None) == (since is None):
        raise ConfigError("say which: a delivery, or --since a time")
    if delivery is not None:
        return api.show(api.client.webhooks.replay_delivery(api.tenant, webhook, delivery))
    body = checked(ReplayRange, said(since=moment(since), until=moment(until), which="all" if everything else "failed"))
    return api.show(api.client.webhooks.replay(api.tenant, webhook, body))
