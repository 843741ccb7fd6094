"""Where a business's people sign in by OpenID Connect. Only who may do all that an owner may sets one: it vouches for owners too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.auth.permissions import ROLES
from offhook.orchestrator.people.guards import Guarded
from offhook.orchestrator.people.ops import providers
from offhook.orchestrator.people.schemas import NewProvider, ProviderChange
from offhook.orchestrator.portal import frame as framing
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("members.read")]
Writing = Annotated[TenantAccess, in_tenant("members.write")]
Id = Annotated[str, Path(pattern=ID)]
SECRET: Final = ("client_secret",)
DEFAULTS: Final = ("tenant_admin", "agent_editor", "viewer")


def _may(access: TenantAccess) -> bool:
    """Whether they may set one."""
    return "members.write" in access.may and not ROLES["tenant_owner"] - access.may


@router.get("/t/{tenant}/settings/sign-in", response_class=HTMLResponse)
async def providers_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """Providers, the newest first; no more than ten."""
    found = await providers.page(access.given, access.scope, providers.MOST, None)
    return await settling.show(request, frame, access, "sign-in", providers=found, may_change=_may(access))


@router.get("/t/{tenant}/settings/sign-in/new", response_class=HTMLResponse)
async def new_provider_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """A provider to be set up."""
    return await _new(request, frame, access, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    context: dict[str, Any] = {"one": None, "roles": _roles(), "once": steps.fresh(), "redirect": providers.redirect_uri(access.given)}
    return await settling.show(request, frame, access, "sign-in", typed, template="provider", **context, may_change=_may(access))


def _roles() -> list[tuple[str, str]]:
    return [("", _("Nobody: only who is a member")), *((role, _(framing.ROLES[role])) for role in framing.ROLES if role in DEFAULTS)]


@router.post("/t/{tenant}/settings/sign-in/new", response_class=HTMLResponse)
async def new_provider_form(request: Request, frame: Framed, access: Writing, fields: Posted, guards: Guarded) -> Response:
    """Let people sign in by it."""
    async with steps.step(access, fields, secret=SECRET) as tried:
        await steps.first(access, fields)
        body = {"issuer": fields.get("issuer", "").strip(), "client_secret": fields.get("client_secret", "").strip(), **_typed(fields)}
        made = await providers.create(access.given, guards, access.scope, access.may, NewProvider.model_validate(body))
        said = {"issuer": made.issuer, "domains": made.domains, "default_role": made.default_role}
        await access.audit("provider.created", made.id, said)
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/sign-in/{made.id}", "added")


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": fields.get("name", ""),
        "client_id": fields.get("client_id", "").strip(),
        "domains": fields.get("domains", "").replace(",", " ").split(),
        "default_role": steps.given_or_none(fields, "default_role"),
        "enabled": fields.get("enabled") == "yes",
    }


@router.get("/t/{tenant}/settings/sign-in/{provider}", response_class=HTMLResponse)
async def provider_page(request: Request, frame: Framed, access: Reading, provider: Id) -> HTMLResponse:
    """A provider without its secret."""
    return await _provider(request, frame, access, provider, Typed())


async def _provider(request: Request, frame: Framed, access: TenantAccess, provider: str, typed: Typed) -> HTMLResponse:
    one = providers.view(access.given, await providers.find(access.scope, provider))
    context: dict[str, Any] = {"one": one, "roles": _roles(), "once": "", "redirect": one.redirect_uri}
    return await settling.show(request, frame, access, "sign-in", typed, template="provider", **context, may_change=_may(access))


@router.post("/t/{tenant}/settings/sign-in/{provider}", response_class=HTMLResponse)
async def change_provider_form(request: Request, frame: Framed, access: Writing, provider: Id, fields: Posted) -> Response:
    """Change what was changed of it; an empty secret stays."""
    row = await providers.find(access.scope, provider, lock=True)
    async with steps.step(access, fields, secret=SECRET) as tried:
        steps.unchanged(fields, row.revision)
        old = providers.view(access.given, row)
        body = ProviderChange.model_validate(_typed(fields))
        wanted = body.model_dump() | {"domains": sorted(set(body.domains or []))}
        differs = {name: value for name, value in wanted.items() if name != "client_secret" and value != getattr(old, name)}
        if secret := steps.given_or_none(fields, "client_secret"):
            differs["client_secret"] = secret
        if differs:
            await providers.change(access.given, access.scope, access.may, row, ProviderChange.model_validate(differs))
            shown = differs | ({"client_secret": "new"} if secret else {})
            await access.audit("provider.changed", provider, shown)
    if tried.typed is not None:
        return await _provider(request, frame, access, provider, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/sign-in/{provider}", "saved")


@router.post("/t/{tenant}/settings/sign-in/{provider}/remove", response_class=HTMLResponse)
async def remove_provider_form(request: Request, frame: Framed, access: Writing, provider: Id, fields: Posted) -> Response:
    """Remove a provider, the accounts that are only its own, and all sessions made by it."""
    row = await providers.find(access.scope, provider, lock=True)
    issuer = row.issuer
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, row.revision)
        await providers.remove(access.scope, access.may, row)
        await access.audit("provider.removed", provider, {"issuer": issuer})
    if tried.typed is not None:
        return await _provider(request, frame, access, provider, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/sign-in", "removed")
