"""What stands around every page: whose brand, which theme, who is here, and where they can go."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import Access, PlatformAccess, ResellerAccess, TenantAccess
from offhook.orchestrator.auth.permissions import Permission, Principal, Role
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallFilter
from offhook.orchestrator.overview import ops as overview
from offhook.orchestrator.portal import security
from offhook.orchestrator.portal.brand import OWN, shades
from offhook.orchestrator.portal.show import Local, _, initials
from offhook.orchestrator.resellers import ops as resellers
from offhook.orchestrator.resellers import pictures
from offhook.orchestrator.resellers.pictures import Kind
from offhook.orchestrator.resellers.schemas import ResellerView
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
    "saved": "Saved.",
    "added": "Added.",
    "deleted": "Deleted.",
    "removed": "Removed.",
    "sent": "Sent.",
    "booked": "Booked.",
    "moved": "Moved.",
    "cancelled": "Cancelled. The time is free again.",
    "merged": "The two are one now.",
    "done": "Done, and off the list.",
    "sent-again": "On its way again, in order.",
    "written-again": "It is being written again.",
    "agent-made": "The agent is made. Nobody reaches it before it is published.",
    "agent-copied": "This is the copy.",
    "agent-archived": "The agent is archived. Its calls and versions stay.",
    "agent-back": "The agent is back.",
    "published": "Published. It answers from the next call on.",
    "invited": "Invited. A mail is on its way.",
    "password-changed": "Your password is changed, and every other browser is signed out.",
    "session-ended": "Signed out there.",
    "export-begun": "The export is being made. Load the page again in a minute.",
    "erasing": "The business is being erased.",
    "none-to-send": "There was nothing to send again.",
    "left": "You have left. It is in the client's audit log.",
    "suspended": "Suspended. Its callers are turned away from now on.",
    "resumed": "Its calls are answered again.",
    "client-made": "Made. The owner has been sent an invitation.",
    "business-made": "Made, and you are its owner.",
    "flagged": "Flagged for the team.",
    "unflagged": "The flag is gone.",
    "links-ended": "All links to this call are ended.",
    "connected": "Connected. Choose below what is used of it.",
    "disconnected": "Disconnected. What it signed in with is deleted.",
    "disconnected-here": "Disconnected here. Take us out in the system too: it did not take our word for it.",
    "restored": "The old version is live again, as a new one.",
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
    reseller: str | None = None
    pictures: Mapping[Kind, str] = field(default_factory=dict)
    """Which there are, each with its version."""

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
    def logo(self) -> tuple[str, str] | None:
        """Where its logo is for light pages and for dark ones; where there is one only, it stands on both."""
        have: list[Kind] = [kind for kind in ("light", "dark") if kind in self.pictures]
        if not have:
            return None
        light, dark = have[0], have[-1]
        return f"/brand/{light}?v={self.pictures[light]}", f"/brand/{dark}?v={self.pictures[dark]}"

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
        return hashlib.sha256((self.css + self.icon + self.pictures.get("icon", "")).encode()).hexdigest()[:12]


OWN_BRAND: Final = Brand("offhook", OWN)


def _properties(one: Any) -> str:  # noqa: ANN401 - Shades
    return " ".join(f"--{name}: {getattr(one, name)};" for name in ("brand", "on", "edge3", "btext", "wash"))


async def brand_of(given: Services, host: str) -> Brand:
    """The brand of a Host header; offhook's own for names that are nobody's."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    async with given.database.platform() as scope:
        found = await resellers.of_host(scope, name.lower())
        shown = await pictures.versions(scope, found.id) if found else {}
    if found is None:
        return OWN_BRAND
    support = str(found.brand.support_url) if found.brand.support_url else None
    return Brand(found.brand.product_name or found.name, found.brand.colour or OWN, support, found.id, shown)


