"""Where a quote stands in a caller's words. A model quotes nearly word for word; what counts is then the caller's own text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from offhook.core.understand.numbers import REPEATS, numerals, tokens

SKIPPED = frozenset("um umm uh uhm er erm ah eh hmm mm".split())
"""Words that a quote may leave out, or put in."""
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class _Piece:
    """A folded word, a letter of a number in figures, and the characters that it stands for. ``first`` and ``last`` of its word."""

    text: str
    start: int
    end: int
    first: bool
    last: bool


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """The characters of ``text`` that a quote stands for, None if it was not said.

    Case, accents, punctuation and fillers do not count, nor whether a number is in words, in figures, in groups or with "double": its
    figures must be the same. Only whole words, in their order, without gaps.
    """
    wanted = _pieces(quote[:LONGEST])
    said = _pieces(text[:LONGEST])
    size = len(wanted)
    if not size:
        return None
    goal = [each.text for each in wanted]
    for at in range(len(said) - size + 1):
        if said[at].first and said[at + size - 1].last and [each.text for each in said[at : at + size]] == goal:
            return said[at].start, said[at + size - 1].end
    return None


def _pieces(text: str) -> list[_Piece]:
    view = numerals(text)
    found: list[_Piece] = []
    repeat, begun = 1, 0
    for token in tokens(view.text):
        if not token.text[0].isalnum():
            continue
        start, end = view.span(token.start, token.end)
        if token.text in REPEATS:
            repeat, begun = REPEATS[token.text], start
            continue
        word = _fold(token.text)
        if repeat > 1 and not (word.isdecimal() and len(word) == 1):
            repeat = 1
        if word in SKIPPED or not word:
            continue
        if word in {"oh", "o", "nought", "naught"}:
            word = "0"
        if word.isdecimal():
            figures = word * repeat
            start = begun if repeat > 1 else start
            found += [_Piece(each, start, end, n == 0, n == len(figures) - 1) for n, each in enumerate(figures)]
        else:
            found.append(_Piece(word, start, end, first=True, last=True))
        repeat = 1
    return found


def _fold(word: str) -> str:
    """Small letters without accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(each for each in plain if each.isalnum())
