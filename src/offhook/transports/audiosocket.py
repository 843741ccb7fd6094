"""Asterisk's AudioSocket over TCP: for an Asterisk that has no chan_websocket, on the same machine or a private network.

The connection's UUID is the media token: the dial plan fetches one and gives it to ``AudioSocket()``. Asterisk plays what it gets when it
gets it, so that the time is kept here: a frame every 20 ms by absolute deadlines, and a clear only drops what waits here. A mark is passed
when the frame before it has been played.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from offhook.core.audio.format import PCM16_8K, AudioFormat
from offhook.core.wire import audiosocket as wire
from offhook.core.wire.dialect import BadMessage, Key
from offhook.errors import RemoteWireError, TransferFailed, WireError
from offhook.ports.transport import CallStart, Closed, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent

log = logging.getLogger("offhook.audiosocket")
TICK: Final = 0.02
FIRST_SOUND_S: Final = 1.0
"""So long the first sound is waited for, which says at what rate they speak; else it is 8 kHz."""
QUEUED: Final = 512
"""Frames that may wait to be played: ten seconds. The playout sends 120 ms ahead."""
STUCK_S: Final = 4.5
"""A peer that takes nothing for so long is lost."""
GOODBYE_S: Final = 2.0
BAD_IN_A_ROW: Final = 100
BAD_IN_ALL: Final = 1_000
_GONE = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)

Take = Callable[["AudioSocket | None", WireError | None], Awaitable[None]]


class AudioSocket:
    """One leg."""

    can_clear = True
    message_ms = 20

    def __init__(self, stream: ByteStream, id: str, format: AudioFormat, reader: wire.Reader, waiting: list[tuple[int, bytes]]) -> None:
        self._stream = stream
        self._start = CallStart(transport="audiosocket", carrier_call=id, token=id)
        self._format = format
        self._reader = reader
        self._waiting = waiting
        """Frames that came with the beginning."""
        self._size = format.bytes_for(format.rate // 50)
        self._out: deque[bytes | str] = deque()
        """Frames to play, and names of marks between them."""
        self._rest = b""
        self._wake = asyncio.Event()
        self._over: Closed | None = None
        self._take: Callable[[TransportEvent], None] | None = None
        self._untold: list[TransportEvent] = []
        """What there was to tell before anybody read."""
        self._reading: anyio.CancelScope | None = None
        self._writing: anyio.CancelScope | None = None
        self._written = anyio.Event()
        self._closed = False
        self._position = 0
        self._row = self._bad = 0
        self.counters: Counter[str] = Counter()
        """Every frame is counted once, as ``in.<what>`` or ``bad.<reason>``, and in ``messages``."""

    @property
    def start(self) -> CallStart:
        """Known before the first event."""
        return self._start

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller sends."""
        return self._format

    @property
    def format_out(self) -> AudioFormat:
        """The same."""
        return self._format

    @classmethod
    async def open(cls, stream: ByteStream, *, timeout: float = 10.0) -> AudioSocket | None:
        """Wait for the UUID, and a moment for the first sound; None when the peer leaves before that.

        Raises RemoteWireError when anything else comes first or nothing does.
        """
        reader, frames = wire.Reader(), list[tuple[int, bytes]]()
        try:
            with anyio.fail_after(timeout):
                while not frames:
                    frames = reader.feed(await stream.receive())
        except TimeoutError:
            raise RemoteWireError(f"audiosocket sent no UUID within {timeout:g} s") from None
        except (anyio.EndOfStream, *_GONE):
            return None
        hello = wire.parse(*frames.pop(0))
        if not isinstance(hello, wire.Hello):
            raise BadMessage("before_start", "audiosocket's first frame must be the UUID")
        try:
            with anyio.move_on_after(FIRST_SOUND_S):
                while not any(kind in wire.SOUND for kind, _ in frames):
                    frames += reader.feed(await stream.receive())
        except (anyio.EndOfStream, *_GONE):
            return None
        kinds = [wire.SOUND[kind] for kind, _ in frames if kind in wire.SOUND]
        return cls(stream, hello.id, kinds[0] if kinds else PCM16_8K, reader, frames)

    # -- out ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Queue audio; ignored after the end."""
        if self._over is not None:
            return
        data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        self._out.extend(data[at : at + self._size] for at in range(0, whole, self._size))
        if len(self._out) > QUEUED:
            self.counters["not_drained"] += 1
            self._finish(Closed(lost=True, why="more was sent than can be played"))
        self._wake.set()

    def clear(self) -> None:
        """Drop what waits; all pending marks come back at once."""
        marks = [one for one in self._out if isinstance(one, str)]
        self._out.clear()
        self._rest = b""
        for name in marks:
            self._tell(MarkIn(name))

    def mark(self, name: str) -> None:
        """Ask for word when all that was sent so far has been played."""
        if self._over is not None:
            return
        if self._rest:
            self._out.append(self._rest.ljust(self._size, b"\0"))
            self._rest = b""
        self._out.append(name)
        self._wake.set()

    def send_keys(self, digits: str) -> bool:  # noqa: ARG002 - the contract's
        """Asterisk takes no keys from here."""
        return False

    def stats(self) -> LegStats | None:
        """TCP loses nothing and tells nothing."""
        return None

    def show(self, message: dict[str, object]) -> None:
        """There is nothing to show it on."""

    async def transfer(self, target: str) -> None:  # noqa: ARG002 - the contract's
        """The dial plan goes on after the hang-up; there is no other way from here."""
        raise TransferFailed("audiosocket cannot transfer on its media stream")

    async def run(self) -> None:
        """Play what is queued, a frame every 20 ms, until the end; then hang up."""
        due = -math.inf
        try:
            with anyio.CancelScope() as self._writing:
                while self._over is None:
                    due = await self._play(due)
            with anyio.move_on_after(GOODBYE_S):
                if not self._closed:
                    await self._stream.send(wire.hang_up())
        except _GONE:
            self._finish(Closed(lost=True, why="the connection broke while sending"))
        finally:
            self._written.set()

    async def _play(self, due: float) -> float:
        """What is next in the queue, when it is due; returns when the one after it is."""
        if not self._out:
            self._wake.clear()
            await self._wake.wait()
            return due
        # Never before what was sent last has been played; after a silence at once.
        due = max(due, anyio.current_time())
        await anyio.sleep_until(due)
        if not self._out:
            return due
        first = self._out.popleft()
        if isinstance(first, str):
            self._tell(MarkIn(first))
            return due
        with anyio.move_on_after(STUCK_S) as stuck:
            await self._stream.send(wire.sound(first, self._format))
        if stuck.cancelled_caught:
            self.counters["not_drained"] += 1
            self._closed = True
            self._finish(Closed(lost=True, why="the peer does not take what it is sent"))
        return due + TICK

    def _finish(self, closed: Closed) -> None:
        if self._over is None:
            self._over = closed
        self._wake.set()
        for scope in (self._reading, self._writing):
            if scope is not None:
                scope.cancel()

    async def end(self) -> None:
        """Hang up and close; idempotent."""
        running = self._writing is not None and not self._written.is_set()
        self._finish(Closed(lost=False, why="ended here"))
        if running:
            with anyio.move_on_after(GOODBYE_S):
                await self._written.wait()
        with anyio.CancelScope(shield=True):
            await self._stream.aclose()

    # -- in -------------------------------------------------------------------------------------------------------

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        """Give every event to ``take`` as it comes, until Closed, the last one. One reader only."""
        self._take = take
        for event in self._untold:
            take(event)
        self._untold.clear()
        with anyio.CancelScope() as self._reading:
            while self._over is None:
                frames, self._waiting = self._waiting or await self._receive(), []
                for kind, payload in frames:
                    if self._over is None:
                        self._hear(kind, payload)
        self._take = None
        take(self._over if self._over is not None else Closed(lost=True))

    async def _receive(self) -> list[tuple[int, bytes]]:
        try:
            return self._reader.feed(await self._stream.receive())
        except (anyio.EndOfStream, *_GONE) as error:
            self._closed = True
            # Asterisk closes without a word where the caller hangs up: that is as good as one.
            self._finish(Closed(lost=not isinstance(error, anyio.EndOfStream), why="the peer closed"))
            return []

    def _hear(self, kind: int, payload: bytes) -> None:
        self.counters["messages"] += 1
        try:
            event = wire.parse(kind, payload)
            if isinstance(event, wire.Hello):
                raise BadMessage("second_start", "a second UUID on one connection")
            if isinstance(event, wire.Sound) and event.format != self._format:
                raise BadMessage("media_format", "sound at another rate than before")
        except BadMessage as error:
            self._nonsense(error)
            return
        self._row = 0
        self.counters[f"in.{type(event).__name__.lower()}"] += 1
        match event:
            case wire.Sound():
                start, self._position = self._position, self._position + self._format.samples_in(len(event.data))
                self._tell(MediaIn(event.data, start))
            case Key():
                self._tell(KeyIn(event.digit))
            case wire.Bye():
                self._finish(Closed(lost=event.lost, why="hangup"))

    def _nonsense(self, error: BadMessage) -> None:
        self.counters[f"bad.{error.reason}"] += 1
        self._row += 1
        self._bad += 1
        if self._row >= BAD_IN_A_ROW or self._bad >= BAD_IN_ALL:
            self._finish(Closed(lost=True, why=f"too much nonsense, at last {error.reason}"))

    def _tell(self, event: TransportEvent) -> None:
        if self._over is not None:
            return
        if self._take is not None:
            self._take(event)
        else:
            self._untold.append(event)


@asynccontextmanager
async def listen(host: str, port: int, take: Take, *, timeout: float) -> AsyncIterator[int]:
    """Take connections at an address for as long as the block lasts; gives the port.

    ``take`` carries each to its end: a leg; or None for one that left before it said who it is, with the error that it was.
    """

    async def one(stream: SocketStream) -> None:
        try:
            async with stream:
                try:
                    leg = await AudioSocket.open(stream, timeout=timeout)
                except WireError as error:
                    await take(None, error)
                    return
                await take(leg, None)
        except Exception as error:  # the listener, and every other call, goes on
            log.error("a call over AudioSocket failed: %s", type(error).__name__, exc_info=True)

    async with await anyio.create_tcp_listener(local_host=host, local_port=port) as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, one)
        try:
            yield int(listener.listeners[0].extra(SocketAttribute.local_port))  # noqa: S610 - no SQL here
        finally:
            group.cancel_scope.cancel()