def onward(href: str, said: str | None = None) -> RedirectResponse:
    """Go on to a page after a form was taken, which says what was done: one of ``SAID``."""
    answer = RedirectResponse(href, 303, {"Cache-Control": "no-store"})
    if said is not None:
        answer.set_cookie(SAID_COOKIE, said, max_age=60, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@dataclass(frozen=True, slots=True)
class Item:
    """A way in the navigation. ``go`` is its second key after g."""

    label: str
    icon: str
    href: str
    go: str
    current: bool = False
    group: int = 0
    """A gap stands between two groups."""
    bar: bool = True
    """Whether it stands at the bottom of a phone; the others stand under More."""
    count: int = 0
    """How many wait there; none is not said."""


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
class Looking:
    """A look at a business by somebody of its agency."""

    tenant: str
    until: str
    writes: bool


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
    finds: str = "calls"
    """What is found: calls or clients."""
    account: str | None = None
    """Where their own name, password and codes are."""
    looking: Looking | None = None
    """That this is somebody of its agency, who sees it on every page."""


_IN_TENANT: Final[tuple[tuple[str, str, str, Permission, str, int], ...]] = (
    ("Today", "sun", "", "calls.read", "t", 0),
    ("Calls", "phone", "calls", "calls.read", "c", 0),
    ("Live", "radio", "live", "calls.read", "l", 0),
    ("Diary", "calendar-days", "diary", "appointments.read", "d", 0),
    ("People", "users", "people", "contacts.read", "p", 0),
    ("Agents", "bot", "agents", "agents.read", "a", 1),
    ("Numbers", "hash", "numbers", "numbers.read", "n", 1),
    ("Connections", "plug", "connections", "connections.read", "k", 1),
    ("Developers", "code", "developers", "webhooks.read", "v", 2),
    ("Settings", "settings", "settings", "tenant.read", "s", 2),
)
"""Label, icon, path under the tenant's, what it takes to open it, its key, and which group it stands in. On a phone the first four
stand at the bottom, the others under More."""
IN_BAR: Final = 4
MOST_COUNTED: Final = 100


async def tenant_shell(access: TenantAccess, brand: Brand, current: str) -> tuple[Shell, Local, Tenant]:
    """Of a tenant's pages: only ways that this role can go."""
    tenant = await tenants.get(access.scope)
    base = f"/t/{tenant.id}"
    live = await calls.count(access.scope, CallFilter(state="live"), MOST_COUNTED) if "calls.read" in access.may else 0
    items = [
        Item(_(label), icon, f"{base}/{path}" if path else base, go, path == current, group, at < IN_BAR, live if path == "live" else 0)
        for at, (label, icon, path, permission, go, group) in enumerate(_IN_TENANT)
        if permission in access.may
    ]
    if access.principal.in_reseller(tenant.reseller_id):
        items.append(Item(_("Clients"), "building-2", f"/r/{tenant.reseller_id}", "b", group=3, bar=False))
    elif sees_several(access.principal):
        items.append(Item(_("Businesses"), "building-2", "/", "b", group=3, bar=False))
    who = _who(access.principal, tenant.id, tenant.reseller_id)
    find = f"/t/{tenant.id}/calls" if "calls.read" in access.may else None
    local = Local(tenant.zone, tenant.region, access.given.clock())
    by, looking = _("by {name}").format(name=brand.name), None
    if access.opening is not None:
        looking = Looking(tenant.name, local.clock(access.opening.ends_at), access.opening.writes)
    account = f"{base}/settings/security" if access.principal.kind == "person" and "tenant.read" in access.may else None
    return Shell(tenant.name, by, initials(tenant.name), who, tuple(items), find, account=account, looking=looking), local, tenant


_IN_RESELLER: Final[tuple[tuple[str, str, str, Permission, str, int], ...]] = (
    ("Clients", "building-2", "", "reseller.read", "c", 0),
    ("Problems", "triangle-alert", "problems", "reseller.read", "p", 0),
    ("Brand", "palette", "brand", "reseller.write", "b", 1),
    ("Team", "users", "team", "members.read", "m", 1),
    ("Audit", "shield", "audit", "audit.read", "a", 1),
    ("Settings", "settings", "settings", "vendors.read", "s", 1),
)
_ON_PLATFORM: Final[tuple[tuple[str, str, str, Permission, str, int], ...]] = (
    ("Resellers", "building-2", "", "resellers.read", "r", 0),
    ("Jobs", "list", "jobs", "platform.audit", "j", 0),
    ("Members", "users", "members", "members.read", "m", 0),
    ("Audit", "shield", "audit", "platform.audit", "a", 0),
)


async def reseller_shell(access: ResellerAccess, current: str) -> tuple[Shell, Local, ResellerView]:
    """Of an agency's pages. It has clients in many places, so its own times are in UTC."""
    reseller = await resellers.show(access.scope)
    base = f"/r/{reseller.id}"
    troubled = await overview.troubled_count(access.scope)
    items = [
        Item(
            _(label),
            icon,
            f"{base}/{path}" if path else base,
            go,
            path == current,
            group,
            at < IN_BAR,
            troubled if path == "problems" else 0,
        )
        for at, (label, icon, path, permission, go, group) in enumerate(_IN_RESELLER)
        if permission in access.may
    ]  # fmt: skip
    if runs_platform(access.principal):
        items.append(Item(_("Platform"), "server", "/ops", "o", group=2, bar=False))
    who = _who(access.principal, reseller=reseller.id, above=True)
    shell = Shell(reseller.name, _("Agency"), initials(reseller.name), who, tuple(items), base, "clients")
    return shell, Local(ZoneInfo("UTC"), "GB", access.given.clock()), reseller


def platform_shell(access: PlatformAccess, brand: Brand, current: str) -> tuple[Shell, Local]:
    """Of the installation's own pages."""
    items = tuple(
        Item(_(label), icon, f"/ops/{path}" if path else "/ops", go, path == current, group, at < IN_BAR)
        for at, (label, icon, path, permission, go, group) in enumerate(_ON_PLATFORM)
        if permission in access.may
    )
    shell = Shell(brand.name, _("Platform"), initials(brand.name), _who(access.principal), items)
    return shell, Local(ZoneInfo("UTC"), "GB", access.given.clock())


def runs_platform(principal: Principal) -> bool:
    """Whether they are of the installation itself."""
    return any(one.tenant is None and one.reseller is None for one in principal.grants)


def home_shell(access: Access, brand: Brand) -> Shell:
    """Of the page with all businesses."""
    items = (Item(_("Businesses"), "building-2", "/", "b", current=True),)
    return Shell(brand.name, "", initials(brand.name), _who(access.principal), items)


def sees_several(principal: Principal) -> bool:
    """Whether they may have more than one business to look at."""
    return len(principal.grants) > 1 or any(one.tenant is None for one in principal.grants)


def _who(principal: Principal, tenant: str | None = None, reseller: str | None = None, *, above: bool = False) -> Who:
    """With the role that they have here; ``above``: on pages that are no tenant's."""
    everywhere = tenant is None and not above
    reach = [
        one
        for one in principal.grants
        if everywhere or (one.tenant is not None and one.tenant == tenant) or (one.tenant is None and one.reseller in {reseller, None})
    ]
    role = next((one.role for one in reach if one.role), None)
    label = _(ROLES[role]) if role else (_("API key") if principal.kind == "key" else "")
    return Who(principal.name, label, initials(principal.name))
