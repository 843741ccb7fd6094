"""The nearest known word to one that is not known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

_MEANT: Final = re.compile(r"; did you mean '([^']+)'\?")


def suggest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'shift'?`` or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def meant(message: str) -> tuple[str, str]:
    """A message without its suggestion, and the word that it suggests; empty for none."""
    found = _MEANT.search(message)
    return (message[: found.start()] + message[found.end() :], found.group(1)) if found else (message, "")
