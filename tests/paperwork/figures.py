"""Lines for the end of ``make test-paperwork``: sentences, and counts that several tests, in several processes, add up to."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / "build" / "paperwork" / "figures.txt"
TALLIES = FIGURES.with_name("tallies.jsonl")


def figure(text: str) -> None:
    """Keep a line."""
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    with FIGURES.open("a", encoding="utf-8") as out:
        out.write(text + "\n")


def tally(name: str, **counts: int) -> None:
    """Add to the counts of a name: one line is printed of each, with their sums."""
    TALLIES.parent.mkdir(parents=True, exist_ok=True)
    with TALLIES.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"name": name, "counts": counts}) + "\n")


def lines() -> list[str]:
    """All that was kept, in the order of its first mention."""
    sums: dict[str, Counter[str]] = {}
    for line in TALLIES.read_text(encoding="utf-8").splitlines() if TALLIES.is_file() else ():
        found = json.loads(line)
        sums.setdefault(found["name"], Counter()).update(found["counts"])
    told = FIGURES.read_text(encoding="utf-8").splitlines() if FIGURES.is_file() else []
    return told + [
        f"{name}: " + ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in one.items()) for name, one in sums.items()
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
