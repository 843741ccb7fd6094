"""The state of a call's turns: three small regions and what they share. One frozen value; ``step`` makes the next.

Call: ringing, live, transferring, closing, ended. User floor: silent, speaking, trailing (stopped, shift not yet decided).
Agent floor: quiet, preparing, speaking (``Talking``), held. Deadlines are absolute instants within the state they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

from offhook.core.time import Instant
from offhook.core.turn.events import TurnNo

EndReason = Literal["hangup", "finished", "transferred", "limit", "idle", "failed"]


class Phase(Enum):
    """The call as a whole."""

    RINGING = "ringing"
    LIVE = "live"
    TRANSFERRING = "transferring"
    CLOSING = "closing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Silent:
    """The caller does not speak."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """The caller speaks since ``since``; ``until`` is the longest that a turn may last."""

    since: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Trailing:
    """The caller stopped at ``stopped``; unless more comes, the turn is over at ``until``. ``final``: this stop's words are in.

    ``owed``: it was a sound over the agent, who goes on, and the recogniser has not said yet what it was.
    """

    since: Instant
    stopped: Instant
    until: Instant
    final: bool = False
    owed: bool = False


User: TypeAlias = Silent | Speaking | Trailing


@dataclass(frozen=True, slots=True)
class Quiet:
    """No turn is open."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """A turn is open and nothing of it is audible. ``until``: no progress by then is a stall."""

    turn: TurnNo
    until: Instant
    text: str = ""
    speculative: bool = False
    spoken: bool = False
    """It answers the caller's words (so the words go on if the caller does)."""
    taken: bool = False
    ready: bool = False
    done: bool = False
    line: bool = False
    """A fixed line: that it was heard does not say that answers work."""


@dataclass(frozen=True, slots=True)
class Talking:
    """A turn is audible. ``kept``: until then the caller's "yes" over it is its answer, if it is heard to its end."""

    turn: TurnNo
    until: Instant
    done: bool = False
    line: bool = False
    kept: Instant | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A turn is stopped where it is, because the caller makes a sound. At ``until`` it is resumed or given up.

    ``before`` is what it goes back to; ``extended`` how often a sound without words has been waited for, ``restarts`` how often
    the caller began again.
    """

    before: Preparing | Talking
    until: Instant
    extended: int = 0
    restarts: int = 0

    @property
    def turn(self) -> TurnNo:
        """The open turn."""
        return self.before.turn


Agent: TypeAlias = Quiet | Preparing | Talking | Held


@dataclass(frozen=True, slots=True)
class TurnState:
    """Everything that turn-taking remembers."""

    phase: Phase = Phase.RINGING
    user: User = Silent()
    agent: Agent = Quiet()
    next_turn: TurnNo = 1
    segments: tuple[tuple[int, str], ...] = ()
    """The caller's words of the open turn, by the recogniser's segment."""
    score: float = 0.0
    hint: float | None = None
    behind: Instant | None = None
    """Until then words of the open turn that no recogniser has told yet are waited for."""
    tools: tuple[tuple[int, Instant], ...] = ()
    """Running tools and when each is given up."""
    results: bool = False
    """A tool has answered and no reply has taken it up."""
    digits: str = ""
    digits_until: Instant | None = None
    says: tuple[str, ...] = ()
    idle_at: Instant | None = None
    idle_prompts: int = 0
    failures: int = 0
    reason: EndReason | None = None
    """Why the call is closing."""
    transfer: str | None = None
    """A transfer that waits for the open reply to be heard."""
    phase_until: Instant | None = None
    """End of a transfer's or a goodbye's patience."""
    call_until: Instant | None = None

    @property
    def text(self) -> str:
        """The caller's words so far."""
        return " ".join(text for _, text in self.segments if text)

    @property
    def open_turn(self) -> TurnNo | None:
        """The turn that is open."""
        return None if isinstance(self.agent, Quiet) else self.agent.turn


def initial() -> TurnState:
    """Before the answer."""
    return TurnState()
