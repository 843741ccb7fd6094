"""What all vendors' clients share: an account from the settings, one kind of socket, one kind of HTTP client, one model of errors."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import anyio
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import broadcast
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException

from offhook.addresses import BadUrl, in_the_clear
from offhook.errors import BadOutput, ConfigError, OverQuota, ProviderError, Rejected, Retry, Timeout, Unauthorized, Unavailable, Untrusted
from offhook.providers._pinned import Pinned, places
from offhook.reach import Reach
from offhook.registry import ProviderContext

CONNECT_S: Final = 2.5
"""Longest wait for a vendor's door. It is opened while the line rings, and at a failover while the caller waits."""
CLOSE_S: Final = 1.0
LARGEST: Final = 16 * 2**20
"""Bytes of the largest message that a vendor may send."""
KEEP_S: Final = 120.0
"""A pooled connection outlives the gaps between a call's turns."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose account at which host. ``provider`` is the id for errors, such as ``stt/deepgram``."""

    provider: str
    base: str
    key: str = field(repr=False)
    reach: Reach | None = field(default=None, repr=False)
    """Where a tenant's own address may lead; None for an address of ours or the vendor's, which is trusted."""

    def hide(self, text: str) -> str:
        """What a vendor said, without the key: some quote the one that they refuse."""
        return text.replace(self.key, "***") if self.key else text

    def ws(self, path: str) -> str:
        """An address for a websocket under the base, which may be given as http or ws."""
        return ("ws" + self.base.removeprefix("http") if self.base.startswith("http") else self.base) + path

    def http(self, path: str) -> str:
        """An address for HTTP under the base."""
        return ("http" + self.base.removeprefix("ws") if self.base.startswith("ws") else self.base) + path


def account(context: ProviderContext, provider: str, vendor: str, base: str, *, keyless: bool = False) -> Account:
    """The account that ``<VENDOR>_API_KEY`` and ``<VENDOR>_BASE_URL`` name; ConfigError says which one is wrong.

    A base without TLS is for loopback only: a key does not travel in the clear. ``keyless``: a server of one's own may need none.
    """
    name = vendor.upper()
    key = context.env.get(f"{name}_API_KEY", "").strip()
    given = context.env.get(f"{name}_BASE_URL", "").strip()
    found = (given or base).rstrip("/")
    try:
        parts, open_to_all = urlsplit(found), in_the_clear(found)
    except ValueError:  # a bracket that is not closed
        raise ConfigError(f"{name}_BASE_URL is no address such as {base}") from None
    if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
        raise ConfigError(f"{name}_BASE_URL is no address such as {base}")
    if open_to_all and (key or not keyless):
        raise ConfigError(f"{name}_BASE_URL must be https or wss: the key would travel in the clear")
    reach = context.reach if given and f"{name}_BASE_URL" in context.theirs else None
    if reach is not None:
        try:
            reach.check(found)
        except BadUrl as error:
            raise ConfigError(f"{name}_BASE_URL: {error}") from None
    if not key and not keyless:
        raise ConfigError(f"{name}_API_KEY is not set: {provider} needs it")
    if not (key.isascii() and key.isprintable()):  # HTTP would refuse the header, and quote it
        raise ConfigError(f"{name}_API_KEY holds characters that no key has")
    return Account(provider, found, key, reach)


TOLD: Final = ("dg-error", "dg-request-id", "x-request-id", "request-id")
"""Headers in which vendors say more of a refusal, or by what name they know it."""


