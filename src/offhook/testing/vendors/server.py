"""The server under all doubles: HTTP/1.1 and websockets (RFC 6455) on one loopback port, with every fault that a peer can have.

Bytes are written by hand where a fault wants them so; the framing of websockets is the ``websockets`` library's own, without its I/O.
"""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType, TracebackType
from typing import Any, Final, Literal, Protocol, Self, cast
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.abc
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

BIGGEST: Final = 64 * 2**20
REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
                  429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable", 529: "Overloaded"}  # fmt: skip

FaultKind = Literal[
    "close", "reset", "end", "stall", "half", "not_utf8", "not_json", "unknown", "unknown_field", "huge", "twice", "swap", "skip"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, once, with the ``at``-th message (from 0) that the vendor sends in a connection, counted over text and binary.

    ``close`` (with ``code``; None sends no status), ``reset`` (TCP RST), ``end`` (TCP FIN without a goodbye), ``stall`` (``seconds``, then
    what has gathered in a burst), ``half`` (half of the message, then RST), ``not_utf8``, ``not_json`` (in its place), ``unknown`` (a
    message of an unknown type before it), ``unknown_field`` (in it), ``huge`` (2 MiB before it), ``twice``, ``swap`` (with the next),
    ``skip`` (never sent).
    """

    kind: FaultKind
    at: int = 0
    code: int | None = 1011
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Door:
    """What happens at the door, to every connection, or to the first ``times`` of them."""

    kind: Literal["open", "status", "hang", "reset", "silent"] = "open"
    """``status`` answers with one; ``hang`` takes the connection and says nothing; ``silent`` opens the websocket and then says nothing."""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds to wait: the fixed part times a log-normal factor (``spread`` is sigma, 0 for none); ``spikes`` by how-manieth."""

    seconds: float = 0.0
    spread: float = 0.0
    spikes: Mapping[int, float] = field(default_factory=dict)

    def draw(self, dice: random.Random, number: int = 0) -> float:
        """One wait."""
        factor = math.exp(dice.gauss(0.0, self.spread)) if self.spread else 1.0
        return self.seconds * factor + self.spikes.get(number, 0.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a vendor behaves, for its connections from now on. ``options`` are the vendor's own: see its module."""

    door: Door = Door()
    faults: tuple[Fault, ...] = ()
    faulty: int | None = None
    """Only the first so many connections have the faults; all of them without it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Received:
    """One thing that a client sent, in the order of arrival."""

    vendor: str
    connection: int
    kind: Literal["open", "text", "binary", "close", "http", "gone"]
    at: float
    """Seconds of the loop's clock."""
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes = b""

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The data as JSON."""
        return json.loads(self.data)


class Gone(Exception):
    """The client has left, or a fault has ended the connection."""


class Peer:
    """One connection of a client, for a vendor's ``serve``."""

    def __init__(
        self, vendor: Vendor, number: int, stream: anyio.abc.SocketStream, head: bytes, scenario: Scenario, log: list[Received]
    ) -> None:
        self.method, path, self.headers = _parse(head)
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
        await self._write(_head(status, head) + data)

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of a streamed (chunked) answer; then ``chunk`` and ``finish``."""
        await self._write(_head(status, {**headers, "transfer-encoding": "chunked"}))

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
        _socket_of(self._stream).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
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


def _socket_of(stream: anyio.abc.SocketStream) -> socket.socket:
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


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


class Vendor(Protocol):
    """A module of this package."""

    VENDOR: str
    PREFIX: str
    KEY: str
    serve: Callable[[Peer], Awaitable[None]]


def _vendors() -> dict[str, Vendor]:
    package = importlib.import_module("offhook.testing.vendors")
    modules: list[ModuleType] = [
        importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    ]
    return {module.VENDOR: cast("Vendor", module) for module in modules if hasattr(module, "VENDOR")}


class Vendors:
    """All vendors on one loopback port, for as long as the block lasts."""

    def __init__(self) -> None:
        self.log: list[Received] = []
        self.port = 0
        self.accepted = 0
        """TCP connections that clients have opened."""
        self._vendors = _vendors()
        self._scenarios: dict[str, Scenario] = {}
        self._connections: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._stack = AsyncExitStack()

    def scenario(self, vendor: str, scenario: Scenario) -> None:
        """How a vendor behaves from its next connection on, which counts as its first."""
        if vendor not in self._vendors:
            raise KeyError(f"no double of {vendor!r}; there are: {', '.join(sorted(self._vendors))}")
        self._scenarios[vendor] = scenario
        self._connections[vendor] = 0

    def base(self, vendor: str) -> str:
        """Where a vendor is found, as http."""
        return f"http://127.0.0.1:{self.port}{self._vendors[vendor].PREFIX}"

    def env(self) -> dict[str, str]:
        """``<VENDOR>_API_KEY`` and ``<VENDOR>_BASE_URL`` of every vendor."""
        found = {}
        for name, vendor in self._vendors.items():
            found[f"{name.upper()}_API_KEY"] = vendor.KEY
            found[f"{name.upper()}_BASE_URL"] = self.base(name)
        return found

    def sent(self, vendor: str, kind: str = "") -> list[Received]:
        """What clients sent to a vendor."""
        return [one for one in self.log if one.vendor == vendor and kind in {"", one.kind}]

    def open(self, vendor: str) -> int:
        """Connections that are open now."""
        return self._open.get(vendor, 0)

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        self.port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's, no database's
        self._stack.push_async_callback(listener.aclose)
        group = await self._stack.enter_async_context(anyio.create_task_group())
        self._stack.callback(group.cancel_scope.cancel)
        group.start_soon(listener.serve, self._connection, name="vendors")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def _connection(self, stream: anyio.abc.SocketStream) -> None:
        self.accepted += 1
        _socket_of(stream).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(Gone, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with stream:
                rest = b""
                while True:
                    head, rest = await _read_head(stream, rest)
                    again, rest = await self._exchange(stream, head, rest)
                    if not again:
                        return

    async def _exchange(self, stream: anyio.abc.SocketStream, head: bytes, rest: bytes) -> tuple[bool, bytes]:
        """One request; whether the connection goes on, and what has been read beyond."""
        _, path, _ = _parse(head)
        vendor = next((one for one in self._vendors.values() if path.startswith(one.PREFIX + "/")), None)
        if vendor is None:
            await stream.send(_head(404, {"content-length": "0"}))
            return True, rest
        name = vendor.VENDOR
        number = self._connections.get(name, 0)
        self._connections[name] = number + 1
        scenario = self._scenarios.get(name, Scenario())
        peer = Peer(vendor, number, stream, head, scenario, self.log)
        length = int(peer.headers.get("content-length", "0"))
        while len(rest) < length:
            rest += await stream.receive(65_536)
        peer.body, rest = rest[:length], rest[length:]
        peer._note("open" if peer.is_socket else "http", peer.body)
        self._open[name] = self.open(name) + 1
        try:
            if await _door(peer, scenario.door):
                await vendor.serve(peer)
            return not peer.is_socket and scenario.door.kind not in {"hang", "reset"}, rest + peer.early
        finally:
            self._open[name] -= 1


async def _door(peer: Peer, door: Door) -> bool:
    """Whether the vendor lets this connection in."""
    if door.kind == "open" or (door.times is not None and peer.number >= door.times):
        return True
    match door.kind:
        case "status":
            await peer.answer(door.status, door.body, door.headers)
        case "reset":
            peer.reset()
            raise Gone
        case "silent" if peer.is_socket:
            await peer.accept()
            async for _ in peer.messages():
                pass
        case _:
            await peer.until_gone()
    return False


async def _read_head(stream: anyio.abc.SocketStream, rest: bytes) -> tuple[bytes, bytes]:
    while b"\r\n\r\n" not in rest:
        if len(rest) > 65_536:
            raise Gone
        rest += await stream.receive(65_536)
    head, _, rest = rest.partition(b"\r\n\r\n")
    return head, rest


def _parse(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, path with query, and headers (names in lower case) of a request."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in lines)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in fields}
