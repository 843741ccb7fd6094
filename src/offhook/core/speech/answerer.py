"""Who has answered a call that we placed: a person, or a machine that takes a message. Pure; told of everything, with the call's time.

Evidence, any of which is enough: a machine's words; its beep after a greeting; a first utterance longer than anybody's; the carrier's word,
unless what is heard here is a person. A person with whom there has been a conversation stays one, whatever is heard afterwards.

A machine is told the message after its beep, or where none comes once its greeting has been over for a while. Until then somebody may still
pick up: who says hello in a silence is a person again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from offhook.core.speech.greeting import machines, somebodys
from offhook.core.time import SECOND, Duration, Instant, ms

Who: TypeAlias = Literal["unknown", "person", "machine"]
Why: TypeAlias = Literal["", "words", "beep", "length", "carrier"]
Do: TypeAlias = Literal["wait", "speak", "hang_up"]

CONVERSATION: Final = 2
"""So many answers that were heard to their end make a conversation: a machine talks on."""
WITHIN: Final[Duration] = 45 * SECOND
"""No greeting is longer; what sounds like one later is something else."""
LONG: Final[Duration] = 8 * SECOND
"""Nobody talks so long before they have heard who is ringing,"""
MANY: Final = 12
"""in so many words: a noise has none."""
GREETS: Final[Duration] = SECOND
"""So much speech, at least, comes before a beep."""
PERSONS: Final[Duration] = ms(1_800)
"""A first utterance as short as this, and a silence of ``PAUSE`` after it, is a person's, even if the carrier says otherwise."""
PAUSE: Final[Duration] = ms(900)
BREATH: Final[Duration] = ms(700)
"""A pause as short as this is within an utterance."""
AFTER: Final[Duration] = 3 * SECOND
"""A greeting that has been over for so long has no beep."""
PICKED_UP: Final[Duration] = ms(1_200)
"""So long a machine is silent before somebody says hello who has picked up after all."""
PATIENCE: Final[Duration] = 60 * SECOND
"""So long the end of a greeting is waited for."""


@dataclass(slots=True)
class Answerer:
    """One call's. ``leaves``: a machine is to be told something."""

    leaves: bool
    who: Who = "unknown"
    why: Why = ""
    _answers: int = 0
    _since: Instant | None = None
    """Since when they speak; None while they are silent."""
    _until: Instant | None = None
    """When they stopped speaking last."""
    _first: Duration = 0
    """How long the first utterance is, with its short pauses, and ``_first_from`` when it began."""
    _first_from: Instant | None = None
    _first_over: bool = False
    _spoken: Duration = 0
    _most: int = 0
    """The most words that any turn of theirs has had so far."""
    _found: Instant = 0
    """When the machine was found out."""
    _beeped: bool = False
    _gap: Duration = 0
    """How long it was silent before the utterance that goes on."""

    def speech(self, started: bool, at: Instant) -> None:
        """They begin to speak, or stop."""
        if started:
            self._gap = at - self._until if self._until is not None else 0
            if self._until is not None and at - self._until > BREATH:
                self._first_over = True
            self._since = at
            self._first_from = at if self._first_from is None else self._first_from
        elif self._since is not None:
            self._spoken += at - self._since
            self._since, self._until = None, at
            if not self._first_over and self._first_from is not None:
                self._first = at - self._first_from

    def words(self, text: str, at: Instant) -> None:
        """What they have said in the turn that is open, as far as it is known."""
        self._most = max(self._most, len(text.split()))
        if self.who == "unknown" and at < WITHIN and machines(text):
            self._machine("words", at)
        elif self.who == "machine" and not self._beeped and self._gap >= PICKED_UP and somebodys(text):
            self.who, self.why = "unknown", ""

    def beep(self, at: Instant) -> None:
        """A tone was heard, and silence after it."""
        if self.who == "machine":
            self._beeped = True
        elif self.who == "unknown" and at < WITHIN and self._spoken + (at - self._since if self._since is not None else 0) >= GREETS:
            self._machine("beep", at)
            self._beeped = True

    def told(self, machine: bool, at: Instant) -> None:
        """The carrier says who it is. That it is a person is no news: they are talked to anyway."""
        if machine and self.who == "unknown" and not self._answers and not self._sounds_like_a_person(at):
            self._machine("carrier", at)

    def answered(self) -> None:
        """They have said something and heard the answer to its end."""
        self._answers += 1
        if self.who == "unknown" and self._answers >= CONVERSATION:
            self.who = "person"

    def due(self, at: Instant) -> Do:
        """What is to be done with a machine now; asked all the time."""
        if self.who == "unknown" and not self._answers and self._most >= MANY and self._goes_on_since(at) >= LONG:
            self._machine("length", at)
        if self.who != "machine":
            return "wait"
        if not self.leaves or at - self._found > PATIENCE:
            return "hang_up"
        if self._beeped:
            return "speak"
        quiet = self._since is None and at - max(self._until or 0, self._found) >= AFTER
        return "speak" if quiet else "wait"

    def _machine(self, why: Why, at: Instant) -> None:
        self.who, self.why, self._found = "machine", why, at

    def _goes_on_since(self, at: Instant) -> Duration:
        """How long the first utterance has been so far; 0 once it is over."""
        if self._since is None or self._first_over or self._first_from is None:
            return 0
        return at - self._first_from

    def _sounds_like_a_person(self, at: Instant) -> bool:
        """One short word and then silence, in which they wait for an answer."""
        if self._since is not None or self._until is None or self._first_over:
            return False
        return self._first <= PERSONS and at - self._until >= PAUSE
