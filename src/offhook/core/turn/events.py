"""What may happen to a call's turns: the inputs of ``step``. Each says when, on the call's clock.

Frozen and closed: do not subclass. Text arrives by *segment*: a later event of the same segment replaces the earlier
text, another segment adds to it, so one vocabulary serves recognisers that re-decode and those that only append.
``score`` is how complete the caller's whole turn so far sounds, 0 to 1, judged from the words and from what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from offhook.core.time import Instant

TurnNo: TypeAlias = int
"""Number of an agent turn within its call, from 1; never used twice."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The line is up; the agent may greet."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Hangup:
    """The caller has gone, or the media is lost."""

    at: Instant


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The voice detector heard speech begin; ``since`` is the arrival of its first sample."""

    at: Instant
    since: Instant


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The voice detector heard speech end; ``since`` is the arrival of its last sample. Deadlines count from there."""

    at: Instant
    since: Instant


@dataclass(frozen=True, slots=True)
class Partial:
    """Words so far, may change."""

    at: Instant
    segment: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Final:
    """Words of a segment whose audio has paused; still replaced if the same segment goes on."""

    at: Instant
    segment: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Settled:
    """The words have not changed for a while, and the detector hears no speech just now: it may be the end (prepare a reply, muted)."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Behind:
    """Whoever recognises the caller's words has been lost, or has just come and is told the open turn anew: words of it are to come."""

    at: Instant


@dataclass(frozen=True, slots=True)
class ShiftScored:
    """An acoustic model's (or a vendor's) opinion that the turn is over, 0 to 1. A hint, never alone sure."""

    at: Instant
    score: float


@dataclass(frozen=True, slots=True)
class TurnEnding:
    """A recogniser that decides on turns itself says that this one is over: ``sure``, or likely (prepare a reply, muted)."""

    at: Instant
    sure: bool


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A telephone key: 0-9, *, #, A-D; ``x`` for a digit that is keyed in secret."""

    at: Instant
    digit: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The reply's first audio is in the playout."""

    at: Instant
    turn: TurnNo


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """All the reply's audio is in the playout. With no audio at all the turn ends silent."""

    at: Instant
    turn: TurnNo


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The reply broke: a provider died or there was nothing to say where something was due."""

    at: Instant
    turn: TurnNo
    why: str


@dataclass(frozen=True, slots=True)
class Played:
    """The reply has been heard up to ``sample``: progress, and the ledger's input."""

    at: Instant
    turn: TurnNo
    sample: int


@dataclass(frozen=True, slots=True)
class Drained:
    """The reply has been heard to its end."""

    at: Instant
    turn: TurnNo


@dataclass(frozen=True, slots=True)
class Taken:
    """The turn has started work that cannot be taken back (a write): the caller's text is used up, whatever happens to the reply."""

    at: Instant
    turn: TurnNo


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool runs in the call's scope; ``call`` is its number within the call."""

    at: Instant
    call: int


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A tool has answered, failed or run out of time. Its result enters the next turn."""

    at: Instant
    call: int


@dataclass(frozen=True, slots=True)
class Command:
    """From outside (REST) or from the script: say a line, transfer, end. ``end`` and ``transfer`` wait for the open reply to be heard.

    ``hush``: whoever has the floor loses it, and what waits to be said is not said: nobody is there to talk with.
    """

    at: Instant
    kind: Literal["say", "transfer", "end", "hush"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Transferred:
    """How a transfer ended."""

    at: Instant
    ok: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""

    at: Instant


Event: TypeAlias = (
    Answered
    | Hangup
    | SpeechStarted
    | SpeechStopped
    | Partial
    | Final
    | Settled
    | Behind
    | ShiftScored
    | TurnEnding
    | Dtmf
    | ReplyAudio
    | ReplyDone
    | ReplyFailed
    | Played
    | Drained
    | Taken
    | ToolStarted
    | ToolDone
    | Command
    | Transferred
    | Tick
)
