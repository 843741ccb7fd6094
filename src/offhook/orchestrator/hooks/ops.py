"""What webhooks do, for their routes, for their worker and for other domains."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from offhook import signing
from offhook.addresses import BadUrl, take_apart
from offhook.errors import ConfigError, Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.hooks.catalogue import EXAMPLE_AT, TYPES, EventType, envelope, written
from offhook.orchestrator.hooks.guard import rules
from offhook.orchestrator.hooks.queue import Queue
from offhook.orchestrator.hooks.repo import After, Deliveries, Endpoints, Events
from offhook.orchestrator.hooks.repo import Wanted as Wanted
from offhook.orchestrator.hooks.schemas import (
    DeliveryDetail,
    DeliveryView,
    EventTypeView,
    EventView,
    NewWebhook,
    ReplayRange,
    SignedRequest,
    Trouble,
    WebhookChange,
    WebhookSecret,
    WebhookView,
)
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.seal import Unsealable

DELIVER: Final = "deliver_webhooks"
"""Name of the job that sends what an endpoint's queue holds."""
SYSTEM: Final = Principal("operator", "system", "offhook", ())
"""Who is said to have done what nobody asked for."""
ATTEMPTS: Final = 100
"""Attempts that a delivery is shown with."""
REPLAYED: Final = 10_000
"""Events that one replay sends at most."""
MOST: Final = 100
"""Endpoints that are looked through for trouble."""
_STAYS: Final = frozenset({"url", "description", "enabled"})
"""What an endpoint always has."""


async def publish(scope: TenantScope, given: Services, type: EventType, data: Mapping[str, Any], subject: str = "") -> str:
    """Tell the tenant's endpoints that something has happened, once this transaction is committed; the event's id.

    ``data`` is JSON (``catalogue.TYPES`` says what each type holds). Events of one ``subject`` (a call's id) arrive in the order of
    their transactions; without one an event stands for itself. An endpoint that is disabled gets it when it is enabled again.
    """
    if type not in get_args(EventType):
        raise ValueError(f"{type} is no type of event")
    endpoints = await Endpoints(scope).subscribed(type)
    event, _ = await _store(scope, given, type, data, subject, [one.id for one in endpoints])
    for endpoint in endpoints:
        if endpoint.enabled:
            await wake(scope, given, endpoint.id)
    return event


async def forget(scope: TenantScope, subject: str) -> int:
    """Erase the events of a subject with all that was sent and tried of them; how many there were."""
    return await Events(scope).forget(subject)


async def wake(scope: TenantScope, given: Services, endpoint: str, *, seconds: int = 0) -> None:
    """Have somebody look at this endpoint's queue, once this transaction is committed."""
    connection = await raw_connection(scope.session)
    job = given.queue.configure_task(DELIVER, connection=connection, schedule_in={"seconds": seconds} if seconds else None)
    await job.defer_async(tenant=scope.tenant, endpoint=endpoint)


async def create(scope: TenantScope, given: Services, new: NewWebhook) -> WebhookSecret:
    """Make an endpoint; Invalid for a URL that no request may go to, Conflict if there are too many."""
    now, repo = given.clock(), Endpoints(scope)
    url = _url(given, new.url)
    if await repo.count() >= given.settings.webhooks_per_tenant:
        raise Conflict(f"a tenant may have {given.settings.webhooks_per_tenant} webhooks: delete one first")
    made, secret = new_id("whk", now), signing.new_secret()
    fields: dict[str, Any] = {
        "url": url,
        "description": new.description,
        "event_types": _types(new.event_types),
        "secret": await given.vault.seal(scope, secret_place(made), secret.encode()),
        "created_at": now,
        "updated_at": now,
        **({"enabled": True} if new.enabled else {"enabled": False, "disabled_reason": "hand", "disabled_at": now}),
    }
    await repo.add(made, fields)
    return WebhookSecret(**(await show(scope, made)).model_dump(), secret=secret)


async def show(scope: TenantScope, id: str) -> WebhookView:
    """An endpoint; NotFound."""
    for one in await Endpoints(scope).views(1, id=id):
        return one
    raise NotFound("no such webhook")


async def locked(scope: TenantScope, id: str) -> WebhookView:
    """An endpoint that nobody else changes until the transaction ends; NotFound."""
    # First the queue, then the endpoint: as its worker does, so that neither waits for the other.
    if await Queue(scope, id).lock() is None or await Endpoints(scope).row(id, lock=True) is None:
        raise NotFound("no such webhook")
    return await show(scope, id)


async def page(scope: TenantScope, limit: int, after: After) -> list[WebhookView]:
    """Endpoints, newest first."""
    return await Endpoints(scope).views(limit, after)


