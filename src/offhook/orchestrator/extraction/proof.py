"""Whether a value that a model gave is in the words that it quotes. Pure.

A quote that is in no turn, that is addressed to the machine, or that does not say the value proves nothing: the value is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from offhook.authoring.heard import Heard, Kind, digits, heard
from offhook.contracts.analysis import Evidence
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction import rules
from offhook.orchestrator.extraction.port import Value
from offhook.orchestrator.extraction.spoken import Spoken, has, plain, words

CHARACTERS: Final = 500
"""Of a value."""
_NUMBERED: Final = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_TRUTH: Final[Mapping[str, bool]] = {"yes": True, "true": True, "no": False, "false": False}
_ISO: Final[Mapping[str, str]] = {"date": r"\d{4}-\d\d-\d\d", "time": r"(?:[01]\d|2[0-3]):[0-5]\d"}
_FILLING: Final = frozenset(
    "a an and are at for have has i i'm in is it it's me my of on our that the there they this to was we with you".split()
)


def quoted(spoken: Spoken, turn: int | None, quote: str | None) -> Evidence | None:
    """The evidence of a quote: the turn that was named if it says so, else the only one that does. ``turn`` counts from 1."""
    wanted = plain(quote or "")
    if not wanted:
        return None
    order = sorted(range(len(spoken.turns)), key=lambda place: (place != (turn or 0) - 1, place))
    for place in order:
        if not has(plain(spoken.turns[place].text), wanted):
            continue
        kept = " ".join(plain(one.text) for one in spoken.clauses(place))
        if has(kept, wanted):
            return spoken.evidence("model", place, quote or "")
    return None


def contact(spoken: Spoken, name: str, value: str, evidence: Evidence) -> Value | None:
    """A caller's detail, as the grammars read it where they can."""
    if evidence.speaker != "caller":
        return None
    kind: Kind = "person_name" if name == "name" else "phone" if name == "phone" else "email" if name == "email" else "address"
    if kind == "phone":
        said, given = "".join(digits(evidence.quote)), re.sub(r"\D", "", value)
        if len(given) < 5 or given.removeprefix("00").lstrip("0")[-9:] not in said:
            return None
        told = heard("phone", evidence.quote, spoken.where, asked=True) or heard("phone", value, spoken.where, asked=True)
        return Value(told[0].value, evidence) if told else None
    if kind == "email":
        told = heard("email", evidence.quote, spoken.where, asked=True)
        match = next((one for one in told if str(one.value).casefold() == value.strip().casefold()), None)
        return Value(match.value, evidence) if match else None
    return Value(value, evidence) if says(evidence.quote, value, most=kind == "address") else None


def field(spoken: Spoken, one: ExtractField, value: str, evidence: Evidence) -> Value | None:
    """A tenant's field in its own type."""
    if one.type == "choice":
        choice = next((each for each in one.choices if plain(each) == plain(value)), None)
        return Value(choice, evidence) if choice is not None else None
    if one.type == "yes_no":
        truth = _TRUTH.get(value.strip().casefold())
        return Value(truth, evidence) if truth is not None else None
    if one.type in {"date", "time"}:
        return _moment(spoken, one.type, value, evidence)
    if one.type == "number":
        return _number(spoken, value, evidence)
    return Value(value, evidence) if says(evidence.quote, value) else None


def says(quote: str, value: str, *, most: bool = False) -> bool:
    """Whether a quote has the words of a value: all of them, or with ``most`` two in three, endings aside. Figures have all to be there."""
    there = [_stem(word) for word in plain(quote).split()]
    wanted = [word for word in plain(value).split() if word not in _FILLING]
    found = [word for word in wanted if _stem(word) in there]
    if any(word.isdecimal() and word not in found for word in wanted):
        return False
    return bool(wanted) and (3 * len(found) >= 2 * len(wanted) if most else len(found) == len(wanted))


def faithful(spoken: Spoken, summary: str) -> bool:
    """Whether a summary names nobody and no figure that nobody named."""
    said = set(plain(" ".join(one.text for one in spoken.turns)).split())
    for match in re.finditer(r"(?<=[^.!?\s]\s)[A-Z][\w'’]+|\S*\d\S*", summary):
        if not set(plain(re.sub(r"['’]s\b", "", match[0])).split()) <= said and match[0] not in {"The", "A", "I"}:
            return False
    return True


def urgency(value: str, evidence: Evidence) -> Value | None:
    """How soon: what is more than routine has to be in the words themselves."""
    told = value.strip().casefold()
    if told not in rules.URGENCIES or evidence.speaker != "caller":
        return None
    return Value(told, evidence) if told == "routine" or rules.urgency_of(evidence.quote) == told else None


def _moment(spoken: Spoken, type: str, value: str, evidence: Evidence) -> Value | None:
    kind: Kind = "date" if type == "date" else "time"
    told = [*heard(kind, evidence.quote, spoken.where, asked=True)]
    if re.fullmatch(_ISO[type], value.strip()):
        same = next((one for one in told if one.value == value.strip() or (type == "time" and _twelve(one, value))), None)
        return Value(value.strip(), evidence) if same else None
    own = heard(kind, value, spoken.where, asked=True)
    same = next((one for one in told if own and one.value == own[0].value), None)
    return Value(same.value, evidence) if same else None


def _twelve(one: Heard, value: str) -> bool:
    """Whether a time is the same on a clock of twelve hours where the words leave open which half of the day they mean."""
    said, given = str(one.value).split(":"), value.strip().split(":")
    bare = re.search(r"[ap]\.?m|morning|afternoon|evening|night|noon|\d{1,2}:\d\d", one.quote, re.IGNORECASE) is None
    return bare and len(said) == 2 and said[1] == given[1] and int(said[0]) % 12 == int(given[0]) % 12


def _number(spoken: Spoken, value: str, evidence: Evidence) -> Value | None:
    match = _NUMBERED.search(value)
    if match is None:
        return None
    number = float(match[0].replace(",", ""))
    said = {float(one.replace(",", "")) for one in _NUMBERED.findall(plain(evidence.quote))} | {
        float(one.value) for one in heard("number", evidence.quote, spoken.where, asked=True) if isinstance(one.value, int | float)
    }
    if number not in said:
        return None
    return Value(int(number) if number.is_integer() else number, evidence)


def _stem(word: str) -> str:
    return re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word


def text(value: Any) -> str:  # noqa: ANN401 - whatever a model gave
    """One line of it, not endless; empty for what is no text."""
    return " ".join(value.split())[:CHARACTERS] if isinstance(value, str) and words(value) else ""
