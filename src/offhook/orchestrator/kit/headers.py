"""Headers that every answer of the API carries: what is left of the caller's rate, and that nothing may be kept by a cache."""

from __future__ import annotations

import math

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.orchestrator.services import Services


class ApiHeaders:
    """ASGI middleware. ``RateLimit`` and ``RateLimit-Policy`` as in draft-ietf-httpapi-ratelimit-headers; nothing is stored on the way."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._limits = services.limits.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; only HTTP is touched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("X-Content-Type-Options", "nosniff")
                principal = scope.get("state", {}).get("principal")
                if principal is not None:
                    limits = self._limits
                    left = limits.left(principal.id)
                    wait = math.ceil((limits.burst - left) / limits.rate * limits.per_s)
                    headers["RateLimit-Policy"] = f'"default";q={limits.burst};w={math.ceil(limits.burst / limits.rate * limits.per_s)}'
                    headers["RateLimit"] = f'"default";r={left};t={wait}'
            await send(message)

        await self._app(scope, receive, sending)
