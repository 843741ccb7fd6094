"""What stands around every page: whose brand, which theme, who is here, and where they can go."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import Access, TenantAccess
from offhook.orchestrator.auth.permissions import Permission, Principal, Role
from offhook.orchestrator.portal import security
from offhook.orchestrator.portal.brand import OWN, shades
from offhook.orchestrator.portal.show import Local, _, initials
from offhook.orchestrator.resellers import ops as resellers
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Tenant

THEMES: Final = ("auto", "light", "dark")
DENSITIES: Final = ("comfortable", "compact")
THEME_COOKIE: Final = "offhook-theme"
DENSITY_COOKIE: Final = "offhook-density"
SAID_COOKIE: Final = "offhook-said"
SAID: Final[Mapping[str, str]] = {
    "signed-out": "You are signed out.",
    "set-up": "You are signed in as the administrator of this installation.",
    "joined": "You are a member now, and signed in.",
    "reset": "Your password is changed. Sign in with it.",
    "signed-in": "You are signed in.",
}
"""What a page may say of what was done on the one before; the cookie holds the key only."""
ROLES: Final[Mapping[Role, str]] = {
    "platform_admin": "Platform admin",
    "reseller_admin": "Agency admin",
    "reseller_support": "Agency support",
    "tenant_owner": "Owner",
    "tenant_admin": "Admin",
    "agent_editor": "Agent editor",
    "viewer": "Viewer",
}


@dataclass(frozen=True, slots=True)
class Brand:
    """Under whose name the page is shown."""

    name: str
    colour: str
    support: str | None = None

    @property
    def css(self) -> str:
        """Its colours as custom properties, for both themes."""
        light, dark = shades(self.colour)
        return "\n".join(
            (
                "@layer tokens {",
                f"  :root, [data-theme='light'] {{ {_properties(light)} }}",
                f"  @media (prefers-color-scheme: dark) {{ :root:not([data-theme='light']) {{ {_properties(dark)} }} }}",
                f"  [data-theme='dark'] {{ {_properties(dark)} }}",
                "}",
                "",
            )
        )

    @property
    def icon(self) -> str:
        """Its mark, for the browser's tab."""
        light, _ = shades(self.colour)
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
            f'<rect width="32" height="32" rx="7" fill="{light.brand}"/><text x="16" y="22" font-family="sans-serif" font-size="18"'
            f' font-weight="600" text-anchor="middle" fill="{light.on}">{escape(initials(self.name)[0])}</text></svg>'
        )

    @property
    def version(self) -> str:
        """Of its colours and its mark."""
        return hashlib.sha256((self.css + self.icon).encode()).hexdigest()[:12]


OWN_BRAND: Final = Brand("offhook", OWN)


def _properties(one: Any) -> str:  # noqa: ANN401 - Shades
    return " ".join(f"--{name}: {getattr(one, name)};" for name in ("brand", "on", "edge3", "btext", "wash"))


async def brand_of(given: Services, host: str) -> Brand:
    """The brand of a Host header; offhook's own for names that are nobody's."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    async with given.database.platform() as scope:
        found = await resellers.of_host(scope, name.lower())
    if found is None:
        return OWN_BRAND
    support = str(found.brand.support_url) if found.brand.support_url else None
    return Brand(found.brand.product_name or found.name, found.brand.colour or OWN, support)


@dataclass(frozen=True, slots=True)
class Item:
    """A way in the navigation. ``go`` is its second key after g."""

    label: str
    icon: str
    href: str
    go: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page's template is given."""

    brand: Brand
    theme: str
    density: str
    nonce: str
    token: str
    form_cookie: str | None
    said: str | None
    path: str
    """Of this page with its query: where the form of the theme comes back to."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who is here."""

    name: str
    role: str
    mark: str


async def frame(request: Request, given: Given) -> Frame:
    """The frame of this request."""
    return _frame(request, given, await brand_of(given, request.headers.get("host", "")))


async def frame_of_error(request: Request, given: Services, status: int) -> Frame:
    """The same where something went wrong, which may be the database."""
    brand = await brand_of(given, request.headers.get("host", "")) if status < 500 else OWN_BRAND
    return _frame(request, given, brand)


def _frame(request: Request, given: Services, brand: Brand) -> Frame:
    theme = request.cookies.get(THEME_COOKIE, "")
    density = request.cookies.get(DENSITY_COOKIE, "")
    token, made = security.bind(request, given)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Frame(
        brand=brand,
        theme=theme if theme in THEMES else "auto",
        density=density if density in DENSITIES else "comfortable",
        nonce=secrets.token_urlsafe(16),
        token=token,
        form_cookie=made,
        said=SAID.get(request.cookies.get(SAID_COOKIE, "")),
        path=path if request.method == "GET" else "/",
    )


Framed = Annotated[Frame, Depends(frame)]
"""A page asks for it before its access: it has a transaction of its own, and nobody may hold one while they wait for another."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands beside a page of somebody who is signed in."""

    title: str
    by: str
    mark: str
    who: Who
    items: tuple[Item, ...]
    find: str | None = None
    """Where a search goes; None where nothing is to be found."""


_IN_TENANT: Final[tuple[tuple[str, str, str, Permission, str], ...]] = (("Calls", "phone", "calls", "calls.read", "c"),)
"""Label, icon, path under the tenant's, what it takes to open it, and its key. Pages stand here once they are there."""


async def tenant_shell(access: TenantAccess, brand: Brand, current: str) -> tuple[Shell, Local, Tenant]:
    """Of a tenant's pages: only ways that this role can go."""
    tenant = await tenants.get(access.scope)
    items = [
        Item(_(label), icon, f"/t/{tenant.id}/{path}", go, path == current)
        for label, icon, path, permission, go in _IN_TENANT
        if permission in access.may
    ]
    if sees_several(access.principal):
        items.append(Item(_("Businesses"), "building-2", "/", "b"))
    who = _who(access.principal, tenant.id, tenant.reseller_id)
    find = f"/t/{tenant.id}/calls" if "calls.read" in access.may else None
    shell = Shell(tenant.name, _("by {name}").format(name=brand.name), initials(tenant.name), who, tuple(items), find)
    return shell, Local(tenant.zone, tenant.region, access.given.clock()), tenant


def home_shell(access: Access, brand: Brand) -> Shell:
    """Of the page with all businesses."""
    items = (Item(_("Businesses"), "building-2", "/", "b", current=True),)
    return Shell(brand.name, "", initials(brand.name), _who(access.principal), items)


def sees_several(principal: Principal) -> bool:
    """Whether they may have more than one business to look at."""
    return len(principal.grants) > 1 or any(one.tenant is None for one in principal.grants)


def _who(principal: Principal, tenant: str | None = None, reseller: str | None = None) -> Who:
    reach = [
        one
        for one in principal.grants
        if tenant is None or one.tenant == tenant or (one.tenant is None and one.reseller in {reseller, None})
    ]
    role = next((one.role for one in reach if one.role), None)
    label = _(ROLES[role]) if role else (_("API key") if principal.kind == "key" else "")
    return Who(principal.name, label, initials(principal.name))
