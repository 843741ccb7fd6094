"""Random callers by the thousand, with figures. To look at one of them alone::

python -m tests.scenarios.crowd 4711
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

from tests.scenarios.crowd_calls import Played, play
from tests.scenarios.crowd_laws import LawBroken, check, compare, where, work_of

__all__ = ["Figures", "LawBroken", "check", "compare", "crowd", "play"]


@dataclass
class Figures:
    """Of many calls."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    gaps: Counter[int] = field(default_factory=Counter)
    other_words: int = 0
    longest: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, played: Played) -> None:
        """Count a call in."""
        self.faults += played.faults
        what = Counter(played.what)
        self.longest = max(self.longest, what.pop("longest silence, ms", 0))
        self.did += what
        for gap, same in played.gaps:
            self.gaps[abs(gap)] += 1
            self.other_words += not same
        counters = played.ended.counters if played.ended is not None else {}
        self.outcomes[played.ended.outcome if played.ended is not None else ""] += 1
        self.counts["calls"] += 1
        self.counts["seconds"] += round(played.line.now_at_end)
        names = "caller_turns agent_turns tools model_asked speculation_committed speculation_aborted fillers openers interrupted"
        for name in names.split():
            self.counts[name] += counters.get(name, 0)
        self.counts["work with an effect"] += len(work_of(played))
        self.counts["transfers"] += len(played.line.transferred)

    @property
    def exact(self) -> float:
        """Share of the turns that were cut off whose heard text is at most one word off."""
        total = self.gaps.total()
        return (self.gaps[0] + self.gaps[1]) / total if total else 1.0

    def __str__(self) -> str:
        gaps = ", ".join(f"{gap}: {count}" for gap, count in sorted(self.gaps.items()))
        return "\n".join(
            (
                f"{dict(self.counts)}",
                f"callers: {dict(self.did.most_common())}",
                f"faults: {dict(self.faults.most_common())}",
                f"outcomes: {dict(self.outcomes.most_common())}",
                f"cut off {self.gaps.total()} times, heard text off by words ({gaps}): {100 * self.exact:.2f} % at most one",
                f"longest silence in the agent's turn: {self.longest} ms",
            )
        )


def crowd(seeds: range) -> Figures:
    """Play every seed with and without speculation. Laws that are broken are in ``broken``, with how to play the seed alone."""
    figures = Figures()
    for seed in seeds:
        calls = []
        for ahead in (True, False):
            played = play(seed, ahead=ahead)
            calls.append(played)
            try:
                check(played)
            except LawBroken as broken:
                figures.broken.append(str(broken))
            figures.add(played)
        try:
            compared = compare(*calls)
        except LawBroken as broken:
            figures.broken.append(str(broken))
            continue
        figures.counts["pairs the same throughout"] += compared.same
        figures.counts["turns compared"] += compared.common
        figures.counts["effects compared"] += compared.effects
    return figures


def main(seeds: list[str]) -> None:
    """Show calls."""
    for seed in map(int, seeds):
        calls = [play(seed, ahead=ahead) for ahead in (True, False)]
        for played in calls:
            print(f"== {where(played)}: {played.line.now_at_end:.2f} s, {dict(played.what)}, {dict(played.faults)}")  # noqa: T201
            for entry in played.log:
                print("  ", *entry)  # noqa: T201
            print("  ", played.ended and (played.ended.reason, played.ended.outcome, played.ended.counters))  # noqa: T201
            try:
                check(played)
            except LawBroken as broken:
                print(broken)  # noqa: T201
        try:
            print(compare(calls[0], calls[1]))  # noqa: T201
        except LawBroken as broken:
            print(broken)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
