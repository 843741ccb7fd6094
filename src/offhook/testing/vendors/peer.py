"""One connection of a double: HTTP/1.1 and websockets (RFC 6455), with every fault that a peer can have.

Bytes are written by hand where a fault wants them so; the framing of websockets is the ``websockets`` library's own, without its I/O.
"""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.abc
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from offhook.testing.vendors.scenario import Fault, Latency, Received, Scenario

BIGGEST: Final = 64 * 2**20
REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
                  429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable", 529: "Overloaded"}  # fmt: skip


class Gone(Exception):
    """The client has left, or a fault has ended the connection."""


class Peer:
    """One connection of a client, for a vendor's ``serve``."""

    def __init__(
        self, vendor: Vendor, number: int, stream: anyio.abc.SocketStream, head: bytes, scenario: Scenario, log: list[Received]
    ) -> None:
        self.method, path, self.headers = parse_head(head)
        parts = urlsplit(path.removeprefix(vendor.PREFIX))
        self.vendor = vendor.VENDOR
        self.number = number
        self.path = parts.path
        self.query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        self.body = b""
        self.early = b""
        """What the client sent after its request, before the answer was whole."""
        self.scenario = scenario
        self.dice = random.Random(f"{scenario.seed}/{number}")
        self._head = head
        self._stream = stream
        self._log = log
        self._protocol: ServerProtocol | None = None
        self._faults = {fault.at: fault for fault in scenario.faults} if scenario.faulty is None or number < scenario.faulty else {}
        self._count = 0
        self._kept: bytes | str | None = None
        self._writing = anyio.Lock()
        self._gone = False

    # -- what the client wants

    @property
    def is_socket(self) -> bool:
        """Whether it asks for a websocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"

    def param(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def params(self, name: str) -> list[str]:
        """A repeated query parameter."""
        return [value for key, value in self.query if key == name]

    def option(self, name: str, default: Any) -> Any:  # noqa: ANN401 - the vendor's own
        """The scenario's option of this vendor."""
        return self.scenario.options.get(name, default)

    async def wait(self, name: str, default: float = 0.0, number: int = 0) -> None:
        """Wait as the scenario's latency ``name`` says (a ``Latency`` or seconds)."""
        found = self.option(name, default)
        seconds = found.draw(self.dice, number) if isinstance(found, Latency) else float(found)
        if seconds > 0:
            await anyio.sleep(seconds)

    def earlier(self, most: int = 20) -> list[Received]:
        """What clients sent to this vendor before this connection: the last of it, latest first."""
        mine = (one for one in reversed(self._log) if one.vendor == self.vendor and one.connection < self.number)
        return list(islice(mine, most))

    @property
    def left(self) -> bool:
        """Whether the client has gone."""
        return self._gone

    # -- HTTP

    async def until_gone(self) -> None:
        """Wait until the client has left in the middle of an answer, and note it."""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                self.early += await self._stream.receive(65_536)
        self._note("gone", b"")
        self._gone = True

    async def answer(self, status: int, body: str | bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """A whole answer, after which the connection may be used again."""
        data = body.encode() if isinstance(body, str) else body
        head = {"content-type": "application/json", **(headers or {}), "content-length": str(len(data))}
        await self._write(http_head(status, head) + data)

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of a streamed (chunked) answer; then ``chunk`` and ``finish``."""
        await self._write(http_head(status, {**headers, "transfer-encoding": "chunked"}))

    async def chunk(self, data: str | bytes) -> None:
        """A piece of a streamed answer. Faults strike here: one chunk is one message."""
        raw = data.encode() if isinstance(data, str) else data
        for piece in await self._faulted(raw):
            sent = piece.encode() if isinstance(piece, str) else piece
            await self._write(b"%x\r\n%b\r\n" % (len(sent), sent))

    async def finish(self) -> None:
        """The end of a streamed answer."""
        await self._write(b"0\r\n\r\n")

    # -- websocket

    async def accept(self, headers: Mapping[str, str] | None = None) -> None:
        """Open the websocket. Compression is never agreed to, whatever the client offers."""
        protocol = ServerProtocol(max_size=BIGGEST)
        self._protocol = protocol
        protocol.receive_data(self._head + b"\r\n\r\n")
        request = protocol.events_received()[0]
        if not isinstance(request, Request):
            raise Gone
        response = protocol.accept(request)
        for name, value in (headers or {}).items():
            response.headers[name] = value
        protocol.send_response(response)
        await self._flush()
        if response.status_code != 101:
            raise Gone

    async def send(self, message: str | bytes) -> None:
        """A message, unless a fault has other plans; Gone once the connection has ended."""
        for piece in await self._faulted(message):
            await self._send(piece)

    async def send_json(self, message: Mapping[str, Any]) -> None:
        """An object as text."""
        await self.send(json.dumps(message))

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close; without a code the frame says none (1005 at the client)."""
        if self._protocol is not None and self._protocol.state is OPEN:
            if code is None:
                self._protocol.send_close()
            else:
                self._protocol.send_close(code, reason)
            await self._flush()

    async def messages(self) -> AsyncIterator[str | bytes]:
        """What the client sends, until it closes or goes."""
        protocol = self._opened
        while True:
            for event in protocol.events_received():
                if not isinstance(event, Frame):
                    continue
                if event.opcode is Opcode.TEXT:
                    self._note("text", bytes(event.data))
                    yield bytes(event.data).decode()
                elif event.opcode is Opcode.BINARY:
                    self._note("binary", bytes(event.data))
                    yield bytes(event.data)
                elif event.opcode is Opcode.CLOSE:
                    self._note("close", bytes(event.data))
            await self._flush()
            if protocol.close_expected() and protocol.state is not OPEN:
                return
            try:
                data = await self._stream.receive(65_536)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._note("gone", b"")
                return
            protocol.receive_data(data)

    # -- faults

    def reset(self) -> None:
        """End the connection by TCP RST."""
        socket_of(self._stream).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._gone = True

    async def _faulted(self, message: str | bytes) -> list[str | bytes]:
        """What is sent in place of this message."""
        fault = self._faults.get(self._count)
        self._count += 1
        out: list[str | bytes] = [message]
        if self._kept is not None:
            out, self._kept = [message, self._kept], None
        if fault is None:
            return out
        match fault.kind:
            case "close" | "reset" | "end" | "half" | "not_utf8":
                await self._break(fault, message)
            case "stall":
                await anyio.sleep(fault.seconds)
            case "swap":
                self._kept, out = message, []
            case "skip":
                out = []
            case "twice":
                out = [message, *out]
            case "unknown_field":
                out = [_with_field(message), *out[1:]]
            case "not_json":
                out = [self._like(message, '{"type": broken')]
            case "unknown" | "huge":
                padding = "x" * 2**21 if fault.kind == "huge" else ""
                out = [self._like(message, json.dumps({"type": "SomethingNew", "padding": padding})), *out]
        return out

    async def _break(self, fault: Fault, message: str | bytes) -> None:
        """End the connection as the fault says."""
        match fault.kind:
            case "close":
                await self.close(fault.code)
            case "reset":
                self.reset()
            case "half":
                await self._half(message)
            case "not_utf8":
                await self._raw_text(b'{"type":"\xff\xfe')
            case _:
                pass
        self._gone = True
        raise Gone

    def _like(self, message: str | bytes, text: str) -> str | bytes:
        """Text in the form in which this vendor sends: a websocket's text, or an event of a stream."""
        return text if isinstance(message, str) or self.is_socket else f"data: {text}\n\n".encode()

    @property
    def _opened(self) -> ServerProtocol:
        if self._protocol is None:
            raise RuntimeError("accept the websocket first")
        return self._protocol

    async def _half(self, message: str | bytes) -> None:
        data = message.encode() if isinstance(message, str) else message
        if self._protocol is not None:
            frame = Frame(Opcode.TEXT if isinstance(message, str) else Opcode.BINARY, data).serialize(mask=False)
        else:
            frame = b"%x\r\n%b" % (len(data), data)
        await self._write(frame[: max(3, len(frame) // 2)])
        self.reset()

    async def _raw_text(self, data: bytes) -> None:
        if self._protocol is not None:
            await self._write(Frame(Opcode.TEXT, data).serialize(mask=False))
        else:
            await self._write(b"%x\r\n%b\n\n\r\n" % (len(data) + 2, data))

    # -- bytes

    async def _send(self, message: str | bytes) -> None:
        protocol = self._opened
        if protocol.state is not OPEN:
            raise Gone
        if isinstance(message, str):
            protocol.send_text(message.encode())
        else:
            protocol.send_binary(message)
        await self._flush()

    async def _flush(self) -> None:
        for data in self._opened.data_to_send():
            if data:
                await self._write(data)

    async def _write(self, data: bytes) -> None:
        if self._gone:
            raise Gone
        try:
            async with self._writing:
                await self._stream.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._gone = True
            raise Gone from None

    def _note(self, kind: Literal["open", "text", "binary", "close", "http", "gone"], data: bytes) -> None:
        first = kind in {"open", "http"}
        query, headers = (self.query, self.headers) if first else ((), {})
        self._log.append(Received(self.vendor, self.number, kind, anyio.current_time(), self.path, query, headers, data))


def socket_of(stream: anyio.abc.SocketStream) -> socket.socket:
    """The socket below a stream."""
    found: socket.socket = stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - anyio's, no database's
    return found


def _with_field(message: str | bytes) -> str | bytes:
    """The message with a field more, where it is an object of JSON."""
    text = message if isinstance(message, str) else message.decode("utf-8", "replace")
    head, brace, rest = text.partition("{")
    if not brace:
        return message
    changed = f'{head}{{"field_of_tomorrow": {{"a": [1, null]}}, {rest}'
    return changed if isinstance(message, str) else changed.encode()


def http_head(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of an HTTP answer."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


class Vendor(Protocol):
    """A module of this package."""

    VENDOR: str
    PREFIX: str
    KEY: str
    serve: Callable[[Peer], Awaitable[None]]


def parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, path with query, and headers (names in lower case) of a request."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in lines)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in fields}
