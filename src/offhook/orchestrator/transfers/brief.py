"""What a person hears before they take a call, and what their answer means, in the agent's language. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from offhook.contracts.transfer import Brief
from offhook.orchestrator.carriers.words import DEFAULT, said, voice

NAMES: Final = ("name", "caller_name", "full_name", "first_name")
ABOUT: Final = ("reason", "problem", "issue", "job", "need", "message", "note", "question")
LONGEST: Final = 200
"""Characters of the caller's own words that a person listens to."""
_YES: Final[Mapping[str, str]] = {
    "en": r"yes|yeah|yep|okay|ok|sure|put (?:them|him|her|it) through|go ahead|accept|one",
    "de": r"ja|jawohl|okay|ok|gerne|gern|klar|annehmen|eins",
    "fr": r"oui|ouais|d'accord|okay|ok|bien sûr|volontiers|accepte|un",
    "es": r"sí|si|vale|claro|okay|ok|de acuerdo|acepto|uno",
    "it": r"sì|si|va bene|certo|okay|ok|d'accordo|accetto|uno",
    "nl": r"ja|jawel|oké|okay|ok|prima|graag|aannemen|een|één",
}
_NO: Final[Mapping[str, str]] = {
    "en": r"no|not|nope|can't|cannot|don't|busy|later|refuse|decline|two",
    "de": r"nein|nee|nicht|später|ablehnen|besetzt|zwei",
    "fr": r"non|pas|plus tard|refuse|occupée?|deux",
    "es": r"no|más tarde|luego|rechazo|ocupad[oa]|dos",
    "it": r"no|non|più tardi|dopo|rifiuto|occupat[oa]|due",
    "nl": r"nee|niet|later|weiger|weigeren|bezet|twee",
}


def brief(told: Brief, caller: str, business: str, language: str = DEFAULT) -> str:
    """Who rings and why, as it is said to a person."""
    name = told.name or _value(told.values, NAMES)
    about = _value(told.values, ABOUT)
    digits = " ".join(caller.lstrip("+")) if caller else ""
    number = said("number", language, digits=digits) if digits else ""
    parts = [said("brief", language, business=business, who=name or said("who", language), number=number)]
    if about:
        parts.append(said("about", language, about=_short(about)))
    if told.words and _plain(told.words) != _plain(about):
        parts.append(said("said", language, words=_short(told.words)))
    return " ".join(parts)


def takes(digits: str, speech: str, language: str = DEFAULT) -> bool | None:
    """Whether a person takes the call; None where they have given no answer, as a voicemail does."""
    if digits:
        return digits == "1"
    words, spoken = speech.lower().replace("\u2019", "'"), voice(language).partition("-")[0].lower()
    if re.search(rf"\b(?:{_NO[spoken]})\b", words):
        return False
    return True if re.search(rf"\b(?:{_YES[spoken]})\b", words) else None


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
