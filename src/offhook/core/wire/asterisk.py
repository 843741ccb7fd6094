"""Asterisk's chan_websocket (20.16, 21.11, 22.6, 23.0 and later): sound in binary frames, control in text frames.

Control is JSON (``f(json)`` of the dial string, from 20.18, 22.8 and 23.2 on) or plain text, as ``MEDIA_START`` shows; we answer in kind.
In: MEDIA_START, DTMF_END, MEDIA_XON and MEDIA_XOFF, what a mark comes back as, and events that say nothing to us. Out: sound in the
channel's format, which Asterisk cuts and paces; FLUSH_MEDIA. A mark is ``MARK_MEDIA`` in JSON. Where control is plain it may be older than
that command: it is an empty ``START_MEDIA_BUFFERING``/``STOP_MEDIA_BUFFERING``, whose end is told at its place in the queue. A flush drops
marks without a word.

It asks for the subprotocol ``media``. A channel of its own carries the media, so that the caller's call is named by ``carrier_call``.
Parameters come as channel variables (JSON only: ``OFFHOOK_TOKEN`` is ``token``) or in the
address, by ``v(token=...)`` of the dial string.
"""

from __future__ import annotations

import json
from typing import Any, Final

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, AudioFormat
from offhook.core.wire.dialect import (
    MAX_MESSAGE,
    BadMessage,
    DialectEvent,
    Flow,
    Key,
    Mark,
    Media,
    Outgoing,
    Start,
    identifier,
    key,
    read_object,
    safe,
    scalars,
    text,
)

PLAIN: Final = "plain"
_FORMATS = {"ulaw": MULAW_8K, "alaw": ALAW_8K, "slin": PCM16_8K, "slin16": PCM16_16K, "slin24": PCM16_24K, "slin48": PCM16_48K}
_OF_NO_USE = frozenset({"QUEUE_DRAINED", "STATUS", "ERROR"})


class JsonOutgoing:
    """Commands as JSON."""

    __slots__ = ()

    def media(self, data: bytes) -> bytes:
        """Whole frames."""
        return data

    def mark(self, name: str) -> tuple[str, ...]:
        """Any text."""
        return (f'{{"command":"MARK_MEDIA","correlation_id":{json.dumps(name)}}}',)

    def clear(self) -> tuple[str, ...]:
        """Empty Asterisk's queue."""
        return ('{"command":"FLUSH_MEDIA"}',)

    def keys(self, digits: str) -> tuple[str, ...]:  # noqa: ARG002 - the contract's
        """There are no keys on the stream."""
        return ()


class PlainOutgoing:
    """Commands as lines."""

    __slots__ = ()

    def media(self, data: bytes) -> bytes:
        """Whole frames."""
        return data

    def mark(self, name: str) -> tuple[str, ...]:
        """Text of one line."""
        return ("START_MEDIA_BUFFERING", f"STOP_MEDIA_BUFFERING {' '.join(name.split())}")

    def clear(self) -> tuple[str, ...]:
        """Empty Asterisk's queue."""
        return ("FLUSH_MEDIA",)

    def keys(self, digits: str) -> tuple[str, ...]:  # noqa: ARG002 - the contract's
        """There are no keys on the stream."""
        return ()


class Asterisk:
    """The dialect."""

    name = "asterisk"
    format_in: AudioFormat = MULAW_8K
    format_out: AudioFormat = MULAW_8K
    subprotocol: str | None = "media"
    bearer: str | None = None
    chunk_ms = 20
    message_ms = 40
    exact_ms: int | None = None
    least_ms = 20
    can_clear = True
    mark_on_clear = False
    ordered = True
    can_send_dtmf = False

    def speak(self, start: Start) -> Outgoing:
        """In the manner of the start."""
        return PlainOutgoing() if start.manner == PLAIN else JsonOutgoing()

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """See Dialect. Raises BadMessage with one of the reasons: oversize nested json not_object missing too_long bad_text
        bad_parameters bad_stream bad_payload media_format bad_key unknown.
        """
        if isinstance(message, bytes):
            if not message or len(message) > MAX_MESSAGE:
                raise BadMessage("oversize" if message else "bad_payload", "a message of no or too much audio")
            return Media("", message, None, None)
        plain = not message.startswith("{")
        value = _line(message) if plain else read_object(message)
        match value.get("event"):
            case "DTMF_END":
                return Key("", key(value.get("digit")))
            case "MEDIA_MARK_PROCESSED" | "MEDIA_BUFFERING_COMPLETED":
                return Mark("", text(value, "correlation_id")) if value.get("correlation_id") else None
            case "MEDIA_XOFF":
                return Flow("", go=False)
            case "MEDIA_XON":
                return Flow("", go=True)
            case "MEDIA_START":
                return _start(value, PLAIN if plain else "")
            case str() as event if event in _OF_NO_USE:
                return None
            case _:
                raise BadMessage("unknown", "an event that the protocol does not have")


def _line(message: str) -> dict[str, Any]:
    """``EVENT name:value name:value`` as JSON would have it; the bare word of an event is its correlation id."""
    if len(message) > MAX_MESSAGE:
        raise BadMessage("oversize", f"a message over {MAX_MESSAGE // 1024} KiB")
    event, _, rest = safe(message, "event").partition(" ")
    if event in {"MEDIA_MARK_PROCESSED", "MEDIA_BUFFERING_COMPLETED"}:
        return {"event": event, "correlation_id": rest}
    value: dict[str, Any] = {name: found for name, colon, found in (word.partition(":") for word in rest.split(" ")) if colon}
    return {**value, "event": event}


def _start(value: dict[str, Any], manner: str) -> Start:
    said = value.get("format")
    found = _FORMATS.get(said) if isinstance(said, str) else None
    if found is None:
        raise BadMessage("media_format", f"asterisk's media must be one of {', '.join(_FORMATS)}: say so by c() of the dial string")
    variables = value.get("channel_variables")
    given = scalars(variables, "channel_variables", but=frozenset()) if isinstance(variables, dict) else {}
    parameters = {name.lower().removeprefix("offhook_"): item for name, item in given.items()}
    call = parameters.pop("carrier_call", "")
    channel = value.get("channel_id") or value.get("connection_id")
    parameters["channel_id"] = identifier(channel, "channel_id")
    return Start("", identifier(call, "carrier_call") if call else "", parameters, found, found, manner)


def create() -> Asterisk:
    """The dialect, for the registry."""
    return Asterisk()
