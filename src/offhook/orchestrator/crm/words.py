"""Words by which contacts are found. Pure."""

from __future__ import annotations

import re
import sys
from typing import Final

_WORD: Final = re.compile(r"\w+")
LONGEST: Final = 64
MOST: Final = 40
"""Words of one contact that are kept, and of one search that are heeded."""


def words(*texts: str) -> set[str]:
    """The words of these texts, in one form: "O'Neil, Ann" -> o, neil, ann."""
    found = [word[:LONGEST] for text in texts for word in _WORD.findall(text.casefold())]
    return set(found[:MOST])


def after(word: str) -> str:
    """What comes after all words that begin so, in the order of code points.

    A search by range and not by LIKE: row-level security lets an index be used only for comparisons that give nothing away.
    """
    return word + chr(sys.maxunicode)
