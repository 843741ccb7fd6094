"""Telnyx media streaming, bidirectional by RTP payloads (``stream_bidirectional_mode=rtp``, TeXML ``bidirectionalMode="rtp"``).

Text frames of JSON in snake case. In: connected, start, media, dtmf, mark, error, stop; their order is not promised, ``chunk`` counts the
frames of a track. Out: media, mark, clear. A payload is RTP's without a header. What comes in is the call's codec or that of
``stream_codec`` (PCMU and PCMA are read here); what goes out must be ``stream_bidirectional_codec`` PCMU, which is its default.
A mark comes back when what is before it has been played, or by a clear. A ``stream_auth_token`` comes in a header of the upgrade.
"""

from __future__ import annotations

import json
from typing import Any

from offhook.core.audio.format import ALAW_8K, MULAW_8K, AudioFormat
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
    encoded,
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

_FORMATS = {"PCMU": MULAW_8K, "PCMA": ALAW_8K}


class TelnyxOutgoing:
    """Message templates: there is one stream on a socket, so that none is named."""

    __slots__ = ()

    def media(self, data: bytes) -> str:
        """Mu-law, 20 ms to 30 s."""
        return f'{{"event":"media","media":{{"payload":"{encoded(data)}"}}}}'

    def mark(self, name: str) -> tuple[str, ...]:
        """Any text."""
        return (f'{{"event":"mark","mark":{{"name":{json.dumps(name)}}}}}',)

    def clear(self) -> tuple[str, ...]:
        """Empty the carrier's buffer."""
        return ('{"event":"clear"}',)

    def keys(self, digits: str) -> tuple[str, ...]:  # noqa: ARG002 - the contract's
        """Keys are sent by REST."""
        return ()


class Telnyx:
    """The dialect."""

    name = "telnyx"
    format_in: AudioFormat = MULAW_8K
    format_out: AudioFormat = MULAW_8K
    subprotocol: str | None = None
    bearer: str | None = "x-telnyx-streaming-auth-token"
    chunk_ms = 20
    message_ms = 40
    exact_ms: int | None = None
    least_ms = 20
    can_clear = True
    mark_on_clear = True
    ordered = False
    can_send_dtmf = False

    def speak(self, start: Start) -> Outgoing:  # noqa: ARG002 - the contract's
        """Templates for one stream."""
        return TelnyxOutgoing()

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """See Dialect. Raises BadMessage with one of the reasons: binary oversize nested json not_object missing too_long
        bad_text bad_number bad_parameters bad_stream bad_payload media_format bad_key unknown.
        """
        value = read_object(message)
        match value.get("event"):
            case "media":
                return _media(value)
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
            case "error":
                return None
            case _:
                raise BadMessage("unknown", "an event that the protocol does not have")


def _stream(value: dict[str, Any]) -> str:
    return identifier(value.get("stream_id"), "stream_id")


def _media(value: dict[str, Any]) -> Media | None:
    media = part(value, "media")
    if media.get("track", "inbound") not in ("inbound", "inbound_track"):
        return None
    timestamp = number(media, "timestamp") if "timestamp" in media else None
    return Media(_stream(value), payload(media), number(media, "chunk"), timestamp)


def _start(value: dict[str, Any]) -> Start:
    start = part(value, "start")
    form = part(start, "media_format")
    encoding, rate, channels = form.get("encoding"), number(form, "sample_rate"), number(form, "channels")
    found = _FORMATS.get(encoding) if isinstance(encoding, str) else None
    if found is None or rate != 8_000 or channels != 1:
        raise BadMessage("media_format", f"telnyx's media must be PCMU or PCMA at 8000 Hz, 1 channel; the start says {rate} Hz, {channels}")
    parameters = rung(start, string_map(start.get("custom_parameters"), "custom_parameters"))
    return Start(_stream(value), identifier(start.get("call_control_id"), "call_control_id"), parameters, found, MULAW_8K)


def create() -> Telnyx:
    """The dialect, for the registry."""
    return Telnyx()
