"""A call by text as values: what the caller does, and what came of it. Played by ``rehearse``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from offhook.contracts.events import ToolAnswer
from offhook.contracts.rehearsal import Answered

Kind: TypeAlias = Literal["caller", "keys", "silence", "hangup"]
By: TypeAlias = Literal["", "rules", "model", "plain", "policy"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller does. ``cut_at`` is where in the agent's words before it they broke in: nothing after that was heard."""

    kind: Kind
    text: str = ""
    cut_at: str = ""
    answer: Answered | None = None
    """What a model said to it; of no account where the rules explain all of the words."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the agent says. ``item`` is the script's name for it, "" for a fixed line of the plan.

    ``kind`` is one of the script's: ack, answer, say, must, goodbye, ask, guess, confirm, agree, change; or ``line``.
    """

    item: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A tool that would have run, and what its fake answered."""

    tool: str
    effect: str
    args: dict[str, Any]
    values: dict[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a note of the script (``way`` names the rule that was taken, such as ``states/route/next/0``)."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Denied:
    """An act of the caller's that had no effect."""

    act: str
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """What was heard of one side. ``cut``: the caller broke in there."""

    who: Literal["caller", "agent"]
    text: str
    cut: bool = False


@dataclass(slots=True)
class Played:
    """A turn and all that followed from it. ``digest`` is of everything up to here: it changes from the first difference on."""

    kind: str
    text: str
    answered_by: By = ""
    """Who answered the caller's words (``contracts.rehearsal.Rehearsed.by``); "" where there were none."""
    why: str = ""
    answer: Answered | None = None
    acts: list[dict[str, Any]] = field(default_factory=list)
    agent: list[Said] = field(default_factory=list)
    asks: str = ""
    tools: list[Ran] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    refused: list[Denied] = field(default_factory=list)
    at: str = ""
    stack: list[str] = field(default_factory=list)
    slots: dict[str, dict[str, Any]] = field(default_factory=dict)
    transfer: str | None = None
    ended: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Mishap:
    """What went wrong in the rehearsal itself, and in which turn."""

    turn: int
    message: str


@dataclass(frozen=True, slots=True)
class Course:
    """A whole conversation. ``turns`` begins with what the agent says first."""

    script: str
    version: int
    turns: list[Played]
    ended: bool
    outcome: str
    path: list[str]
    mishaps: list[Mishap]
    steps: int
    waits: int | None = None
    """The turn (0 is the opening) that a model is to answer; nothing after it was played."""
    results: tuple[ToolAnswer, ...] = ()
    """What the tools answered, one run after the other."""


def same_until(former: Sequence[str], turns: Sequence[Played]) -> int:
    """How many turns, the opening included, are as they were when their digests were ``former``."""
    count = 0
    for old, new in zip(former, turns, strict=False):
        if old != new.digest:
            break
        count += 1
    return count
