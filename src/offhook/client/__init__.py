"""offhook's interface for Python programs: ``Client`` and ``AsyncClient``, with one method for each operation.

::

    with Client("https://voice.example.com", "ok_live_...") as offhook:
        for call in offhook.calls.list("ten_..."):
            print(call.id, call.outcome)

``models`` and ``operations`` are made from the OpenAPI document by ``scripts/client.py``. Errors are those of ``errors``.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import anyio
import httpx

from offhook.client.aio import AsyncFile, AsyncPages, AsyncSender
from offhook.client.base import File, Page, Pages, Retrying, Sender, Tagged
from offhook.client.operations import AsyncOperations, Operations
from offhook.errors import ConfigError

TIMEOUT = 30.0
__all__ = ["AsyncClient", "AsyncFile", "AsyncPages", "Client", "File", "Page", "Pages", "Retrying", "Tagged"]


def _base(url: str) -> str:
    try:
        scheme, host = httpx.URL(url).scheme, httpx.URL(url).host
    except httpx.InvalidURL:
        scheme = host = ""
    if scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{url!r} is no address of an orchestrator: it begins with https:// or http://")
    return url.rstrip("/")


def _headers(token: str) -> dict[str, str]:
    if not token.isascii() or not token.isprintable():
        raise ConfigError("the token holds characters that no token has")
    return {"authorization": f"Bearer {token}"} if token else {}


class Client(Operations):
    """An orchestrator at ``url``, spoken to as whoever ``token`` belongs to (an API key, or the operator's token).

    ``timeout`` is in seconds, for each step of a request. ``transport`` is httpx's own, for tests and proxies. Use it as a
    context, or ``close`` it. Safe to use from several threads.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = TIMEOUT,
        retrying: Retrying | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=_base(url), headers=_headers(token), timeout=timeout, transport=transport)
        super().__init__(Sender(self._http, retrying or Retrying(), sleep))

    def __repr__(self) -> str:
        return f"Client({str(self._http.base_url)!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()


class AsyncClient(AsyncOperations):
    """The same for asynchronous programs."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = TIMEOUT,
        retrying: Retrying | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=_base(url), headers=_headers(token), timeout=timeout, transport=transport)
        super().__init__(AsyncSender(self._http, retrying or Retrying(), sleep))

    def __repr__(self) -> str:
        return f"AsyncClient({str(self._http.base_url)!r})"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        await self.aclose()
