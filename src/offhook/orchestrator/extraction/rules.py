"""Reading a call without a language model: grammars and word lists over what was said. Pure.

What the script asked for is not read here: its slots count more than anything that is (see ``settle``).
"""
# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from offhook.authoring.heard import Heard, Kind, heard
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction import fields as defined
from offhook.orchestrator.extraction.port import Draft, Value
from offhook.orchestrator.extraction.spoken import Clause, Spoken

INTENTS: Final[Mapping[str, str]] = {
    "cancel": r"\bcancel\w*\b|\bcall (?:it|that) off\b",
    "reschedule": r"\bre-?(?:schedule|book|arrange)\w*\b|\b(?:move|change|push|bring)\b.{0,25}\b(?:appointment|booking|visit|slot|time|day)\b",
    "complaint": r"\bcomplain\w*\b|\bnot (?:happy|satisfied)\b|\b(?:terrible|awful|appalling|disgusting) (?:service|job|work)\b|\bwant (?:a|my) (?:refund|money back)\b",
    "callback": r"\bcall (?:me )?back\b|\bring (?:me )?back\b|\breturn(?:ing)? (?:a|my|your) call\b|\bcallback\b",
    "quote": r"\b(?:quote|quotation|estimate)\b|\bhow much (?:would|do|does|is|will|for)\b",
    "booking": r"\b(?:book|reserve|schedule|arrange|make)\b.{0,30}\b(?:appointment|booking|visit|table|room|someone|somebody|slot|reservation|viewing|job)\b"
    r"|\b(?:appointment|reservation)\b|\b(?:send|get) (?:someone|somebody|a|an)\b|\bcome (?:out|round|over|and)\b|\bbook (?:in|it|me)\b",
}
"""By what decides first."""
URGENCIES: Final[Mapping[str, str]] = {
    "emergency": r"\bemergenc\w*\b|\b(?:gas leak|smell(?:s|ing)? (?:of )?gas|flood(?:ed|ing)?|on fire|sparks?|sparking|burst (?:pipe|main)|pouring|ceiling.{0,20}(?:coming|fell|fallen))\b",
    "soon": r"\burgent\w*\b|\ba\.?s\.?a\.?p\b|\bas soon as\b|\bright away\b|\bstraight away\b|\bimmediately\b|\bquickly\b|\bas quick as\b|\btoday if\b",
    "routine": r"\bno (?:rush|hurry)\b|\bnot (?:urgent|in a hurry|in a rush)\b|\bwhenever\b|\bany ?time\b|\bisn't urgent\b",
}
_NOT: Final = re.compile(r"\b(?:not|isn't|no|n't|never|without)\b[^.,;]{0,15}$", re.IGNORECASE)
_PROBLEM: Final = re.compile(
    r"\b(?:leak\w*|broke\w*|burst|block\w*|crack\w*|fault\w*|damag\w*|stuck|smell\w*|nois\w*|flood\w*|drip\w*|trip(?:s|ped|ping)|pain\w*|ache\w*|"
    r"toothache|sick|ill|unwell|hurt\w*|won't|doesn't work|don't work|not work\w*|stopped|no (?:hot water|heating|power|water|electric\w*)|fail\w*|"
    r"problem|issue|trouble|wrong with|repair\w*|fix\w*|mend\w*|replac\w*)\b",
    re.IGNORECASE,
)
_GOOD: Final = re.compile(
    r"\b(?:great|perfect|brilliant|wonderful|excellent|fantastic|lovely|amazing|appreciate|thanks (?:so|very) much|thank you (?:so|very) much|"
    r"thanks a (?:lot|million)|that's very kind|really helpful|very helpful|happy with)\b",
    re.IGNORECASE,
)
_BAD: Final = re.compile(
    r"\b(?:terrible|awful|appalling|disgust\w*|ridiculous|useless|unacceptable|angry|furious|frustrat\w*|annoy\w*|fed up|disappoint\w*|complain\w*|"
    r"rubbish|worst|not good enough|not happy|unhappy|waste of (?:time|money)|rude|joke|sick of|upset|nightmare|damn|hell|bloody)\b",
    re.IGNORECASE,
)
_ASKING: Final[Mapping[str, re.Pattern[str]]] = {
    "person_name": re.compile(r"\byour (?:full |first |last )?name\b|\bwho am i speaking|\bwho's calling|\bname,? please", re.IGNORECASE),
    "phone": re.compile(r"\bnumber\b", re.IGNORECASE),
    "email": re.compile(r"\be-?mail\b", re.IGNORECASE),
    "address": re.compile(r"\baddress\b|\bpost ?code\b|\bwhere (?:are you|do you live|is the)\b", re.IGNORECASE),
    "datetime": re.compile(r"\bwhen\b|\bwhat (?:day|time|date)\b|\bwhich (?:day|time)\b|\bsuits?\b", re.IGNORECASE),
}
_LEAST: Final[Mapping[str, float]] = {"person_name": 0.6, "phone": 0.6, "email": 0.6, "address": 0.6, "datetime": 0.4}
_NOW: Final = frozenset({"now", "right now", "just now"})
MOST_TIMES: Final = 5
_PLANNED: Final = re.compile(
    r"\b(?:yesterday|ago|last (?:week|month|year|night|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|since|for (?:weeks|months|years))\b",
    re.IGNORECASE,
)


