"""A checked script as the core reads it: frozen values, every shorthand of the document written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from offhook.core.script.expr import Expr


@dataclass(frozen=True, slots=True)
class Hole:
    """``{path:style}`` in a text."""

    path: str
    style: str = ""


Template: TypeAlias = tuple[str | Hole, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording of a text, by language; used if its condition holds."""

    when: Expr | None
    texts: Mapping[str, Template]


Say: TypeAlias = tuple[Variant, ...]
"""The first variant that holds is said; none holding says nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A way on: where to, if the condition holds, forgetting these slots first."""

    when: Expr | None
    go: str
    forget: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a failure, or an empty offer, leads to."""

    say: Say = ()
    forget: tuple[str, ...] = ()
    go: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to a choice."""

    name: str
    label: Mapping[str, str]
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that a value must meet, and what is said when it does not."""

    when: Expr
    otherwise: Say


@dataclass(frozen=True, slots=True)
class Slot:
    """A value to find out. ``confirm`` is always written out. ``source`` is ``tool.field`` of an offer."""

    name: str
    type: str
    ask: tuple[Say, ...]
    confirm: str
    options: tuple[Option, ...] = ()
    check: tuple[Check, ...] = ()
    optional: bool = False
    guess: str | None = None
    guess_ask: Say = ()
    resets: tuple[str, ...] = ()
    keys: str | None = None
    source: str | None = None
    if_empty: Reaction | None = None
    pattern: str = ""
    spoken: str = ""
    says: tuple[str, ...] = ()
    secure: bool = False
    """Keyed in secret: nobody reads it but the tool that it is for."""

    @property
    def tool(self) -> str:
        """The read tool that an offer comes from, "" for other types."""
        return self.source.partition(".")[0] if self.source else ""


@dataclass(frozen=True, slots=True)
class Argument:
    """``name: path`` or ``name: maybe path``."""

    name: str
    path: str
    maybe: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """Work with an effect. ``confirm`` empty with ``effect`` write means that none is needed, ``because`` says why."""

    name: str
    effect: str
    args: tuple[Argument, ...]
    gives: Mapping[str, str]
    confirm: Say = ()
    because: str = ""
    timeout_ms: int = 5_000
    filler: Say = ()
    if_fails: Mapping[str, Reaction] = field(default_factory=dict)
    if_changed: str | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """What a caller may raise at any moment; an objection has several answers, used up one by one, then ``go``."""

    name: str
    hint: str
    says: tuple[str, ...]
    answers: tuple[Say, ...] = ()
    call: str | None = None
    go: str | None = None
    first: bool = False
    scope: tuple[str, ...] = ()
    objection: bool = False


@dataclass(frozen=True, slots=True)
class MustSay:
    """Said word for word, whole, before a gate: ``first question``, ``goodbye``, a state or a tool."""

    name: str
    text: Say
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A place in the call. The order inside is fixed: say, call, collect, do, transfer, outcome, then next, return or end."""

    name: str
    goal: str = ""
    say: Say = ()
    call: str | None = None
    collect: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    do: str | None = None
    transfer: str | None = None
    if_fails: str | None = None
    outcome: str | None = None
    next: tuple[Line, ...] = ()
    returns: bool = False
    end: str | None = None
    wording: str = "guided"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What happens to an open question that the tenant's text does not answer."""

    unsure: Say
    go: str | None


@dataclass(frozen=True, slots=True)
class Universals:
    """Ways out that every caller has."""

    human: tuple[Line, ...]
    cancel: tuple[Line, ...] = ()
    goodbye: tuple[Line, ...] = ()
    texts: Mapping[str, Say] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script. ``hash`` is over its document."""

    id: str
    version: int
    hash: str
    title: str
    languages: tuple[str, ...]
    wording: str
    persona: str
    never: tuple[str, ...]
    start: str
    given: Mapping[str, str]
    must_say: tuple[MustSay, ...]
    knowledge: Knowledge | None
    slots: Mapping[str, Slot]
    tools: Mapping[str, Tool]
    topics: Mapping[str, Topic]
    universals: Universals
    states: Mapping[str, State]
    outcomes: Mapping[str, str]
