"""What the pages of settings have in common."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.auth.permissions import Permission
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Frame, tenant_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.show import _

TABS: Final[tuple[tuple[str, str, Permission], ...]] = (
    ("Business", "business", "tenant.read"),
    ("Members", "members", "members.read"),
    ("Sign-in", "sign-in", "members.read"),
    ("Your account", "security", "tenant.read"),
    ("Recording", "recording", "agents.read"),
    ("Retention", "retention", "tenant.read"),
    ("Calls out", "calls-out", "outgoing.read"),
    ("Consent", "consent", "outgoing.read"),
    ("Do not call", "do-not-call", "outgoing.read"),
    ("Limits", "limits", "outgoing.read"),
    ("Model accounts", "vendors", "vendors.read"),
    ("Audit log", "audit", "audit.read"),
    ("Export and erase", "exports", "tenant.write"),
)


async def show(
    request: Request,
    frame: Frame,
    access: TenantAccess,
    tab: str,
    typed: Typed | None = None,
    *,
    part: str | None = None,
    template: str = "",
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> HTMLResponse:
    """A page of settings, with the tabs that this role may open."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "settings")
    base = f"/t/{tenant.id}/settings"
    tabs = [(_(label), f"{base}/{path}", path == tab) for label, path, permission in TABS if permission in access.may]
    shown = typed or Typed()
    values: dict[str, Any] = {
        "shell": shell,
        "local": local,
        "tabs": tabs,
        "base": base,
        "home": f"/t/{tenant.id}",
        "may": access.may,
        "typed": shown,
    }
    name = f"pages/settings_{template or tab.replace('-', '_')}.html"
    return portal(request).page(request, frame, name, part, shown.status, **(values | context))