def read(spoken: Spoken, fields: Sequence[ExtractField]) -> Draft:
    """All that rules find."""
    values: dict[str, Value] = {}
    clauses = list(spoken.caller())
    for path, patterns in (("intent", INTENTS), ("urgency", URGENCIES)):
        if (found := _first(spoken, clauses, patterns)) is not None:
            values[path] = found
    if (problem := _problem(spoken, clauses)) is not None:
        values["problem"] = problem
    if (feeling := sentiment(spoken)) is not None:
        values["sentiment"] = feeling
    contact: tuple[tuple[str, Kind], ...] = (("name", "person_name"), ("phone", "phone"), ("email", "email"), ("address", "address"))
    for name, kind in contact:
        if (one := _last(spoken, clauses, kind)) is not None:
            values[f"contact.{name}"] = one
    values |= {f"preferred_times.{place}": one for place, one in enumerate(_times(spoken, clauses))}
    values |= {f"facts.{name}": one for name, one in defined.read(spoken, fields).items()}
    return Draft(values)


def urgency_of(text: str) -> str | None:
    """How soon it has to be by these words; None if they do not say."""
    return next((name for name, pattern in URGENCIES.items() if _says(text, pattern)), None)


def sentiment(spoken: Spoken) -> Value | None:
    """By words that show it; None where there are none."""
    marks: list[tuple[bool, Clause]] = []
    for clause in spoken.caller():
        marks += [(False, clause) for match in _BAD.finditer(clause.text) if not _NOT.search(clause.text[: match.start()])]
        marks += [(True, clause) for match in _GOOD.finditer(clause.text) if not _NOT.search(clause.text[: match.start()])]
    if not marks:
        return None
    good = sum(1 for one, _ in marks if one)
    bad = len(marks) - good
    value = "neutral" if good == bad else "positive" if good > bad else "negative"
    shown = next(clause for one, clause in reversed(marks) if value == "neutral" or one is (value == "positive"))
    return Value(value, spoken.evidence("rules", shown.place, shown.text))


def _says(text: str, pattern: str) -> bool:
    return any(not _NOT.search(text[: match.start()]) for match in re.finditer(pattern, text, re.IGNORECASE))


def _first(spoken: Spoken, clauses: Sequence[Clause], patterns: Mapping[str, str]) -> Value | None:
    for name, pattern in patterns.items():
        for clause in clauses:
            if _says(clause.text, pattern):
                return Value(name, spoken.evidence("rules", clause.place, clause.text))
    return None


def _problem(spoken: Spoken, clauses: Sequence[Clause]) -> Value | None:
    for clause in clauses:
        if _PROBLEM.search(clause.text) and len(clause.text.split()) > 2:
            told = heard("free_text", clause.text, spoken.where, asked=True)
            return Value(told[0].value.rstrip(" ."), spoken.evidence("rules", clause.place, clause.text)) if told else None
    return None


def _last(spoken: Spoken, clauses: Sequence[Clause], kind: Kind) -> Value | None:
    """What the caller said last of a kind; said with confidence, or in answer to the question for it."""
    best: tuple[Heard, Clause] | None = None
    for clause in clauses:
        asked = _ASKING[kind].search(spoken.asked(clause.place)) is not None
        told = heard(kind, clause.text, spoken.where, asked=asked)
        if told and told[0].sure >= _LEAST[kind] and (best is None or told[0].sure >= best[0].sure - 0.15):
            best = (told[0], clause)
    return Value(worded(kind, best[0].value), spoken.evidence("rules", best[1].place, best[1].text)) if best else None


def _times(spoken: Spoken, clauses: Sequence[Clause]) -> list[Value]:
    """When the caller would like it, as it was said; nothing that lies behind."""
    found: dict[str, Value] = {}
    for clause in clauses:
        asked = _ASKING["datetime"].search(spoken.asked(clause.place)) is not None
        if _PLANNED.search(clause.text):
            continue
        for one in heard("datetime", clause.text, spoken.where, asked=asked)[:1]:
            if one.sure >= _LEAST["datetime"] and one.quote.casefold() not in _NOW and not _no_day(one.quote):
                found[one.quote.casefold()] = Value(" ".join(one.quote.split()), spoken.evidence("rules", clause.place, clause.text))
    return list(found.values())[-MOST_TIMES:]


def _no_day(quote: str) -> bool:
    """A bare figure, or a day of every week."""
    return quote.strip().isdecimal() or defined.EVERY.fullmatch(quote.strip()) is not None


def worded(kind: str, value: Any) -> Any:  # noqa: ANN401 - as the grammars have them
    """A grammar's value as a result has it."""
    if kind == "person_name" and isinstance(value, Mapping):
        return " ".join(str(value[part]) for part in ("given", "family") if value.get(part))
    if kind == "address" and isinstance(value, Mapping):
        return value["text"]
    return value
