"""A browser's websocket: the page at ``/talk``.

Protocol, version 1. Text frames hold one JSON object with a ``type``; binary frames hold audio: signed 16-bit
little-endian PCM, one channel, no header.

Browser to engine::

    {"type": "start", "version": 1, "token": "...", "rate": 16000, "rate_out": 24000, "parameters": {"did": "..."}}
        first frame, within 10 s of the upgrade. ``rate``: what the microphone frames hold, 16000 (default), 8000,
        24000 or 48000. ``rate_out``: what the page wants to be sent, one of the same, default ``rate``.
        ``token`` (string, may be "") and ``parameters`` (string to string, at most 32, ``did`` and ``caller`` are
        understood) are optional.
    <binary>                            microphone: 20 ms per frame (640 bytes at 16 kHz); any even length up to
                                        64 KiB is taken. Send all the time, silence too: position in the stream is
                                        the call's time. No binary frame before ``start``.
    {"type": "mark", "name": "e1:3"}    all audio received before that mark has been played, or was dropped by a clear
    {"type": "dtmf", "digit": "5"}      a key: 0-9 * # A-D
    {"type": "hangup"}                  goodbye; the engine closes the socket with 1000

Engine to browser::

    {"type": "started", "version": 1, "rate": 16000, "rate_out": 24000}     first frame, after a good ``start``
    <binary>                            audio to append to the play-out queue and play in order, without gaps. It comes
                                        at most 120 ms ahead of real time; any even length, usually 20 ms
    {"type": "clear"}                   drop at once all audio that has not been played, and answer all pending marks
                                        at once, in order
    {"type": "mark", "name": "e1:3"}    answer with the same object when everything received before it has been played
    {"type": "transcript" | "ladder" | "state" | "event" | ..., ...}   for display; unknown types are to be ignored
    {"type": "end", "reason": "..."}    the call is over; the engine closes with 1000 next

Other text from the browser with an unknown ``type`` is handed on as ``ClientIn``. Messages that break the protocol are
counted and skipped; after 100 in a row, or 1,000 in all, or one over 64 KiB, the socket is closed with 1008.
Close codes: 1000 the call is over, 1008 refused (bad ``start``, bad token, too much nonsense), 1013 no capacity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import anyio

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.wire.dialect import BadMessage, read_object, safe, string_map, text
from offhook.errors import RemoteWireError
from offhook.ports.transport import CallStart, ClientIn, Closed, KeyIn, MarkIn, MediaIn, TransportEvent
from offhook.transports.socket import Kind, Socket, SocketTransport, receive_first, refuse

VERSION = 1
_RATES = (8_000, 16_000, 24_000, 48_000)
_KEYS = frozenset("0123456789*#ABCD")


class BrowserWs(SocketTransport):
    """A browser's leg."""

    can_clear = True
    message_ms = 20

    def __init__(self, socket: Socket, start: CallStart, format_in: AudioFormat, format_out: AudioFormat) -> None:
        super().__init__(socket, start, format_in, format_out)
        self._position = 0

    @classmethod
    async def open(cls, socket: Socket, *, timeout: float = 10.0) -> BrowserWs | None:
        """Accept the upgrade, take the page's ``start`` and answer it; None when the page leaves before that.

        Raises RemoteWireError, with the socket closed by 1008, when the first message is no good start.
        """
        await socket.accept()
        with anyio.move_on_after(timeout):
            try:
                message = await receive_first(socket)
                if message is None:
                    return None
                start, rate, rate_out = _start(read_object(message))
            except BadMessage as error:
                raise await refuse(socket, error) from None
            transport = cls(socket, start, AudioFormat(Encoding.PCM16, rate), AudioFormat(Encoding.PCM16, rate_out))
            transport.show({"type": "started", "version": VERSION, "rate": rate, "rate_out": rate_out})
            return transport
        raise await refuse(socket, RemoteWireError(f"the browser sent no start within {timeout:g} s"))

    def send(self, data: bytes) -> None:
        """Queue audio in ``format_out``; ignored after the end."""
        self._queue(Kind.MEDIA, data)

    def clear(self) -> None:
        """Drop what waits here and in the page."""
        self._drop_media()
        self.show({"type": "clear"})

    def mark(self, name: str) -> None:
        """Ask for word when all that was sent so far has been played."""
        self.show({"type": "mark", "name": name})

    def show(self, message: dict[str, object]) -> None:
        """Send any JSON object to the page."""
        self._queue(Kind.CONTROL, json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def end(self) -> None:
        """Tell the page, write what is queued, close; idempotent."""
        if not self.over:
            self.show({"type": "end", "reason": "ended"})
        await super().end()

    def _take(self, message: str | bytes) -> Iterable[TransportEvent]:
        if isinstance(message, bytes):
            return (self._media(message),)
        value = read_object(message)
        event: TransportEvent
        match value.get("type"):
            case "mark":
                event = MarkIn(text(value, "name"))
            case "dtmf":
                digit = value.get("digit")
                if not isinstance(digit, str) or digit not in _KEYS:
                    raise BadMessage("bad_key", "a key that no telephone has")
                event = KeyIn(digit)
            case "hangup":
                event = Closed(lost=False, why="hangup")
            case "start":
                raise BadMessage("second_start", "a second start on one socket")
            case str():
                event = ClientIn(value)
            case _:
                raise BadMessage("unknown", "a message without a type")
        self.counters[f"in.{type(event).__name__.lower()}"] += 1
        return (event,)

    def _media(self, data: bytes) -> MediaIn:
        if not data or len(data) % 2:
            raise BadMessage("bad_payload", f"{len(data)} bytes are no 16-bit samples")
        self.counters["in.mediain"] += 1
        media = MediaIn(data, self._position)
        self._position += len(data) // 2
        return media


def _start(value: dict[str, Any]) -> tuple[CallStart, int, int]:
    """The call, the microphone's rate and the loudspeaker's. Raises BadMessage."""
    if value.get("type") != "start":
        raise BadMessage("before_start", "the first message must be a start")
    if value.get("version", VERSION) != VERSION:
        raise BadMessage("version", f"only version {VERSION} of the protocol is spoken here")
    rate = value.get("rate", 16_000)
    rate_out = value.get("rate_out", rate)
    for name, given in (("rate", rate), ("rate_out", rate_out)):
        if type(given) is not int or given not in _RATES:
            raise BadMessage("media_format", f"{name} must be one of {', '.join(map(str, _RATES))}")
    token = value.get("token", "")
    if not isinstance(token, str):
        raise BadMessage("missing", "token is no text")
    parameters = string_map(value.get("parameters"), "parameters")
    start = CallStart(
        transport="browser",
        token=safe(token, "token"),
        did=parameters.get("did", ""),
        caller=parameters.get("caller", ""),
        parameters=parameters,
    )
    return start, rate, rate_out
