"""One client of an agency: made with its owner's invitation, limited, suspended, and opened with a reason."""

from __future__ import annotations

import functools
import secrets
from typing import Annotated, Any, Final
from urllib.parse import quote
from zoneinfo import available_timezones

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, NotPermitted
from offhook.orchestrator.auth.access import COOKIE, ID, ResellerAccess, in_reseller
from offhook.orchestrator.openas import ops as openas
from offhook.orchestrator.openas.schemas import NewOpening
from offhook.orchestrator.overview import ops as overview
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops.founding import Founder, found
from offhook.orchestrator.people.routes.common import Visiting
from offhook.orchestrator.people.schemas import NewClient
from offhook.orchestrator.portal.forms import Typed, listed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, reseller_shell
from offhook.orchestrator.portal.pages.look import own_path
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.troubles import state, troubles
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import TenantLimits

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[ResellerAccess, in_reseller("reseller.read")]
Selling = Annotated[ResellerAccess, in_reseller("tenants.create")]
TenantId = Annotated[str, Path(pattern=ID)]
_OF_TENANT: Final = ("name", "timezone", "region", "locale", "max_calls")
_FIELDS: Final = {f"tenant.{name}": name for name in _OF_TENANT} | {"tenant.diary.staff": "staff", "owner": "owner"}


@functools.cache
def zones() -> tuple[tuple[str, str], ...]:
    """Zones of places, as they are chosen from."""
    return tuple(
        (one, one.replace("_", " ")) for one in sorted(available_timezones()) if "/" in one and not one.startswith(("Etc/", "US/"))
    )


@router.get("/r/{reseller}/clients/new", response_class=HTMLResponse)
async def new_client_page(request: Request, frame: Framed, access: Selling) -> HTMLResponse:
    """What it takes to make one."""
    return await _new(request, frame, access, Typed())


@router.post("/r/{reseller}/clients/new", response_class=HTMLResponse)
async def make_client(request: Request, frame: Framed, access: Selling, guards: Guarded, fields: Posted) -> Response:
    """Make it and invite its owner."""
    given: dict[str, Any] = {name: fields[name] for name in _OF_TENANT if fields.get(name)}
    given["diary"] = {"staff": listed(fields.get("staff", ""))}
    try:
        new = NewClient.model_validate({"tenant": given, "owner": fields.get("owner", "")})
        by = Founder(access.principal, access.may, access.ip)
        made = await found(access.given, guards, access.scope, by, new, fields.get("once") or secrets.token_urlsafe(12))
    except (ValidationError, DomainError) as error:
        return await _new(request, frame, access, refused(fields, error, _FIELDS))
    if made.own:
        return onward(f"/t/{made.tenant}", "business-made")
    return onward(f"/r/{access.scope.reseller}/clients/{made.tenant}", "client-made")


async def _new(request: Request, frame: Frame, access: ResellerAccess, typed: Typed) -> HTMLResponse:
    shell, local, _ = await reseller_shell(access, "")
    return portal(request).page(
        request, frame, "pages/client_new.html", status=typed.status, shell=shell, local=local, typed=typed, zones=zones(),
        base=f"/r/{access.scope.reseller}", once=secrets.token_urlsafe(12),
    )  # fmt: skip


@router.get("/r/{reseller}/clients/{tenant}", response_class=HTMLResponse)
async def client_page(request: Request, frame: Framed, access: Reading, tenant: TenantId) -> HTMLResponse:
    """How it is doing, what is wrong with it, and what it may have."""
    return await _client(request, frame, access, tenant, Typed())


@router.post("/r/{reseller}/clients/{tenant}/limits", response_class=HTMLResponse)
async def limit_client(request: Request, frame: Framed, access: Selling, tenant: TenantId, fields: Posted) -> Response:
    """How many calls it may have at once."""
    try:
        limits = TenantLimits.model_validate({"max_calls": fields.get("max_calls", "")})
    except ValidationError as error:
        return await _client(request, frame, access, tenant, refused(fields, error))
    changed = await tenants.limit(access.scope, tenant, limits)
    await access.audit("tenant.limited", changed.subject, limits.model_dump())
    return onward(f"/r/{access.scope.reseller}/clients/{tenant}", "saved")


