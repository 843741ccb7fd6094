"""One event on its way to one endpoint, and the events themselves."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.errors import Conflict
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.catalogue import EventType, envelope
from offhook.orchestrator.hooks.ops import Wanted
from offhook.orchestrator.hooks.schemas import EventView, SignedRequest
from offhook.orchestrator.kit.paging import page
from offhook.orchestrator.portal import developing, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("webhooks.read")]
Writing = Annotated[TenantAccess, in_tenant("webhooks.write")]
Id = Annotated[str, Path(pattern=ID)]


@router.get("/t/{tenant}/developers/webhooks/{webhook}/deliveries/{delivery}", response_class=HTMLResponse)
async def delivery_page(request: Request, frame: Framed, access: Reading, webhook: Id, delivery: Id) -> HTMLResponse:
    """What is sent, and what came of each attempt."""
    return await _delivery(request, frame, access, webhook, delivery, Typed())


async def _delivery(request: Request, frame: Framed, access: TenantAccess, webhook: str, delivery: str, typed: Typed) -> HTMLResponse:
    endpoint = await ops.show(access.scope, webhook)
    found = await ops.detail(access.scope, webhook, delivery)
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    signed = await _signed(access, webhook, found.event)
    return portal(request).page(
        request,
        frame,
        "pages/delivery.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/developers",
        here=f"/t/{tenant.id}/developers/webhooks/{webhook}/deliveries/{delivery}",
        endpoint=endpoint,
        one=found.delivery,
        attempts=list(reversed(found.attempts)),
        state=developing.delivery_state(found.delivery),
        payload=pretty(tenant.id, found.event),
        signed=signed,
        curl=_curl(signed) if signed else "",
        may=access.may,
        typed=typed,
        once=steps.fresh(),
    )


async def _signed(access: TenantAccess, webhook: str, event: EventView) -> SignedRequest | None:
    """For who may have events sent: a signature is as good as the event. None where its secret cannot be opened."""
    if "webhooks.write" not in access.may:
        return None
    try:
        return await ops.signed(access.scope, access.given, webhook, event)
    except Conflict:
        return None


def pretty(tenant: str, event: EventView) -> str:
    """An event as it is sent, with line breaks."""
    return json.dumps(envelope(event.id, event.type, event.timestamp, tenant, event.data), indent=2, ensure_ascii=False)


def _curl(one: SignedRequest) -> str:
    parts = [f"curl {shlex.quote(one.url)}", *(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in one.headers.items())]
    return " \\\n  ".join([*parts, f"--data-raw {shlex.quote(one.body)}"])


@router.post("/t/{tenant}/developers/webhooks/{webhook}/deliveries/{delivery}/replay", response_class=HTMLResponse)
async def replay_delivery_form(request: Request, frame: Framed, access: Writing, webhook: Id, delivery: Id, fields: Posted) -> Response:
    """Send it again, or now."""
    await ops.delivery(access.scope, webhook, delivery)
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        await ops.replay_one(access.scope, access.given, webhook, delivery)
        await access.audit("webhook.replayed", webhook, {"delivery": delivery})
    if tried.typed is not None:
        return await _delivery(request, frame, access, webhook, delivery, tried.typed)
    return onward(f"/t/{access.scope.tenant}/developers/webhooks/{webhook}/deliveries/{delivery}", "sent")


# -- events ---------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/developers/events", response_class=HTMLResponse)
async def events_page(
    request: Request,
    frame: Framed,
    access: Reading,
    type: EventType | None = None,
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
) -> HTMLResponse:
    """What happened, the newest first, whether it was sent to anybody or not."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    filters = {"list": "portal events", "tenant": tenant.id, "type": type}
    part = await ops.events(access.scope, Wanted(type=type), steps.PART + 1, steps.after(access.given, filters, cursor))
    found = page(part, steps.PART, access.given, filters, lambda one: (one.timestamp, one.id))
    base = f"/t/{tenant.id}/developers/events"
    asked = ({"type": type} if type else {}) | {"cursor": found.next_cursor}
    return portal(request).page(
        request,
        frame,
        "pages/events.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        tabs=developing.tabs(access, "events"),
        events=found.data,
        kind=type,
        kinds=get_args(EventType),
        more_href=f"{base}?{urlencode(asked)}" if found.next_cursor else None,
    )


@router.get("/t/{tenant}/developers/events/{event}", response_class=HTMLResponse)
async def event_page(request: Request, frame: Framed, access: Reading, event: Id) -> HTMLResponse:
    """An event as it is sent."""
    one = await ops.event(access.scope, event)
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    base = f"/t/{tenant.id}/developers/events"
    return portal(request).page(
        request, frame, "pages/event.html", shell=shell, local=local, base=base, one=one, payload=pretty(tenant.id, one)
    )
