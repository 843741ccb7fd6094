"""The state of a call's conversation, what may happen to it and what it answers with. Frozen values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from offhook.core.script.acts import Act
from offhook.core.understand.types import Context

Status: TypeAlias = Literal["proposed", "known", "confirmed"]


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a slot. ``value`` None means that the caller declined. ``since`` is the length of the path when it came."""

    value: Any
    raw: str = ""
    sure: float = 1.0
    status: Status = "known"
    by: str = "voice"
    since: int = 0
    acked: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A tool's answer, with the fingerprint of the arguments that it came from."""

    print: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """A tool that runs."""

    tool: str
    print: str


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was started: it may have had its effect whatever came back. ``used`` is the slots' values."""

    tool: str
    print: str
    used: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Open:
    """The open question. ``heard`` is set once it was played to its last value."""

    kind: Literal["ask", "guess", "confirm", "agree", "change"]
    item: str
    text: str
    slot: str = ""
    tool: str = ""
    print: str = ""
    upto: int = 0
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A state on the path, with the states that wait for it to return."""

    state: str
    stack: tuple[str, ...] = ()
    said: bool = False
    called: bool = False


@dataclass(frozen=True, slots=True)
class Emitted:
    """Something in the last reply: what Spoken refers to."""

    item: str
    text: str
    kind: str
    valued: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """What the limits count."""

    turns: int = 0
    unclear: int = 0
    silences: int = 0
    abuse: int = 0
    runs: int = 0
    tries: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    topics: Mapping[str, int] = field(default_factory=dict)
    visits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScriptState:
    """Everything that is known of a conversation."""

    path: tuple[Visit, ...]
    context: Context | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    passages: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    results: Mapping[str, Result] = field(default_factory=dict)
    pending: Mapping[str, Pending] = field(default_factory=dict)
    agreed: Mapping[str, str] = field(default_factory=dict)
    written: tuple[Written, ...] = ()
    open: Open | None = None
    owed: tuple[Emitted, ...] = ()
    must: Mapping[str, int] = field(default_factory=dict)
    """How often a text of ``must_say`` was begun; -1 once it was heard whole."""
    said: Mapping[str, str] = field(default_factory=dict)
    last: tuple[Emitted, ...] = ()
    readback: str = ""
    outcome: str | None = None
    transferring: str = ""
    gave_up: bool = False
    mode: Literal["voice", "keys"] = "voice"
    ended: bool = False
    counters: Counters = field(default_factory=Counters)

    @property
    def at(self) -> str:
        """The state's name."""
        return self.path[-1].state

    @property
    def stack(self) -> tuple[str, ...]:
        """The states that wait for this one to return."""
        return self.path[-1].stack


@dataclass(frozen=True, slots=True)
class Begin:
    """The call begins; ``passages`` is the tenant's own text, (title, text)."""

    given: Mapping[str, Any]
    context: Context
    passages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """The caller spoke. ``source`` is rules, model or acts."""

    acts: tuple[Act, ...]
    source: str = "rules"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """Telephone keys, as they were pressed. Of what was keyed in secret ``digits`` is empty, and ``sealed`` None where it does not fit."""

    digits: str
    sealed: Any = None


@dataclass(frozen=True, slots=True)
class Silence:
    """The caller says nothing."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """How much of an item was heard."""

    item: str
    heard: str
    whole: bool


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A tool answered or failed; ``error`` is conflict, rejected, timeout, unavailable, or anything else."""

    key: str
    values: Mapping[str, Any]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Transferred:
    """A transfer has ended."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Mode:
    """From now on by voice, or by keys."""

    mode: Literal["voice", "keys"]


@dataclass(frozen=True, slots=True)
class Hangup:
    """The caller has gone."""


ScriptEvent: TypeAlias = Begin | Understood | Keys | Silence | Spoken | ToolDone | Transferred | Mode | Hangup


@dataclass(frozen=True, slots=True)
class Say:
    """To be said. ``kind``: ack, answer, say, must, goodbye. ``keep`` asks to keep the floor."""

    item: str
    text: str
    kind: str = "say"
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """To be asked, at most once in a reply. ``kind``: ask, guess, confirm, agree, change."""

    item: str
    text: str
    slot: str
    type: str
    kind: str = "ask"


@dataclass(frozen=True, slots=True)
class Run:
    """Run a tool. The same ``key`` is the same work."""

    tool: str
    args: Mapping[str, Any]
    key: str
    effect: str
    timeout_ms: int
    filler: str = ""
    sealed: Mapping[str, str] = field(default_factory=dict)
    """Arguments of which only the call's vault has the value: its tokens, by name."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Put the caller through; ``number`` is what was given under that name, if anything."""

    target: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The conversation is over once the last words were heard."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An act without effect, and why."""

    act: Act
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """For the staff or the record: a code and a text."""

    code: str
    text: str = ""


Out: TypeAlias = Say | Ask | Run | Transfer | End | Refused | Note
