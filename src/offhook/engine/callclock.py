"""The clock of one call: nanoseconds since answer, from the loop's monotonic time. Wall time is stamped at the edge.

It stands still while the other side neither hears nor says anything (``HoldIn``): nobody waits then, and nothing counts as heard.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from offhook.core.time import SECOND, Instant


class CallClock:
    """Starts when it is made."""

    def __init__(self) -> None:
        # Asked some hundred times a second and call: what finds the loop anew each time costs more than all else that is timed.
        self._time = asyncio.get_running_loop().time
        self._origin = self._time()
        self.answered = datetime.now(UTC)
        self._stopped: float | None = None
        self._stops: list[tuple[Instant, float]] = []
        """Where it stood still, and for how many seconds."""

    def now(self) -> Instant:
        """Nanoseconds since answer."""
        at = self._time() if self._stopped is None else self._stopped
        return round((at - self._origin) * SECOND)

    @property
    def stopped(self) -> bool:
        """Whether it stands still."""
        return self._stopped is not None

    def stop(self) -> None:
        """Stand still; a second time changes nothing."""
        if self._stopped is None:
            self._stopped = self._time()

    def go(self) -> None:
        """Go on from where it stopped."""
        if self._stopped is not None:
            stood = self._time() - self._stopped
            self._stops.append((self.now(), stood))
            self._origin += stood
            self._stopped = None

    def loop_time(self, at: Instant) -> float:
        """An instant as the loop's time in seconds, for deadlines."""
        return self._origin + at / SECOND

    def wall(self, at: Instant) -> datetime:
        """An instant as wall time: answer's stamp plus the monotonic difference, so that clock steps do not matter."""
        stood = sum(seconds for when, seconds in self._stops if when < at)
        return self.answered + timedelta(seconds=at / SECOND + stood)
