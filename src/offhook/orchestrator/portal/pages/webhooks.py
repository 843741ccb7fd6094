"""A tenant's webhooks: where its events are sent, and what came of it. Secrets are shown once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.catalogue import EventType
from offhook.orchestrator.hooks.ops import Wanted
from offhook.orchestrator.hooks.schemas import DeliveryView, NewWebhook, ReplayRange, RotateSecret, State, WebhookChange, WebhookView
from offhook.orchestrator.kit.paging import Page, page
from offhook.orchestrator.portal import developing, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("webhooks.read")]
Writing = Annotated[TenantAccess, in_tenant("webhooks.write")]
WebhookId = Annotated[str, Path(pattern=ID)]
Cursor = Annotated[str | None, Query(max_length=1_000)]
Task = Literal["edit", "rotate", "replay"]
"""Forms on the page of an endpoint; which one a refusal belongs to."""
_KIND: Final = "t-"
"""What the names of the boxes of event types begin with."""
SPANS: Final[Mapping[str, timedelta]] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


@router.get("/t/{tenant}/developers", response_class=RedirectResponse)
async def developers_page(access: Reading) -> RedirectResponse:
    """Webhooks come first."""
    return onward(f"/t/{access.scope.tenant}/developers/webhooks")


@router.get("/t/{tenant}/developers/webhooks", response_class=HTMLResponse)
async def webhooks_page(request: Request, frame: Framed, access: Reading, cursor: Cursor = None) -> HTMLResponse:
    """Endpoints, the newest first."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    filters = {"list": "portal webhooks", "tenant": tenant.id}
    part = await ops.page(access.scope, steps.PART + 1, steps.after(access.given, filters, cursor))
    found = page(part, steps.PART, access.given, filters, lambda one: (one.created_at, one.id))
    base = f"/t/{tenant.id}/developers/webhooks"
    return portal(request).page(
        request,
        frame,
        "pages/webhooks.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        tabs=developing.tabs(access, "webhooks"),
        webhooks=found.data,
        state_of=developing.state_of,
        may=access.may,
        sample=json.dumps(ops.types()[1].example, indent=2),
        more_href=f"{base}?cursor={found.next_cursor}" if found.next_cursor else None,
    )


