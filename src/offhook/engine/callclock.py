"""The clock of one call: nanoseconds since answer, from the loop's monotonic time. Wall time is stamped at the edge."""

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

    def now(self) -> Instant:
        """Nanoseconds since answer."""
        return round((self._time() - self._origin) * SECOND)

    def loop_time(self, at: Instant) -> float:
        """An instant as the loop's time in seconds, for deadlines."""
        return self._origin + at / SECOND

    def wall(self, at: Instant) -> datetime:
        """An instant as wall time: answer's stamp plus the monotonic difference, so that clock steps do not matter."""
        return self.answered + timedelta(seconds=at / SECOND)
