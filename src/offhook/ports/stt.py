"""Speech to text: a session per call. Audio is pushed in, events come out.

The engine's voice detector tells the session where speech begins and pauses; a provider with endpointing of its own
ignores that and reports SpeechStarted, SpeechStopped and ShiftScored itself (``SPEC.own_endpointing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from offhook.core.audio.format import AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.ports.spec import ProviderSpec


@dataclass(frozen=True, slots=True)
class Heard:
    """Words of one segment. A later one of the same segment replaces it. ``start`` and ``end`` are samples at the input's rate."""

    segment: int
    text: str
    final: bool
    """True once the segment's audio has paused (it may still be replaced if the segment goes on after the pause)."""
    start: int
    end: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class VendorSpeech:
    """The vendor's own view of speech: started or stopped at a sample."""

    started: bool
    sample: int


@dataclass(frozen=True, slots=True)
class VendorShift:
    """The vendor's probability that the turn is over, 0 to 1."""

    score: float


@dataclass(frozen=True, slots=True)
class Behind:
    """The recogniser was lost, or another has taken over and is told anew: words of the open turn come later than they would."""


SttEvent: TypeAlias = Heard | VendorSpeech | VendorShift | Behind


@dataclass(frozen=True, slots=True)
class SttHints:
    """Words worth expecting, in the order of importance."""

    phrases: tuple[str, ...] = ()


class SttSession(Protocol):
    """One call's recogniser. ``push`` and the marks never block and may be called from the loop only."""

    def push(self, audio: PcmFrame | Packet) -> None:
        """Take the next audio, in the session's format, without gaps."""

    def speech_started(self, sample: int) -> None:
        """Speech began at this sample."""

    def speech_stopped(self, sample: int) -> None:
        """Speech paused after this sample: give the final words of what there is, soon."""

    def listen(self) -> None:
        """The caller's turn is used up: forget its audio; what comes is a new segment."""

    def __aiter__(self) -> AsyncIterator[SttEvent]:
        """Events until the session is closed. Raises ProviderError when the provider fails."""
        ...

    async def aclose(self) -> None:
        """Close promptly; idempotent."""


@runtime_checkable
class SttMeter(Protocol):
    """What a session may tell of its use besides, up to its end and after it. Read where it is there."""

    @property
    def seconds(self) -> float:
        """Of audio that it was sent, for which a vendor charges."""

    @property
    def oddities(self) -> Counter[str]:
        """What it sent and could not be used, by kind."""


class Stt(Protocol):
    """A recogniser, shared by all calls of a process."""

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        ...

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> SttSession:
        """Open a session; raises ProviderError."""
        ...

    async def aclose(self) -> None:
        """Release models and connections; idempotent."""
