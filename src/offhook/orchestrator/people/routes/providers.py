"""Sign-in by OpenID Connect: providers of tenants and resellers, and the way there and back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import ResellerAccess, TenantAccess, in_reseller, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, PageRequest, page, position_of
from offhook.orchestrator.people.guards import Guarded, Guards
from offhook.orchestrator.people.ops import providers, visits
from offhook.orchestrator.people.routes.common import REFUSED, Id, Visiting, set_session
from offhook.orchestrator.people.schemas import NewProvider, Provider, ProviderChange
from offhook.orchestrator.people.team import Team

router = APIRouter(prefix="/v1", tags=["sign-in providers"])
entrance = APIRouter(prefix="/v1/oidc", tags=["sign-in"], responses=REFUSED)
AnyAccess = TenantAccess | ResellerAccess
TenantReads = Annotated[TenantAccess, in_tenant("members.read")]
TenantWrites = Annotated[TenantAccess, in_tenant("members.write")]
ResellerReads = Annotated[ResellerAccess, in_reseller("members.read")]
ResellerWrites = Annotated[ResellerAccess, in_reseller("members.write")]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 412: PROBLEM, 428: PROBLEM}
AWAY: dict[int | str, dict[str, Any]] = {303: {"description": "On to the next page."}, 404: PROBLEM, 503: PROBLEM}


async def _list(access: AnyAccess, part: PageRequest) -> Page[Provider]:
    team = Team(access.scope)
    filters = {"list": "providers", "level": team.owner.level, "owner": team.owner.id}
    position = position_of(access.given, filters, part.cursor)
    rows = await providers.page(access.given, access.scope, part.limit + 1, position[0] if position else None)
    return page(rows, part.limit, access.given, filters, lambda one: (one.id,))


async def _create(access: AnyAccess, guards: Guards, body: NewProvider) -> Provider:
    made = await providers.create(access.given, guards, access.scope, access.may, body)
    await access.audit("provider.created", made.id, {"issuer": made.issuer, "domains": made.domains, "default_role": made.default_role})
    return made


async def _show(access: AnyAccess, response: Response, id: str) -> Provider:
    row = await providers.find(access.scope, id)
    response.headers["ETag"] = etag(row.revision)
    return providers.view(access.given, row)


async def _change(access: AnyAccess, response: Response, id: str, body: ProviderChange) -> Provider:
    row = await providers.find(access.scope, id, lock=True)
    match(access.request, row.revision)
    changed = await providers.change(access.given, access.scope, access.may, row, body)
    shown = body.model_dump(exclude_unset=True) | ({"client_secret": "new"} if body.client_secret is not None else {})
    await access.audit("provider.changed", id, shown)
    response.headers["ETag"] = etag(changed.revision)
    return changed


async def _remove(access: AnyAccess, id: str) -> None:
    row = await providers.find(access.scope, id, lock=True)
    match(access.request, row.revision)
    await providers.remove(access.scope, access.may, row)
    await access.audit("provider.removed", id, {"issuer": row.issuer})


@router.get("/tenants/{tenant}/oidc-providers")
async def list_tenant_providers(access: TenantReads, part: PageQuery) -> Page[Provider]:
    """Where the tenant's people sign in by OpenID Connect; the newest first."""
    return await _list(access, part)


@router.post("/tenants/{tenant}/oidc-providers", status_code=201)
@once
async def create_tenant_provider(body: NewProvider, access: TenantWrites, guards: Guarded) -> Provider:
    """Let people sign in by a provider. Only who may do all that an owner may: a provider vouches for owners too."""
    return await _create(access, guards, body)


@router.get("/tenants/{tenant}/oidc-providers/{provider}", responses=MISSING)
async def show_tenant_provider(provider: Id, access: TenantReads, response: Response) -> Provider:
    """A provider; its ETag is needed to change it."""
    return await _show(access, response, provider)


@router.patch("/tenants/{tenant}/oidc-providers/{provider}", responses=CHANGING)
async def change_tenant_provider(
    provider: Id, body: ProviderChange, access: TenantWrites, response: Response, _: IfMatch = None
) -> Provider:
    """Change what is given of a provider. Disabled, nobody signs in by it, and sessions made by it rest."""
    return await _change(access, response, provider, body)


@router.delete("/tenants/{tenant}/oidc-providers/{provider}", status_code=204, responses=CHANGING)
async def remove_tenant_provider(provider: Id, access: TenantWrites, _: IfMatch = None) -> None:
    """Remove a provider, the accounts that are only its own, and all sessions made by it."""
    await _remove(access, provider)


@router.get("/resellers/{reseller}/oidc-providers")
async def list_reseller_providers(access: ResellerReads, part: PageQuery) -> Page[Provider]:
    """Where the reseller's people, and those of its tenants, sign in by OpenID Connect; the newest first."""
    return await _list(access, part)


@router.post("/resellers/{reseller}/oidc-providers", status_code=201)
@once
async def create_reseller_provider(body: NewProvider, access: ResellerWrites, guards: Guarded) -> Provider:
    """Let people sign in by a provider."""
    return await _create(access, guards, body)


@router.get("/resellers/{reseller}/oidc-providers/{provider}", responses=MISSING)
async def show_reseller_provider(provider: Id, access: ResellerReads, response: Response) -> Provider:
    """A provider; its ETag is needed to change it."""
    return await _show(access, response, provider)


@router.patch("/resellers/{reseller}/oidc-providers/{provider}", responses=CHANGING)
async def change_reseller_provider(
    provider: Id, body: ProviderChange, access: ResellerWrites, response: Response, _: IfMatch = None
) -> Provider:
    """Change what is given of a provider."""
    return await _change(access, response, provider, body)


@router.delete("/resellers/{reseller}/oidc-providers/{provider}", status_code=204, responses=CHANGING)
async def remove_reseller_provider(provider: Id, access: ResellerWrites, _: IfMatch = None) -> None:
    """Remove a provider, the accounts that are only its own, and all sessions made by it."""
    await _remove(access, provider)


@entrance.get("/{provider}/start", status_code=303, response_class=RedirectResponse, responses=AWAY)
async def start_provider_sign_in(
    provider: Id,
    given: Given,
    guards: Guarded,
    visit: Visiting,
    next: Annotated[
        str, Query(max_length=500, pattern=r"^/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?$", description="Where to go on.")
    ] = "/",
) -> RedirectResponse:
    """Go to the provider to sign in there."""
    leaving = await visits.leave(given, guards, visit, provider, next)
    answer = _away(leaving.address)
    name, value = leaving.cookie
    age = int(visits.LIFETIME.total_seconds())
    answer.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@entrance.get("/callback", status_code=303, response_class=RedirectResponse, responses=AWAY)
async def finish_provider_sign_in(
    request: Request,
    given: Given,
    guards: Guarded,
    visit: Visiting,
    state: Annotated[str, Query(max_length=4_000)],
    code: Annotated[str | None, Query(max_length=4_000)] = None,
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> RedirectResponse:
    """Come back from the provider, signed in."""
    name = visits.cookie_of(state)
    back = visits.Return(state, code, iss, request.cookies.get(name, ""))
    arrived = await visits.come_back(given, guards, visit, back)
    answer = _away(arrived.next)
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
    set_session(answer, arrived.session)
    return answer


def _away(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303, {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
