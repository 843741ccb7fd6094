"""What a call's speech sessions have used and what they could not use, for usage and counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from offhook.ports.stt import SttMeter, SttSession
from offhook.ports.tts import TtsMeter, TtsSession

MOST: Final = 20
"""Names of oddities that are counted apart: some are a vendor's own words."""


@dataclass(slots=True)
class Meter:
    """Sums over sessions that tell of themselves; None while none did."""

    seconds: float | None = None
    """Of audio that recognisers were sent."""
    characters: int | None = None
    """That voices were sent."""
    oddities: Counter[str] = field(default_factory=Counter)

    def add(self, session: SttSession | TtsSession) -> None:
        """Count a session in; once, when it is over."""
        if isinstance(session, SttMeter):
            self.seconds = (self.seconds or 0.0) + session.seconds
            self._count("stt", session.oddities)
        if isinstance(session, TtsMeter):
            self.characters = (self.characters or 0) + session.characters
            self._count("tts", session.counts)

    def _count(self, kind: str, found: Counter[str]) -> None:
        for name, count in sorted(found.items()):
            label = f"{kind} {name}"
            self.oddities[label if label in self.oddities or len(self.oddities) < MOST else f"{kind} other"] += count
