"""Plivo audio streams, bidirectional (``<Stream bidirectional="true" keepCallAlive="true">``).

Text frames of JSON; numbers are numbers. In: start, media, dtmf, playedStream, clearedAudio, and stop. Out: playAudio, checkpoint,
clearAudio, sendDTMF. ``contentType`` of the markup decides for both ways: mu-law 8 kHz, or signed 16-bit little-endian at 8 or 16 kHz.
``playedStream`` comes only when what is before its checkpoint was played to the end: after a clear it never does. A frame's timestamp is
the wall clock's, so that its number alone says where it belongs. ``extra_headers`` take letters and digits only, which a token is not:
it comes in the address.
"""

from __future__ import annotations

import json
import re
from typing import Any

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat, Encoding
from offhook.core.wire.dialect import (
    BadMessage,
    DialectEvent,
    Key,
    Mark,
    Media,
    Outgoing,
    Start,
    Stop,
    encoded,
    identifier,
    key,
    number,
    part,
    payload,
    read_object,
    safe,
    string_map,
    text,
)

_FORMATS = {("audio/x-mulaw", 8_000): MULAW_8K, ("audio/x-l16", 8_000): PCM16_8K, ("audio/x-l16", 16_000): PCM16_16K}
_NAMES = {Encoding.MULAW: "audio/x-mulaw", Encoding.PCM16: "audio/x-l16"}
_PAIR = re.compile(r"[;,]")


class PlivoOutgoing:
    """Message templates of one stream."""

    __slots__ = ("_id", "_media")

    def __init__(self, stream: str, format: AudioFormat) -> None:
        self._id = json.dumps(stream)
        kind = f'"contentType":"{_NAMES[format.encoding]}","sampleRate":{format.rate}'
        self._media = f'{{"event":"playAudio","streamId":{self._id},"media":{{{kind},"payload":"'

    def media(self, data: bytes) -> str:
        """Of any length."""
        return f'{self._media}{encoded(data)}"}}}}'

    def mark(self, name: str) -> tuple[str, ...]:
        """Any text."""
        return (f'{{"event":"checkpoint","streamId":{self._id},"name":{json.dumps(name)}}}',)

    def clear(self) -> tuple[str, ...]:
        """Empty the carrier's buffer."""
        return (f'{{"event":"clearAudio","streamId":{self._id}}}',)

    def keys(self, digits: str) -> tuple[str, ...]:
        """All of them in one message."""
        return (f'{{"event":"sendDTMF","streamId":{self._id},"dtmf":{json.dumps(digits)}}}',)


class Plivo:
    """The dialect."""

    name = "plivo"
    format_in: AudioFormat = MULAW_8K
    format_out: AudioFormat = MULAW_8K
    subprotocol: str | None = None
    bearer: str | None = None
    chunk_ms = 20
    message_ms = 40
    exact_ms: int | None = None
    least_ms = 0
    can_clear = True
    mark_on_clear = False
    ordered = True
    can_send_dtmf = True

    def speak(self, start: Start) -> Outgoing:
        """Templates for one stream."""
        return PlivoOutgoing(start.stream, start.format_out or self.format_out)

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """See Dialect. Raises BadMessage with one of the reasons: binary oversize nested json not_object missing too_long
        bad_text bad_number bad_parameters bad_stream bad_payload media_format bad_key unknown.
        """
        value = read_object(message)
        match value.get("event"):
            case "media":
                media = part(value, "media")
                if media.get("track", "inbound") != "inbound":
                    return None
                return Media(_stream(value), payload(media), number(media, "chunk"), None)
            case "playedStream":
                return Mark(_stream(value), text(value, "name"))
            case "dtmf":
                return Key(_stream(value), key(part(value, "dtmf").get("digit")))
            case "clearedAudio":
                return None
            case "start":
                return _start(value)
            case "stop":
                return Stop(_stream(value))
            case _:
                raise BadMessage("unknown", "an event that the protocol does not have")


def _stream(value: dict[str, Any]) -> str:
    return identifier(value.get("streamId"), "streamId")


def _start(value: dict[str, Any]) -> Start:
    start = part(value, "start")
    form = part(start, "mediaFormat")
    encoding, rate = form.get("encoding"), number(form, "sampleRate")
    found = _FORMATS.get((encoding, rate)) if isinstance(encoding, str) else None
    if found is None:
        raise BadMessage("media_format", f"plivo's media must be audio/x-mulaw at 8000 Hz or audio/x-l16 at 8000 or 16000; not {rate} Hz")
    call = identifier(start.get("callId"), "callId")
    return Start(_stream(start), call, _headers(value.get("extra_headers")), found, found)


def _headers(found: object) -> dict[str, str]:
    """``a=1;b=2`` or ``a=1,b=2``, each perhaps with the prefix that Plivo gives to headers."""
    if found is None:
        return {}
    if not isinstance(found, str):
        raise BadMessage("bad_parameters", "extra_headers is no text")
    pairs = (pair.partition("=") for pair in _PAIR.split(safe(found, "extra_headers")) if "=" in pair)
    return string_map({name.strip().removeprefix("X-PH-"): value.strip() for name, _, value in pairs}, "extra_headers")


def create() -> Plivo:
    """The dialect, for the registry."""
    return Plivo()
