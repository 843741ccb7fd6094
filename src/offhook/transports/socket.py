"""What message websockets have in common: one writer over a bounded queue, one reader that counts nonsense, one end.

No task is started here: whoever carries the call runs ``run`` (the writer) beside ``read`` (the reader).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, MutableMapping
from enum import Enum, auto
from typing import Any, Protocol

import anyio
from starlette.websockets import WebSocketDisconnect

from offhook.core.audio.format import AudioFormat
from offhook.core.wire.dialect import MAX_MESSAGE, BadMessage
from offhook.errors import RemoteWireError, TransferFailed
from offhook.ports.transport import CallStart, Closed, LegStats, TransportEvent

QUEUED = 256
"""Messages that may wait for the socket: about 4.5 s of paced audio. A peer that drains less is lost."""
BAD_IN_A_ROW = 100
BAD_IN_ALL = 1_000
GOODBYE_SECONDS = 2.0
NORMAL = 1000
POLICY = 1008
_GONE = (OSError, RuntimeError, WebSocketDisconnect)
"""What sending or receiving raises once the peer or the server has closed."""


class Socket(Protocol):
    """The part of Starlette's WebSocket that is used."""

    async def accept(self, subprotocol: str | None = None) -> None:
        """Answer the upgrade, granting a subprotocol that was asked for."""
        ...

    async def receive(self) -> MutableMapping[str, Any]:
        """The next ASGI message."""
        ...

    async def send_text(self, data: str) -> None:
        """Send a text frame."""
        ...

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        ...

    async def close(self, code: int = NORMAL, reason: str | None = None) -> None:
        """Close."""
        ...


class Kind(Enum):
    """Of a queued message: a clear drops waiting media and nothing else."""

    MEDIA = auto()
    CONTROL = auto()


