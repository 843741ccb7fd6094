"""Words by which calls are found. Pure."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 64
"""Words that a call is found by."""
ASKED: Final = 5
"""Words that one search heeds, the longest ones."""
_WORD: Final = re.compile(r"[^\W_]{2,40}")
_ENDS: Final = (9, 6, 4)
"""So many last digits of a number find it too: nine of them are the same with and without a country code."""


def words_of(text: str) -> set[str]:
    """The words of a text, in one spelling."""
    return set(_WORD.findall(text.casefold()))


def of_call(caller: str, summary: str) -> list[str]:
    """What a call is found by: its summary's words, the caller's number and the number's last digits."""
    digits = "".join(one for one in caller if one.isdigit())
    ends = {digits[-n:] for n in _ENDS if len(digits) >= n}
    return sorted(ends | words_of(caller) | set(sorted(words_of(summary))[:MOST]))


def asked(query: str) -> list[str]:
    """The words of a search, the longest first: they are the rarest. A number, in whatever form, is looked for by its last digits."""
    if re.fullmatch(r"[+()\d\s./-]{4,40}", query):
        digits = "".join(one for one in query if one.isdigit())
        return [digits[-n:] for n in _ENDS if len(digits) >= n][:1]
    return sorted(words_of(query), key=lambda one: (-len(one), one))[:ASKED]
