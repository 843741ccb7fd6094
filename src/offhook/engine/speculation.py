"""Whether work ahead of a decision pays: what it cost and how often it was thrown away, by agent, over all calls of the process."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

KEPT: Final = 200
ENOUGH: Final = 20
"""Outcomes before anything is judged."""
MOST_WASTED: Final = 0.6
"""The share of thrown away ones from which on it does not pay (reliability.md e.3)."""
PAUSE: Final = 100
"""Turns without, before it is tried again."""
ATTEMPTS: Final = 2
"""Times in one turn of the caller's, beside the one that begins because words have settled."""
LONGEST_SPEECH: Final = 10.0
"""Seconds of speech in a turn after which a pause is likely only one more pause."""
_AGENTS: Final = 1_000


@dataclass(slots=True)
class Wager:
    """One agent's record."""

    outcomes: deque[bool] = field(default_factory=lambda: deque(maxlen=KEPT))
    paused: int = 0
    wasted: int = 0
    """Tokens."""


class Speculation:
    """The process's record, by agent; the least used ones are forgotten."""

    def __init__(self) -> None:
        self._agents: OrderedDict[str, Wager] = OrderedDict()

    def of(self, agent: str) -> Wager:
        """The record of one agent."""
        wager = self._agents.setdefault(agent, Wager())
        self._agents.move_to_end(agent)
        while len(self._agents) > _AGENTS:
            self._agents.popitem(last=False)
        return wager

    def pays(self, agent: str) -> bool:
        """Whether to ask a model ahead of the decision now; counts the turns of a pause."""
        wager = self.of(agent)
        if wager.paused:
            wager.paused -= 1
            return False
        return True

    def ended(self, agent: str, *, committed: bool, tokens: int) -> None:
        """One has come to its end; ``tokens`` were used for nothing if it was not committed."""
        wager = self.of(agent)
        wager.outcomes.append(committed)
        if not committed:
            wager.wasted += tokens
        wasted = wager.outcomes.count(False)
        if len(wager.outcomes) >= ENOUGH and wasted > MOST_WASTED * len(wager.outcomes):
            wager.outcomes.clear()
            wager.paused = PAUSE
