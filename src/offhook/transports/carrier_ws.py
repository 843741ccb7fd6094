"""Carriers that send a call's media over a websocket: one socket loop, many dialects (``core/wire``).

::

    transport = await CarrierWs.open(websocket, Twilio(), timeout=10.0)
    ... run transport.run() in the call's scope beside transport.read(...)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import anyio

from offhook.core.audio.jitter import Jitter, Placed
from offhook.core.time import MS, samples
from offhook.core.wire import dialect as wire
from offhook.core.wire.dialect import BadMessage, Dialect
from offhook.errors import RemoteWireError
from offhook.ports.transport import CallStart, Closed, KeyIn, MarkIn, MediaIn, TransportEvent
from offhook.transports.socket import BAD_IN_A_ROW, Kind, Socket, SocketTransport, receive_first, refuse

EARLY_S: Final = 2.0
"""A timestamp may be so much later than the time since the first media; a later one is wrong."""
_COUNTED: Final = {kind: f"in.{kind.__name__.lower()}" for kind in (wire.Media, wire.Key, wire.Mark, wire.Stop)}
_FATAL = frozenset({"media_format", "oversize"})


class CarrierWs(SocketTransport):
    """One carrier leg."""

    def __init__(self, socket: Socket, dialect: Dialect, start: wire.Start) -> None:
        given = dict(start.parameters)
        called = CallStart(
            transport=dialect.name,
            carrier_call=start.carrier_call,
            token=given.pop("token", ""),
            did=given.get("did", ""),
            caller=given.get("caller", ""),
            parameters=given,
        )
        super().__init__(socket, called, dialect.format_in, dialect.format_out)
        self._dialect = dialect
        self._stream = start.stream
        self._words = dialect.speak(start.stream)
        self.jitter = Jitter(dialect.format_in, tolerance=samples(2 * dialect.chunk_ms * MS, dialect.format_in.rate))
        self._time = asyncio.get_running_loop().time
        self._first_media: float | None = None

    @classmethod
    async def open(cls, socket: Socket, dialect: Dialect, *, timeout: float = 10.0) -> CarrierWs | None:
        """Accept the upgrade and wait for the stream's start; None when the peer leaves before that.

        Raises RemoteWireError, with the socket closed by 1008, when no start comes within ``timeout`` seconds or it is wrong.
        """
        await socket.accept()
        bad = 0
        with anyio.move_on_after(timeout):
            while bad < BAD_IN_A_ROW:
                try:
                    message = await receive_first(socket)
                    if message is None:
                        return None
                    event = dialect.parse(message)
                except BadMessage as error:
                    if error.reason in _FATAL:
                        raise await refuse(socket, error) from None
                    bad += 1
                    continue
                if isinstance(event, wire.Start):
                    transport = cls(socket, dialect, event)
                    if bad:
                        transport.counters["bad.before_start"] = transport.counters["messages"] = bad
                    return transport
                bad += not isinstance(event, wire.Connected | None)
        raise await refuse(socket, RemoteWireError(f"{dialect.name} sent no proper start within {timeout:g} s"))

    # -- out ------------------------------------------------------------------------------------------------------

    @property
    def can_clear(self) -> bool:
        """As the carrier does."""
        return self._dialect.can_clear

    @property
    def message_ms(self) -> int:
        """As the carrier takes it."""
        return self._dialect.message_ms

    def send(self, data: bytes) -> None:
        """Queue audio in ``format_out``; ignored after the end."""
        self._queue(Kind.MEDIA, self._words.media(data))

    def clear(self) -> None:
        """Drop what waits here and at the carrier."""
        self._drop_media()
        self._queue(Kind.CONTROL, self._words.clear())

    def mark(self, name: str) -> None:
        """Ask for word when all that was sent so far has been played."""
        self._queue(Kind.CONTROL, self._words.mark(name))

    def show(self, message: dict[str, object]) -> None:
        """A carrier has nothing to show it on."""

    # -- in -------------------------------------------------------------------------------------------------------

    def _take(self, message: str | bytes) -> Iterable[TransportEvent]:
        event = self._dialect.parse(message)
        match event:
            case None:
                self.counters["in.ignored"] += 1
                return ()
            case wire.Connected():
                self.counters["in.connected"] += 1
                return ()
            case wire.Start():
                raise BadMessage("second_start", "a second start on one stream")
        if event.stream != self._stream:
            raise BadMessage("wrong_stream", "a message of another stream")
        self.counters[_COUNTED[type(event)]] += 1
        match event:
            case wire.Media():
                return [MediaIn(placed.data, placed.start) for placed in self._media(event)]
            case wire.Key():
                return (KeyIn(event.digit),)
            case wire.Mark():
                return (MarkIn(event.name),)
            case wire.Stop():
                return [*(MediaIn(placed.data, placed.start) for placed in self.jitter.drain()), Closed(lost=False, why="stop")]

    def _media(self, media: wire.Media) -> list[Placed]:
        now = self._time()
        if self._first_media is None:
            self._first_media = now
        rate = self._format_in.rate
        latest = int((now - self._first_media + EARLY_S) * rate)
        timestamp = None if media.timestamp is None else media.timestamp * rate // 1000
        return self.jitter.push(media.sequence, timestamp, media.payload, latest=latest)
