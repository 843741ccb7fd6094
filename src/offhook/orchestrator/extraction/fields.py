"""The fields that a tenant defines, read off the words by rules alone. Pure.

The last mention that stands counts. Where several fields could be meant, the words of a field's name and description, near the value or
in the question before it, say which. A caller's own words count, and an agent's that read something back and were let stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from offhook.authoring.heard import Heard, Kind, heard
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction.names import names
from offhook.orchestrator.extraction.port import Value
from offhook.orchestrator.extraction.spoken import Clause, Spoken, words

KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "date": ("date",),
    "time": ("time",),
    "number": ("money", "number"),
    "yes_no": ("yes_no",),
    "choice": ("choice",),
}
_EMPTY: Final = frozenset(
    "a an and any are at by for from in is it of on or the their this to with what whether which who how caller customer".split()
)
_READ_BACK: Final = re.compile(
    r"\b(?:confirm\w*|correct|verify|review|is that (?:right|ok\w*)|am i right|booked|scheduled|reserved|you want|you'd like|"
    r"you would like|to (?:reserve|book|schedule))\b",
    re.IGNORECASE,
)
_PROPOSED: Final = re.compile(
    r"\b(?:how about|what about|available|slot|opening|would .* (?:suit|do|work)|does .* (?:suit|work)|shall (?:we|i))\b", re.IGNORECASE
)
EVERY: Final = re.compile(r"(?:on )?(?:mon|tues|wednes|thurs|fri|satur|sun)days|(?:every|each) .*", re.IGNORECASE)
_MONEY: Final = frozenset({"price", "cost", "amount", "budget", "money"})
_SPAN: Final = (
    frozenset({"begin", "start", "from", "pick", "pickup", "arriv", "arrival", "checkin", "since"}),
    frozenset({"end", "until", "till", "return", "drop", "dropoff", "back", "leav", "departure", "checkout"}),
    frozenset({"party", "people", "person", "guest", "seat", "passenger", "adult"}),
    frozenset({"night", "day"}),
    _MONEY,
)
"""Words for the same: either end of a time between two, how many people, how long, how much."""
_FIGURES: Final = re.compile(r"\+?\d[\d ().-]{6,}\d|\b\d+(?:\s+[A-Z][\w.]*)+|#\s?\w+")
"""Telephone numbers, and the numbers of houses and doors: no number that a field asks for."""
_IDLE: Final = frozenset({"now", "one", "a million", "million", "the one"})
"""Words that are most often no value."""
_NEAR: Final = 40
"""Characters around a value in which a word of a field's name speaks for it."""
_AROUND: Final = 18


@dataclass(frozen=True, slots=True)
class Mention:
    """A value that might be a field's: in which turn, where in it, and how well it fits."""

    value: Any
    place: int
    start: int
    quote: str
    fit: float


def read(spoken: Spoken, fields: Sequence[ExtractField]) -> dict[str, Value]:
    """The values of those that somebody said, by name."""
    clauses = [one for place in range(len(spoken.turns)) for one in spoken.clauses(place)]
    found: dict[str, Mention] = {}
    for kind in KINDS:
        group = [one for one in fields if one.type == kind]
        if group:
            found |= _typed(spoken, clauses, group)
    found |= {
        name: Mention(one.value, one.place, one.start, one.quote, one.fit)
        for name, one in names(spoken, clauses, [one for one in fields if one.type == "text"]).items()
    }
    return {name: Value(one.value, spoken.evidence("rules", one.place, one.quote)) for name, one in found.items()}


def cues(field: ExtractField) -> frozenset[str]:
    """Words that speak for a field: of its name, and of its description what is no filler."""
    own = frozenset(
        _stem(one) for one in words(f"{field.name.replace('_', ' ')} {field.description}") if one not in _EMPTY and len(one) > 2
    )
    return own.union(*(one for one in _SPAN if own & one))


def _typed(spoken: Spoken, clauses: Sequence[Clause], fields: Sequence[ExtractField]) -> dict[str, Mention]:
    best: dict[str, Mention] = {}
    for clause in clauses:
        heard_here = list(_heard(spoken, clause, fields))
        taken: set[tuple[str, int]] = set()
        for field, one, fit in sorted(heard_here, key=lambda each: -each[2]):
            if (field.name, -1) in taken or ("", one.start) in taken:
                continue
            if fit <= 0 or (field.name in best and best[field.name].fit > fit + _aged(clause.place - best[field.name].place)):
                continue
            taken |= {(field.name, -1), ("", one.start)}
            best[field.name] = Mention(_value(one.value, field), clause.place, clause.start + one.start, clause.text, fit)
    return best


