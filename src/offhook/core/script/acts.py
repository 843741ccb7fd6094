"""Acts: what a caller did, typed. The one format that rules, keys and a language model produce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Set:
    """A value was given. ``raw`` is the caller's words; ``sure`` is 0 to 1."""

    slot: str
    value: Any
    raw: str = ""
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Correct:
    """A value was put right; without a slot it means what was read back last, without a value it is only known to be wrong."""

    slot: str | None = None
    value: Any = None
    raw: str = ""
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Affirm:
    """Yes to the open question."""


@dataclass(frozen=True, slots=True)
class Deny:
    """No to the open question."""


@dataclass(frozen=True, slots=True)
class Choose:
    """The n-th of what was offered, from 1."""

    n: int


@dataclass(frozen=True, slots=True)
class NoneOfThese:
    """Nothing of what was offered."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The caller has none, or would rather not say."""


@dataclass(frozen=True, slots=True)
class Raise:
    """A topic or objection was raised."""

    topic: str


@dataclass(frozen=True, slots=True)
class Question:
    """An open question, for the tenant's own text. The act's name is ``ask``."""

    question: str


@dataclass(frozen=True, slots=True)
class Use:
    """A read tool of the state is wanted."""

    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Human:
    """Speak to a person."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up what is being done."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The caller takes leave."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Say it again."""


@dataclass(frozen=True, slots=True)
class Help:
    """The caller asks what can be said here."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One moment."""


@dataclass(frozen=True, slots=True)
class Chitchat:
    """Thanks, greetings, small talk."""


@dataclass(frozen=True, slots=True)
class Abuse:
    """Insults."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing could be made of it."""


Act: TypeAlias = (
    Set
    | Correct
    | Affirm
    | Deny
    | Choose
    | NoneOfThese
    | Skip
    | Raise
    | Question
    | Use
    | Human
    | Cancel
    | Goodbye
    | Repeat
    | Help
    | Hold
    | Chitchat
    | Abuse
    | Unclear
)

_BY_NAME: dict[str, type[Act]] = {
    "set": Set,
    "correct": Correct,
    "affirm": Affirm,
    "deny": Deny,
    "choose": Choose,
    "none_of_these": NoneOfThese,
    "skip": Skip,
    "raise": Raise,
    "ask": Question,
    "use": Use,
    "human": Human,
    "cancel": Cancel,
    "goodbye": Goodbye,
    "repeat": Repeat,
    "help": Help,
    "hold": Hold,
    "chitchat": Chitchat,
    "abuse": Abuse,
    "unclear": Unclear,
}
_NAMES = {kind: name for name, kind in _BY_NAME.items()}


def name_of(act: Act) -> str:
    """The act's name as documents and events write it."""
    return _NAMES[type(act)]


def as_dict(act: Act) -> dict[str, Any]:
    """An act as plain data: ``{"act": name, ...}``."""
    return {"act": name_of(act), **{each.name: getattr(act, each.name) for each in fields(act)}}


def from_dict(data: Mapping[str, Any]) -> Act | None:
    """The act that plain data describes, None if it describes none."""
    kind = _BY_NAME.get(str(data.get("act", "")))
    if kind is None:
        return None
    known = {each.name for each in fields(kind)}
    given = {key: value for key, value in data.items() if key != "act"}
    if not set(given) <= known:
        return None
    try:
        return kind(**given)
    except TypeError:
        return None
