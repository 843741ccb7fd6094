"""The caller's own words, and codes of letters and digits held against a regular expression."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re

from offhook.core.understand.numbers import explains
from offhook.core.understand.spelling import runs
from offhook.core.understand.types import Context, Found

_LEAD = re.compile(
    r"^(?:(?:um+|uh+m*|er+m*|ah|oh|well|so|okay|ok|right|yeah|yes|hi|hello|like|you know|i mean|basically|it's just|please|erm)\b[\s,.…]*)+",
    re.IGNORECASE,
)
_TRAIL = re.compile(r"(?:[\s,.…]*\b(?:um+|uh+m*|er+m*|you know|please|thanks|thank you|cheers))+[\s,.!…]*$", re.IGNORECASE)
_LONGEST = 300


def find_text(text: str, context: Context, asked: bool) -> list[Found]:
    """The words without fillers at both ends, at most 300 characters, cut at a word."""
    del context
    lead = _LEAD.match(text)
    start = lead.end() if lead and lead.end() < len(text.rstrip()) else len(text) - len(text.lstrip())
    trail = _TRAIL.search(text, start)
    end = trail.start() if trail and trail.start() > start else len(text.rstrip())
    if end - start > _LONGEST:
        cut = text.rfind(" ", start, start + _LONGEST + 1)
        end = cut if cut > start else start + _LONGEST
    value = " ".join(text[start:end].split())
    if not any(each.isalnum() for each in value):
        return []
    return [Found("free_text", value, text[start:end], start, end, 0.8 if asked else 0.4, asked)]


def find_pattern(text: str, pattern: str, spoken: str) -> list[Found]:
    """A code: letters and digits as spoken or written, that match the whole expression; small and capital letters are the same."""
    try:
        rule = re.compile(pattern, re.IGNORECASE)
    except re.error:
        return []
    found = []
    for run in runs(
        text, digits="letters" not in spoken or "digits" in spoken or not spoken, letters="digits" not in spoken or "letters" in spoken
    ):
        size = len(run.pieces)
        for i, j in ((a, b) for a in range(size) for b in range(size, a, -1)):
            value = "".join(each.text for each in run.pieces[i:j]).upper()
            if value and rule.fullmatch(value):
                start, end = run.pieces[i].start, run.pieces[j - 1].end
                whole = explains(text, start, end, frozenset("number code reference postcode ref booking order account policy".split()))
                found.append(Found("pattern", value, text[start:end], start, end, 0.85 if whole else 0.7, whole))
                break
        if found:
            break
    return found
