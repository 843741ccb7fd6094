"""Recordings at a simulated carrier: what it gives to who asks, and when."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from starlette.responses import RedirectResponse, Response

RATE: Final = 8_000


def tone(seconds: float = 5.0, hertz: float = 440.0) -> bytes:
    """A wav file of one channel, as carriers make it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        samples = 12_000 * np.sin(2 * np.pi * hertz / RATE * np.arange(round(seconds * RATE)))
        file.writeframes(samples.round().astype("<i2").tobytes())
    return out.getvalue()


@dataclass
class Tape:
    """What the next recordings are. ``unready``: so many requests find nothing yet. ``moved``: who may have it is sent on to there.
    ``chunked``: it does not say how long it is.
    """

    sound: bytes = field(default_factory=tone)
    kind: str = "audio/x-wav"
    unready: int = 0
    moved: str = ""
    chunked: bool = False

    def answer(self, missing: Response) -> Response:
        """To who may have it; ``missing`` is this carrier's way to say that there is none."""
        if self.unready > 0:
            self.unready -= 1
            return missing
        if self.moved:
            return RedirectResponse(self.moved, 302)
        found = Response(self.sound, media_type=self.kind)
        if self.chunked:
            del found.headers["content-length"]
        return found
