"""Whether a caller who is being put through would rather not be: by words, of which there are few. Data by language."""

from __future__ import annotations

import re

_STAY = {
    "en": r"never ?mind|forget (?:it|about it)|do(?:n't| not) (?:bother|worry|put me|transfer)|cancel|stop(?: that| it)?|no,? wait|hold on|"
    r"wait a (?:minute|moment|second)|leave it|changed my mind|rather (?:stay|not|talk to you|speak to you)|no thank(?:s| you)|go back",
}


def stays(text: str, locale: str) -> bool:
    """Whether the words take a transfer back. In an unknown language none do: keys can."""
    pattern = _STAY.get(locale.partition("-")[0])
    return pattern is not None and re.search(rf"\b(?:{pattern})\b", text.lower().replace("\u2019", "'")) is not None
