"""Lines for the end of a suite: sentences, and counts that several tests, in several processes, add up to.

``python tests/figures.py NAME`` prints those of the suite NAME.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path


class Figures:
    """Those of one suite, kept in build/NAME."""

    def __init__(self, suite: str) -> None:
        self._figures = Path(__file__).resolve().parents[1] / "build" / suite / "figures.txt"
        self._tallies = self._figures.with_name("tallies.jsonl")

    def figure(self, text: str) -> None:
        """Keep a line."""
        self._figures.parent.mkdir(parents=True, exist_ok=True)
        with self._figures.open("a", encoding="utf-8") as out:
            out.write(text + "\n")

    def tally(self, name: str, **counts: int) -> None:
        """Add to the counts of a name: one line is printed of each, with their sums."""
        self._tallies.parent.mkdir(parents=True, exist_ok=True)
        with self._tallies.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"name": name, "counts": counts}) + "\n")

    def lines(self) -> list[str]:
        """All that was kept, in the order of its first mention."""
        sums: dict[str, Counter[str]] = {}
        for line in self._tallies.read_text(encoding="utf-8").splitlines() if self._tallies.is_file() else ():
            found = json.loads(line)
            sums.setdefault(found["name"], Counter()).update(found["counts"])
        told = self._figures.read_text(encoding="utf-8").splitlines() if self._figures.is_file() else []
        return told + [
            f"{name}: " + ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in one.items()) for name, one in sums.items()
        ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(Figures(sys.argv[1]).lines()) + "\n")
