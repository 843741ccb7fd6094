"""The ledger: binds text to samples, so that what was heard is known when the agent is stopped.

Clauses are begun in the order of playout and grow while their audio comes, since a listener may interrupt one that is still
being generated. With word times the answer is exact to the word; without them a clause's samples are shared out over its words
by their length, and as long as more of it is to come its length is guessed. Heard text is always a prefix of the text sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

_SLACK = 0.6
"""A word counts as heard once this share of it was played: a listener knows it by then."""
_CHARACTERS_PER_SECOND = 15
"""An ordinary voice, for the length of a first clause whose audio is still coming."""


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    start: int
    item: str
    samples: int = 0
    times: tuple[tuple[str, int], ...] = ()
    ends: tuple[int, ...] = ()
    """Sample, within the clause, at which each word counts as heard; words that may not have come yet are left out."""
    growing: bool = True


class Ledger:
    """One reply's text and samples. ``rate``: samples of a second."""

    def __init__(self, rate: int = 8_000) -> None:
        self._entries: list[_Entry] = []
        self._expected: Counter[str] = Counter()
        self._rate = rate
        self.samples = 0

    def expect(self, item: str, count: int = 1) -> None:
        """So many more clauses of this item will come (or, below 0, will not after all): until they have, it is not wholly heard."""
        self._expected[item] += count

    def pad(self, samples: int) -> None:
        """Audio that says nothing: a pause between two clauses, or the end of a conversion."""
        self.finish()
        self.samples += samples

    def begin(self, text: str, *, item: str = "") -> None:
        """A clause's audio begins; the one before is finished."""
        self.finish()
        self._entries.append(_Entry(text, self.samples, item))

    def grow(self, samples: int, words: Sequence[tuple[str, int]] = ()) -> None:
        """More audio of the clause that was begun last. ``words``: more (word, sample of the clause at which it has been said)."""
        entry = self._entries[-1]
        self.samples += samples
        entry = replace(entry, samples=entry.samples + samples, times=(*entry.times, *words))
        self._entries[-1] = replace(entry, ends=self._ends_so_far(entry))

    def finish(self, words: Sequence[tuple[str, int]] = ()) -> None:
        """All of the last clause's audio is there; does nothing if it was finished. ``words``: the times of all its words, if known now."""
        if self._entries and self._entries[-1].growing:
            entry = self._entries[-1]
            self._entries[-1] = replace(entry, growing=False, ends=_ends(entry.text, entry.samples, words or entry.times))

    def cut(self, words: int) -> None:
        """Of the clause that was begun last only so many words have come, and no more will; the others are another clause's."""
        entry = self._entries[-1]
        text = " ".join(entry.text.split()[:words])
        self._entries[-1] = replace(entry, text=text, growing=False, ends=_ends(text, entry.samples, entry.times[:words]))

    def add(self, text: str, samples: int, *, item: str = "", words: Sequence[tuple[str, int]] = ()) -> None:
        """Append a clause whose audio is all there."""
        self.begin(text, item=item)
        self.grow(samples)
        self.finish(words)

    def close(self) -> None:
        """All audio is there; clauses that were expected and made no sound are not waited for."""
        self.finish()
        self._expected.clear()

    @property
    def text(self) -> str:
        """All that has been begun."""
        return " ".join(entry.text for entry in self._entries)

    def heard(self, sample: int) -> str:
        """What had been heard when ``sample`` samples were played."""
        return " ".join(part for entry in self._entries if (part := _part(entry, sample)))

    def after(self, sample: int) -> int:
        """Milliseconds of audio that there are beyond ``sample``."""
        return max(0, self.samples - sample) * 1000 // self._rate

    def whole(self, sample: int) -> bool:
        """Whether everything was heard."""
        return all(whole for _, _, whole in self.items(sample))

    def items(self, sample: int) -> list[tuple[str, str, bool]]:
        """For each item, in order: its name, the part of it that was heard, and whether that is the whole."""
        found: dict[str, list[_Entry]] = {}
        for entry in self._entries:
            found.setdefault(entry.item, []).append(entry)
        for item in self._expected:
            found.setdefault(item, [])
        return [
            (
                item,
                " ".join(part for entry in entries if (part := _part(entry, sample))),
                len(entries) >= self._expected[item] and all(_words_heard(entry, sample) == len(entry.text.split()) for entry in entries),
            )
            for item, entries in found.items()
        ]

    def _ends_so_far(self, entry: _Entry) -> tuple[int, ...]:
        """Words whose times are known; else all but the last, by a length guessed from the clauses before or an ordinary voice."""
        count = len(entry.text.split())
        if entry.times:
            return _timed(entry.times[:count])
        done = [known for known in self._entries if not known.growing and known.samples and known.text]
        if done:
            guess = len(entry.text) * sum(known.samples for known in done) // sum(len(known.text) for known in done)
        else:
            guess = len(entry.text) * self._rate // _CHARACTERS_PER_SECOND
        return _ends(entry.text, max(guess, entry.samples), ())[:-1]


def _words_heard(entry: _Entry, sample: int) -> int:
    played = sample - entry.start
    return sum(end <= played for end in entry.ends) if played > 0 else 0


def _part(entry: _Entry, sample: int) -> str:
    count = _words_heard(entry, sample)
    words = entry.text.split()
    if count == len(words):
        return entry.text if sample > entry.start else ""
    return " ".join(words[:count])


def _ends(text: str, samples: int, times: Sequence[tuple[str, int]]) -> tuple[int, ...]:
    words = text.split()
    if len(times) == len(words):
        return _timed(times)
    weights = [len(word) + 1 for word in words]
    total = sum(weights) or 1
    ends, passed = [], 0
    for weight in weights:
        ends.append(round(samples * (passed + _SLACK * weight) / total))
        passed += weight
    return tuple(ends)


def _timed(times: Sequence[tuple[str, int]]) -> tuple[int, ...]:
    starts = [0, *(end for _, end in times[:-1])]
    return tuple(round(begin + _SLACK * (end - begin)) for begin, (_, end) in zip(starts, times, strict=True))
