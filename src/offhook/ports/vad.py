"""Voice activity detection: windows in, probabilities out. Synchronous and batched over calls; the engine runs it in its pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from offhook.core.audio.format import AudioFormat
from offhook.ports.spec import ProviderSpec


class VadState(Protocol):
    """One call's memory of the detector; opaque."""


class Vad(Protocol):
    """A detector whose weights are shared by all calls."""

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        ...

    def window(self, format: AudioFormat) -> int:
        """Samples of one window in a PCM16 format that the spec names."""
        ...

    def open(self, format: AudioFormat) -> VadState:
        """Memory for a new call."""
        ...

    def score(self, items: Sequence[tuple[VadState, bytes]]) -> list[float]:
        """Probability of speech of each window (PCM16 bytes); advances each state. Thread-safe for distinct states."""
        ...
