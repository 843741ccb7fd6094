"""A recogniser that has nothing to say about speech, and whose fault that was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from offhook.engine.failover.ear import SttPolicy
from offhook.engine.failover.health import Candidate
from offhook.engine.failover.tape import Tape
from offhook.errors import ProviderError, Timeout
from offhook.ports.stt import Stt


class Silence:
    """Since when the one that listens has had nothing to tell, in time and in audio, what it owes, and who is suspected of being stuck.

    Samples are the tape's. ``failed`` hears whose fault it was, once that is known.
    """

    def __init__(
        self, policy: SttPolicy, tape: Tape, candidates: Sequence[Candidate[Stt]], failed: Callable[[ProviderError], None]
    ) -> None:
        self.speaking = False
        """By the detector."""
        self.owes = False
        """Speech has ended whose words are not final."""
        self._policy = policy
        self._tape = tape
        self._candidates = candidates
        self._failed = failed
        self._began = anyio.current_time()
        self._sample = 0
        self._spoken_from = 0
        self._owed_from = 0
        self._known = False
        self._patience = 1.0
        self._suspects: list[tuple[Candidate[Stt], Timeout, int]] = []

    def sign(self) -> None:
        """It lives, or begins to have something to tell."""
        self._began, self._sample = anyio.current_time(), self._tape.end

    def started(self, sample: int) -> None:
        """Speech began."""
        if not self.speaking:
            self.speaking, self._spoken_from = True, sample
            self.sign()

    def stopped(self, sample: int, *, settled: bool, known: bool) -> None:
        """Speech paused; its words are ``settled`` already, or some are ``known`` that are not final."""
        if self.speaking:
            self.speaking, self._known = False, known
            long = sample - self._spoken_from >= self._policy.least_speech * self._tape.format.rate
            self._owed_from = self._spoken_from if long else self._owed_from
            self.owes = not settled and (self.owes or long or known)
            self.sign()

    def settled(self, end: int) -> None:
        """Words are final up to this sample. What was said after it is owed still, to who is told it all at once."""
        if end > self._owed_from:
            self.owes = False

    def used_up(self) -> None:
        """The caller's turn is: nothing is owed of it, and nobody suspected for it."""
        self._suspects.clear()
        self.owes = False
        self._spoken_from = self._tape.end
        self.sign()

    def lasts(self, *, vendor_ends: bool) -> bool:
        """Longer than it may, by time and by audio: a stalled network brings neither, and then a burst. Counts anew after that."""
        if not (self.speaking or self.owes):
            return False
        policy = self._policy
        if self.speaking:
            bound = policy.stall * (1 if len(self._candidates) > 1 else policy.alone)
        else:
            bound = policy.owed_by_vendor if vendor_ends and self._known else policy.owed
        bound *= self._patience
        if self._tape.end - self._sample < bound * self._tape.format.rate or anyio.current_time() - self._began < bound:
            return False
        self.sign()
        return True

    def suspect(self, candidate: Candidate[Stt], error: Timeout) -> None:
        """Who said nothing. Whether that is its fault is known when another one has heard words there."""
        self._suspects.append((candidate, error, self._tape.end))
        if len(self._suspects) >= len(self._candidates):
            # Nobody has words for it: it is a noise, and changing about for the next one like it would only do harm.
            self._suspects.clear()
            self._patience = min(self._policy.patience, self._patience * 4)

    def words(self, start: int) -> None:
        """Words were there, so whoever said nothing about them was stuck."""
        self._patience = 1.0
        for candidate, error, until in self._suspects:
            if start < until:
                candidate.health.failed(error)
                self._failed(error)
        self._suspects.clear()
