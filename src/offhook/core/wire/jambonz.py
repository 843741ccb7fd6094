"""jambonz's ``listen`` verb with ``bidirectionalAudio: {enabled, streaming, sampleRate}``: binary L16, JSON in text frames.

The first text frame holds the call's attributes with ``sampleRate`` and ``mixType``, and what the verb's ``metadata`` adds. Then binary
frames of signed 16-bit little-endian PCM; ``dtmf`` where the verb has ``passDtmf``. Out: binary frames at the sample rate of
``bidirectionalAudio``, which must be the verb's own; ``mark``, which comes back with ``playout`` or ``cleared``; ``killAudio`` and
``clearMarks``. It asks for the subprotocol ``audio.jambonz.org``.
"""

from __future__ import annotations

import json
from typing import Any

from offhook.core.audio.format import PCM16_8K, AudioFormat, Encoding
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
    number,
    part,
    read_object,
    safe,
    samples16,
    scalars,
    text,
)

_RATES = frozenset({8_000, 16_000, 24_000, 48_000})
_CALL = frozenset(
    (
        "callSid callId accountSid applicationSid parentCallSid callStatus sipStatus sipReason direction traceId originatingSipIp"
        " originatingSipTrunkName localSipAddress publicIp callerName callbackUrl service_provider_sid sampleRate mixType from to"
    ).split()
)
"""What jambonz says of a call itself; the rest is the verb's metadata."""


class JambonzOutgoing:
    """What is said on the one stream of a socket."""

    __slots__ = ()

    def media(self, data: bytes) -> bytes:
        """Of any length."""
        return data

    def mark(self, name: str) -> tuple[str, ...]:
        """Any text."""
        return (f'{{"type":"mark","data":{{"name":{json.dumps(name)}}}}}',)

    def clear(self) -> tuple[str, ...]:
        """Empty the carrier's buffer, and have the marks in it back."""
        return ('{"type":"killAudio"}', '{"type":"clearMarks"}')

    def keys(self, digits: str) -> tuple[str, ...]:  # noqa: ARG002 - the contract's
        """There are no keys on the stream."""
        return ()


class Jambonz:
    """The dialect."""

    name = "jambonz"
    format_in: AudioFormat = PCM16_8K
    format_out: AudioFormat = PCM16_8K
    subprotocol: str | None = "audio.jambonz.org"
    bearer: str | None = None
    chunk_ms = 20
    message_ms = 40
    exact_ms: int | None = None
    least_ms = 0
    can_clear = True
    mark_on_clear = True
    ordered = True
    can_send_dtmf = False

    def speak(self, start: Start) -> Outgoing:  # noqa: ARG002 - the contract's
        """What is said on a stream."""
        return JambonzOutgoing()

    def parse(self, message: str | bytes) -> DialectEvent | None:
        """See Dialect. Raises BadMessage with one of the reasons: oversize nested json not_object missing too_long bad_text
        bad_number bad_parameters bad_stream bad_payload media_format bad_key unknown.
        """
        if isinstance(message, bytes):
            return Media("", samples16(message), None, None)
        value = read_object(message)
        if "callSid" in value and "sampleRate" in value:
            return _start(value)
        if value.get("event") == "dtmf":
            return Key("", key(value.get("dtmf")))
        if value.get("type") == "mark":
            return Mark("", text(part(value, "data"), "name"))
        raise BadMessage("unknown", "an event that the protocol does not have")


def _start(value: dict[str, Any]) -> Start:
    rate = number(value, "sampleRate")
    if rate not in _RATES or value.get("mixType", "mono") != "mono":
        raise BadMessage("media_format", f"jambonz's media must be mono at 8000, 16000, 24000 or 48000 Hz; the start says {rate} Hz")
    both = AudioFormat(Encoding.PCM16, rate)
    parameters = scalars(value, "metadata", but=_CALL)
    if isinstance(value.get("metadata"), dict):
        parameters |= scalars(value["metadata"], "metadata", but=frozenset())
    for ours, theirs in (("did", "to"), ("caller", "from")):
        if ours not in parameters and isinstance(value.get(theirs), str):
            parameters[ours] = safe(value[theirs], theirs, limit=256)
    return Start("", identifier(value.get("callSid"), "callSid"), parameters, both, both)


def create() -> Jambonz:
    """The dialect, for the registry."""
    return Jambonz()
