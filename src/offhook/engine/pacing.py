"""One call's audio on its way out: what leaves at a beat of the wheel, and the gaps that the caller hears in it."""

from __future__ import annotations

from collections import Counter

from offhook.core.audio.playout import FRAME, LEAD, Playout
from offhook.core.time import Duration, Instant


def lead_of(message: Duration) -> Duration:
    """How far ahead a playout goes whose messages should hold so much: for several frames at once, two such messages at least and half a
    frame beyond, so that a beat which comes a little early or late sends as many as well.
    """
    return LEAD if message < 2 * FRAME else max(LEAD, 2 * message) + FRAME // 2


def enough_of(message: Duration) -> Duration:
    """With so much ahead a beat may pass. One that does not sends a whole message then: with two frames in it, 60 ms at least are always
    ahead.
    """
    return lead_of(message) - message


class Pacing:
    """Takes a call's audio from its playout. ``message``: as much of it as one message of the transport should hold.

    ``gaps`` counts the playout's underruns by whose fault they were: ``engine``, whose beat was late, or ``voice``, whose audio was.
    """

    def __init__(self, playout: Playout, message: Duration) -> None:
        self.gaps: Counter[str] = Counter()
        self._playout = playout
        self._enough = enough_of(message) if message >= 2 * FRAME else None
        self._last: Instant = 0
        """When the beat before this one was."""

    def due(self, now: Instant) -> bytes | None:
        """What leaves now, as one message; None for nothing."""
        waited, self._last = now - self._last, now
        playout = self._playout
        if self._enough is not None and playout.ahead(now) >= self._enough:
            return None
        before = playout.underruns
        data = playout.tick(now)
        if playout.underruns > before:
            self.gaps["engine" if waited > 2 * FRAME else "voice"] += 1
        return data