def _aged(turns: int) -> float:
    """What a mention loses to a later one."""
    return min(turns, 10) * 0.2


def _heard(spoken: Spoken, clause: Clause, fields: Sequence[ExtractField]) -> Iterator[tuple[ExtractField, Heard, float]]:
    """Every value of the fields' type in a sentence with every field that it might be, and how well it fits."""
    said = spoken.turns[clause.place]
    before = spoken.asked(clause.place) if said.speaker == "caller" else ""
    back = said.speaker == "agent" and (_READ_BACK.search(said.text) or _PROPOSED.search(clause.text)) is not None
    asked_for = _wanted(before, fields) if before else None
    for field in fields:
        own = cues(field)
        for one in _values(clause.text, field, spoken, asked=asked_for is field):
            near = _cue(clause.text, one, own, fields)
            others = max((_cue(clause.text, one, cues(other), fields) for other in fields if other is not field), default=0.0)
            fit = near - others
            if asked_for is field:
                fit += 0.8
            elif asked_for is not None:
                fit -= 0.4
            fit += _bare(field, fields, one, said.speaker, back=back)
            yield field, one, fit + (0.3 if back else 0.0) + one.sure / 10


def _bare(field: ExtractField, fields: Sequence[ExtractField], one: Heard, speaker: str, *, back: bool) -> float:
    """What a value counts that no word speaks for: days and times are most often meant, figures and a yes rarely."""
    if field.type in {"date", "time"}:
        if speaker == "agent" and not back:
            return -0.2
        return 0.5 if len(fields) == 1 else 0.35 - 0.05 * fields.index(field)
    if field.type == "choice":
        return 0.4 if speaker == "caller" or back else 0.05
    if field.type == "number" and len(fields) == 1:
        return 0.2 if (speaker == "caller" or back) and one.sure >= 0.5 else -0.2
    return 0.0 if field.type == "yes_no" or not back else 0.05


def _values(text: str, field: ExtractField, spoken: Spoken, *, asked: bool) -> Iterator[Heard]:
    if field.type == "choice":
        options = {one: (one.replace("_", " "),) for one in field.choices}
        yield from heard("choice", text, spoken.where, options=options, asked=asked)
        return
    if field.type == "yes_no" and not asked:
        return
    seen: set[int] = set()
    shut = [match.span() for match in _FIGURES.finditer(text)] if field.type in {"number", "time"} else []
    kinds = KINDS[field.type]
    if field.type == "number" and not cues(field) & _MONEY:
        kinds = ("number",)
        shut += [(one.start, one.end) for one in heard("money", text, spoken.where)]
    for kind in kinds:
        for one in heard(kind, text, spoken.where, asked=asked):
            if (
                one.quote.casefold().removeprefix("right ") in _IDLE
                or EVERY.fullmatch(one.quote.strip())
                or any(a < one.end and one.start < b for a, b in shut)
            ):
                continue
            if one.start not in seen and (field.type != "yes_no" or one.sure >= 0.5):
                seen.add(one.start)
                yield one


def _wanted(question: str, fields: Sequence[ExtractField]) -> ExtractField | None:
    """Which of these a question asks for: the one whose words it has most of; None if no word speaks for any."""
    said = {_stem(one) for one in words(question)}
    scored = [(len(cues(one) & said) / max(1, len(cues(one))), one) for one in fields]
    top = max((score for score, _ in scored), default=0.0)
    best = [one for score, one in scored if score == top]
    return best[0] if top > 0 and len(best) == 1 else None


def _cue(text: str, one: Heard, own: frozenset[str], fields: Sequence[ExtractField]) -> float:
    """How strongly the words about a value speak for a field: those that its fellows have too count little."""
    shared = {word for other in fields for word in cues(other) if cues(other) != own}
    inside = {_stem(word) for word in words(text[one.start : one.end])}
    before = {_stem(word) for word in words(text[max(0, one.start - _NEAR) : one.start])}
    after = {_stem(word) for word in words(text[one.end : one.end + _AROUND])}
    score = 0.0
    for word in own:
        weight = 0.2 if word in shared else 1.0
        score += weight * (1.0 if word in inside or word in after else 0.8 if word in before else 0.0)
    return min(score, 1.2)


def _value(value: Any, field: ExtractField) -> Any:  # noqa: ANN401 - as the grammars have them
    if isinstance(value, Mapping):
        minor = int(value["minor"])
        return minor // 100 if minor % 100 == 0 else minor / 100
    if field.type == "number" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _stem(word: str) -> str:
    for end in ("ing", "ies", "es", "s"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)] + ("y" if end == "ies" else "")
    return word
