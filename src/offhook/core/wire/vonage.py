"""Vonage's websocket endpoint (NCCO ``connect`` to a ``websocket``): sound in binary frames, JSON in text frames.

In: ``websocket:connected`` with the ``content-type`` and, beside it, the members of the endpoint's ``headers``; then 20 ms of signed
16-bit little-endian PCM a frame, ``websocket:dtmf``, ``websocket:notify``, ``websocket:cleared``. Out: the same frames, each of exactly
20 ms; ``notify``, which comes back when what is before it was played; ``clear``. It keeps 3,072 frames of ours, a minute.

Neither stream nor call is named: ``carrier_call`` among the headers says which call it is.
"""

from __future__ import annotations

import json
import re
from typing import Any

from offhook.core.audio.format import PCM16_16K, AudioFormat, Encoding
from offhook.core.wire.dialect import (
    BadMessage,
    DialectEvent,
    Key,
    Mark,
    Media,
    Outgoing,
    Start,
    identifier,
    key,
    part,
    read_object,
    samples16,
    scalars,
    text,
)

BUFFERED = 3_072
"""Frames of ours that Vonage keeps; more are dropped."""
_TYPE = re.compile(r"audio/l16\s*;\s*rate\s*=\s*(8000|16000|24000)", re.ASCII | re.IGNORECASE)
_OURS = frozenset({"event", "content-type"})


class VonageOutgoing:
    """What is said on the one stream of a socket."""

    __slots__ = ()

    def media(self, data: bytes) -> bytes:
        """One frame of exactly 20 ms."""
        return data

    def mark(self, name: str) -> tuple[str, ...]:
        """Comes back as it was sent."""
        return (f'{{"action":"notify","payload":{{"name":{json.dumps(name)}}}}}',)

    def clear(self) -> tuple[str, ...]:
        """Empty the carrier's buffer."""
        return ('{"action":"clear"}',)

    def keys(self, digits: str) -> tuple[str, ...]:  # noqa: ARG002 - the contract's
        """Keys are sent by REST."""
        return ()


class Vonage:
    """The dialect."""

    name = "vonage"
    format_in: AudioFormat = PCM16_16K
    format_out: AudioFormat = PCM16_16K
    subprotocol: str | None = None
    bearer: str | None = "authorization"
    chunk_ms = 20
    message_ms = 20
    exact_ms: int | None = 20
    least_ms = 20
    can_clear = True
    mark_on_clear = False
    ordered = True
    can_send_dtmf = False

    def speak(self, start: Start) -> Outgoing:  # noqa: ARG002 - the contract's
        """What is said on a stream."""
        return VonageOutgoing()

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """See Dialect. Raises BadMessage with one of the reasons: oversize nested json not_object missing too_long bad_text
        bad_parameters bad_stream bad_payload media_format bad_key unknown.
        """
        if isinstance(message, bytes):
            return Media("", samples16(message), None, None)
        value = read_object(message)
        match value.get("event"):
            case "websocket:dtmf":
                return Key("", key(value.get("digit")))
            case "websocket:notify":
                return Mark("", text(part(value, "payload"), "name"))
            case "websocket:connected":
                return _start(value)
            case str() as event if event.startswith("websocket:"):
                return None
            case _:
                raise BadMessage("unknown", "an event that the protocol does not have")


def _start(value: dict[str, Any]) -> Start:
    kind = value.get("content-type")
    found = _TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if found is None:
        raise BadMessage("media_format", "vonage's media must be audio/l16 with a rate of 8000, 16000 or 24000")
    both = AudioFormat(Encoding.PCM16, int(found[1]))
    parameters = scalars(value, "headers", but=_OURS)
    call = parameters.pop("carrier_call", "")
    return Start("", identifier(call, "carrier_call") if call else "", parameters, both, both)


def create() -> Vonage:
    """The dialect, for the registry."""
    return Vonage()
