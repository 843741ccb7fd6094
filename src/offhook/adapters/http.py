"""The client that every adapter gets: authorisation, pace, time, typed errors, and a record of every exchange.

An adapter sends ``Http.send`` a path of its system and gets JSON back, or one AdapterError. Requests that change nothing, and writes that
say they may be repeated, are sent again a little later where the system was unreachable; whether a write without that happened is for
whoever called to find out, by the same key.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, Protocol, TypeAlias

import anyio
import httpx

from offhook.errors import (
    AdapterConflict,
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
    Retry,
)

MOST: Final = 32 * 2**20
"""Bytes of an answer; one that is longer is refused. There are systems whose pages have 5,000 rows."""
READ_S: Final = 20.0
WRITE_S: Final = 30.0
LIVE_S: Final = 2.5
"""Seconds that one request may take: in the background, and while a caller waits."""
TRIES: Final = 3
PAUSE_S: Final = 0.5
LONGEST_WAIT_S: Final = 10.0
"""The longest that a request waits for room; beyond it the work goes back to the queue with the time that the system named."""
Priority: TypeAlias = Literal["live", "work"]
Json: TypeAlias = Any
"""What json.loads gives."""


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``limit`` requests in ``seconds``, or so many at once where ``seconds`` is 0."""

    limit: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, for support. Hashes are SHA-256 of the bodies; ``sent`` and ``got`` hold no header."""

    method: str
    url: str
    status: int | None
    seconds: float
    sent: bytes
    got: bytes
    trouble: str = ""
    """Where there is no status."""
    key: str = ""

    @property
    def sent_hash(self) -> str:
        """Of the request's body."""
        return hashlib.sha256(self.sent).hexdigest()

    @property
    def got_hash(self) -> str:
        """Of the answer's body."""
        return hashlib.sha256(self.got).hexdigest()


