"""One of a few options: by its name, its label or the phrases that callers use for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from offhook.core.understand.numbers import Token, explains, tokens, words_only
from offhook.core.understand.types import Found

_NEGATED = re.compile(r"(?:\bnot|n't|\bno|\binstead of|\brather than|\bcancel)\s+(?:(?:a|an|the|want|need|any|my|it|to)\s+){0,3}$")
_UNDO = re.compile(r"\b(?:no|sorry|actually|i mean|rather|wait|make that|make it)\b")
_NEAR = 0.82
"""Likeness of letters from which a word counts as misheard; words under 5 letters must match."""


def _stem(word: str) -> str:
    for end in ("ies", "es", "s", "ing", "ed"):
        if word.endswith(end) and len(word) - len(end) >= 3 and not word.endswith("ss"):
            root = word[: -len(end)] + ("y" if end == "ies" else "")
            return root.rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


def _words(text: str) -> tuple[Token, ...]:
    return words_only(tokens(text.replace("_", " ")))


def find(text: str, options: Mapping[str, Sequence[str]], asked: bool) -> list[Found]:
    """The options named, the longest phrase first; a later one beats an earlier after "no", "sorry", "actually"."""
    said = _words(text)
    stems = [_stem(each.text) for each in said]
    hits: dict[str, tuple[int, int, float]] = {}
    for option, phrases in options.items():
        for phrase in (option, *phrases):
            hit = _match(stems, [_stem(each.text) for each in _words(phrase)])
            if hit is not None and (option not in hits or _better(hit, hits[option])):
                hits[option] = hit
    found = [_found(text, option, said, hit, asked) for option, hit in hits.items()]
    found = [each for each in found if not _NEGATED.search(text[: each.start].casefold())]
    best = max((each.end - each.start for each in found), default=0)
    result = []
    for each in found:
        sure = each.sure
        if any(o is not each and o.start <= each.start and each.end <= o.end and o.end - o.start > each.end - each.start for o in found):
            continue  # inside a longer phrase
        if len(found) > 1:
            later = all(o is each or o.start <= each.start for o in found)
            undone = _UNDO.search(text[: each.start].casefold()) is not None
            sure -= 0.05 if later and undone else 0.2 + (0.1 if each.end - each.start < best else 0)
        result.append(Found(each.type, each.value, each.raw, each.start, each.end, round(max(sure, 0.1), 2), each.whole))
    return result


def _better(one: tuple[int, int, float], other: tuple[int, int, float]) -> bool:
    return (one[1] - one[0], one[2]) > (other[1] - other[0], other[2])


def _match(stems: list[str], phrase: list[str]) -> tuple[int, int, float] | None:
    """Where a phrase stands: first word, word after the last, likeness."""
    size = len(phrase)
    if not size or size > len(stems):
        return None
    for i in range(len(stems) - size + 1):
        if stems[i : i + size] == phrase:
            return i, i + size, 1.0
    if sum(map(len, phrase)) < 5:
        return None
    goal = " ".join(phrase)
    for i in range(len(stems) - size + 1):
        window = " ".join(stems[i : i + size])
        if window[:1] != goal[:1] or abs(len(window) - len(goal)) > 2:
            continue
        near = SequenceMatcher(None, window, goal, autojunk=False).ratio()
        if near >= _NEAR:
            return i, i + size, near
    return None


def _found(text: str, option: str, said: tuple[Token, ...], hit: tuple[int, int, float], asked: bool) -> Found:
    start, end = said[hit[0]].start, said[hit[1] - 1].end
    whole = explains(text, start, end)
    sure = (0.95 if whole else 0.82) - (0 if hit[2] == 1.0 else 0.25) - (0 if asked else 0.07)
    return Found("choice", option, text[start:end], start, end, sure, whole)