async def troubles(scope: TenantScope, since: datetime) -> list[Trouble]:
    """Endpoints that do not take what is sent there. One that somebody has disabled by hand is none."""
    given_up = await Deliveries(scope).given_up(since)
    found = []
    for one in await Endpoints(scope).views(MOST):
        count, last = given_up.get(one.id, (0, None))
        failing = one.failing_since if one.enabled else one.disabled_at if one.disabled_reason in {"failing", "gone"} else None
        at = [moment for moment in (last, failing, one.last_failure_at if failing else None) if moment is not None]
        if at and one.disabled_reason != "hand":
            name = one.description or urlsplit(one.url).hostname or one.url
            found.append(Trouble(id=one.id, name=name, at=max(at), enabled=one.enabled, waiting=one.waiting, given_up=count))
    return found


async def send_now(scope: TenantScope, given: Services, id: str, since: datetime) -> int:
    """Send an endpoint at once what waits for it, and again what was given up since then; enable it if it was disabled.

    How many events were given up and are sent again. NotFound.
    """
    old = await locked(scope, id)
    if not old.enabled:
        await change(scope, given, old, WebhookChange(enabled=True))
    again = await Deliveries(scope).replay(id, Wanted("failed", since=since), given.clock())
    await Queue(scope, id).resume(given.clock())
    await wake(scope, given, id)
    return again


async def change(scope: TenantScope, given: Services, old: WebhookView, changes: WebhookChange) -> WebhookView:
    """Change what is given; one that is enabled again or has moved is sent what has waited, in order and in a new round."""
    now, fields = given.clock(), changes.model_dump(exclude_unset=True)
    faults = tuple(Fault(name, "this cannot be empty") for name in sorted(_STAYS) if name in fields and fields[name] is None)
    if faults:
        raise Invalid("a webhook always has a URL, a description and a state", faults=faults)
    if "url" in fields:
        fields["url"] = _url(given, fields["url"])
    if "event_types" in fields:
        fields["event_types"] = _types(fields["event_types"])
    enabled = fields.pop("enabled", old.enabled)
    if enabled != old.enabled:
        disabled = {"disabled_reason": None, "disabled_at": None} if enabled else {"disabled_reason": "hand", "disabled_at": now}
        fields |= {"enabled": enabled, **disabled}
    if fields:
        await Endpoints(scope).change(old.id, fields, now)
    if enabled and (not old.enabled or fields.get("url", old.url) != old.url):
        await Queue(scope, old.id).resume(now)
        await wake(scope, given, old.id)
    return await show(scope, old.id)


async def rotate(scope: TenantScope, given: Services, id: str, overlap_hours: int) -> WebhookSecret:
    """A new secret; the one before signs too for a while."""
    now, secret, repo = given.clock(), signing.new_secret(), Endpoints(scope)
    await locked(scope, id)
    row = await repo.row(id)
    if row is None:
        raise NotFound("no such webhook")
    sealed = await given.vault.seal(scope, secret_place(id), secret.encode())
    kept = {"old_secret": row.secret, "old_secret_until": now + timedelta(hours=overlap_hours)} if overlap_hours else {}
    await repo.change(id, {"secret": sealed, "old_secret": None, "old_secret_until": None, **kept}, now)
    return WebhookSecret(**(await show(scope, id)).model_dump(), secret=secret)


async def delete(scope: TenantScope, id: str) -> None:
    """Drop an endpoint with its deliveries. The events stay."""
    await Endpoints(scope).delete(id)


async def test(scope: TenantScope, given: Services, id: str) -> DeliveryView:
    """Send an event of type ``test`` to this endpoint alone, whatever types it wants; Conflict if it is disabled."""
    endpoint = await show(scope, id)
    if not endpoint.enabled:
        raise Conflict("this webhook is disabled: enable it first")
    _, made = await _store(scope, given, "test", {"message": "It works.", "webhook_id": id}, "", [id])
    await wake(scope, given, id)
    return await delivery(scope, id, made[id])


async def deliveries(scope: TenantScope, id: str, wanted: Wanted, limit: int, after: After) -> list[DeliveryView]:
    """What was or is to be sent to an endpoint, newest first; NotFound."""
    if await Endpoints(scope).row(id) is None:
        raise NotFound("no such webhook")
    return await Deliveries(scope).page(id, wanted, limit, after)


async def of_subject(scope: TenantScope, subject: str, limit: int) -> list[DeliveryView]:
    """What was or is to be sent of a subject, such as a call, to whatever endpoint; newest first."""
    return await Deliveries(scope).of_subject(subject, limit)


async def delivery(scope: TenantScope, endpoint: str, id: str) -> DeliveryView:
    """A delivery; NotFound."""
    found = await Deliveries(scope).get(endpoint, id)
    if found is None:
        raise NotFound("no such delivery")
    return found


