"""Text into speakable clauses, as it comes: the first one early, so that the voice can begin; never inside a number or an abbreviation."""

from __future__ import annotations

import re

_ABBREVIATIONS = frozenset("mr mrs ms dr prof st rd ave no nr vs etc e.g i.e a.m p.m approx jr sr inc ltd".split())
_END = re.compile(r"[.!?\u2026]+[\"')\]]*(?=\s|$)")
_COMMA = re.compile(r"[,;:\u2013\u2014](?=\s)")
_FIRST_WORDS = 3
"""Words after which a comma may end the first clause."""


class Segmenter:
    """Feed text, take clauses. Spaces at the ends are dropped; the clauses in order are the text."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """Take more text; returns the clauses that are whole. A sentence is whole once something follows it."""
        self._text += text
        clauses = []
        while (cut := self._cut()) is not None:
            clause, self._text = self._text[:cut].strip(), self._text[cut:]
            if clause:
                clauses.append(clause)
                self._first = False
        return clauses

    def flush(self) -> list[str]:
        """The rest."""
        rest, self._text = self._text.strip(), ""
        self._first = True
        return [rest] if rest else []

    def _cut(self) -> int | None:
        ends = (match.end() for match in _END.finditer(self._text) if self._whole(match))
        end = next(ends, None)
        if not self._first:
            return end
        commas = (
            match.end()
            for match in _COMMA.finditer(self._text)
            if _prose(self._text[: match.start()]) and _followed(self._text, match.end())
        )
        comma = next(commas, None)
        found = [cut for cut in (end, comma) if cut is not None]
        return min(found) if found else None

    def _whole(self, match: re.Match[str]) -> bool:
        """A sentence's end: something follows it, and the word before is no abbreviation or initial."""
        if not _followed(self._text, match.end()):
            return False
        if match.group() != ".":
            return True
        before = self._text[: match.start()].lower().split()
        word = before[-1] if before else ""
        spelled = len(before) > 1 and len(before[-2].rstrip(".")) == 1 and before[-2].endswith(".")
        return word not in _ABBREVIATIONS and not (len(word) == 1 and word.isalpha() and (word != "i" or spelled))


def clauses_of(text: str) -> list[str]:
    """A whole text's clauses."""
    segmenter = Segmenter()
    return [clause for clause in (*segmenter.feed(text), *segmenter.flush()) if clause.strip()]


def _followed(text: str, at: int) -> bool:
    return bool(text[at:].strip())


_NUMBER_WORDS = frozenset(
    "oh zero nought one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand double treble triple".split()
)


def _prose(text: str) -> bool:
    """Enough words for a clause, and not in the middle of numbers or letters that are being read out."""
    words = text.split()
    if len(words) < _FIRST_WORDS:
        return False
    last = words[-1].lower().strip(",")
    return not (last.isdigit() or last.rpartition("-")[2] in _NUMBER_WORDS or len(last) == 1)