@router.post("/r/{reseller}/clients/{tenant}/suspend", response_class=HTMLResponse)
async def suspend_client(access: Selling, tenant: TenantId, _: Posted) -> Response:
    """Turn its callers away."""
    changed = await tenants.suspend(access.scope, tenant, suspended=True)
    await access.audit("tenant.suspended", changed.subject)
    return onward(f"/r/{access.scope.reseller}/clients/{tenant}", "suspended")


@router.post("/r/{reseller}/clients/{tenant}/resume", response_class=HTMLResponse)
async def resume_client(access: Selling, tenant: TenantId, _: Posted) -> Response:
    """Answer its calls again."""
    changed = await tenants.suspend(access.scope, tenant, suspended=False)
    await access.audit("tenant.resumed", changed.subject)
    return onward(f"/r/{access.scope.reseller}/clients/{tenant}", "resumed")


async def _client(request: Request, frame: Frame, access: ResellerAccess, id: str, typed: Typed) -> HTMLResponse:
    shell, local, reseller = await reseller_shell(access, "")
    tenant = await tenants.of_reseller_one(access.scope, id)
    client = await overview.client(access.scope, id)
    return portal(request).page(
        request, frame, "pages/client.html", status=typed.status, shell=shell, local=local, typed=typed, tenant=tenant, client=client,
        troubles=troubles(client, reseller.id, local), state=state(client, reseller.id, local), base=f"/r/{reseller.id}",
        may_limit="tenants.create" in access.may,
    )  # fmt: skip


# -- open as ----------------------------------------------------------------------------------------------------------------------


@router.get("/r/{reseller}/clients/{tenant}/open", response_class=HTMLResponse)
async def open_page(
    request: Request, frame: Framed, access: Reading, tenant: TenantId, onto: Annotated[str, Query(alias="next", max_length=500)] = ""
) -> HTMLResponse:
    """Why somebody wants to see a client's pages."""
    return await _open(request, frame, access, tenant, onto, Typed())


@router.post("/r/{reseller}/clients/{tenant}/open", response_class=HTMLResponse)
async def open_client(request: Request, frame: Framed, access: Reading, visit: Visiting, tenant: TenantId, fields: Posted) -> Response:
    """Open them for half an hour; the client's log says who, why and until when."""
    await tenants.of_reseller_one(access.scope, tenant)
    onto = fields.get("next", "")
    try:
        new = NewOpening(reason=fields.get("reason", ""), writes="writes" in fields and _may_write(access, tenant))
    except ValidationError as error:
        return await _open(request, frame, access, tenant, onto, refused(fields, error))
    cookie = request.cookies.get(COOKIE, "")
    opened = await openas.begin(access.given, access.scope, access.principal, tenant, new, cookie, visit.host, access.ip)
    if opened is None:
        raise NotPermitted("this is for people who are signed in")
    return onward(_within(tenant, onto))


async def _open(request: Request, frame: Frame, access: ResellerAccess, id: str, onto: str, typed: Typed) -> HTMLResponse:
    shell, local, reseller = await reseller_shell(access, "")
    context: dict[str, Any] = {"tenant": await tenants.of_reseller_one(access.scope, id), "base": f"/r/{reseller.id}"}
    return portal(request).page(
        request, frame, "pages/client_open.html", status=typed.status, shell=shell, local=local, typed=typed, onto=_within(id, onto),
        may_write=_may_write(access, id), **context,
    )  # fmt: skip


def _may_write(access: ResellerAccess, tenant: str) -> bool:
    return bool(access.principal.in_tenant(tenant, access.scope.reseller) - openas.READS)


def _within(tenant: str, path: str) -> str:
    """A page of this client's: what was asked for, or its first."""
    base = f"/t/{quote(tenant)}"
    return path if own_path(path) == path and path.startswith(f"{base}/") else base