def refusal(provider: str, status: int, headers: Mapping[str, str], body: str = "") -> ProviderError:
    """The error for an HTTP answer that is none; what the vendor says goes into ``detail`` only."""
    retry = _after(headers)
    detail = " ".join([str(status), body[:2_000], *(f"{name}: {headers[name]}" for name in TOLD if name in headers)])
    # Before the status: ElevenLabs says with 401 that an account's quota is used up.
    if status == HTTPStatus.PAYMENT_REQUIRED or _code(body) in {"insufficient_quota", "quota_exceeded", "billing_hard_limit_reached"}:
        return OverQuota(provider, "the account's quota is used up", detail=detail, retry=Retry(None))
    if status in {401, 403}:
        return Unauthorized(provider, "the key is missing, wrong or not allowed to do this", detail=detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return OverQuota(provider, "too many requests at once", detail=detail, retry=retry or Retry(1.0))
    if status in {408, 504}:
        return Timeout(provider, "the vendor gave up waiting", detail=detail)
    if status in {409, 425} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(provider, f"the vendor answered {status}", detail=detail, retry=retry)
    return Rejected(provider, f"the vendor refused the request ({status}): check the model, the voice and the settings", detail=detail)


def _after(headers: Mapping[str, str]) -> Retry | None:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < 86_400:
            return Retry(seconds)
    return None


def _code(body: str) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    error = (found.get("error") or found.get("detail")) if isinstance(found, dict) else None
    return str(error.get("code") or error.get("type") or error.get("status") or "") if isinstance(error, dict) else ""


def as_object(provider: str, text: str | bytes) -> dict[str, Any]:
    """A vendor's JSON object; BadOutput for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadOutput(provider, "the vendor sent what is no JSON", detail=repr(text[:500])) from error
    if not isinstance(found, dict):
        raise BadOutput(provider, "the vendor sent JSON that is no object", detail=repr(text[:500]))
    return found


@cache
def trust() -> ssl.SSLContext:
    """Which certificates are believed (``SSL_CERT_FILE``, else certifi's), read once: it takes 50 ms, in which no call would be served."""
    try:
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("SSL_CERT_FILE or SSL_CERT_DIR names no certificates") from error


Closes: TypeAlias = Mapping[int, Callable[..., ProviderError]]
"""What close codes mean: how the error for each is made."""
POLICY: Final = 1008
CLOSES: Final[Closes] = {
    1002: BadOutput, 1003: Rejected, 1007: BadOutput, POLICY: Rejected, 1009: BadOutput,
}  # fmt: skip
"""Close codes (RFC 6455 section 7.4.1) that say more than that the connection is gone."""
SPENT: Final = re.compile(r"quota|credit", re.IGNORECASE)
CROWDED: Final = re.compile(r"concurren|too[ _]many|rate[ _]limit|max_active|busy", re.IGNORECASE)
"""A policy that is broken by how much is going on, as several vendors have it, is no fault of the request's."""
no_funds: Final[Callable[..., ProviderError]] = partial(OverQuota, retry=Retry(None))
"""Over quota until somebody pays: not to be tried again in a second."""


class Socket:
    """A vendor's websocket. Sends never wait: what the network cannot take is the vendor's fault and ends the connection."""

    def __init__(self, account: Account, connection: ClientConnection, closes: Closes) -> None:
        self.provider = account.provider
        self._account = account
        self._connection = connection
        self._closes = {**CLOSES, **closes}

    async def send(self, message: str | bytes) -> None:
        """Send; Unavailable and its like once the connection is gone."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise self._closed(error) from None

    def write(self, message: str | bytes) -> None:
        """Send without waiting: what the network does not take at once is kept (see ``backlog``). Nothing happens on a closed connection,
        which ``receive`` tells of.
        """
        broadcast((self._connection,), message)

    def hide(self, error: ProviderError) -> ProviderError:
        """The error that a message stands for, without the key: some vendors quote the one that they refuse."""
        error.detail = self._account.hide(error.detail)
        return error

    @property
    def backlog(self) -> int:
        """Bytes that the network has not taken yet."""
        return self._connection.transport.get_write_buffer_size()

    async def send_json(self, message: Mapping[str, Any]) -> None:
        """Send an object as text."""
        await self.send(json.dumps(message, separators=(",", ":")))

    async def receive(self) -> str | bytes:
        """The next message; the error that its close stands for, once it is closed."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise self._closed(error) from None

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Messages until a proper close (1000, or none at all as some vendors end); raises as ``receive`` for any other."""
        try:
            async for message in self._connection:
                yield message
        except ConnectionClosed as error:
            raise self._closed(error) from None

    def _closed(self, error: ConnectionClosed) -> ProviderError:
        frame = error.rcvd or error.sent  # ours, where we closed it for what the vendor sent
        code = frame.code if frame is not None else 1006
        reason = frame.reason if frame is not None else "the connection broke"
        kind: Callable[..., ProviderError] = self._closes.get(code, Unavailable)
        if code == POLICY and kind is Rejected:
            kind = no_funds if SPENT.search(reason) else OverQuota if CROWDED.search(reason) else Rejected
        return kind(self.provider, f"the vendor closed the connection ({code})", detail=self._account.hide(reason))

    async def aclose(self) -> None:
        """Close, at most a second later; idempotent."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSE_S + 0.5):
            await self._connection.close()
        self._connection.transport.abort()


NOT_BELIEVED: Final = "the vendor's certificate is not believed"


def _untrusted(error: BaseException | None) -> bool:
    """Whether a certificate is at the bottom of it: HTTP clients wrap what their connection raised."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def open_socket(
    account: Account,
    url: str,
    headers: Mapping[str, str],
    *,
    closes: Closes | None = None,
    timeout: float = CONNECT_S,
) -> Socket:
    """Connect. No compression (it costs processor time and audio does not shrink), no redirects, no proxy. Raises ProviderError.

    ``closes``: what a vendor's own close codes mean.
    """
    try:
        with anyio.fail_after(timeout):
            connection = await _connect(account, url, headers, timeout)
    except TimeoutError:
        raise Timeout(account.provider, f"no connection within {timeout:g} s") from None
    except InvalidStatus as error:
        body = (error.response.body or b"").decode("utf-8", "replace")
        refused = refusal(account.provider, error.response.status_code, error.response.headers, body)
        refused.detail = account.hide(refused.detail)
        raise refused from None
    except InvalidURI as error:
        raise Rejected(account.provider, "the address of the vendor is none", detail=str(error)) from None
    except (OSError, InvalidHandshake, WebSocketException, ssl.SSLError) as error:
        if _untrusted(error):
            raise Untrusted(account.provider, NOT_BELIEVED, detail=repr(error)) from None
        raise Unavailable(account.provider, "the vendor cannot be reached", detail=repr(error)) from None
    return Socket(account, connection, closes or {})


async def _connect(account: Account, url: str, headers: Mapping[str, str], timeout: float) -> ClientConnection:
    """By name where the address is trusted, else to the first checked one that takes it. Raises ProviderError, and as websockets does."""
    hosts = await places(account.provider, url, account.reach, timeout) if account.reach is not None else [""]
    for host in hosts:
        elsewhere: dict[str, Any] = {"host": host} if host else {}
        try:
            return await _Door(
                url, ssl=trust() if url.startswith("wss:") else None, additional_headers=headers, user_agent_header="offhook",
                compression=None, max_size=LARGEST, open_timeout=None, close_timeout=CLOSE_S,
                ping_interval=20, ping_timeout=20, proxy=None, **elsewhere,
            )  # fmt: skip
        except OSError:
            if host == hosts[-1]:
                raise
    raise Unavailable(account.provider, "the vendor cannot be reached")


class _Door(connect):
    """One that follows no redirect: with it would go the key."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The answer stays what it is."""
        return exc


Refusing: TypeAlias = Callable[[str, int, Mapping[str, str], str], ProviderError]
"""What ``refusal`` does; a vendor may have its own."""


class Http:
    """One pooled client of a vendor, shared by all calls that use the account."""

    def __init__(self, account: Account, headers: Mapping[str, str], refused: Refusing = refusal) -> None:
        self.account = account
        self._refused = refused
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=50, keepalive_expiry=KEEP_S)
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(verify=trust(), limits=limits, trust_env=False)
        if account.reach is not None:
            transport = Pinned(account.provider, account.reach, transport, CONNECT_S)
        self._client = httpx.AsyncClient(
            transport=transport,
            headers=dict(headers),
            timeout=httpx.Timeout(connect=CONNECT_S, read=None, write=5.0, pool=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        )

    @asynccontextmanager
    async def post(self, url: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """The streamed answer to a POST, if it is 200; ProviderError otherwise. Leaving the block early drops the connection."""
        provider = self.account.provider
        try:
            async with self._client.stream("POST", url, json=dict(body)) as response:
                if response.status_code != HTTPStatus.OK:
                    raise self._refused(provider, response.status_code, response.headers, await _text(response))
                yield response
        except httpx.TimeoutException as error:
            raise Timeout(provider, "the vendor did not answer in time", detail=repr(error)) from None
        except httpx.InvalidURL as error:
            raise Rejected(provider, "the address of the vendor is none", detail=str(error)) from None
        except httpx.ConnectError as error:
            if _untrusted(error):
                raise Untrusted(provider, NOT_BELIEVED, detail=repr(error)) from None
            raise Unavailable(provider, "the vendor cannot be reached", detail=repr(error)) from None
        except httpx.HTTPError as error:
            raise Unavailable(provider, "the connection to the vendor broke", detail=repr(error)) from None

    async def get(self, url: str) -> bool:
        """Whether a plain GET gets any answer: opens a connection and leaves it in the pool."""
        try:
            with anyio.move_on_after(CONNECT_S):
                await self._client.get(url)
                return True
        except (httpx.HTTPError, ProviderError):
            pass
        return False

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._client.aclose()


async def _text(response: httpx.Response) -> str:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > 4_000:
            break
    return body[:4_000].decode("utf-8", "replace")


async def sse(provider: str, response: httpx.Response) -> AsyncGenerator[tuple[str, str], None]:
    """Events of a ``text/event-stream`` as (name, data), as the HTML standard parses them: comments and unknown fields are skipped, CRLF
    ends lines too, several data lines are joined. An event cut before its blank line is given as it is. BadOutput for one of more than
    16 MiB, or of bytes that are no UTF-8.
    """
    name, data = "", list[str]()
    async for raw in _lines(provider, response):
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            raise BadOutput(provider, "the vendor sent bytes that are no text") from None
        if line == "":
            if data:
                yield name, "\n".join(data)
            name, data = "", []
            continue
        head, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if head == "data":
            data.append(value)
        elif head == "event":
            name = value
    if data:
        yield name, "\n".join(data)


async def _lines(provider: str, response: httpx.Response) -> AsyncIterator[bytes]:
    """Lines of bytes. httpx's own would cut at U+2028 and the like too, which JSON may hold as they are."""
    rest = b""
    async for piece in response.aiter_bytes():
        rest += piece
        *lines, rest = rest.split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
        if len(rest) > LARGEST:
            raise BadOutput(provider, "the vendor sent an event without an end")
    if rest:
        yield rest.removesuffix(b"\r")
