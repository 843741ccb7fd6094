"""Connections to an address that a tenant gave: to what its name answered and was checked, under the name that was asked for (Host, SNI and
certificate). See ``offhook.reach``.
"""

from __future__ import annotations

from typing import Final

import anyio
import httpx

from offhook.addresses import BadUrl, Target
from offhook.errors import Rejected, Unavailable
from offhook.reach import NoAddress, Reach

TRIED: Final = 4
"""Addresses of a name that are tried, one after the other."""
FRESH_S: Final = 60.0
"""A name is not looked up again for so long, while its addresses answer: a look-up before each request would be heard by callers."""


async def places(provider: str, url: str, reach: Reach, within: float) -> list[str]:
    """The addresses that a connection may be made to. Raises Rejected where it may not, Unavailable for a name without any. Seconds."""
    return await _addresses(provider, _target(provider, url, reach), reach, within)


def _target(provider: str, url: str, reach: Reach) -> Target:
    try:
        return reach.check(url)
    except BadUrl as error:
        raise Rejected(provider, f"the address of the account is not allowed: {error}") from None


async def _addresses(provider: str, target: Target, reach: Reach, within: float) -> list[str]:
    try:
        return [str(one) for one in (await reach.addresses(target, within))[:TRIED]]
    except NoAddress as error:
        if error.trouble == "address":
            raise Rejected(provider, f"the address of the account is not allowed: {error.sentence}") from None
        raise Unavailable(provider, f"the address of the account: {error.sentence}") from None


class Pinned(httpx.AsyncBaseTransport):
    """Sends requests by ``inner`` to checked addresses in place of names. Raises Rejected and Unavailable beside httpx's own."""

    def __init__(self, provider: str, reach: Reach, inner: httpx.AsyncBaseTransport, within: float) -> None:
        self._provider = provider
        self._reach = reach
        self._inner = inner
        self._within = within
        self._known: dict[str, tuple[float, list[str]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to the first address that takes a connection."""
        target = _target(self._provider, str(request.url), self._reach)
        since, found = self._known.get(target.host, (0.0, []))
        now = anyio.current_time()
        if not found or now - since > FRESH_S:
            found = await _addresses(self._provider, target, self._reach, self._within)
            self._known[target.host] = now, found
        trouble: httpx.TransportError | None = None
        for address in list(found):
            try:
                return await self._inner.handle_async_request(_at(request, target, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                trouble = error
                found.remove(address)
                found.append(address)  # the next request begins with another one
        self._known.pop(target.host, None)
        raise trouble or httpx.ConnectError("no address")

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def _at(request: httpx.Request, target: Target, address: str) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=[(b"Host", target.authority.encode("ascii")), *headers],
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": target.host},
    )
