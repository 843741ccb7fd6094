"""What has been heard of the caller's turn by whichever recogniser, and what becomes of it when another one takes over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from offhook.ports.stt import Heard


@dataclass(slots=True)
class Words:
    """Segments by the call's numbers and positions. Everything but ``next`` is of the open turn only."""

    next: int = 0
    """The number after the highest ever used."""
    settled: int = 0
    """The end of the last final segment, in samples."""
    _shown: dict[int, Heard] = field(default_factory=dict)
    _finals: dict[int, Heard] = field(default_factory=dict)
    _mend: list[Heard] = field(default_factory=list)
    """To be said before the successor's first words: segments as they are without what is heard anew."""
    _inherited: set[int] = field(default_factory=set)
    """Segments whose words are the predecessor's and that the successor has not heard yet."""

    def clear(self) -> None:
        """The turn is used up."""
        for state in (self._shown, self._finals, self._mend, self._inherited):
            state.clear()

    @property
    def open(self) -> bool:
        """Whether there are words that are not final."""
        return any(one.text and not one.final for one in self._shown.values())

    @property
    def reach(self) -> int:
        """Where the words end that are not final; 0 where there are none."""
        return max((one.end for one in self._shown.values() if one.text and not one.final), default=0)

    @property
    def begin(self) -> int | None:
        """Where the first segment without any final words begins, None when there is none."""
        return min((one.start for one in self._shown.values() if self._never_final(one)), default=None)

    def _never_final(self, shown: Heard) -> bool:
        return not shown.final and shown.segment not in self._finals

    def accept(self) -> list[Heard]:
        """Take open words as final, where they cannot be heard again; the segments that this changes."""
        taken = [replace(one, final=True) for _, one in sorted(self._shown.items()) if one.text and not one.final]
        for one in taken:
            self._shown[one.segment] = self._finals[one.segment] = one
            self.settled = max(self.settled, one.end)
        self._mend = []
        self._inherited.clear()
        return taken

    def hand_over(self) -> int:
        """A successor takes over; the number of its first segment. It hears anew whatever was not final."""
        never = sorted(number for number, one in self._shown.items() if self._never_final(one))
        base = never[0] if never and never[0] > max(self._finals, default=-1) else self.next
        gone_on = sorted(number for number, one in self._shown.items() if not one.final and number in self._finals)
        self._mend = [self._finals[number] for number in gone_on]
        self._mend += [replace(self._shown[number], text="") for number in never if number > base]
        self._inherited = {number for number in [*gone_on, *never] if self._shown[number].text}
        return base

    def take(self, heard: Heard) -> list[Heard]:
        """What to tell for what was heard. A successor that hears nothing does not take away what its predecessor heard."""
        if not heard.text.strip() and self._inherited:
            return self.accept() if heard.final else []
        told: list[Heard] = []
        if heard.text.strip() and self._inherited:
            told, self._mend = self._mend, []
            self._shown.update((one.segment, one) for one in told)
            self._inherited.clear()
        self.next = max(self.next, heard.segment + 1)
        self._shown[heard.segment] = heard
        if heard.final:
            self._finals[heard.segment] = heard
            self.settled = max(self.settled, heard.end)
        return [*told, heard]
