"""Words by which contacts are found. Pure."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"\w+")
LONGEST: Final = 64
MOST: Final = 40
"""Words of one contact that are kept, and of one search that are heeded."""


def words(*texts: str) -> set[str]:
    """The words of these texts, in one form: "O'Neil, Ann" -> o, neil, ann."""
    found = [word[:LONGEST] for text in texts for word in _WORD.findall(text.casefold())]
    return set(found[:MOST])


def pattern(word: str) -> str:
    """A LIKE pattern for words that begin so; a backslash escapes."""
    return re.sub(r"([\\%_])", r"\\\1", word) + "%"
