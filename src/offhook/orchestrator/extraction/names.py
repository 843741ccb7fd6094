"""Names of people, businesses and places for fields of text, by their capitals and the words before them. Pure.

A text cannot be read by rules alone; a name can. What no preposition, question or description speaks for is not taken.
"""
# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from offhook.authoring.heard import heard
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction.spoken import Clause, Spoken, plain, words

_PIECE: Final = r"(?:[A-Z][\w'’.]*|\d+(?:th|st|nd|rd)?(?=\s[A-Z])|#\s?\d+|[A-Z]\.)"
_LINK: Final = (
    r"(?:\s*&\s*|\s+(?:of|the|de|la|and|by|for)\s+(?=[A-Z])|\s*-\s*|:\s+|\s?,\s+(?=(?:(?:[A-Z]\.?){2,5}|Inc|Ltd|LLC)(?![\w]))|\s+)"
)
_NAME: Final = re.compile(rf"(?<![\w]){_PIECE}(?:{_LINK}{_PIECE})*")
_STREET: Final = re.compile(
    r"^\d+\w?\s.*\b(?:street|st|road|rd|avenue|ave|boulevard|blvd|drive|dr|way|lane|ln|court|ct|circle|cir|parkway|pkwy|place|pl|real|suite|ste)\b|#\s?\d",
    re.IGNORECASE,
)
_OPENERS: Final = frozenset(
    "a about ah alright also am an and any anything are as at awesome book booking but bye can certainly check confirm confirming could date definitely do "
    "does for from good goodbye great have he hello hey hi how however i if i'd i'll i'm i've in is it it's just kindly let let's looking make may "
    "maybe my need shall booked checking its send which done no nope not now of oh ok okay on one or our perfect place please put reserve reserving schedule scheduling see set she should "
    "so sorry sounds sure table tell thank thanks that that's the their then there there's these they they're this time to today tomorrow "
    "transfer transferring uh um very want was we we'll well what what's when where which who will with would yeah yep yes you you'd you're your "
    "am pm a.m p.m welcome actually absolutely alternatively next i’d i’m it’s that’s you’re verify unfortunately salutations cool fine "
    "search find get got give show try your's amazing excellent lovely wonderful hold details name".split()
)
_ALONE: Final = re.compile(r"I\b|(?:AM|PM|Is|Are|On|At|In|And|For|To)\s", 0)
_SURE: Final = 1.4
"""A name that fits less well is left alone."""
_SHORT: Final = 8
_LEAD: Final = re.compile(
    r"^(?:(?:it|that|this|they|he|she)(?:'s|’s| is| are|'re)?|i think|i have|we have|i've got|a|an|the|my)\s+", re.IGNORECASE
)
_UNKNOWN: Final = frozenset({"i don't know", "don't know", "not sure", "no idea", "i'm not sure", "sorry", "pardon", "what"})
_PLACES: Final = frozenset("city town area region suburb village county destination".split())
_SITES: Final = frozenset("location address street venue site".split())
_PLACE_BEFORE: Final = re.compile(
    r"(?:\b(?:in|to|near|around|within|of|from|into)(?:\s+the\s+(?:city|town|area)\s+of)?|\bcity(?:\s+(?:is|of))?)\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_SITE_BEFORE: Final = re.compile(r"\b(?:at|from|in|to|place|location|located at|address)\s+(?:is\s+)?(?:the\s+)?$", re.IGNORECASE)
_NAME_BEFORE: Final = re.compile(
    r"\b(?:at|with|called|named|to|for|is|of|see|visit|prefer|like|about|try|book|titled?|in|contact|put|a|an|the|choose|reserve)\s+(?:the\s+|a\s+|an\s+)?[\"'“]?$",
    re.IGNORECASE,
)
_BACK: Final = re.compile(
    r"\b(?:confirm\w*|correct|verify|review|is that (?:right|ok\w*)|am i right|booked|scheduled|scheduling|reserved|reserving|you want|you'd like|"
    r"you would like|to (?:reserve|book|schedule)|transferring|booking|book)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A name that might be a field's."""

    value: str
    place: int
    start: int
    quote: str
    fit: float


def names(spoken: Spoken, clauses: Sequence[Clause], fields: Sequence[ExtractField]) -> dict[str, Named]:
    """The best name of each field, by the field's name; no name is two fields'."""
    found = [(field, one) for clause in clauses for field in fields for one in _of(spoken, clause, field)]
    weight: dict[tuple[str, str], float] = {}
    for field, one in found:
        key = (field.name, plain(one.value))
        weight[key] = max(weight.get(key, 0.0), one.fit)
    chosen: dict[str, Named] = {}
    for field, one in sorted(found, key=lambda each: (-weight[each[0].name, plain(each[1].value)], -each[1].fit, -len(each[1].value))):
        if field.name in chosen or any(_same(one.value, other.value) for other in chosen.values()):
            continue
        if one.fit >= _SURE:
            chosen[field.name] = one
    for field in fields:
        if field.name not in chosen and (told := _answer(spoken, field)) is not None:
            chosen[field.name] = told
    return chosen


def _answer(spoken: Spoken, field: ExtractField) -> Named | None:
    """A short answer to a question that only this field's words are in."""
    for place in reversed(range(len(spoken.turns))):
        said = spoken.turns[place]
        question = spoken.asked(place)
        if said.speaker != "caller" or not question.rstrip().endswith("?") or not _cues(field) & set(words(question.split(".")[-1])):
            continue
        clauses = list(spoken.clauses(place))
        if len(clauses) != 1 or len(words(said.text)) > _SHORT or "?" in said.text or heard("yes_no", said.text, spoken.where, asked=True):
            continue
        text = _LEAD.sub("", heard("free_text", said.text, spoken.where, asked=True)[0].value).rstrip(" .!,")
        if text and text.casefold() not in _UNKNOWN:
            return Named(text, place, 0, said.text, _SURE)
    return None


def _of(spoken: Spoken, clause: Clause, field: ExtractField) -> Iterator[Named]:
    said = spoken.turns[clause.place]
    kind = kind_of(field)
    back = said.speaker == "agent" and _BACK.search(said.text) is not None
    asked = said.speaker == "caller" and bool(_cues(field) & set(words(spoken.asked(clause.place))))
    late = clause.place / max(1, len(spoken.turns))
    for start, end in spans(spoken, clause.text):
        fit = _fit(kind, clause.text[:start], clause.text[start:end])
        if fit <= 0.1:
            continue
        if _cues(field) & set(words(clause.text[max(0, start - 40) : start])):
            fit += 0.4
        fit += (1.2 if back else 0.0) + (0.6 if asked else 0.0) + (0.3 if said.speaker == "caller" else 0.0) + late
        yield Named(clause.text[start:end], clause.place, clause.start + start, clause.text, fit)


def kind_of(field: ExtractField) -> str:
    """Whether a field is a place, a site or a name, by its name or else by its description."""
    for text in (field.name.replace("_", " "), field.description):
        said = words(text)
        if "name" in said or "title" in said:
            return "name"
        if _PLACES & set(said):
            return "place"
        if _SITES & set(said):
            return "site"
    return "name"


def _fit(kind: str, before: str, name: str) -> float:
    numbered = re.match(r"\d", name) is not None
    if kind == "place":
        return 1.0 if _PLACE_BEFORE.search(before) and not numbered else 0.3 if not before.strip() and not numbered else 0.0
    if kind == "site":
        return (1.0 if _SITE_BEFORE.search(before) else 0.2) + (0.8 if numbered else 0.0)
    if re.search(r"\bin\s+$", before, re.IGNORECASE):
        return 0.3
    if _STREET.search(name):
        return 0.1
    return 1.0 if _NAME_BEFORE.search(before) else 0.5


def spans(spoken: Spoken, text: str) -> Iterator[tuple[int, int]]:
    """Where names stand in a sentence: runs of capitals, without days, times and the word that only begins the sentence."""
    taken = [
        (one.start, one.end) for kind in ("date", "time", "phone", "money") for one in heard(kind, text, spoken.where) if one.sure >= 0.4
    ]
    shut = "".join(" " if any(a <= at < b for a, b in taken) else letter for at, letter in enumerate(text))
    for match in _NAME.finditer(shut):
        start, end = match.span()
        inner = re.search(r"[\w,&]\s+$", shut[:start]) is not None
        while (
            (not inner or _ALONE.match(shut[start:end]))
            and (first := re.match(r"[\w'’.]+[,:]?\s*", text[start:end]))
            and first[0].strip(" ,:.").casefold() in _OPENERS
        ):
            start += first.end()
        while (last := re.search(r"[\s:&-]*\b(\w+)[.'’]*$", text[start:end])) and last[1].casefold() in _OPENERS:
            end = start + last.start()
        end = (
            start + len(re.sub(r"(?:'s|’s)?[\s.,:&'’-]*$", "", text[start:end]))
            if not re.search(r"\b(?:[A-Z]|Jr|Sr|Dr)\.$", text[start:end])
            else end
        )
        if end - start >= 2 and any(letter.isalpha() for letter in text[start:end]):
            yield start, end


def _cues(field: ExtractField) -> set[str]:
    return {
        one for one in words(f"{field.name.replace('_', ' ')} {field.description}") if len(one) > 3 and one not in {"name", "with", "which"}
    }


def _same(one: str, other: str) -> bool:
    return plain(one) == plain(other)