async def detail(scope: TenantScope, endpoint: str, id: str) -> DeliveryDetail:
    """A delivery with its event and attempts; NotFound."""
    found = await delivery(scope, endpoint, id)
    return DeliveryDetail(delivery=found, event=await event(scope, found.event_id), attempts=await Deliveries(scope).attempts(id, ATTEMPTS))


async def replay_one(scope: TenantScope, given: Services, endpoint: str, id: str) -> DeliveryView:
    """Send a delivery again, or at once if it waits; after what waits of the same subject before it. NotFound."""
    await Queue(scope, endpoint).lock()
    if not await Deliveries(scope).replay_one(endpoint, id, given.clock()):
        raise NotFound("no such delivery")
    await wake(scope, given, endpoint)
    return await delivery(scope, endpoint, id)


async def replay(scope: TenantScope, given: Services, id: str, wanted: ReplayRange) -> int:
    """Send the events of a time again, of each subject in their order; how many. ``all`` covers events that were never sent there."""
    row = await Endpoints(scope).row(id)
    if row is None:
        raise NotFound("no such webhook")
    now, repo = given.clock(), Deliveries(scope)
    if wanted.until is not None and wanted.until <= wanted.since:
        raise Invalid("the time ends before it begins", faults=(Fault("until", "must be after since"),))
    until = min(wanted.until, now) if wanted.until else None
    await Queue(scope, id).lock()
    if wanted.which == "all":
        await repo.missing(id, row.event_types, Wanted(since=wanted.since, until=until), now, REPLAYED + 1)
    count = await repo.replay(id, Wanted("failed" if wanted.which == "failed" else None, since=wanted.since, until=until), now)
    if count > REPLAYED:
        raise Invalid(f"more than {REPLAYED:,} events: ask for a shorter time", faults=(Fault("since", "too long ago"),))
    if count and row.enabled:
        await wake(scope, given, id)
    return count


async def events(scope: TenantScope, wanted: Wanted, limit: int, after: After) -> list[EventView]:
    """What happened, newest first."""
    return await Events(scope).page(wanted, limit, after)


async def event(scope: TenantScope, id: str) -> EventView:
    """An event; NotFound."""
    found = await Events(scope).get(id)
    if found is None:
        raise NotFound("no such event")
    return found


async def signed(scope: TenantScope, given: Services, endpoint: str, event: EventView) -> SignedRequest:
    """The request that would bring this event to an endpoint now, good for as long as its receiver believes the time; NotFound.

    Whoever has it can send it: it is for who may have events sent anyway. Conflict if the secret cannot be opened.
    """
    row = await Endpoints(scope).row(endpoint)
    if row is None:
        raise NotFound("no such webhook")
    body = written(event.id, event.type, event.timestamp, scope.tenant, event.data)
    try:
        secret = (await given.vault.open(scope, secret_place(endpoint), row.secret)).decode()
    except (Unsealable, ConfigError) as error:
        raise Conflict("the endpoint's secret cannot be opened: give it a new one") from error
    headers = {"content-type": "application/json", **signing.headers(secret, event.id, int(given.clock().timestamp()), body)}
    return SignedRequest(url=row.url, headers=headers, body=body.decode())


def types() -> list[EventTypeView]:
    """All types of events."""
    found = []
    for name, one in TYPES.items():
        example = envelope("evt_01KAQ8T5Z0M1R2C3D4E5F6G7H8", name, EXAMPLE_AT, "ten_01KAQ8T5Z0M1R2C3D4E5F6G7H8", one.example)
        found.append(EventTypeView(type=name, description=one.description, data_schema=one.data.model_json_schema(), example=example))
    return found


def secret_place(endpoint: str) -> str:
    """Where the vault knows an endpoint's secrets to belong, the old one as the new one."""
    return f"webhook/{endpoint}/secret"


async def _store(
    scope: TenantScope, given: Services, type: str, data: Mapping[str, Any], subject: str, endpoints: list[str]
) -> tuple[str, dict[str, str]]:
    """An event with a delivery for each endpoint; its id, and the deliveries' by endpoint."""
    now = given.clock()
    event = new_id("evt", now)
    seq = await Events(scope).add(event, type, subject or event, data, now)
    return event, await Deliveries(scope).add(now, event, seq, type, subject or event, endpoints)


def _url(given: Services, url: str) -> str:
    try:
        return take_apart(url, rules(given.settings)).url
    except BadUrl as error:
        raise Invalid("no events can be sent there", faults=(Fault("url", str(error)),)) from error


def _types(wanted: list[EventType] | None) -> list[str] | None:
    return sorted(set(wanted)) if wanted is not None else None
