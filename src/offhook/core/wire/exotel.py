"""Exotel's Voicebot applet: Twilio's messages in snake case, with linear audio in pieces of about 100 ms.

In: connected, start, media, dtmf, mark, stop. Out: media, mark, clear. Audio is signed 16-bit little-endian at 8 kHz unless the address
asked for ``sample-rate`` 16000 or 24000 (ExoML can also ask for mu-law). A message of ours must hold 100 ms at least and whole frames of
20 ms: smaller ones are played with gaps. Three parameters of the address come back as ``custom_parameters``.
"""

from __future__ import annotations

from typing import Any

from offhook.core.audio.format import MULAW_8K, PCM16_8K, AudioFormat, Encoding
from offhook.core.wire.dialect import (
    BadMessage,
    Connected,
    DialectEvent,
    Key,
    Mark,
    Media,
    Outgoing,
    Start,
    Stop,
    identifier,
    key,
    number,
    part,
    payload,
    read_object,
    rung,
    string_map,
    text,
)
from offhook.core.wire.twilio import TwilioOutgoing

_LINEAR = frozenset({"audio/x-raw", "raw/slin", "base64", "audio/l16", "audio/x-l16"})
_MULAW = frozenset({"audio/x-mulaw", "mulaw"})
_RATES = frozenset({8_000, 16_000, 24_000})


class Exotel:
    """The dialect."""

    name = "exotel"
    format_in: AudioFormat = PCM16_8K
    format_out: AudioFormat = PCM16_8K
    subprotocol: str | None = None
    bearer: str | None = None
    chunk_ms = 100
    message_ms = 100
    exact_ms: int | None = None
    least_ms = 100
    can_clear = True
    mark_on_clear = True
    ordered = True
    can_send_dtmf = False

    def speak(self, start: Start) -> Outgoing:
        """Templates for one stream."""
        return TwilioOutgoing(start.stream, "stream_sid")

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """See Dialect. Raises BadMessage with one of the reasons: binary oversize nested json not_object missing too_long
        bad_text bad_number bad_parameters bad_stream bad_payload media_format bad_key unknown.
        """
        value = read_object(message)
        match value.get("event"):
            case "media":
                media = part(value, "media")
                timestamp = number(media, "timestamp") if "timestamp" in media else None
                return Media(_stream(value), payload(media), number(media, "chunk"), timestamp)
            case "mark":
                return Mark(_stream(value), text(part(value, "mark"), "name"))
            case "dtmf":
                return Key(_stream(value), key(part(value, "dtmf").get("digit")))
            case "start":
                return _start(value)
            case "stop":
                return Stop(_stream(value))
            case "connected":
                return Connected()
            case "clear":
                return None
            case _:
                raise BadMessage("unknown", "an event that the protocol does not have")


def _stream(value: dict[str, Any]) -> str:
    return identifier(value.get("stream_sid"), "stream_sid")


def _start(value: dict[str, Any]) -> Start:
    start = part(value, "start")
    stream = _stream(value)
    if start.get("stream_sid", stream) != stream:
        raise BadMessage("bad_stream", "two different stream_sids in one message")
    found = _format(part(start, "media_format"))
    parameters = rung(start, string_map(start.get("custom_parameters"), "custom_parameters"))
    return Start(stream, identifier(start.get("call_sid"), "call_sid"), parameters, found, found)


def _format(form: dict[str, Any]) -> AudioFormat:
    encoding, rate = form.get("encoding"), number(form, "sample_rate")
    said = encoding.lower() if isinstance(encoding, str) else ""
    if said in _LINEAR and rate in _RATES:
        return AudioFormat(Encoding.PCM16, rate)
    if said in _MULAW and rate == 8_000:
        return MULAW_8K
    raise BadMessage("media_format", f"exotel's media must be linear at 8000, 16000 or 24000 Hz, or mu-law at 8000; not {rate} Hz")


def create() -> Exotel:
    """The dialect, for the registry."""
    return Exotel()
