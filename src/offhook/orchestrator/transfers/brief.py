"""What a person hears before they take a call, and what their answer means. Pure; data by language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from offhook.contracts.transfer import Brief

NAMES: Final = ("name", "caller_name", "full_name", "first_name")
ABOUT: Final = ("reason", "problem", "issue", "job", "need", "message", "note", "question")
LONGEST: Final = 200
"""Characters of the caller's own words that a person listens to."""
_YES: Final = re.compile(r"\b(?:yes|yeah|yep|okay|ok|sure|put (?:them|him|her|it) through|go ahead|accept|one)\b")
_NO: Final = re.compile(r"\b(?:no|not|nope|can't|cannot|don't|busy|later|refuse|decline|two)\b")


def brief(told: Brief, caller: str, business: str) -> str:
    """Who rings and why, as it is said to a person."""
    name = told.name or _value(told.values, NAMES)
    about = _value(told.values, ABOUT)
    who = name or "a caller"
    digits = " ".join(caller.lstrip("+")) if caller else ""
    parts = [f"A call for {business} from {who}{f', number {digits}' if digits else ''}."]
    if about:
        parts.append(f"It is about: {_short(about)}.")
    if told.words and _plain(told.words) != _plain(about):
        parts.append(f"They said: {_short(told.words)}.")
    return " ".join(parts)


CHOICE: Final = "To take the call, press 1 or say yes. To turn it down, press 2 or say no."
NOT_NEEDED: Final = "The call is not waiting any longer. Thank you. Goodbye."
TURNED_DOWN: Final = "All right. Goodbye."
UNANSWERED: Final = "The call goes to somebody else. Goodbye."
LOST: Final = "We are sorry, the caller could not be put through to you. Goodbye."
ALONE: Final = "We are sorry, the line to the person was lost."


def takes(digits: str, speech: str) -> bool | None:
    """Whether a person takes the call; None where they have given no answer, as a voicemail does."""
    if digits:
        return digits == "1"
    words = speech.lower().replace("\u2019", "'")
    if _NO.search(words):
        return False
    return True if _YES.search(words) else None


def _value(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these slots that has a value, as words."""
    for name in names:
        found = values.get(name)
        raw = (found.get("raw") or found.get("value")) if isinstance(found, Mapping) else found
        if isinstance(raw, str) and raw.strip():
            return raw.strip()
    return ""


def _short(text: str) -> str:
    words = " ".join(text.split()).rstrip(".!?")
    return words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