# -- making one -----------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/developers/webhooks/new", response_class=HTMLResponse)
async def new_webhook_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """An endpoint to be made."""
    return await _new(request, frame, access, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    return portal(request).page(
        request,
        frame,
        "pages/webhook_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/developers/webhooks",
        types=ops.types(),
        all_types=not typed.bad or typed.value("types") != "some",
        chosen=_chosen(typed.values),
        typed=typed,
        once=steps.fresh(),
    )


def _chosen(fields: Mapping[str, str]) -> list[str]:
    return [one for one in get_args(EventType) if fields.get(_KIND + one) == "yes"]


def _types(fields: Mapping[str, str]) -> list[str] | None:
    return None if fields.get("types") == "all" else _chosen(fields)


@router.post("/t/{tenant}/developers/webhooks/new", response_class=HTMLResponse)
async def new_webhook_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Make an endpoint. Its secret is on the page that answers, and on no other."""
    async with steps.step(access, fields, {"event_types": "types"}) as tried:
        kept = await steps.before(access, fields)
        if kept is None:
            body: dict[str, Any] = {"url": fields.get("url", "").strip(), "description": fields.get("description", "").strip()}
            made = await ops.create(access.scope, access.given, NewWebhook.model_validate(body | {"event_types": _types(fields)}))
            await access.audit("webhook.created", made.id, made.model_dump(include={"url", "event_types", "enabled"}))
            kept = json.dumps([made.id, made.secret])
            await steps.keep(access, fields, kept)
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    id, secret = json.loads(kept or "[]")  # noqa: A001
    return await _webhook(request, frame, access, id, Typed(), secret=secret)


# -- one of them ----------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/developers/webhooks/{webhook}", response_class=HTMLResponse)
async def webhook_page(
    request: Request, frame: Framed, access: Reading, webhook: WebhookId, state: State | None = None, cursor: Cursor = None
) -> HTMLResponse:
    """An endpoint, and what was or is to be sent there."""
    return await _webhook(request, frame, access, webhook, Typed(), state=state, cursor=cursor)


async def _webhook(
    request: Request,
    frame: Framed,
    access: TenantAccess,
    id: str,
    typed: Typed,
    task: Task | None = None,
    *,
    secret: str = "",
    state: State | None = None,
    cursor: str | None = None,
) -> HTMLResponse:
    one = await ops.show(access.scope, id)
    shell, local, tenant = await tenant_shell(access, frame.brand, "developers")
    here = f"/t/{tenant.id}/developers/webhooks/{id}"
    found = await _deliveries(access, id, state, cursor)
    chosen = _chosen(typed.values) if task == "edit" else one.event_types or []
    asked = f"?state={state}&" if state else "?"
    return portal(request).page(
        request,
        frame,
        "pages/webhook.html",
        "rows",
        typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/developers/webhooks",
        here=here,
        one=one,
        state=developing.state_of(one),
        deliveries=found.data,
        shows=developing.delivery_state,
        filter=state,
        more_href=f"{here}{asked}cursor={found.next_cursor}" if found.next_cursor else None,
        types=ops.types(),
        all_types=typed.value("types") == "all" if task == "edit" else one.event_types is None,
        chosen=chosen,
        secret=secret,
        may=access.may,
        typed=typed,
        task=task,
        once=steps.fresh(),
    )


async def _deliveries(access: TenantAccess, id: str, state: State | None, cursor: str | None) -> Page[DeliveryView]:
    filters = {"list": "portal deliveries", "tenant": access.scope.tenant, "webhook": id, "state": state}
    after = steps.after(access.given, filters, cursor)
    rows = await ops.deliveries(access.scope, id, Wanted(state), steps.PART + 1, after)
    return page(rows, steps.PART, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("/t/{tenant}/developers/webhooks/{webhook}", response_class=HTMLResponse)
async def change_webhook_form(request: Request, frame: Framed, access: Writing, webhook: WebhookId, fields: Posted) -> Response:
    """Change an endpoint's address, description or types."""
    old = await ops.locked(access.scope, webhook)
    async with steps.step(access, fields, {"event_types": "types"}) as tried:
        steps.unchanged(fields, old.revision)
        body: dict[str, Any] = {"url": fields.get("url", "").strip(), "description": fields.get("description", "").strip()}
        await _change(access, old, WebhookChange.model_validate(body | {"event_types": _types(fields)}))
    if tried.typed is not None:
        return await _webhook(request, frame, access, webhook, tried.typed, "edit")
    return onward(f"/t/{access.scope.tenant}/developers/webhooks/{webhook}", "saved")


@router.post("/t/{tenant}/developers/webhooks/{webhook}/switch", response_class=HTMLResponse)
async def switch_webhook_form(request: Request, frame: Framed, access: Writing, webhook: WebhookId, fields: Posted) -> Response:
    """Pause an endpoint, or go on: it is sent what has waited, in order."""
    old = await ops.locked(access.scope, webhook)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        await _change(access, old, WebhookChange(enabled=fields.get("enabled") == "yes"))
    if tried.typed is not None:
        return await _webhook(request, frame, access, webhook, tried.typed)
    return onward(f"/t/{access.scope.tenant}/developers/webhooks/{webhook}", "saved")


async def _change(access: TenantAccess, old: WebhookView, body: WebhookChange) -> None:
    """Change what differs, and write that down."""
    wanted = body.model_dump(exclude_unset=True)
    if wanted.get("event_types") is not None:
        wanted["event_types"] = sorted(set(wanted["event_types"]))
    differs = {name: value for name, value in wanted.items() if value != getattr(old, name)}
    if differs:
        new = await ops.change(access.scope, access.given, old, WebhookChange.model_validate(differs))
        await access.audit("webhook.changed", old.id, {name: [getattr(old, name), getattr(new, name)] for name in sorted(differs)})


@router.post("/t/{tenant}/developers/webhooks/{webhook}/rotate", response_class=HTMLResponse)
async def rotate_webhook_form(request: Request, frame: Framed, access: Writing, webhook: WebhookId, fields: Posted) -> Response:
    """A new secret, on the page that answers. The old one signs too for a while."""
    await ops.show(access.scope, webhook)
    async with steps.step(access, fields) as tried:
        kept = await steps.before(access, fields)
        if kept is None:
            body = RotateSecret.model_validate({"overlap_hours": fields.get("overlap_hours", "")})
            made = await ops.rotate(access.scope, access.given, webhook, body.overlap_hours)
            until = made.old_secret_until
            await access.audit("webhook.rotated", webhook, {"old_secret_until": until and until.isoformat()})
            kept = made.secret
            await steps.keep(access, fields, kept)
    if tried.typed is not None:
        return await _webhook(request, frame, access, webhook, tried.typed, "rotate")
    return await _webhook(request, frame, access, webhook, Typed(), secret=kept or "")


@router.post("/t/{tenant}/developers/webhooks/{webhook}/test", response_class=HTMLResponse)
async def try_webhook_form(request: Request, frame: Framed, access: Writing, webhook: WebhookId, fields: Posted) -> Response:
    """Send a test; how it went stands on the page of its delivery."""
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        made = await ops.test(access.scope, access.given, webhook)
        await access.audit("webhook.tested", webhook, {"delivery": made.id})
    if tried.typed is not None:
        return await _webhook(request, frame, access, webhook, tried.typed)
    return onward(f"/t/{access.scope.tenant}/developers/webhooks/{webhook}/deliveries/{made.id}", "sent")


@router.post("/t/{tenant}/developers/webhooks/{webhook}/replay", response_class=HTMLResponse)
async def replay_webhook_form(request: Request, frame: Framed, access: Writing, webhook: WebhookId, fields: Posted) -> Response:
    """Send the events of the last hour, day, week or month again."""
    async with steps.step(access, fields, {"since": "span"}) as tried:
        await steps.first(access, fields)
        span = SPANS.get(fields.get("span", ""), SPANS["hour"])
        body = ReplayRange.model_validate({"since": access.given.clock() - span, "which": fields.get("which", "")})
        count = await ops.replay(access.scope, access.given, webhook, body)
        await access.audit("webhook.replayed", webhook, {**body.model_dump(mode="json"), "deliveries": count})
    if tried.typed is not None:
        return await _webhook(request, frame, access, webhook, tried.typed, "replay")
    return onward(f"/t/{access.scope.tenant}/developers/webhooks/{webhook}?state=waiting", "sent" if count else "none-to-send")


@router.post("/t/{tenant}/developers/webhooks/{webhook}/delete", response_class=HTMLResponse)
async def delete_webhook_form(request: Request, frame: Framed, access: Writing, webhook: WebhookId, fields: Posted) -> Response:
    """Drop an endpoint with the log of what was sent there."""
    old = await ops.locked(access.scope, webhook)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        await ops.delete(access.scope, webhook)
        await access.audit("webhook.deleted", webhook, {"url": old.url})
    if tried.typed is not None:
        return await _webhook(request, frame, access, webhook, tried.typed)
    return onward(f"/t/{access.scope.tenant}/developers/webhooks", "deleted")
