"""How adapters' requests leave: through the guard, or, in tests and demonstrations, to a simulator in place of the system."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import anyio
import httpx

from offhook.adapters.http import Pace, Pacer
from offhook.errors import ConfigError
from offhook.orchestrator.hooks.guard import Guard
from offhook.orchestrator.settings import OrchestratorSettings

PACERS: Final = 10_000
"""Connections whose pace a process remembers; the one that has been used least lately is forgotten first."""


class Systems:
    """The ways out to business systems of one process."""

    def __init__(
        self,
        settings: OrchestratorSettings,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        """``transports`` are a test's: where an adapter's requests go."""
        self._settings = settings
        self._transports = dict(transports or {})
        self._origins = {adapter: _loopback(adapter, url) for adapter, url in settings.vendor_origins.items()}
        self._guard: Guard | None = None
        self._pacers: dict[tuple[str, str], Pacer] = {}
        self._locks: WeakValueDictionary[tuple[str, str], anyio.Lock] = WeakValueDictionary()

    def client(self, adapter: str) -> httpx.AsyncClient:
        """A client for an adapter's requests; close it."""
        return httpx.AsyncClient(transport=self._transport(adapter), follow_redirects=False, trust_env=False, timeout=None)  # noqa: S113 - Http's own

    def pacer(self, tenant: str, connection: str, paces: tuple[Pace, ...]) -> Pacer:
        """The one pacer of a connection in this process."""
        key = (tenant, connection)
        found = self._pacers.pop(key, None) or Pacer(paces)
        self._pacers[key] = found
        while len(self._pacers) > PACERS:
            del self._pacers[next(iter(self._pacers))]
        return found

    @asynccontextmanager
    async def alone(self, tenant: str, connection: str) -> AsyncIterator[None]:
        """Nobody else of this process is in such a block of the same connection."""
        lock = self._locks.get((tenant, connection))
        if lock is None:
            lock = self._locks[tenant, connection] = anyio.Lock()
        async with lock:
            yield

    def outward(self, adapter: str, url: str) -> str:
        """A page of the system for a person's browser: the simulator's where there is one behind an address."""
        origin = self._origins.get(adapter)
        return f"{origin}{_rest(url)}" if origin else url

    def _transport(self, adapter: str) -> httpx.AsyncBaseTransport:
        if adapter in self._transports:
            return self._transports[adapter]
        if adapter in self._origins:
            return _Elsewhere(self._origins[adapter])
        if self._guard is None:
            self._guard = Guard.of(self._settings)
        return self._guard.transport()


class _Elsewhere(httpx.AsyncBaseTransport):
    """Sends every request to one address on this machine, under the name that it was meant for."""

    def __init__(self, origin: str) -> None:
        self._origin = httpx.URL(origin)
        self._inner = httpx.AsyncHTTPTransport(trust_env=False, http1=True, http2=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; httpx's errors."""
        url = request.url.copy_with(scheme=self._origin.scheme, host=self._origin.host, port=self._origin.port)
        sent = httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions)
        return await self._inner.handle_async_request(sent)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def _loopback(adapter: str, url: str) -> str:
    parts = urlsplit(url)
    try:
        here = parts.hostname is not None and ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        here = False
    if not here or parts.scheme not in {"http", "https"} or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ConfigError(f"OFFHOOK_ORCHESTRATOR_VENDOR_ORIGINS: {adapter}: an address of this machine such as http://127.0.0.1:1234")
    return f"{parts.scheme}://{parts.netloc}"


def _rest(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
