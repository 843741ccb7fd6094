"""Random callers by the thousand, with figures. Some of them one by one, with all that happened; or many, in slices::

python -m tests.scenarios.crowd 4711 12
python -m tests.scenarios.crowd --seeds 1000:2000 --jobs 2
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from tests.scenarios.crowd_calls import Played, play
from tests.scenarios.crowd_laws import LawBroken, check, compare, where, work_of

__all__ = ["Figures", "LawBroken", "Played", "check", "compare", "crowd", "play"]
SLICE = 20
"""Seeds that a process plays before it tells what came of them."""


@dataclass
class Figures:
    """Of many calls. ``a += b`` adds those of others."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    gaps: Counter[int] = field(default_factory=Counter)
    laws: Counter[str] = field(default_factory=Counter)
    """Calls and pairs that broke a law, by law."""
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
            self.counts["other words than were heard"] += not same
        counters = played.ended.counters if played.ended is not None else {}
        self.outcomes[played.ended.outcome if played.ended is not None else ""] += 1
        self.counts["calls"] += 1
        self.counts["seconds"] += round(played.line.now_at_end)
        names = "caller_turns agent_turns tools model_asked speculation_committed speculation_aborted fillers openers interrupted"
        for name in names.split():
            self.counts[name] += counters.get(name, 0)
        self.counts["work with an effect"] += len(work_of(played))
        self.counts["transfers"] += len(played.line.transferred)

    def broke(self, error: LawBroken) -> None:
        """Count what broke a law."""
        self.laws.update(error.laws)
        self.broken.append(str(error))

    def __iadd__(self, other: Figures) -> Figures:
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, max(mine, theirs) if one.name == "longest" else mine + theirs)
        return self

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
                f"faults ({self.faults.total()}): {dict(self.faults.most_common())}",
                f"outcomes: {dict(self.outcomes.most_common())}",
                f"cut off {self.gaps.total()} times, heard text off by words ({gaps}): {100 * self.exact:.2f} % at most one",
                f"longest silence in the agent's turn: {self.longest} ms",
                f"laws broken: {dict(self.laws.most_common()) or 'none'}",
            )
        )


def crowd(seeds: Iterable[int]) -> Figures:
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
                figures.broke(broken)
            figures.add(played)
        try:
            compared = compare(*calls)
        except LawBroken as broken:
            figures.broke(broken)
            continue
        figures.counts["pairs the same throughout"] += compared.same
        figures.counts["turns compared"] += compared.common
        figures.counts["effects compared"] += compared.effects
    return figures


def many(seeds: range, jobs: int) -> Figures:
    """Play them in so many processes. What breaks a law is told at once, the figures so far every 100 seeds."""
    figures, begun, cpu = Figures(), time.monotonic(), time.process_time()
    slices = [seeds[at : at + SLICE] for at in range(0, len(seeds), SLICE)]
    pool = multiprocessing.get_context("spawn").Pool(jobs) if jobs > 1 else None
    try:
        for number, some in enumerate((pool.imap(crowd, slices) if pool is not None else map(crowd, slices)), 1):
            figures += some
            print(*some.broken, sep="\n", end="\n" if some.broken else "", flush=True)  # noqa: T201
            if number * SLICE % 100 == 0 or number == len(slices):
                print(f"-- up to seed {slices[number - 1][-1]}, {time.monotonic() - begun:.0f} s", figures, sep="\n", flush=True)  # noqa: T201
    finally:
        if pool is not None:
            pool.terminate()
    print(f"{time.process_time() - cpu:.0f} s of this process's CPU")  # noqa: T201
    return figures


def show(seed: int) -> None:
    """A seed's two calls with all that happened in them."""
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


def main() -> int:
    """The command line; 1 if a law was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.scenarios.crowd", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("seed", nargs="*", type=int, help="calls to show")
    parser.add_argument("--seeds", default="", metavar="FIRST:LAST", help="play these, LAST not with them, and print a summary")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    for seed in asked.seed:
        show(seed)
    if not asked.seeds:
        return 0
    first, last = map(int, asked.seeds.split(":"))
    return 1 if many(range(first, last), asked.jobs).broken else 0


if __name__ == "__main__":
    sys.exit(main())
