"""Words by their place, as the vendors' recognisers give them: which of them are a turn's, and what they make together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offhook.ports.stt import Heard


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its place, in samples of the input."""

    text: str
    start: int
    end: int
    confidence: float = 1.0

    @property
    def middle(self) -> int:
        """Its middle: on which side of a cut it is."""
        return (self.start + self.end) // 2


def plain(text: str) -> str:
    """A word without case and punctuation."""
    return re.sub(r"[^\w']", "", text.lower())


def unused(words: Iterable[Word], cut: int, used: Sequence[str] = ()) -> list[Word]:
    """The words behind the cut that were not given before it; ``used``, plain, are the turn's first ones that were."""
    all_words = list(words)
    if used and [plain(word.text) for word in all_words[: len(used)]] == list(used):
        all_words = all_words[len(used) :]
    return [word for word in all_words if word.middle > cut]


def heard(segment: int, words: Sequence[Word], at: int, *, final: bool) -> Heard:
    """The words as a segment's text; ``at`` is the place of one without words."""
    if not words:
        return Heard(segment, "", final, at, at)
    text = " ".join(word.text for word in words)
    confidence = sum(word.confidence for word in words) / len(words)
    return Heard(segment, text, final, words[0].start, max(word.end for word in words), confidence)


def keyterms(phrases: Iterable[str], *, most: int, longest: int, tokens: int) -> list[str]:
    """As many of the phrases, the first ones, as a vendor takes: so many, so long, and about so many tokens of 3 letters in all."""
    found: list[str] = []
    for phrase in phrases:
        term = " ".join(phrase.split())
        tokens -= -(-len(term) // 3)
        if tokens < 0 or len(found) == most:
            break
        if term and len(term) <= longest and term not in found:
            found.append(term)
    return found
