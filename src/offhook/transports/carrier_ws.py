"""Carriers that send a call's media over a websocket: one socket loop, many dialects (``core/wire``).

::

    transport = await CarrierWs.open(websocket, Twilio(), timeout=10.0)
    ... run transport.run() in the call's scope beside transport.read(...)
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import anyio

from offhook.core.audio.format import AudioFormat, silence
from offhook.core.audio.jitter import Jitter, Placed
from offhook.core.time import MS, samples
from offhook.core.wire import dialect as wire
from offhook.core.wire.dialect import BadMessage, Dialect
from offhook.errors import RemoteWireError
from offhook.ports.transport import CallStart, Closed, KeyIn, MarkIn, MediaIn, TransportEvent
from offhook.transports.socket import BAD_IN_A_ROW, Kind, Socket, SocketTransport, receive_first, refuse

GATHER_S: Final = 0.06
"""So long audio waits for more where a carrier insists on a size: three beats of the wheel. What comes later is another turn's."""
FRAME_MS: Final = 20
"""Of which all that is sent is made."""
EARLY_S: Final = 2.0
"""A timestamp may be so much later than the time since the first media; a later one is wrong."""
_COUNTED: Final = {kind: f"in.{kind.__name__.lower()}" for kind in (wire.Media, wire.Key, wire.Mark, wire.Stop, wire.Flow)}
_KEYS: Final = re.compile(r"[0-9*#A-Dw]{1,64}", re.ASCII)
_FATAL = frozenset({"media_format", "oversize"})


class CarrierWs(SocketTransport):
    """One carrier leg."""

    def __init__(self, socket: Socket, dialect: Dialect, start: wire.Start, address: Mapping[str, str] | None = None) -> None:
        given = {**(address or {}), **start.parameters}
        said = given.pop("carrier_call", "")
        called = CallStart(
            transport=dialect.name,
            carrier_call=start.carrier_call or said,
            token=given.pop("token", ""),
            did=given.get("did", ""),
            caller=given.get("caller", ""),
            parameters=given,
        )
        super().__init__(socket, called, start.format_in or dialect.format_in, start.format_out or dialect.format_out)
        self._dialect = dialect
        self._stream = start.stream
        self._words = dialect.speak(start)
        self.jitter = Jitter(self._format_in, tolerance=samples(2 * dialect.chunk_ms * MS, self._format_in.rate))
        self._time = asyncio.get_running_loop().time
        self._first_media: float | None = None
        self._sequence = 0
        """Of frames whose number the carrier does not say."""
        self._full = False
        """The carrier takes no audio at present."""
        self._marks: deque[str] = deque()
        """That wait for audio to be sent."""
        self._timer: asyncio.TimerHandle | None = None
        self._cutter = _Cutter(dialect, self._format_out) if dialect.exact_ms is not None or dialect.least_ms > FRAME_MS else None

    @classmethod
    async def open(
        cls,
        socket: Socket,
        dialect: Dialect,
        *,
        timeout: float = 10.0,
        address: Mapping[str, str] | None = None,
        subprotocol: str | None = None,
    ) -> CarrierWs | None:
        """Accept the upgrade and wait for the stream's start; None when the peer leaves before that.

        ``address``: parameters that came with the upgrade; what the start says goes before them. Raises RemoteWireError, with the socket
        closed by 1008, when no start comes within ``timeout`` seconds or it is wrong.
        """
        await socket.accept(subprotocol)
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
                    transport = cls(socket, dialect, event, address)
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
        """Queue audio in ``format_out``; ignored after the end, and while the carrier takes none."""
        if self._full:
            self.counters["not_taken"] += 1
            return
        if self._cutter is None:
            self._queue(Kind.MEDIA, self._words.media(data))
            return
        for piece in self._cutter.feed(data):
            self._queue(Kind.MEDIA, self._words.media(piece))
            self._tell_marks()
        self._wait()

    def clear(self) -> None:
        """Drop what waits here and at the carrier."""
        self._drop_media()
        if self._cutter is not None:
            self._cutter.drop()
            self._tell_marks()
            self._wait()
        for message in self._words.clear():
            self._queue(Kind.CONTROL, message)

    def mark(self, name: str) -> None:
        """Ask for word when all that was sent so far has been played."""
        self._marks.append(name)
        if self._cutter is None or not self._cutter.held:
            self._tell_marks()

    def _tell_marks(self) -> None:
        """Marks go after the audio that they are about."""
        while self._marks:
            for message in self._words.mark(self._marks.popleft()):
                self._queue(Kind.CONTROL, message)

    def _wait(self) -> None:
        """What is too short to be sent waits for more of it, and not for long."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._cutter is not None and self._cutter.held and not self.over:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._flush)

    def _flush(self) -> None:
        if self._cutter is not None and self._cutter.held:
            self._queue(Kind.MEDIA, self._words.media(self._cutter.flush()))
        self._tell_marks()

    async def end(self) -> None:
        """Say what is queued, close the socket; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        await super().end()

    def send_keys(self, digits: str) -> bool:
        """Send keys where the dialect can."""
        if not self._dialect.can_send_dtmf or self.over or not _KEYS.fullmatch(digits):
            return False
        for message in self._words.keys(digits):
            self._queue(Kind.CONTROL, message)
        return True

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
            case wire.Flow():
                self._full = not event.go
                return ()
            case wire.Stop():
                return [*(MediaIn(placed.data, placed.start) for placed in self.jitter.drain()), Closed(lost=False, why="stop")]

    def _media(self, media: wire.Media) -> list[Placed]:
        if len(media.payload) % self._format_in.sample_bytes:
            raise BadMessage("bad_payload", f"{len(media.payload)} bytes are no whole samples")
        self._sequence += 1
        now = self._time()
        if self._first_media is None:
            self._first_media = now
        rate = self._format_in.rate
        latest = int((now - self._first_media + EARLY_S) * rate)
        timestamp = None if media.timestamp is None else media.timestamp * rate // 1000
        sequence = self._sequence if media.sequence is None else media.sequence
        return self.jitter.push(sequence, timestamp, media.payload, latest=latest)


class _Cutter:
    """Makes messages of the size that a carrier insists on: exactly so much audio, or at least so much."""

    def __init__(self, dialect: Dialect, format: AudioFormat) -> None:
        self._format = format
        self._exact = dialect.exact_ms is not None
        self._least = format.bytes_for(samples((dialect.exact_ms or dialect.least_ms) * MS, format.rate))
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take audio; returns what can be sent."""
        held = self._held + data if self._held else data
        if not self._exact:
            self._held = b"" if len(held) >= self._least else held
            return [] if self._held else [held]
        whole = len(held) - len(held) % self._least
        self._held = held[whole:]
        return [held[at : at + self._least] for at in range(0, whole, self._least)]

    @property
    def held(self) -> bool:
        """Whether something waits for more."""
        return bool(self._held)

    def flush(self) -> bytes:
        """What was held back, filled up with silence."""
        held, self._held = self._held, b""
        return held + silence(self._format, self._format.samples_in(self._least - len(held)))

    def drop(self) -> None:
        """Forget what was held back."""
        self._held = b""
