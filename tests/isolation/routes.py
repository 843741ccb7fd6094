"""What the app's routes ask for, read off the app itself: so that a route which is added is tested without a line here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

PUBLIC = frozenset(
    {
        ("GET", "/healthz"),
        ("POST", "/v1/setup"),
        ("POST", "/v1/session"),
        ("POST", "/v1/session/totp"),
        ("POST", "/v1/password/forgot"),
        ("POST", "/v1/password/reset"),
        ("GET", "/v1/invitations/{token}"),
        ("POST", "/v1/invitations/{token}/accept"),
        ("GET", "/v1/oidc/{provider}/start"),
        ("GET", "/v1/oidc/callback"),
        ("GET", "/oauth/callback"),
        ("GET", "/hooks/in/{tenant}/{connection}/{token}"),
        ("POST", "/hooks/in/{tenant}/{connection}/{token}"),
        ("GET", "/static/{name:path}"),
        ("GET", "/brand.css"),
        ("GET", "/icon.svg"),
        ("GET", "/brand/{kind}"),
        ("GET", "/widget/offhook-call.js"),
        ("GET", "/widget/worklet.js"),
        ("POST", "/widget/{key}/calls"),
        ("POST", "/look"),
        ("POST", "/sign-in"),
        ("POST", "/forgot"),
        ("POST", "/setup/{token}"),
        ("POST", "/invitations/{token}"),
        ("POST", "/reset/{token}"),
        ("GET", "/setup/{token}"),
        ("GET", "/invitations/{token}"),
        ("GET", "/reset/{token}"),
        ("GET", "/shared/calls/{token}"),
        ("GET", "/hooks/in/{tenant}/{connection}/{token}"),
        ("POST", "/hooks/in/{tenant}/{connection}/{token}"),
        ("GET", "/forgot"),
        ("GET", "/sign-in"),
    }
)
"""Routes for whoever has no account or brings a secret of its own in the request. Each is a decision: add none without a reason."""
SIGNED = frozenset({"engine", "carriers"})
"""Tags of routes whose requests are signed by an engine or a carrier."""
DEVELOPMENT = frozenset({"dev"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A route and what it asks for. ``level`` is tenant, reseller, platform, anybody, signed, public or unguarded."""

    method: str
    path: str
    level: str
    permission: str | None

    @property
    def names(self) -> list[str]:
        """The path's parameters."""
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)

    def at(self, **values: str) -> str:
        """The path with its parameters filled in; what is not given is an id of nothing."""
        return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values.get(found.group(1), "none_00000000000000000000000000"), self.path)


def asked(app: FastAPI) -> list[Asked]:
    """Every route and method of the app."""
    found = []
    for route in iter_route_contexts(app.routes):
        if isinstance(dependant := getattr(route, "dependant", None), Dependant):
            level, permission = _level(route, dependant)
            found += [Asked(method, str(route.path), level, permission) for method in sorted(route.methods or ())]
    return found


def _level(route: RouteContext, dependant: Dependant) -> tuple[str, str | None]:
    for call in _calls(dependant):
        if hasattr(call, "level") and hasattr(call, "permission"):
            return call.level, call.permission
    tags = {str(tag) for tag in route.tags or ()}
    if tags & SIGNED:
        return "signed", None
    if any((method, route.path) in PUBLIC for method in route.methods or ()):
        return "public", None
    return ("development" if tags & DEVELOPMENT else "unguarded"), None


def _calls(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        if one.call is not None:
            yield one.call
        yield from _calls(one)
