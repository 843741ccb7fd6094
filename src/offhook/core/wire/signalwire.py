"""SignalWire's streams (cXML ``<Connect><Stream>``): Twilio's dialect, and linear audio where the markup asks for a ``codec``.

Without one it is mu-law 8 kHz as at Twilio; ``codec="L16@16000h"`` or ``L16@24000h`` makes both ways signed 16-bit little-endian. An
``authBearerToken`` of the markup comes in the upgrade's Authorization header.
"""

from __future__ import annotations

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.wire.dialect import BadMessage
from offhook.core.wire.twilio import Twilio

_LINEAR = frozenset({"l16", "audio/l16", "audio/x-l16"})
_RATES = frozenset({8_000, 16_000, 24_000})


class SignalWire(Twilio):
    """The dialect."""

    name = "signalwire"
    bearer: str | None = "authorization"

    def _format(self, encoding: object, rate: int, channels: int) -> AudioFormat | None:
        said = encoding.lower() if isinstance(encoding, str) else ""
        if channels == 1 and said == "audio/x-mulaw" and rate == 8_000:
            return None
        if channels == 1 and said in _LINEAR and rate in _RATES:
            return AudioFormat(Encoding.PCM16, rate)
        raise BadMessage(
            "media_format", f"signalwire's media must be audio/x-mulaw at 8000 Hz or L16, 1 channel; the start says {rate} Hz, {channels}"
        )


def create() -> SignalWire:
    """The dialect, for the registry."""
    return SignalWire()
