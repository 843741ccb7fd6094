"""One reply on its way through a vendor: clauses in, their audio out, in order, each ended once. No I/O, no clock."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Final

from offhook.core.audio.format import AudioFormat
from offhook.errors import ProviderError
from offhook.ports.tts import Speech
from offhook.providers.tts._sane import Gate, sayable
from offhook.providers.tts._words import Timing

TOLERANCE_S: Final = 0.02
"""How far before a clause's first sample a word of it may seem to end: vendors round."""


@dataclass(slots=True)
class Clause:
    """A clause as it was sent, and what has come of it. ``text`` is empty where there is nothing to say."""

    number: int
    text: str
    timing: Timing
    samples: int = 0
    spread: bool = field(default=False)
    """Its end is a guess, since the vendor was given several at once."""


class Reply:
    """What a vendor's protocol tells, and what the session gives on."""

    def __init__(self, provider: str, format: AudioFormat) -> None:
        self.format = format
        self.counts: Counter[str] = Counter()
        self.samples = 0
        """Of all clauses up to now."""
        self.fed = False
        """All clauses are in."""
        self.error: ProviderError | None = None
        self.news = asyncio.Event()
        self.progress = 0
        """Grows with all that the vendor does for this reply."""
        self.more = False
        """The clause that came last is a piece of a sentence: it ends in a blank, and more of the sentence follows."""
        self._gate = Gate(provider, format)
        self._clauses: list[Clause] = []
        self._at = 0
        self._out: deque[Speech] = deque()

    # -- the session's side

    def add(self, text: str) -> str:
        """One more clause; what is to be sent of it, empty for nothing."""
        said = sayable(text)
        self.more = bool(said) and text[-1:].isspace()
        self._clauses.append(Clause(len(self._clauses), said, Timing(said)))
        self._pass()
        return said

    def close(self) -> None:
        """There are no more clauses."""
        self.fed = True
        self.news.set()

    def fail(self, error: ProviderError) -> None:
        """Nothing more will come."""
        if self.error is None and not self.over:
            self.error = error
        self.news.set()

    def take(self) -> Speech | None:
        """The next audio, if there is any."""
        return self._out.popleft() if self._out else None

    @property
    def newest(self) -> int:
        """Number of the clause that came last, -1 for none."""
        return len(self._clauses) - 1

    @property
    def owed(self) -> int:
        """Clauses whose audio has not ended."""
        return len(self._clauses) - self._at

    @property
    def over(self) -> bool:
        """Everything has been said."""
        return self.fed and not self.owed

    # -- the protocol's side

    @property
    def clause(self) -> Clause | None:
        """The clause whose audio comes now."""
        return self._clauses[self._at] if self.owed else None

    def sound(self, data: bytes) -> None:
        """Audio of the clause. Raises BadOutput for what is none."""
        clause = self.clause
        self.progress += 1
        if clause is None:
            self.counts["audio after the last clause"] += 1
            return
        self._give(clause, self._gate.feed(data))

    def word(self, said: str, seconds: float, *, origin: int = 0) -> None:
        """A word, or a part of one, of the clause ends so many seconds after sample ``origin`` of the reply."""
        clause = self.clause
        if clause is None:
            self.counts["a word after the last clause"] += 1
            return
        end = origin + round(seconds * self.format.rate) - (self.samples - clause.samples)
        if end < -TOLERANCE_S * self.format.rate:
            self.counts["a word of a clause before"] += 1
            return
        clause.timing.hear(said, max(1, end))

    def tell(self) -> None:
        """Give the words whose times have come after their audio."""
        clause = self.clause
        if clause is not None and (words := clause.timing.ready(clause.samples)):
            self._put(Speech(clause.number, b"", last=False, words=words))

    def end(self) -> None:
        """The clause has ended. Raises BadOutput if that cannot have been all, or cannot have been it."""
        clause = self.clause
        self.progress += 1
        if clause is None:
            self.counts["an end after the last clause"] += 1
            return
        self._give(clause, self._gate.end())
        if not clause.spread:
            timing = clause.timing
            self._gate.clause(clause.text, clause.samples, timing.latest / self.format.rate if timing.complete else None)
        self._put(Speech(clause.number, b"", last=True, words=clause.timing.rest(clause.samples)))
        self._at += 1
        self._pass()

    def _give(self, clause: Clause, data: bytes) -> None:
        count = self.format.samples_in(len(data))
        clause.samples += count
        self.samples += count
        self._gate.length(clause.text, clause.samples) if not clause.spread else None
        if data:
            self._put(Speech(clause.number, data, last=False, words=clause.timing.ready(clause.samples)))

    def _pass(self) -> None:
        """End clauses in which there is nothing to say."""
        while self.owed and not self._clauses[self._at].text:
            self._put(Speech(self._at, b"", last=True))
            self._at += 1
        self.news.set()

    def _put(self, speech: Speech) -> None:
        last = self._out[-1] if self._out else None
        if last is not None and last.clause == speech.clause and not speech.data:
            self._out[-1] = replace(last, last=speech.last, words=(*last.words, *speech.words))
        else:
            self._out.append(speech)
        self.news.set()
