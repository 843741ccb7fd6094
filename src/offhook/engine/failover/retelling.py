"""What a recogniser is told of the call, and what it makes of that; whoever takes over is told what is not final again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from offhook.core.audio.format import AudioFormat
from offhook.engine.failover.ear import Ear, SttPolicy
from offhook.engine.failover.tape import Tape
from offhook.engine.failover.words import Words
from offhook.ports.stt import Heard


class Retelling:
    """One call's audio and words from the last final on, by the call's samples and segments. ``settled`` hears how far they are."""

    def __init__(self, format: AudioFormat, policy: SttPolicy, settled: Callable[[int], None]) -> None:
        self.tape = Tape(format, policy.keep)
        self.words = Words()
        self._policy = policy
        self._rate = format.rate
        self._settled = settled
        self._cursor = 0
        """Number of the tape's item that the recogniser has not been told."""
        self._anew = 0
        """What lies before this sample was told to the recogniser all at once, when it came."""
        self._withheld: Heard | None = None
        """Its words so far of what it is told anew: fewer than there were, until it is through."""

    @property
    def withholds(self) -> bool:
        """Whether there are words that are not told before it is through, or silent for a while."""
        return self._withheld is not None

    def is_settled(self, sample: int) -> bool:
        """Whether the words of speech that ended there are final."""
        return sample <= self.words.settled + round(self._policy.slack * self._rate)

    def stopped(self, sample: int) -> None:
        """Speech paused after this sample, and all know of it who are to."""
        if sample <= self.words.settled:
            self.tape.drop(self.tape.head, told=self._cursor)

    def used_up(self, *, speaking: bool) -> None:
        """The caller's turn is: its audio and words are nobody's business any more. They may be speaking again already."""
        self.tape.drop(self.tape.end, told=self.tape.next)
        self.tape.speaking_at_head = speaking
        self._cursor = self.tape.next
        self.words.clear()
        self._withheld = None

    # -- what it is told ----------------------------------------------------------------------------------------------

    def adopt(self, ear: Ear) -> list[Heard]:
        """Another one takes over: it will be told what has not been final, and its segments follow. What is final by that."""
        tape, words = self.tape, self.words
        taken: list[Heard] = []
        if words.begin is not None and words.begin < tape.head:
            # The beginning of a long segment is not on the tape any more: its words stay, and only what came after them is heard again.
            taken = words.accept()
            tape.drop(words.settled)
        elif not words.open:
            start = tape.first_start()
            lead = round(self._policy.lead * self._rate)
            tape.drop(max(tape.head, (start if start is not None else tape.end) - lead))
        ear.base = words.hand_over()
        ear.shift = tape.head
        self._anew, self._withheld = tape.end, None
        self._cursor = tape.oldest(0)
        return taken

    def tell(self, ear: Ear, most: int) -> None:
        """Pass on what the recogniser does not know yet: at most so many samples, and all marks up to there."""
        number = self.tape.oldest(self._cursor)
        for item in self.tape.since(number):
            if item.what != "audio":
                ear.mark(item)
            elif item.data:
                most -= self.tape.format.samples_in(len(item.data))
                if most < 0:
                    break
                ear.align(item.at)
                ear.take(item.data)
            number += 1
        self._cursor = number

    # -- what it says -------------------------------------------------------------------------------------------------

    def heard(self, ear: Ear, event: Heard) -> list[Heard]:
        """What to tell for words of the call's; nothing where it is told anew and is not through."""
        told: list[Heard] = []
        if self._withheld is not None and self._withheld.segment != event.segment:
            told = self.release(ear)
        self._withheld = None
        if event.end < self._anew and (not event.final or self._goes_on(event.end)):
            self._withheld = event
            return told
        return told + self._take(ear, event)

    def release(self, ear: Ear) -> list[Heard]:
        """It is through with a segment, or silent about the rest."""
        withheld, self._withheld = self._withheld, None
        return self._take(ear, withheld) if withheld is not None else []

    def part(self, ear: Ear) -> list[Heard]:
        """It is lost while it is told anew: its words count if they reach as far as those that there were, for nobody else may come."""
        if self._withheld is not None and self._withheld.end < self.words.reach:
            self._withheld = None
        return self.release(ear)

    def _take(self, ear: Ear, heard: Heard) -> list[Heard]:
        told = self.words.take(heard)
        if heard.final:
            # What is final is not told again; what this recogniser was not told yet is not its to settle.
            self._settled(heard.end)
            settled = self.tape.snapped(heard.end, round(self._policy.slack * self._rate))
            self.tape.drop(min(settled, ear.here(ear.told)), told=self._cursor)
        return told

    def _goes_on(self, end: int) -> bool:
        """Whether the caller spoke again after this sample, so that more words are to be heard anew."""
        return any(item.what == "started" and item.at >= end for item in self.tape.since(self.tape.oldest(0)))

    def place(self, ear: Ear, heard: Heard) -> Heard:
        """Words of a recogniser's by the call's samples and segments."""
        start, end = (min(self.tape.end, ear.here(sample)) for sample in (heard.start, heard.end))
        return replace(heard, segment=ear.base + heard.segment, start=start, end=end)
