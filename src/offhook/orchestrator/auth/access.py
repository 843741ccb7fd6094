"""Access of a request: who asks, whether they may, and the one transaction that the request is.

Routes ask for it by ``Annotated[TenantAccess, in_tenant("agents.write")]``. Nobody known is 401; what somebody may not know of is 404;
what they may see but not do is 403. The transaction is committed before the answer is sent.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from offhook.errors import NotFound, NotPermitted, NotSignedIn, TooManyRequests
from offhook.orchestrator.access import Given
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import Permission, Principal, operator
from offhook.orchestrator.keys import ops as keys
from offhook.orchestrator.openas import ops as openas
from offhook.orchestrator.openas.schemas import Opening
from offhook.orchestrator.people import ops as people
from offhook.orchestrator.people.csrf import same_origin
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

COOKIE: Final = "__Host-offhook"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
API: Final = "/v1/"
"""Where programs ask. Everywhere else are pages, which somebody who is not of the tenant opens by saying why (``openas``)."""
ID: Final = r"^[A-Za-z0-9_-]{1,64}$"


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, from where, and with what services."""

    principal: Principal
    given: Services
    request: Request

    @property
    def ip(self) -> str:
        """The peer's address."""
        return self.request.client.host if self.request.client else ""


@dataclass(frozen=True, slots=True)
class TenantAccess(Access):
    """Access to one tenant, in its transaction."""

    scope: TenantScope
    may: frozenset[Permission]
    """All that the principal may do in this tenant."""
    opening: Opening | None = None
    """The look at a page that somebody of its agency, or of the platform, has said a reason for."""

    async def audit(self, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
        """Write down who did what, in the same transaction."""
        await audit.record(self.scope, self.given.clock(), self.principal, action, target, details or {}, self.ip)


@dataclass(frozen=True, slots=True)
class ResellerAccess(Access):
    """Access to one reseller, in its transaction."""

    scope: ResellerScope
    may: frozenset[Permission]

    async def audit(self, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
        """Write down who did what, in the same transaction."""
        await audit.record(self.scope, self.given.clock(), self.principal, action, target, details or {}, self.ip)


@dataclass(frozen=True, slots=True)
class PlatformAccess(Access):
    """Access to the directory, in its transaction."""

    scope: PlatformScope
    may: frozenset[Permission]

    async def audit(self, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
        """Write down who did what, in the same transaction."""
        await audit.record(self.scope, self.given.clock(), self.principal, action, target, details or {}, self.ip)


_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key, or the operator's token.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="A session, made by signing in.")


async def principal_of(
    request: Request,
    given: Given,
    _key: Annotated[object, Security(_bearer)],  # these two stand in the API's description; what they bring is read below
    _session: Annotated[object, Security(_cookie)],
) -> Principal:
    """Who asks, by bearer token or session cookie; NotSignedIn (401) for nobody. A cookie alone changes nothing from a foreign page."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    found: Principal | None = None
    if scheme.lower() == "bearer":
        admin = given.settings.admin_token.get_secret_value()
        if admin and hmac.compare_digest(bearer.encode(), admin.encode()):
            found = operator()
        else:
            found = await keys.authenticate(given, bearer)
    elif cookie := request.cookies.get(COOKIE):
        host = request.headers.get("host", "")
        if request.method not in SAFE and not same_origin(request.headers, host):
            raise NotPermitted("this request did not come from a page of ours")
        found = await people.session_principal(given, cookie, host)
    if found is None:
        raise NotSignedIn("sign in, or send an API key as a bearer token")
    if (wait := given.limits.requests.take(found.id)) > 0:
        raise given.limits.refused(wait)
    request.state.principal = found
    return found


Signed = Annotated[Principal, Depends(principal_of)]


def in_tenant(permission: Permission) -> Any:  # noqa: ANN401 - a dependency for Annotated
    """The tenant of the path, for whoever has this permission there."""

    async def enter(
        tenant: Annotated[str, Path(pattern=ID)], request: Request, given: Given, principal: Signed
    ) -> AsyncIterator[TenantAccess]:
        may, opening = await _reach(request, given, principal, tenant)
        _need(permission, may)
        async with given.database.tenant(tenant) as scope:
            yield TenantAccess(principal, given, request, scope, may, opening)

    return _declared(enter, "tenant", permission)


async def _reach(request: Request, given: Given, principal: Principal, tenant: str) -> tuple[frozenset[Permission], Opening | None]:
    """What they may do in a tenant by this request; NotFound for a tenant that is none of theirs, OpenFirst where a reason is wanted."""
    async with given.database.platform() as platform:
        found = await tenants.find(platform, tenant)
        may = principal.in_tenant(found.id, found.reseller_id) if found else frozenset[Permission]()
        if found is None or not may:
            raise NotFound("no such tenant")
        if principal.kind != "person" or request.url.path.startswith(API):
            return may, None
        cookie, host = request.cookies.get(COOKIE, ""), request.headers.get("host", "")
        return await openas.may(given, platform, principal, found.id, found.reseller_id, cookie, host)


async def still_may(access: TenantAccess, permission: Permission) -> bool:
    """Whether who asked might ask the same again now: for an answer that goes on for longer than its request's transaction."""
    try:
        principal = await principal_of(access.request, access.given, None, None)
        may, _ = await _reach(access.request, access.given, principal, access.scope.tenant)
    except (NotSignedIn, NotFound, NotPermitted, TooManyRequests):
        return False
    return permission in may


@dataclass(frozen=True, slots=True)
class TenantDoor(Access):
    """A tenant that may be entered, without a transaction yet."""

    tenant: str
    may: frozenset[Permission]
    opening: Opening | None

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[TenantAccess]:
        """Its transaction, until the block ends."""
        async with self.given.database.tenant(self.tenant) as scope:
            yield TenantAccess(self.principal, self.given, self.request, scope, self.may, self.opening)


def before_tenant(permission: Permission) -> Any:  # noqa: ANN401 - a dependency for Annotated
    """The same as ``in_tenant`` before its transaction: for what hashes a password, or asks the directory, and then shows the tenant."""

    async def find(tenant: Annotated[str, Path(pattern=ID)], request: Request, given: Given, principal: Signed) -> TenantDoor:
        may, opening = await _reach(request, given, principal, tenant)
        _need(permission, may)
        return TenantDoor(principal, given, request, tenant, may, opening)

    return _declared(find, "tenant", permission)


def in_reseller(permission: Permission) -> Any:  # noqa: ANN401 - a dependency for Annotated
    """The reseller of the path, for whoever has this permission there."""

    async def enter(
        reseller: Annotated[str, Path(pattern=ID)], request: Request, given: Given, principal: Signed
    ) -> AsyncIterator[ResellerAccess]:
        may = principal.in_reseller(reseller)
        if not may:
            raise NotFound("no such reseller")
        _need(permission, may)
        async with given.database.reseller(reseller) as scope:
            yield ResellerAccess(principal, given, request, scope, may)

    return _declared(enter, "reseller", permission)


def on_platform(permission: Permission) -> Any:  # noqa: ANN401 - a dependency for Annotated
    """The directory, for whoever has this permission on the whole platform."""

    async def enter(request: Request, given: Given, principal: Signed) -> AsyncIterator[PlatformAccess]:
        may = principal.on_platform()
        _need(permission, may)
        async with given.database.platform() as scope:
            yield PlatformAccess(principal, given, request, scope, may)

    return _declared(enter, "platform", permission)


def signed_in() -> Any:  # noqa: ANN401 - a dependency for Annotated
    """The directory, for anybody who is signed in: for what concerns themselves."""

    async def enter(request: Request, given: Given, principal: Signed) -> AsyncIterator[PlatformAccess]:
        async with given.database.platform() as scope:
            yield PlatformAccess(principal, given, request, scope, principal.on_platform())

    return _declared(enter, "anybody", None)


def _declared(enter: Any, level: str, permission: Permission | None) -> Any:  # noqa: ANN401 - a dependency
    """The dependency, with what it asks for written on it, so that a test can hold every route against every role."""
    enter.level, enter.permission = level, permission
    return Depends(enter, scope="function")


def _need(permission: Permission, may: frozenset[Permission]) -> None:
    if permission not in may:
        raise NotPermitted(f"this needs the permission {permission}")
