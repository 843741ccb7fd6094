"""The last seconds of a caller's audio with the detector's marks, in the order in which they came: what a new recogniser is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from offhook.core.audio.format import AudioFormat

What = Literal["audio", "started", "stopped"]


@dataclass(slots=True)
class Item:
    """Audio that begins at a sample, or a mark for a sample."""

    what: What
    at: int
    data: bytes = b""


class Tape:
    """Positions are samples of the format, from the beginning of the call. Holds at most ``keep`` seconds of audio."""

    def __init__(self, format: AudioFormat, keep: float) -> None:
        self.format = format
        self.head = 0
        """The first sample that is kept."""
        self.end = 0
        """After the last sample."""
        self.speaking_at_head = False
        self._keep = round(keep * format.rate)
        self._items: deque[Item] = deque()
        self._first = 0
        """Number of the first item; numbers never come again."""

    @property
    def next(self) -> int:
        """The number that the next item will have."""
        return self._first + len(self._items)

    def audio(self, data: bytes) -> None:
        """Append audio."""
        self._items.append(Item("audio", self.end, data))
        self.end += self.format.samples_in(len(data))
        if self.end - self.head > self._keep:
            self.drop(self.end - self._keep)

    def mark(self, what: What, at: int) -> None:
        """Append a mark."""
        self._items.append(Item(what, at))

    def drop(self, sample: int, *, told: int = 0) -> None:
        """Forget the audio before a sample, and, of the items with numbers below ``told``, the marks for what lies before it."""
        sample = min(sample, self.end)
        if sample > self.head:
            self.head = sample
        while self._items:
            item = self._items[0]
            size = self.format.samples_in(len(item.data))
            if item.what != "audio":
                if item.at > self.head or (self._first >= told and self._is_next_kept()):
                    break
                self.speaking_at_head = item.what == "started"
            elif item.at + size > self.head:
                if item.at < self.head:
                    item.data = item.data[self.format.bytes_for(self.head - item.at) :]
                    item.at = self.head
                break
            self._items.popleft()
            self._first += 1
        # Marks come later than what they mark: those for dropped audio stand among the audio that is kept.
        for item in islice(self._items, max(0, told - self._first)):
            if item.what != "audio" and item.at <= self.head:
                self.speaking_at_head = item.what == "started"
                item.what, item.at = "audio", self.head  # without data; its number stays taken

    def _is_next_kept(self) -> bool:
        """Whether the audio that follows the first mark is kept from its beginning."""
        after = next((item for item in self._items if item.what == "audio"), None)
        return after is None or after.at >= self.head

    def snapped(self, sample: int, slack: int) -> int:
        """A sample, moved to the nearest end of speech if one lies within ``slack`` samples after it, but never into later speech."""
        stops = [item.at for item in self._items if item.what == "stopped" and sample <= item.at <= sample + slack]
        starts = [item.at for item in self._items if item.what == "started" and item.at > sample]
        return min([max([sample, *stops]), *starts])

    def first_start(self) -> int | None:
        """Where speech begins in what is kept; None when none does."""
        if self.speaking_at_head:
            return self.head
        return next((item.at for item in self._items if item.what == "started"), None)

    def since(self, number: int) -> Iterator[Item]:
        """Items from a number on; those that were dropped are skipped."""
        skip = max(0, number - self._first)
        if skip == len(self._items) - 1:
            return iter((self._items[-1],))
        return islice(self._items, skip, None)

    def oldest(self, number: int) -> int:
        """A number, or that of the first item where it was dropped."""
        return max(number, self._first)