class Signer(Protocol):
    """Knows the connection's authorisation. ``used`` is what a refused request had: a refresh is due unless it has been done meanwhile."""

    async def headers(self) -> Mapping[str, str]:
        """What a request must carry; AdapterUnauthorized."""
        ...

    async def renew(self, used: Mapping[str, str]) -> bool:
        """After a 401: True if the request may be sent once more, with other headers."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSigner:
    """The same headers always."""

    fixed: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def headers(self) -> Mapping[str, str]:
        """See Signer."""
        return self.fixed

    async def renew(self, used: Mapping[str, str]) -> bool:  # noqa: ARG002
        """See Signer."""
        return False


class Pacer:
    """Room for a connection's requests, by all of its paces, in the order of their coming; whoever has a caller waiting goes first.

    ``now`` is the loop's clock. One pacer serves all users of a connection in a process; between processes the system's own 429 rules.
    """

    def __init__(self, paces: Sequence[Pace], now: Callable[[], float] = anyio.current_time) -> None:
        self._rates = [(one, deque[float]()) for one in paces if one.seconds > 0]
        self._room = min((one.limit for one in paces if one.seconds == 0), default=1_000)
        self._now = now
        self._busy = 0
        self._closed_until = 0.0
        self._waiting: dict[Priority, deque[object]] = {"live": deque(), "work": deque()}
        self._changed = anyio.Event()

    @property
    def inside(self) -> int:
        """How many requests are on their way."""
        return self._busy

    def hold(self, seconds: float) -> None:
        """The system wants no request for so long."""
        self._closed_until = max(self._closed_until, self._now() + seconds)

    async def enter(self, priority: Priority, patience: float, adapter: str) -> None:
        """Wait for room, at most ``patience`` seconds; AdapterRateLimited with the time to wait. Pair with ``leave``."""
        end = self._now() + patience
        place = object()
        self._waiting[priority].append(place)
        try:
            while (wait := self._wait(priority, place)) > 0:
                left = end - self._now()
                if (wait > left and wait != float("inf")) or left <= 0:
                    # Behind others nobody knows how long: not long.
                    later = PAUSE_S if wait == float("inf") else min(wait, 3_600.0)
                    raise AdapterRateLimited(
                        adapter, "too many requests to this system: it is tried again later", retry=Retry(max(1.0, later))
                    )
                changed = self._changed
                with anyio.move_on_after(min(wait, left)):
                    await changed.wait()
            self._busy += 1
            for _, sent in self._rates:
                sent.append(self._now())
        finally:
            self._waiting[priority].remove(place)
            self._tell()

    def leave(self) -> None:
        """A request is over."""
        self._busy -= 1
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _wait(self, priority: Priority, place: object) -> float:
        """Seconds until there may be room; infinite where somebody has to go or leave first."""
        now = self._now()
        if self._waiting[priority][0] is not place or (priority == "work" and self._waiting["live"]):
            return float("inf")
        wait = max(0.0, self._closed_until - now)
        if self._busy >= self._room:
            return float("inf")
        for pace, sent in self._rates:
            while sent and sent[0] <= now - pace.seconds:
                sent.popleft()
            if len(sent) >= pace.limit:
                wait = max(wait, sent[0] + pace.seconds - now)
        return wait


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is a success, or one of the statuses that the request named as such."""

    status: int
    headers: httpx.Headers
    body: bytes
    adapter: str

    def json(self) -> Json:
        """The body; AdapterUnavailable for what is none."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError as error:
            raise AdapterUnavailable(
                self.adapter, "the system's answer is no JSON", detail=self.body[:300].decode("utf-8", "replace")
            ) from error


Tap: TypeAlias = Callable[[Exchange], Awaitable[None]]
Classify: TypeAlias = Callable[[int, Mapping[str, str], bytes], AdapterError | None]
"""What an adapter makes of a status, headers and body, also of a success that is none; None for the general reading."""


async def _untapped(_: Exchange) -> None:
    return None


class Http:
    """Requests of one connection to its system."""

    def __init__(
        self,
        adapter: str,
        base_url: str,
        client: httpx.AsyncClient,
        signer: Signer,
        pacer: Pacer,
        *,
        priority: Priority = "work",
        tap: Tap = _untapped,
        headers: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.adapter = adapter
        self.now = now
        """The time of day, for adapters too: what is open, next, or too old."""
        self.base_url = base_url.rstrip("/")
        self.priority = priority
        self.classify: Classify | None = None
        """Set by adapters whose systems mean something of their own by a status, or say in a success that it is none."""
        self._client = client
        self._signer = signer
        self._pacer = pacer
        self._tap = tap
        self._headers = dict(headers or {})

    async def get(self, path: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Json:
        """What is there, as JSON."""
        return (await self.send("GET", path, params=params, headers=headers)).json()

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        body: Json = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        key: str = "",
        repeat: bool | None = None,
        reads: bool = False,
        also: Sequence[int] = (),
    ) -> Reply:
        """One request to ``path`` (or a whole URL of the same origin), as JSON, form or bytes; AdapterError.

        ``repeat``: sending it twice does no harm (all that only reads, and writes that the system knows by an id or key of ours).
        ``reads``: it changes nothing, whatever its method. ``also``: statuses besides 2xx that are no error. ``key`` is kept with the
        exchange.
        """
        url = self._url(path)
        reads = reads or method == "GET"
        live, again = self.priority == "live", reads if repeat is None else repeat
        data, kind = _body(body, form, content)
        sent = {"accept": "application/json", **kind, **self._headers, **(headers or {})}
        within = LIVE_S if live else READ_S if reads else WRITE_S
        renewed, attempt = False, 1
        while True:
            signed = await self._signer.headers()
            await self._pacer.enter(self.priority, within if live else LONGEST_WAIT_S, self.adapter)
            try:
                return await self._once(method, url, params, data, {**sent, **signed}, key, within, also)
            except AdapterUnauthorized as error:
                if error.partly or renewed or not await self._signer.renew(signed):
                    raise
                renewed = True
            except (AdapterUnavailable, AdapterRateLimited) as error:
                # What was refused for its number was not carried out, whatever it was.
                if live or attempt == TRIES or not (again or isinstance(error, AdapterRateLimited)):
                    raise
                wait = error.retry.after or 0.0
                if wait > LONGEST_WAIT_S:
                    raise
                await anyio.sleep(max(wait, PAUSE_S * 2 ** (attempt - 1)))
                attempt += 1

    def _url(self, path: str) -> str:
        """The whole URL. One that a system names is asked only where it is the system's own: the authorisation goes there."""
        if not path.startswith(("http://", "https://")):
            return f"{self.base_url}{path if path.startswith('/') or not path else f'/{path}'}"
        if self.base_url:
            own = httpx.URL(self.base_url)
            try:
                other = httpx.URL(path)
            except httpx.InvalidURL:
                other = httpx.URL()
            if (own.scheme, own.host, own.port) != (other.scheme, other.host, other.port):
                raise AdapterRejected(self.adapter, "the system names an address that is not its own", detail=path[:300])
        return path

    async def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None,
        data: bytes,
        headers: Mapping[str, str],
        key: str,
        within: float,
        also: Sequence[int],
    ) -> Reply:
        """One request, within the pacer."""
        begun = anyio.current_time()
        status: int | None = None
        got, trouble = b"", ""
        try:
            query = httpx.QueryParams(list(params.items()) if isinstance(params, Mapping) else list(params or ()))
            request = self._client.build_request(method, url, params=query or None, content=data or None, headers=dict(headers))
            with anyio.fail_after(within):
                response = await self._client.send(request, stream=True)
                try:
                    status = response.status_code
                    got = await self._read(response)
                finally:
                    await response.aclose()
            if status not in also and (own := self._own(status, response.headers, got)) is not None:
                raise own
            if 200 <= status < 300 or status in also:
                return Reply(status, response.headers, got, self.adapter)
            raise self._error(status, response.headers, got)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:  # TimeoutError: of fail_after
            trouble = type(error).__name__
            raise AdapterUnavailable(self.adapter, "the system cannot be reached", detail=str(error)) from error
        finally:
            self._pacer.leave()
            with anyio.CancelScope(shield=True):
                await self._tap(Exchange(method, url, status, anyio.current_time() - begun, data, got, trouble, key))

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST:
                raise AdapterUnavailable(self.adapter, "the system's answer is longer than anything we read")
        return bytes(body)

    def _own(self, status: int, headers: httpx.Headers, body: bytes) -> AdapterError | None:
        own = self.classify(status, headers, body) if self.classify is not None else None
        if isinstance(own, AdapterRateLimited):
            self._pacer.hold(own.retry.after or 1.0)
        return own

    def _error(self, status: int, headers: httpx.Headers, body: bytes) -> AdapterError:
        detail = body[:2_000].decode("utf-8", "replace")
        if status == 401:
            return AdapterUnauthorized(self.adapter, "the system does not take this connection's authorisation any more", detail=detail)
        if status == 403:
            return AdapterUnauthorized(self.adapter, "this connection may not do that in the system", detail=detail, partly=True)
        if status in {404, 410}:
            return AdapterNotFound(self.adapter, "there is no such record in the system", detail=detail)
        if status in {409, 412}:
            return AdapterConflict(self.adapter, "somebody else has taken or changed it in the system", detail=detail)
        if status == 429:
            wait = retry_after(headers, 1.0, self.now())
            self._pacer.hold(wait)
            return AdapterRateLimited(self.adapter, "the system wants fewer requests", detail=detail, retry=Retry(wait))
        if status >= 500 or status == 408:
            return AdapterUnavailable(
                self.adapter,
                f"the system has a fault of its own ({status})",
                detail=detail,
                retry=Retry(retry_after(headers, 1.0, self.now())),
            )
        return AdapterRejected(self.adapter, f"the system refused what it was sent ({status})", detail=detail)


def retry_after(headers: Mapping[str, str], default: float, now: datetime) -> float:
    """Seconds, from a header that gives seconds or a date (RFC 9110 section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    try:
        if math.isfinite(seconds := float(text)):
            return min(max(seconds, 0.0), 86_400.0)
    except ValueError:
        pass
    try:
        return min(max((parsedate_to_datetime(text) - now).total_seconds(), 0.0), 86_400.0)
    except (ValueError, TypeError):
        return default


def _body(body: Json, form: Mapping[str, str] | None, content: bytes | None) -> tuple[bytes, dict[str, str]]:
    if content is not None:
        return content, {}
    if form is not None:
        return str(httpx.QueryParams(dict(form))).encode(), {"content-type": "application/x-www-form-urlencoded"}
    if body is not None:
        return json.dumps(body, separators=(",", ":")).encode(), {"content-type": "application/json"}
    return b"", {}
