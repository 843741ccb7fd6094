"""Where a call's webhooks went, one line an endpoint: how it stands, and what comes next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from offhook.orchestrator.hooks.schemas import DeliveryView, WebhookView
from offhook.orchestrator.portal.show import Local, _, many

_WORST: Final = {"failed": 0, "waiting": 1, "succeeded": 2}
_ERRORS: Final = {
    "url": "its address is not one that may be asked",
    "address": "its address is not one that may be asked",
    "dns": "its name was not found",
    "connect": "nothing answers there",
    "tls": "its certificate is not good",
    "timeout": "no answer in time",
    "broken": "the answer broke off",
    "redirect": "it sends us elsewhere",
    "gone": "it does not want any more",
    "secret": "its secret cannot be read",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """An endpoint and what it got of this call. ``delivery`` is the one that matters most: given up, else waiting, else the last."""

    webhook: str
    delivery: str
    name: str
    icon: str
    kind: str
    said: str
    again: bool
    """Whether there is a reason to send it again."""


def sent(deliveries: Sequence[DeliveryView], endpoints: Mapping[str, WebhookView], local: Local) -> tuple[Sent, ...]:
    """One for each endpoint that anything of the call went to; what needs somebody first."""
    by: dict[str, list[DeliveryView]] = {}
    for one in deliveries:
        by.setdefault(one.webhook_id, []).append(one)
    worst = sorted((min(several, key=lambda one: _WORST[one.state]) for several in by.values()), key=lambda one: _WORST[one.state])
    return tuple(_sent(one, len(by[one.webhook_id]), endpoints.get(one.webhook_id), local) for one in worst)


def _sent(one: DeliveryView, count: int, endpoint: WebhookView | None, local: Local) -> Sent:
    name = _("Webhook, {name}").format(name=_name(endpoint)) if endpoint else _("Webhook")
    match one.state:
        case "succeeded":
            said = many("{n} event arrived", "{n} events arrived", count)
            icon, kind = "circle-check", "ok"
            if one.done_at is not None:
                said = _("{said}, {when}").format(said=said, when=_when(local, one.done_at))
        case "waiting":
            icon, kind, said = "refresh-cw", "warn", _waiting(one, endpoint, local)
        case _:
            icon, kind, said = "circle-x", "bad", _("Given up: {why}").format(why=_refused(one))
    return Sent(one.webhook_id, one.id, name, icon, kind, said, one.state != "succeeded")


def _name(endpoint: WebhookView) -> str:
    return endpoint.description or urlsplit(endpoint.url).hostname or endpoint.url


def _waiting(one: DeliveryView, endpoint: WebhookView | None, local: Local) -> str:
    if endpoint is not None and not endpoint.enabled:
        return _("Waits until the endpoint is switched on")
    if not one.attempts:
        return _("Waits to be sent")
    after = _(", next try {when}").format(when=_when(local, one.next_at)) if one.next_at else ""
    return _refused(one) + after


def _refused(one: DeliveryView) -> str:
    if one.last_status is not None:
        said = _("refused ({status})").format(status=one.last_status)
    else:
        said = _(_ERRORS.get(one.last_error or "", "it did not get through"))
    if one.attempts > 1:
        said += " " + many("once", "{n} times", one.attempts)
    return said[:1].upper() + said[1:]


def _when(local: Local, moment: datetime) -> str:
    clock = local.clock(moment)
    return clock if local.day_of(moment) == local.today else f"{local.day(moment)}, {clock}"