class SocketTransport(ABC):
    """A CallTransport over one websocket; subclasses turn messages into events and audio into messages.

    ``counters``: every message is counted once, as ``in.<what>`` or ``bad.<reason>``, and in ``messages``.
    """

    def __init__(self, socket: Socket, start: CallStart, format_in: AudioFormat, format_out: AudioFormat) -> None:
        self._socket = socket
        self._start = start
        self._format_in = format_in
        self._format_out = format_out
        self.counters: Counter[str] = Counter()
        self._out: deque[tuple[Kind, str | bytes]] = deque()
        self._wake = asyncio.Event()
        """Set again for every message: cheaper than a new one of anyio's each time."""
        self._writing = False
        self._written = anyio.Event()
        self._over: Closed | None = None
        """Why no more is read or queued; the first reason stays."""
        self._code = NORMAL
        self._closed = False
        self._reading: anyio.CancelScope | None = None
        self._row = 0
        self._bad = 0

    @property
    def start(self) -> CallStart:
        """Known before the first event."""
        return self._start

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller sends."""
        return self._format_in

    @property
    def format_out(self) -> AudioFormat:
        """Of what the caller is sent."""
        return self._format_out

    @property
    def over(self) -> bool:
        """Whether it has ended, for whatever reason."""
        return self._over is not None

    # -- out ------------------------------------------------------------------------------------------------------

    def _queue(self, kind: Kind, message: str | bytes) -> None:
        if self._over is not None:
            return
        if len(self._out) >= QUEUED:
            self.counters["not_drained"] += 1
            self._out.clear()
            self._finish(Closed(lost=True, why="the peer does not take what it is sent"), POLICY)
            return
        self._out.append((kind, message))
        self._wake.set()

    def _drop_media(self) -> None:
        kept = [item for item in self._out if item[0] is not Kind.MEDIA]
        self._out.clear()
        self._out.extend(kept)

    async def run(self) -> None:
        """Write what is queued until the transport ends, then close the socket."""
        self._writing = True
        try:
            while True:
                while self._out:
                    _, message = self._out.popleft()
                    await self._write(message)
                if self._over is not None:
                    break
                self._wake.clear()
                await self._wake.wait()
            await self._close()
        except _GONE:
            self._closed = True
            self._finish(Closed(lost=True, why="the connection broke while sending"), NORMAL)
        finally:
            self._writing = False
            self._written.set()

    async def _write(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._socket.send_text(message)
        else:
            await self._socket.send_bytes(message)

    async def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with anyio.move_on_after(GOODBYE_SECONDS):
            try:
                await self._socket.close(self._code)
            except _GONE:
                self.counters["closed_by_peer"] += 1

    def _finish(self, closed: Closed, code: int) -> None:
        """No more is read or queued; what is queued is still written."""
        if self._over is None:
            self._over = closed
            self._code = code
        self._wake.set()
        if self._reading is not None:
            self._reading.cancel()

    async def end(self) -> None:
        """Say what is queued, close the socket; idempotent, at most 2 s."""
        self._finish(Closed(lost=False, why="ended here"), NORMAL)
        if self._writing:
            with anyio.move_on_after(GOODBYE_SECONDS):
                await self._written.wait()
        await self._close()

    def send_keys(self, digits: str) -> bool:  # noqa: ARG002 - the contract's
        """Most media streams carry no keys to the caller's side."""
        return False

    def stats(self) -> LegStats | None:
        """A websocket loses nothing and tells nothing."""
        return None

    async def transfer(self, target: str) -> None:  # noqa: ARG002 - the contract's
        """A media stream cannot hand its caller over: the carrier's REST does."""
        raise TransferFailed(f"{self._start.transport} cannot transfer on its media stream")

    # -- in -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def _take(self, message: str | bytes) -> Iterable[TransportEvent]:
        """Turn a message into events; Closed among them ends the reading. Raises BadMessage."""

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        """Give every event to ``take`` as it comes, until Closed, the last one. One reader only."""
        # One scope for all that is read: what is told frame by frame costs a scope 50 times a second otherwise.
        with anyio.CancelScope() as self._reading:
            while self._over is None:
                message = await self._receive()
                for event in self._events(message) if self._over is None else ():
                    if isinstance(event, Closed):
                        self._finish(event, NORMAL)
                        break
                    take(event)
        take(self._over if self._over is not None else Closed(lost=True))

    async def _receive(self) -> MutableMapping[str, Any]:
        try:
            return await self._socket.receive()
        except _GONE:
            return {"type": "websocket.disconnect", "code": 1006}

    def _events(self, message: MutableMapping[str, Any]) -> Iterable[TransportEvent]:
        if message["type"] != "websocket.receive":
            code = int(message.get("code") or 1006)
            self._closed = True
            return (Closed(lost=code not in (1000, 1001), why=f"the peer closed with {code}"),)
        self.counters["messages"] += 1
        try:
            events = self._take(content(message))
        except BadMessage as error:
            return self._nonsense(error)
        self._row = 0
        return events

    def _nonsense(self, error: BadMessage) -> Iterable[TransportEvent]:
        self.counters[f"bad.{error.reason}"] += 1
        self._row += 1
        self._bad += 1
        if self._row < BAD_IN_A_ROW and self._bad < BAD_IN_ALL and error.reason != "oversize":
            return ()
        self._finish(Closed(lost=True, why=f"too much nonsense, at last {error.reason}"), POLICY)
        return ()


def content(message: MutableMapping[str, Any]) -> str | bytes:
    """Of a websocket.receive message. Raises BadMessage(oversize)."""
    found = message.get("text")
    data: str | bytes = found if found is not None else (message.get("bytes") or b"")
    if len(data) > MAX_MESSAGE:
        raise BadMessage("oversize", f"a message over {MAX_MESSAGE // 1024} KiB")
    return data


async def refuse(socket: Socket, error: RemoteWireError) -> RemoteWireError:
    """Close a socket whose call never began; returns the error to raise."""
    with anyio.move_on_after(GOODBYE_SECONDS, shield=True):
        try:
            await socket.close(POLICY)
        except _GONE:
            return error
    return error


async def receive_first(socket: Socket) -> str | bytes | None:
    """A message before the call has begun; None when the peer has gone."""
    try:
        message = await socket.receive()
    except _GONE:
        return None
    return content(message) if message["type"] == "websocket.receive" else None
