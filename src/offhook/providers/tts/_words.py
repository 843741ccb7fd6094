"""A vendor's times bound to the words of the clause as it was sent."""

from __future__ import annotations

import unicodedata
from typing import Final

from offhook.ports.tts import Word

AHEAD: Final = 4
"""How many words a vendor may leave out, or write otherwise, and still be followed."""


class Timing:
    """One clause's words and the samples (from the clause's first) at which they end, as far as the vendor has said.

    The vendor may split words, join them, or say them otherwise ("$5", "five dollars"): what is not found is shared out evenly
    between what is.
    """

    def __init__(self, text: str) -> None:
        self.words = text.split()
        self._plain = [plain(word) for word in self.words]
        self._ends: list[int | None] = [None] * len(self.words)
        self._at = 0
        self._rest = self._plain[0] if self._plain else ""
        self._given = 0
        self._low = 0
        """Where the last word that was given ends."""
        self._latest = 0

    @property
    def complete(self) -> bool:
        """Whether the last word's time is known."""
        return self._at >= len(self.words)

    @property
    def latest(self) -> int:
        """The latest time that the vendor gave, 0 for none."""
        return self._latest

    def hear(self, said: str, end: int) -> None:
        """A word, a part of one, or a character has been said at sample ``end``."""
        said = plain(said)
        while said and self._at < len(self.words):
            if self._rest.startswith(said):
                self._take(len(said), end)
                said = ""
            elif self._rest and said.startswith(self._rest):
                said = said[len(self._rest) :]
                self._take(len(self._rest), end)
            elif not self._skip(said):
                break
        self._latest = max(self._latest, end)
        if self._at < len(self.words) and not said:
            self._signs(end)

    def ready(self, samples: int) -> tuple[Word, ...]:
        """Words not given yet whose ends are known and lie within the first ``samples`` of the clause."""
        found = []
        while self._given < self._at:
            end = max(self._low + 1, self._end(self._given))
            if end > samples:
                break
            self._low = end
            found.append(Word(self.words[self._given], end))
            self._given += 1
        return tuple(found)

    def rest(self, samples: int) -> tuple[Word, ...]:
        """All other words, of a clause that is ``samples`` long and all there; none if the vendor gave no time at all."""
        if not self._latest:
            return ()
        found = [Word(self.words[number], self._end(number, samples)) for number in range(self._given, len(self.words))]
        self._given = len(self.words)
        low = self._low
        for number, word in enumerate(found):  # within the clause and rising, whatever the vendor said
            low = max(1, min(max(low + 1, word.end), samples - (len(found) - 1 - number)))
            found[number] = Word(word.text, low)
        return tuple(found)

    def _take(self, count: int, end: int) -> None:
        self._rest = self._rest[count:]
        self._ends[self._at] = end
        if not self._rest:
            self._next()

    def _next(self) -> None:
        self._at += 1
        self._rest = self._plain[self._at] if self._at < len(self.words) else ""

    def _signs(self, end: int) -> None:
        """Words that are signs only are over with the word before them."""
        while self._at < len(self.words) and not self._plain[self._at]:
            self._ends[self._at] = end
            self._next()

    def _skip(self, said: str) -> bool:
        """Go on at one of the next words, if the vendor has come to it."""
        for at in range(self._at + 1, min(self._at + 1 + AHEAD, len(self.words))):
            wanted = self._plain[at]
            if wanted and (wanted == said or (len(said) > 2 and (wanted.startswith(said) or said.startswith(wanted)))):
                self._ends[at - 1] = max(self._latest, 1)
                self._at, self._rest = at, wanted
                return True
        return False

    def _end(self, number: int, samples: int | None = None) -> int:
        """A word's end: as given, else shared out by length between the nearest that are known."""
        known = self._ends[number]
        if known is not None:
            return self._rising(number, known)
        before = next((i for i in range(number - 1, -1, -1) if self._ends[i] is not None), -1)
        after = next((i for i in range(number + 1, len(self.words)) if self._ends[i] is not None), len(self.words) - 1)
        start = (self._ends[before] or 0) if before >= 0 else 0
        stop = self._ends[after] if self._ends[after] is not None else max(samples or 0, self._latest)
        lengths = [len(word) + 1 for word in self.words[before + 1 : after + 1]]
        part = sum(lengths[: number - before])
        return start + ((stop or 0) - start) * part // sum(lengths)

    def _rising(self, number: int, end: int) -> int:
        """Later than the word before, if the vendor gave that one the same time."""
        before = self._ends[number - 1] if number else None
        return end if before is None or end > before else before + 1


def plain(text: str) -> str:
    """Letters and digits alone, in lower case, without accents."""
    return "".join(char for char in unicodedata.normalize("NFKD", text).lower() if char.isalnum())
