"""The clock of one call: nanoseconds since answer, from the loop's monotonic time. Wall time is stamped at the edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio

from offhook.core.time import SECOND, Instant


class CallClock:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._origin = anyio.current_time()
        self.answered = datetime.now(UTC)

    def now(self) -> Instant:
        """Nanoseconds since answer."""
        return round((anyio.current_time() - self._origin) * SECOND)

    def loop_time(self, at: Instant) -> float:
        """An instant as the loop's time in seconds, for deadlines."""
        return self._origin + at / SECOND

    def wall(self, at: Instant) -> datetime:
        """An instant as wall time: answer's stamp plus the monotonic difference, so that clock steps do not matter."""
        return self.answered + timedelta(seconds=at / SECOND)
