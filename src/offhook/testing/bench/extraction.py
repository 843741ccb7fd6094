"""How much of the bookings of ../shared/dialogues is read off their words, without a script: by rules, or through a model's answer."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from offhook.authoring.heard import Kind, Where, heard
from offhook.errors import ConfigError

WHERE: Final = Where("en-US", "US", datetime(2019, 3, 1, 9, tzinfo=UTC))
"""Where the callers of this collection live, and the day on which they do."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a booking holds, as a tenant would define it."""

    name: str
    type: str
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One side's words."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A dialogue and what was booked in it, which is for a double of a model alone."""

    dialogue: str
    turns: tuple[Turn, ...]
    fields: tuple[Field, ...]
    gold: Mapping[str, str]


Reader = Callable[[Booking], Awaitable[Mapping[str, Any]]]
"""Reads the fields off a dialogue: values by name, those that nobody said left out."""


@dataclass(slots=True)
class Score:
    """Of all slots of all gold bookings: read rightly, wrongly, not at all; and by kind of slot."""

    right: int = 0
    wrong: int = 0
    empty: int = 0
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    misses: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Dialogue, slot, gold, read."""

    @property
    def slots(self) -> int:
        """All."""
        return self.right + self.wrong + self.empty


def fields_of(schema: Mapping[str, Any], service: str, slots: Sequence[str]) -> list[Field]:
    """A service's slots as a tenant's fields, by the words of its own schema."""
    known = {one["name"]: one for one in schema[service]["slots"]}
    return [_field(known[name]) for name in slots]


def _field(slot: Mapping[str, Any]) -> Field:
    name, values = slot["name"], tuple(slot["possible_values"])
    return Field(name, _type(slot), slot["description"], values if _type(slot) == "choice" else ())


def _type(slot: Mapping[str, Any]) -> str:
    name, values = slot["name"], slot["possible_values"]
    if slot["is_categorical"]:
        return "number" if all(one.isdigit() for one in values) else "choice"
    if re.match(r"(amount|number_of_)", name):
        return "number"
    return next((kind for kind in ("date", "time") if name == kind or name.endswith(f"_{kind}")), "text")


def bookings(folder: Path) -> list[Booking]:
    """Every booking; ConfigError when the shared data is not there."""
    path = folder / "booking_dialogues.jsonl"
    if not path.is_file():
        raise ConfigError(f"{path} is not there: the bench of extraction needs the shared dialogues")
    schema = json.loads((folder / "booking_schema.json").read_text(encoding="utf-8"))
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        turns = tuple(Turn(one["speaker"], one["text"]) for one in told["turns"])
        for one in told["bookings"]:
            fields = tuple(fields_of(schema, one["service"], list(one["params"])))
            found.append(Booking(told["id"], turns, fields, one["params"]))
    return found


async def measure(given: Sequence[Booking], read: Reader) -> Score:
    """Have every booking read."""
    score = Score()
    for one in given:
        found = await read(one)
        for name, gold in one.gold.items():
            _count(score, one.dialogue, name, gold, found.get(name))
    return score


FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "plain": lambda text: text,
    "fenced": lambda text: f"```json\n{text}\n```",
    "prose around": lambda text: f"Here is the form you asked for:\n\n{text}\n\nIs there anything else?",
    "thinking first": lambda text: f"<think>Let me see what the caller said.</think>\n{text}",
    "keys without quotes": lambda text: re.sub(r'"(\w+)":', r"\1:", text),
    "trailing comma": lambda text: text[:-1] + ",}",
    "not closed": lambda text: text.rstrip("}"),
    "unknown fields": lambda text: text[:-1] + ', "confidence": 0.9, "notes": ["a", {"b": 1}]}',
    "a wrong enum": lambda text: text[:-1] + ', "sentiment": {"value": "furious", "turn": 1, "quote": "x"}}',
    "wrong types": lambda text: text[:-1] + ', "phone": 7, "email": [], "urgency": true}',
}
"""A model's answer as models write them; each holds all of it."""


def answer(one: Booking) -> str:
    """What a model that understands everything answers: each value with the last turn that says it, the caller's own first."""
    told = {}
    for each in one.fields:
        gold = one.gold[each.name]
        places = [place for place, turn in enumerate(one.turns) if _says(turn.text, each, gold)]
        place = max(places, key=lambda at: (one.turns[at].speaker == "caller", at), default=0)
        told[each.name] = {"value": gold, "turn": place + 1, "quote": one.turns[place].text}
    return json.dumps({"intent": {"value": "booking", "turn": 1, "quote": one.turns[0].text}, "fields": told})


def _says(text: str, one: Field, gold: str) -> bool:
    if one.type in {"date", "time", "number"}:
        kind: Kind = "date" if one.type == "date" else "time" if one.type == "time" else "number"
        return any(str(each.value) == gold for each in heard(kind, text, WHERE, asked=True))
    return _plain(gold) in _plain(text)


def _count(score: Score, dialogue: str, name: str, gold: str, found: Any) -> None:  # noqa: ANN401 - any value
    text = "" if found is None else str(found)
    what = "empty" if not text else "right" if _plain(text) == _plain(gold) else "wrong"
    setattr(score, what, getattr(score, what) + 1)
    score.kinds.setdefault(name, Counter())[what] += 1
    if what != "right":
        score.misses.append((dialogue, name, gold, text))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold().replace("'", "")))
