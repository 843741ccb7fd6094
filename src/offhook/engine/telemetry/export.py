"""Spans to a collector by OTLP over HTTP, from a bounded queue. ``put`` never waits: what has no room is dropped and counted.

A collector that hangs, refuses, breaks off or sends no end of an answer costs the calls nothing: one task talks to it, with one connection
and one deadline for each batch; batches are made into bytes on a thread.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import anyio
import anyio.to_thread
import httpx

from offhook.engine.telemetry import otlp
from offhook.engine.telemetry.spans import Attributes, Span
from offhook.errors import ConfigError

log = logging.getLogger("offhook.engine")
RETRIED: Final = frozenset({429, 502, 503, 504})
"""The answers after which the same batch may be sent again (OTLP specification, failures)."""
LARGEST_ANSWER: Final = 65_536
LONGEST_PAUSE: Final = 30.0
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans go. ``url`` is the collector's base (``http://127.0.0.1:4318``) or the whole path. Times are seconds."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    capacity: int = 4_096
    """Spans that wait at most: about 2 MB."""
    batch: int = 256
    every: float = 2.0
    """Longest wait of a span that is alone."""
    timeout: float = 5.0
    tries: int = 3
    pause: float = 1.0
    """Before the second try; three times as long before each later one."""

    @property
    def address(self) -> str:
        """Where a batch is posted."""
        base = self.url.rstrip("/")
        return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


def parse_headers(text: str) -> dict[str, str]:
    """``name=value,name=value``, percent-encoded where need be, as OTEL_EXPORTER_OTLP_HEADERS has it.

    Raises ConfigError without the value, which is a secret.
    """
    found: dict[str, str] = {}
    for number, part in enumerate(filter(None, (each.strip() for each in text.split(","))), start=1):
        name, _, value = (unquote(each.strip()) for each in part.partition("="))
        if not _NAME.fullmatch(name) or not value or not (value.isascii() and value.isprintable()):
            raise ConfigError(f"OFFHOOK_ENGINE_OTLP_HEADERS: header {number} is not name=value, in characters that a header may have")
        found[name.lower()] = value
    return found


class Exporter:
    """Sends spans. Run ``run`` in the process's scope; ``close`` afterwards sends what is left, within its time."""

    def __init__(self, collector: Collector, resource: Attributes, version: str) -> None:
        self.collector = collector
        self.sent = 0
        self.dropped: Counter[str] = Counter()
        """Spans given up: overflow, refused (by the collector), failed (not delivered), closed."""
        self._resource = resource
        self._version = version
        self._waiting: deque[Span] = deque()
        self._enough = anyio.Event()
        self._closed = False
        self._told = False

    def put(self, spans: Sequence[Span]) -> None:
        """Keep spans for sending; never waits, never raises."""
        for span in spans:
            if self._closed:
                self.dropped["closed"] += 1
            elif len(self._waiting) >= self.collector.capacity:
                self.dropped["overflow"] += 1
            else:
                self._waiting.append(span)
        if len(self._waiting) >= self.collector.batch:
            self._enough.set()

    @property
    def waiting(self) -> int:
        """Spans that have not been sent."""
        return len(self._waiting)

    async def run(self) -> None:
        """Send, until cancelled."""
        async with self._client() as http:
            while True:
                with anyio.move_on_after(self.collector.every):
                    await self._enough.wait()
                while self._waiting:
                    await self._send(http, self.collector.tries)
                self._enough = anyio.Event()

    async def close(self, within: float = 2.0) -> None:
        """One try for what is left, in so many seconds at most; then it is dropped and counted. Idempotent.

        A batch that was under way when ``run`` was cancelled is sent again: spans arrive at least once.
        """
        self._closed = True
        with anyio.CancelScope(shield=True), anyio.move_on_after(within):
            async with self._client() as http:
                while self._waiting:
                    await self._send(http, 1)
        self.dropped["closed"] += len(self._waiting)
        self._waiting.clear()

    def _client(self) -> httpx.AsyncClient:
        headers = {**self.collector.headers, "content-type": "application/x-protobuf", "accept-encoding": "identity"}
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncClient(headers=headers, timeout=None, limits=limits, follow_redirects=False, trust_env=False)  # noqa: S113 - see _post

    async def _send(self, http: httpx.AsyncClient, tries: int) -> None:
        """One batch, tried so often. It counts as waiting until it has an end, so that the queue's bound holds for it too."""
        batch = [self._waiting[number] for number in range(min(len(self._waiting), self.collector.batch))]
        body = await anyio.to_thread.run_sync(otlp.request, batch, self._resource, "offhook", self._version)
        why, pause = "failed", self.collector.pause
        for number in range(tries):
            if number:
                await anyio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 3)
            status, answer, after = await self._post(http, body)
            if status is not None and 200 <= status < 300:
                refused = min(len(batch), otlp.rejected(answer))
                self.sent += len(batch) - refused
                self.dropped["refused"] += refused
                why = ""
                break
            if status is not None and status not in RETRIED:
                why = "refused"
                break
            pause = max(pause, min(LONGEST_PAUSE, after))
        if why:
            self.dropped[why] += len(batch)
        self._tell(why)
        for _ in batch:
            self._waiting.popleft()

    def _tell(self, why: str) -> None:
        """Once for each time that it begins and ends: metrics have the rest."""
        if bool(why) != self._told:
            self._told = bool(why)
            if why:
                log.warning("spans do not reach the collector: %s", why)
            else:
                log.info("spans reach the collector again")

    async def _post(self, http: httpx.AsyncClient, body: bytes) -> tuple[int | None, bytes, float]:
        """Status (None when there was no answer), the answer's beginning, and seconds to wait before another try."""
        try:
            with anyio.fail_after(self.collector.timeout):
                async with http.stream("POST", self.collector.address, content=body) as response:
                    answer = b""
                    async for piece in response.aiter_raw():
                        answer += piece
                        if len(answer) > LARGEST_ANSWER:
                            return None, b"", 0.0
                    return response.status_code, answer, _after(response.headers)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
            return None, b"", 0.0


def _after(headers: Mapping[str, str]) -> float:
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < 86_400 else 0.0
