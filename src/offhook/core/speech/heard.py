"""The ledger: binds text to samples, so that what was heard is known when the agent is stopped.

Clauses are added in the order of playout. With word times the answer is exact to the word; without them a clause's samples
are shared out over its words by their length. Heard text is always a prefix of the text sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SLACK = 0.6
"""A word counts as heard once this share of it was played: a listener knows it by then."""


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    start: int
    samples: int
    item: str
    ends: tuple[int, ...]
    """Sample, within the clause, at which each word counts as heard."""


class Ledger:
    """One reply's text and samples."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self.samples = 0

    def add(self, text: str, samples: int, *, item: str = "", words: Sequence[tuple[str, int]] = ()) -> None:
        """Append a clause of so many samples. ``words``: (word, sample at which it has been said), as far as the voice tells."""
        ends = _ends(text, samples, words)
        self._entries.append(_Entry(text, self.samples, samples, item, ends))
        self.samples += samples

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(entry.text for entry in self._entries)

    def heard(self, sample: int) -> str:
        """What had been heard when ``sample`` samples were played."""
        return " ".join(part for entry in self._entries if (part := _part(entry, sample)))

    def whole(self, sample: int) -> bool:
        """Whether everything was heard."""
        return all(_words_heard(entry, sample) == len(entry.ends) for entry in self._entries)

    def items(self, sample: int) -> list[tuple[str, str, bool]]:
        """For each item, in order: its name, the part of it that was heard, and whether that is the whole."""
        found: dict[str, list[_Entry]] = {}
        for entry in self._entries:
            found.setdefault(entry.item, []).append(entry)
        return [
            (
                item,
                " ".join(part for entry in entries if (part := _part(entry, sample))),
                all(_words_heard(entry, sample) == len(entry.ends) for entry in entries),
            )
            for item, entries in found.items()
        ]


def _words_heard(entry: _Entry, sample: int) -> int:
    played = sample - entry.start
    return sum(end <= played for end in entry.ends) if played > 0 else 0


def _part(entry: _Entry, sample: int) -> str:
    count = _words_heard(entry, sample)
    if count == len(entry.ends):
        return entry.text if sample > entry.start else ""
    return " ".join(entry.text.split()[:count])


def _ends(text: str, samples: int, times: Sequence[tuple[str, int]]) -> tuple[int, ...]:
    words = text.split()
    if len(times) == len(words):
        starts = [0, *(end for _, end in times[:-1])]
        return tuple(round(begin + _SLACK * (end - begin)) for begin, (_, end) in zip(starts, times, strict=True))
    weights = [len(word) + 1 for word in words]
    total = sum(weights) or 1
    ends, passed = [], 0
    for weight in weights:
        ends.append(round(samples * (passed + _SLACK * weight) / total))
        passed += weight
    return tuple(ends)
