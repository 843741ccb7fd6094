"""Routes of webhooks: endpoints, what was sent to them, and what may be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime

from offhook.orchestrator.auth.access import ID, PlatformAccess, TenantAccess, in_tenant, signed_in
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.catalogue import EventType
from offhook.orchestrator.hooks.repo import Wanted
from offhook.orchestrator.hooks.schemas import (
    DeliveryDetail,
    DeliveryView,
    EventTypeList,
    EventView,
    NewWebhook,
    Replayed,
    ReplayRange,
    RotateSecret,
    State,
    WebhookChange,
    WebhookSecret,
    WebhookView,
)
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once, once_sealed
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["webhooks"])
catalogue = APIRouter(prefix="/v1", tags=["webhooks"])
Reading = Annotated[TenantAccess, in_tenant("webhooks.read")]
Writing = Annotated[TenantAccess, in_tenant("webhooks.write")]
Anybody = Annotated[PlatformAccess, signed_in()]
WebhookId = Annotated[str, Path(pattern=ID)]
DeliveryId = Annotated[str, Path(pattern=ID)]
EventId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}


def _wanted(
    type: Annotated[EventType | None, Query(description="Events of this type.")] = None,
    subject: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Events of this subject, such as a call's id.")
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="Events from this time on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Events of before this time.")] = None,
) -> Wanted:
    return Wanted(None, type, subject, since, until)


Filter = Annotated[Wanted, Depends(_wanted)]


def _after(access: TenantAccess, filters: dict[str, Any], cursor: str | None) -> tuple[datetime, str] | None:
    position = position_of(access.given, filters, cursor)
    return (datetime.fromisoformat(position[0]), str(position[1])) if position else None


@router.get("/webhooks")
async def list_webhooks(access: Reading, part: PageQuery) -> Page[WebhookView]:
    """The tenant's endpoints for its events, newest first, without their secrets."""
    filters = {"list": "webhooks", "tenant": access.scope.tenant}
    rows = await ops.page(access.scope, part.limit + 1, _after(access, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("/webhooks", status_code=201, responses={409: PROBLEM})
@once_sealed
async def create_webhook(body: NewWebhook, access: Writing) -> WebhookSecret:
    """Have events sent to a URL. The answer has the secret that signs them; it is not shown again."""
    made = await ops.create(access.scope, access.given, body)
    await access.audit("webhook.created", made.id, made.model_dump(include={"url", "event_types", "enabled"}))
    return made


@router.get("/webhooks/{webhook}", responses=MISSING)
async def show_webhook(webhook: WebhookId, access: Reading, response: Response) -> WebhookView:
    """An endpoint without its secret; its ETag is needed to change it."""
    found = await ops.show(access.scope, webhook)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.patch("/webhooks/{webhook}", responses=CHANGING)
async def change_webhook(
    webhook: WebhookId, body: WebhookChange, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> WebhookView:
    """Change what is given. One that is enabled again is sent what has waited for it, in order."""
    old = await ops.locked(access.scope, webhook)
    match(request, old.revision)
    new = await ops.change(access.scope, access.given, old, body)
    names = sorted(body.model_fields_set)
    await access.audit("webhook.changed", webhook, {name: [getattr(old, name), getattr(new, name)] for name in names})
    response.headers["ETag"] = etag(new.revision)
    return new


@router.delete("/webhooks/{webhook}", status_code=204, responses=CHANGING)
async def delete_webhook(webhook: WebhookId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Drop an endpoint with the log of what was sent there. Nothing more is sent."""
    old = await ops.locked(access.scope, webhook)
    match(request, old.revision)
    await ops.delete(access.scope, webhook)
    await access.audit("webhook.deleted", webhook, {"url": old.url})


@router.post("/webhooks/{webhook}/rotate", status_code=201, responses=MISSING)
@once_sealed
async def rotate_webhook_secret(webhook: WebhookId, body: RotateSecret, access: Writing) -> WebhookSecret:
    """A new secret, shown this once. For a while requests are signed with both, so that a receiver can change over without a gap."""
    made = await ops.rotate(access.scope, access.given, webhook, body.overlap_hours)
    until = made.old_secret_until
    await access.audit("webhook.rotated", webhook, {"old_secret_until": until and until.isoformat()})
    return made


@router.post("/webhooks/{webhook}/test", status_code=201, responses={404: PROBLEM, 409: PROBLEM})
@once
async def test_webhook(webhook: WebhookId, access: Writing) -> DeliveryView:
    """Send an event of type ``test`` there. How it went stands in its delivery."""
    made = await ops.test(access.scope, access.given, webhook)
    await access.audit("webhook.tested", webhook, {"delivery": made.id})
    return made


@router.get("/webhooks/{webhook}/deliveries", responses=MISSING)
async def list_webhook_deliveries(
    webhook: WebhookId,
    access: Reading,
    part: PageQuery,
    wanted: Filter,
    state: Annotated[State | None, Query(description="Those that wait, have arrived, or are given up.")] = None,
) -> Page[DeliveryView]:
    """What was or is to be sent to an endpoint, the newest event first."""
    sought = Wanted(state, wanted.type, wanted.subject, wanted.since, wanted.until)
    filters = {"list": "deliveries", "tenant": access.scope.tenant, "webhook": webhook, "wanted": repr(sought)}
    rows = await ops.deliveries(access.scope, webhook, sought, part.limit + 1, _after(access, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.get("/webhooks/{webhook}/deliveries/{delivery}", responses=MISSING)
async def show_webhook_delivery(webhook: WebhookId, delivery: DeliveryId, access: Reading) -> DeliveryDetail:
    """A delivery with its event and what was tried."""
    return await ops.detail(access.scope, webhook, delivery)


@router.post("/webhooks/{webhook}/deliveries/{delivery}/replay", responses=MISSING)
@once
async def replay_webhook_delivery(webhook: WebhookId, delivery: DeliveryId, access: Writing) -> DeliveryView:
    """Send an event again, or now if it waits; what waits of the same subject before it goes first."""
    again = await ops.replay_one(access.scope, access.given, webhook, delivery)
    await access.audit("webhook.replayed", webhook, {"delivery": delivery})
    return again


@router.post("/webhooks/{webhook}/replay", responses=MISSING)
@once
async def replay_webhook(webhook: WebhookId, body: ReplayRange, access: Writing) -> Replayed:
    """Send the events of a time again, of each subject in order: those given up, or all that the endpoint's types cover."""
    count = await ops.replay(access.scope, access.given, webhook, body)
    await access.audit("webhook.replayed", webhook, {**body.model_dump(mode="json"), "deliveries": count})
    return Replayed(deliveries=count)


@router.get("/events")
async def list_webhook_events(access: Reading, part: PageQuery, wanted: Filter) -> Page[EventView]:
    """What happened, newest first, whether it was sent to anybody or not."""
    filters = {"list": "events", "tenant": access.scope.tenant, "wanted": repr(wanted)}
    rows = await ops.events(access.scope, wanted, part.limit + 1, _after(access, filters, part.cursor))
    return page(rows, part.limit, access.given, filters, lambda one: (one.timestamp, one.id))


@router.get("/events/{event}", responses=MISSING)
async def show_webhook_event(event: EventId, access: Reading) -> EventView:
    """An event as it is sent."""
    return await ops.event(access.scope, event)


@catalogue.get("/event-types")
async def list_event_types(_: Anybody) -> EventTypeList:
    """The types of events, each with the JSON schema of its ``data`` and an example."""
    return EventTypeList(data=ops.types())


routers: tuple[APIRouter, ...] = (router, catalogue)
