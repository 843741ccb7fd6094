"""Requests on somebody else's behalf: to URLs that tenants give, or that documents found there name.

A name is looked up here, every address that it answers is checked (``addresses``), and the connection is made to an address that was
checked, under the name that was asked for (Host, SNI and certificate): there is no second look-up that could answer otherwise. No redirect
is followed, no proxy and no ``.netrc`` of the environment heeded, no cookie kept, no body decompressed, no more read than asked for.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import anyio
import httpx

from offhook.addresses import Address, BadUrl, Rules, Target, take_apart
from offhook.errors import ConfigError
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.reach import Lookup, NoAddress, Resolver, addresses

Trouble: TypeAlias = Literal["url", "address", "dns", "connect", "tls", "timeout", "broken"]
"""Why there is no answer: the URL or what its name answers is not allowed, the name is unknown, nobody is there, the certificate is not
the name's, it took too long, or the answer was cut short or is none of HTTP."""

CONNECT_S: Final = 5.0
"""Seconds that looking up and connecting may take, of the whole."""
MARGIN_S: Final = 0.05
TRIED: Final = 4
"""Addresses of a name that are tried, one after the other."""


class NoAnswer(OSError):
    """There is no answer; ``trouble`` says why in a word, the text in a sentence that may be shown to the URL's owner."""

    def __init__(self, trouble: Trouble, sentence: str) -> None:
        super().__init__(sentence)
        self.trouble = trouble
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: at most ``most`` bytes of the body; ``cut`` if there was more."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


def rules(settings: OrchestratorSettings) -> Rules:
    """Where the operator lets requests go; ConfigError."""
    try:
        networks = tuple(ipaddress.ip_network(one) for one in settings.webhook_networks)
    except ValueError as error:
        raise ConfigError("OFFHOOK_ORCHESTRATOR_WEBHOOK_NETWORKS: networks such as 10.1.0.0/16") from error
    return Rules(settings.webhook_http, frozenset(settings.webhook_ports), networks)


@dataclass(frozen=True, slots=True)
class Guard:
    """Sends requests to where ``rules`` allow."""

    rules: Rules
    resolve: Resolver = field(default_factory=Lookup)
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    @classmethod
    def of(cls, settings: OrchestratorSettings) -> Guard:
        """As the operator has set it; ConfigError."""
        trust = ssl.create_default_context()
        if settings.webhook_ca is not None:
            try:
                trust.load_verify_locations(settings.webhook_ca)
            except OSError as error:
                raise ConfigError("OFFHOOK_ORCHESTRATOR_WEBHOOK_CA is no file of certificates") from error
        return cls(rules(settings), trust=trust)

    def check(self, url: str) -> Target:
        """A URL's parts; BadUrl says why no request may go there. What its name answers is checked at each request."""
        return take_apart(url, self.rules)

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes = b"", within: float = 15.0, most: int = 4_096
    ) -> Answer:
        """Send a request and read the beginning of its answer, all ``within`` so many seconds; NoAnswer."""
        try:
            target = self.check(url)
        except BadUrl as error:
            raise NoAnswer("url", f"the URL is not allowed: {error}") from error
        try:
            with anyio.fail_after(within):
                return await self._request(method, target, headers, content, most)
        except TimeoutError as error:
            raise NoAnswer("timeout", f"no whole answer within {within:g} seconds") from error

    def transport(self) -> httpx.AsyncBaseTransport:
        """For an ``httpx.AsyncClient`` (with ``trust_env=False, follow_redirects=False``): every request of it is checked likewise."""
        return _Transport(self)

    async def addresses(self, target: Target) -> list[Address]:
        """Where a request to this target may connect; NoAnswer if any address that its name answers is not allowed."""
        try:
            return await addresses(target, self.rules, self.resolve, CONNECT_S)
        except NoAddress as error:
            raise NoAnswer(error.trouble, error.sentence) from error

    async def _request(self, method: str, target: Target, headers: Mapping[str, str], content: bytes, most: int) -> Answer:
        try:
            request = httpx.Request(method, target.url, headers={"accept-encoding": "identity", **headers}, content=content)
        except httpx.InvalidURL as error:
            raise NoAnswer("url", "the URL is not allowed") from error
        async with self.transport() as transport:
            response = await transport.handle_async_request(request)
            try:
                body, cut = await _begin(response, most)
            finally:
                with _named():
                    await response.aclose()
        return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body, cut)


class _Transport(httpx.AsyncBaseTransport):
    """Connects to a checked address in place of the name. Nothing is kept alive: a connection is for one name only."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=guard.trust, trust_env=False, http1=True, http2=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; NoAnswer."""
        try:
            target = self._guard.check(str(request.url))
        except BadUrl as error:
            raise NoAnswer("url", f"the URL is not allowed: {error}") from error
        trouble: NoAnswer | None = None
        for address in (await self._guard.addresses(target))[:TRIED]:
            try:
                return await self._send(request, target, address)
            except NoAnswer as error:
                if error.trouble != "connect":
                    raise
                trouble = error
        raise trouble or NoAnswer("dns", "the name has no address")

    async def _send(self, request: httpx.Request, target: Target, address: Address) -> httpx.Response:
        # A little before the caller's own deadline: a handshake that is cancelled rather than timed out leaves its socket to the collector.
        connect = max(0.01, min(CONNECT_S, anyio.current_effective_deadline() - anyio.current_time() - MARGIN_S))
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        pinned = httpx.Request(
            request.method,
            httpx.URL(scheme=target.scheme, host=str(address), port=target.port, raw_path=target.path.encode("ascii")),
            headers=[(b"Host", target.authority.encode("ascii")), *headers],
            stream=request.stream,
            extensions={
                **request.extensions,
                "sni_hostname": target.host,
                "timeout": {"read": None, "write": None, "pool": None, **request.extensions.get("timeout", {}), "connect": connect},
            },
        )
        with _named():
            return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


class _named:  # noqa: N801 - reads as a clause
    """Names what went wrong below: httpx's errors come out as NoAnswer."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, httpx.ConnectError):
            if _has(error, ssl.SSLError):
                raise NoAnswer("tls", "the certificate is not valid for the name, or TLS failed") from error
            raise NoAnswer("connect", "the connection was refused or could not be made") from error
        if isinstance(error, httpx.ConnectTimeout):
            raise NoAnswer("connect", "the connection could not be made in time") from error
        if isinstance(error, httpx.TimeoutException):
            raise NoAnswer("timeout", "no answer in time") from error
        if isinstance(error, httpx.TransportError):
            raise NoAnswer("broken", "the connection broke, or what came was no HTTP") from error


async def _begin(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    """The first bytes of a body, as sent; whether there is more. NoAnswer for one that breaks off before its announced end."""
    body = b""
    with _named():
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > most:
                return body[:most], True
    return body, False


def _has(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error comes of one of this kind."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
