"""Spelled letters: "S M I T H", "double L", "b as in boy", "S for sugar", figures among them."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

from dataclasses import dataclass

from offhook.core.understand.numbers import DIGIT_WORDS, REPEATS, TENS, UNITS, Token, tokens

_NATO = {
    word: word[0]
    for word in (
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa quebec romeo "
        "sierra tango uniform victor whiskey whisky yankee zulu"
    ).split()
} | {"xray": "x"}
_SOUNDS = {
    "ay": "a", "bee": "b", "be": "b", "see": "c", "sea": "c", "cee": "c", "dee": "d", "ee": "e", "eff": "f", "ef": "f", "gee": "g", "aitch": "h",
    "haitch": "h", "eye": "i", "jay": "j", "kay": "k", "okay": "ok", "ell": "l", "el": "l", "em": "m", "en": "n", "pee": "p", "queue": "q", "cue": "q",
    "are": "r", "ar": "r", "ess": "s", "es": "s", "tee": "t", "tea": "t", "you": "u", "vee": "v", "ex": "x", "why": "y", "zed": "z", "zee": "z",
}  # fmt: skip
_SURE_SOUNDS = frozenset({"zed", "zee", "vee", "dee", "eff", "aitch", "haitch", "jay", "kay", "tee", "ess", "cee", "gee"})
_JOIN = frozenset({"-", ",", ".", "–", "capital", "um", "uh", "then", "and", "letter", "er"})


@dataclass(frozen=True, slots=True)
class Piece:
    """One or more characters that were said together."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """Pieces that follow each other."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """All characters, in small letters."""
        return "".join(each.text for each in self.pieces)


def runs(text: str, *, digits: bool, letters: bool = True) -> tuple[Run, ...]:
    """Runs of at least two characters, spoken one by one or written together with figures ("AB12")."""
    items = tokens(text)
    result: list[Run] = []
    pieces: list[Piece] = []
    i = 0
    while i < len(items):
        taken = _piece(items, i, digits=digits, letters=letters, inside=bool(pieces))
        if taken is not None:
            pieces.append(Piece(taken[0], items[i].start, items[taken[1] - 1].end))
            i = taken[1]
            continue
        if not (pieces and items[i].text in _JOIN):
            _close(pieces, result)
            pieces = []
        i += 1
    _close(pieces, result)
    return tuple(result)


def _close(pieces: list[Piece], result: list[Run]) -> None:
    if sum(len(each.text) for each in pieces) >= 2:
        result.append(Run(tuple(pieces)))


def _as_in(items: tuple[Token, ...], i: int) -> int | None:
    """Where "as in boy", "for sugar", "like Adam" ends, after a letter at ``i - 1``."""
    rest = [each.text for each in items[i : i + 3]]
    letter = items[i - 1].text[:1]
    if len(rest) == 3 and rest[0] in {"as", "is"} and rest[1] in {"in", "for"} and rest[2].startswith(letter):
        return i + 3
    if len(rest) >= 2 and rest[0] in {"for", "like"} and rest[1].startswith(letter) and len(rest[1]) > 2:
        return i + 2
    return None


def _piece(items: tuple[Token, ...], i: int, *, digits: bool, letters: bool, inside: bool) -> tuple[str, int] | None:
    word = items[i].text
    if word in REPEATS and i + 1 < len(items):
        one = _one(items, i + 1, digits=digits, letters=letters, inside=True)
        if word == "double" and items[i + 1].text in {"u", "you"}:
            return "w", i + 2
        return (one[0] * REPEATS[word], one[1]) if one and len(one[0]) == 1 else None
    return _one(items, i, digits=digits, letters=letters, inside=inside)


def _one(items: tuple[Token, ...], i: int, *, digits: bool, letters: bool, inside: bool) -> tuple[str, int] | None:
    word = items[i].text
    if digits:
        if word.isdecimal() and word.isascii():
            return word, i + 1
        if word in DIGIT_WORDS and word not in {"o", "oh"}:
            return DIGIT_WORDS[word], i + 1
        if word in TENS or word in UNITS:
            return _tens(items, i)
        if word == "oh" or (word == "o" and (not letters or (i and items[i - 1].text.isdecimal()))):
            return "0", i + 1
    if not letters or not word.isascii() or not word.isalpha():
        return None
    if len(word) == 1:
        end = _as_in(items, i + 1)
        if end is None and word in {"a", "i"} and not inside and not _spelled(items, i + 1):
            return None
        return word, end or i + 1
    if word in _NATO and (inside or _spelled(items, i + 1)):
        return _NATO[word], i + 1
    if word in _SOUNDS and ((inside and _spelled(items, i + 1)) or word in _SURE_SOUNDS):
        return _SOUNDS[word], i + 1
    if digits and items[i].raw.isupper() and len(word) <= 4:
        return word, i + 1  # "AB12" comes as two tokens
    return None


def _tens(items: tuple[Token, ...], i: int) -> tuple[str, int]:
    value = TENS.get(items[i].text, UNITS.get(items[i].text, 0))
    j = i + 1
    if value >= 20 and j < len(items):
        k = j + 1 if items[j].text == "-" and j + 1 < len(items) else j
        if 0 < UNITS.get(items[k].text, 0) < 10:
            return str(value + UNITS[items[k].text]), k + 1
    return str(value), j


def _spelled(items: tuple[Token, ...], j: int) -> bool:
    """Whether a letter or figure follows at once."""
    while j < len(items) and items[j].text in {"-", ",", "."}:
        j += 1
    if j >= len(items):
        return False
    word = items[j].text
    return len(word) == 1 or word in REPEATS or word in _NATO or word in DIGIT_WORDS or word in _SURE_SOUNDS
