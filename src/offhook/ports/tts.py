"""Text to speech: clauses in, audio out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from offhook.core.audio.format import AudioFormat
from offhook.ports.spec import ProviderSpec


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the clause and the sample, from the clause's first, at which it has been said to its end."""

    text: str
    end: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Audio of a clause, whole or a piece, in the session's format. ``words`` where the provider gives times; ``last`` ends the clause."""

    clause: int
    data: bytes
    last: bool
    words: tuple[Word, ...] = ()


class TtsSession(Protocol):
    """One reply's voice. Cancelling the task that iterates must stop the work and release everything."""

    def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        """Audio of each clause in order; clause numbers count from 0. Raises ProviderError.

        Where the spec says ``pieces``, what ends in a blank is a piece of a sentence that goes on.
        """
        ...

    async def aclose(self) -> None:
        """Close promptly; idempotent."""


@runtime_checkable
class TtsMeter(Protocol):
    """What a session may tell of its use besides, up to its end and after it. Read where it is there."""

    @property
    def characters(self) -> int:
        """That it was sent, for which a vendor charges."""

    @property
    def counts(self) -> Counter[str]:
        """What it sent and could not be used, by kind."""


class Tts(Protocol):
    """A voice provider, shared by all calls of a process."""

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        ...

    async def open(self, voice: str, locale: str, format: AudioFormat) -> TtsSession:
        """Open a session for one call's voice; replies use it one after the other. Raises ProviderError."""
        ...

    async def aclose(self) -> None:
        """Release models and connections; idempotent."""
