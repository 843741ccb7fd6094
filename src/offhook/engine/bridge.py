"""What bridges a caller's silence: fillers where an answer or a tool is late, and openers where the agent begins so.

At most one in a caller's turn, never the same twice running. Whether the caller is silent and nothing else is audible is asked by who
says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offhook.contracts.plan import CallPlan


class Bridges:
    """One call's memory of what was said to bridge a silence."""

    def __init__(self, plan: CallPlan) -> None:
        self.tool_after = plan.fillers.tool_ms / 1000
        """Seconds that a tool may take in silence."""
        self._fillers = plan.fillers.lines if plan.fillers.after_ms else ()
        self._after = plan.fillers.after_ms / 1000
        self._openers = plan.openers.lines if plan.openers.on else ()
        self._free = True
        self._last = ""
        self._turns = 0
        self._opens = ""

    @property
    def wanted(self) -> bool:
        """Whether there is anything that could be said."""
        return self._free and bool(self._fillers or self._openers)

    def new_turn(self, text: str) -> None:
        """The caller has said something new."""
        self._free = True
        self._turns += 1
        self._opens = "" if _leaves(text) else text

    def steps(self) -> Iterator[tuple[float, Sequence[str], bool]]:
        """Seconds to wait, what may be said then, and whether it is an opener. One that cannot be said leaves room for a filler."""
        if self._openers and self._opens:
            turn = self._turns % len(self._openers)
            yield 0.0, (*self._openers[turn:], *self._openers[:turn]), True
        if self._fillers:
            yield self._after, self._fillers, False

    def choose(self, lines: Sequence[str]) -> str:
        """The first of the lines that was not said last; "" when this turn has had its one, or there is none."""
        return next((line for line in lines if line and line != self._last), "") if self._free else ""

    def said(self, line: str) -> None:
        """The turn has had its one."""
        self._free = False
        self._last = line


def _leaves(text: str) -> bool:
    """Whether the caller says goodbye: an acknowledgement before an answer to that sounds like more to come."""
    words = text.lower().split()
    return not words or any(word.strip(".,!?") in {"goodbye", "bye"} for word in words[-3:])
