"""The server under all doubles, on one loopback port."""

from __future__ import annotations

import importlib
import pkgutil
import socket
from contextlib import AsyncExitStack, suppress
from types import ModuleType, TracebackType
from typing import Self, cast

import anyio
import anyio.abc

from offhook.testing.vendors.peer import Gone, Peer, Vendor, http_head, parse_head, socket_of
from offhook.testing.vendors.scenario import Door, Fault, FaultKind, Latency, Received, Scenario

__all__ = ["Door", "Fault", "FaultKind", "Gone", "Latency", "Peer", "Received", "Scenario", "Vendors"]


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
        socket_of(stream).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(Gone, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with stream:
                rest = b""
                while True:
                    head, rest = await _readhttp_head(stream, rest)
                    again, rest = await self._exchange(stream, head, rest)
                    if not again:
                        return

    async def _exchange(self, stream: anyio.abc.SocketStream, head: bytes, rest: bytes) -> tuple[bool, bytes]:
        """One request; whether the connection goes on, and what has been read beyond."""
        _, path, _ = parse_head(head)
        vendor = next((one for one in self._vendors.values() if path.startswith(one.PREFIX + "/")), None)
        if vendor is None:
            await stream.send(http_head(404, {"content-length": "0"}))
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


async def _readhttp_head(stream: anyio.abc.SocketStream, rest: bytes) -> tuple[bytes, bytes]:
    while b"\r\n\r\n" not in rest:
        if len(rest) > 65_536:
            raise Gone
        rest += await stream.receive(65_536)
    head, _, rest = rest.partition(b"\r\n\r\n")
    return head, rest
