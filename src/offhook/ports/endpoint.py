"""Acoustic end of turn: the last seconds of the caller's audio in, one probability out. Synchronous; run in the inference pool."""

from __future__ import annotations

from typing import Protocol

from offhook.core.audio.format import AudioFormat
from offhook.ports.spec import ProviderSpec


class Endpoint(Protocol):
    """An end-of-turn model whose weights are shared by all calls."""

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        ...

    def score(self, audio: bytes, format: AudioFormat) -> float:
        """Probability, 0 to 1, that the turn that ends with this PCM16 audio (at most its last 8 s count) is over."""
        ...
