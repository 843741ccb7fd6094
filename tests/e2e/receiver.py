"""A customer's webhook receiver on loopback, over real sockets: it behaves as it is told and writes down what came."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
from anyio.streams.tls import TLSStream

from offhook import signing

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Behave = Callable[[anyio.abc.ByteStream, "Got"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Got:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def n(self) -> int:
        """What the tests number events by."""
        return int(self.event["data"]["n"])


def says(status: int, body: bytes = b"", **headers: str) -> Behave:
    """Answer so."""

    async def behave(stream: anyio.abc.ByteStream, _: Got) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await stream.send(f"HTTP/1.1 {status} Said\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return behave


async def silent(stream: anyio.abc.ByteStream, _: Got) -> None:
    """Say nothing until the other side has had enough."""
    while True:
        await stream.receive()


@dataclass(slots=True)
class Receiver:
    """``behave`` may be set; ``accepted`` are those requests that it answered with 2xx by ``take``."""

    port: int = 0
    scheme: str = "http"
    behave: Behave = field(default_factory=lambda: says(200, b"ok"))
    got: list[Got] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    @property
    def ns(self) -> list[int]:
        return [one.n for one in self.got]

    def check(self, secret: str, now: float, got: Got | None = None) -> None:
        """Every request (or this one) is signed by this secret, as the standard has it."""
        for one in [got] if got else self.got:
            assert signing.verify([secret], one.headers, one.body, now, tolerance=10**7) == one.event["id"]

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """One connection, one request."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive()
        first, _, body = head.partition(b"\r\n\r\n")
        lines = first.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(body) < int(headers.get("content-length", "0")):
            body += await stream.receive()
        got = Got(lines[0].split(" ")[1], headers, body)
        self.got.append(got)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.behave(stream, got)
        finally:
            self.at_once -= 1


@asynccontextmanager
async def receiver(*, context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that listens until the block ends."""
    made = Receiver(scheme="https" if context else "http")

    async def one(raw: anyio.abc.SocketStream) -> None:
        async with raw:
            stream: anyio.abc.ByteStream = raw
            try:
                if context is not None:
                    stream = await TLSStream.wrap(raw, server_side=True, ssl_context=context, standard_compatible=False)
                await made.serve(stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    made.port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, one)
        yield made
        group.cancel_scope.cancel()
