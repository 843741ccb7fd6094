"""What the pages for developers have in common. Pure."""

from __future__ import annotations

from typing import Final

from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.auth.permissions import Permission
from offhook.orchestrator.hooks.schemas import DeliveryView, WebhookView
from offhook.orchestrator.portal.outcomes import Outcome
from offhook.orchestrator.portal.show import _

_TABS: Final[tuple[tuple[str, str, Permission], ...]] = (
    ("Webhooks", "webhooks", "webhooks.read"),
    ("API keys", "keys", "keys.read"),
    ("Events", "events", "webhooks.read"),
)
_STATES: Final = {
    "waiting": Outcome("warn", "hourglass", "Waiting"),
    "succeeded": Outcome("ok", "circle-check", "Arrived"),
    "failed": Outcome("bad", "circle-x", "Given up"),
}


def tabs(access: TenantAccess, current: str) -> list[tuple[str, str, bool]]:
    """Those that this role may open."""
    base = f"/t/{access.scope.tenant}/developers"
    return [(_(label), f"{base}/{path}", path == current) for label, path, permission in _TABS if permission in access.may]


def state_of(one: WebhookView) -> Outcome:
    """How it is with an endpoint."""
    if not one.enabled:
        words = {"failing": "Stopped: it only failed", "gone": "Stopped: it answered 410"}
        return Outcome("bad" if one.disabled_reason in words else "quiet", "pause", words.get(one.disabled_reason or "", "Paused"))
    if one.failing_since is not None:
        return Outcome("warn", "triangle-alert", "Failing")
    if one.last_success_at is None:
        return Outcome("quiet", "circle-dashed", "Nothing sent yet")
    return Outcome("ok", "circle-check", "Arriving")


def delivery_state(one: DeliveryView) -> Outcome:
    """How it is with an event on its way."""
    if one.state == "waiting" and one.attempts:
        return Outcome("warn", "refresh-cw", "Tried, waiting")
    return _STATES[one.state]
