"""What the turn core wants done: the outputs of ``step``, as values. The driver applies them in order, in one pass of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

from offhook.core.turn.events import TurnNo


class Line(Enum):
    """Fixed lines that the agent says on its own account; their text is in the plan."""

    GREETING = "greeting"
    """The script's own opening."""
    FALLBACK = "fallback"
    STILL_THERE = "still_there"
    GOODBYE = "goodbye"
    LIMIT = "limit"
    FAILED = "failed"
    SAY = "say"
    """A line commanded from outside; its text is in the effect."""


class Why(Enum):
    """Why a turn was cancelled."""

    BARGE_IN = "barge_in"
    RESUMED = "resumed"
    """The caller went on before anything was heard."""
    STALLED = "stalled"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    HANGUP = "hangup"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """Prepare a reply. ``text`` is the caller's whole turn ("" when a tool's result, or a key, is what is to be answered).

    A speculative turn is muted and must have no effect outside until PromoteTurn.
    """

    turn: TurnNo
    text: str
    speculative: bool
    cause: Literal["speech", "tool", "keys", "transfer"]


@dataclass(frozen=True, slots=True)
class PromoteTurn:
    """The shift is sure: the speculative turn is real and may become audible."""

    turn: TurnNo


@dataclass(frozen=True, slots=True)
class Prompt:
    """Open a turn that says a fixed line."""

    turn: TurnNo
    line: Line
    text: str = ""


@dataclass(frozen=True, slots=True)
class HoldPlayout:
    """Silence at once, at the other side too; it may be resumed."""

    turn: TurnNo


@dataclass(frozen=True, slots=True)
class ResumePlayout:
    """Go on from the held sample."""

    turn: TurnNo


@dataclass(frozen=True, slots=True)
class Flush:
    """Drop what has not been heard, here and at the carrier."""

    turn: TurnNo


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Cancel the turn's scope as a whole. If any of it was heard, the ledger's heard text enters the history."""

    turn: TurnNo
    why: Why


@dataclass(frozen=True, slots=True)
class CommitTurn:
    """The reply was heard to its end."""

    turn: TurnNo


@dataclass(frozen=True, slots=True)
class Listen:
    """The caller's turn is used up: the recogniser forgets it and begins a new one."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Begin the transfer that was commanded."""

    target: str


@dataclass(frozen=True, slots=True)
class End:
    """Close the call."""

    reason: Literal["hangup", "finished", "transferred", "limit", "idle", "failed"]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event means nothing in this state; counted."""

    reason: str


Effect: TypeAlias = (
    OpenTurn | PromoteTurn | Prompt | HoldPlayout | ResumePlayout | Flush | CancelTurn | CommitTurn | Listen | Transfer | End | Ignored
)
