"""Where a SIP leg's audio belongs, which its stack gives without a position."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from offhook.transports._sip_counts import Passed

_WINDOW: Final = 25
_SUDDEN_S: Final = 0.3
"""Audio that is at once so much later than before comes after a break. By the stack's jitter buffer it is never so late."""
_HELD: Final = 5
"""Beats after which the rest of what a stall held back has come."""


class Place:
    """Where audio belongs that comes without a position: the stack leaves out what was lost, and what it had no use for.

    What has come is compared with the time that has passed. Audio that has become later by a packet has something missing before it, or the
    stack's jitter buffer has become deeper: its count says which, and how much. What nobody sent (silence) is in no count: it is told by
    audio that stays later than a buffer can make it. Where nothing is counted, audio that is steadily later than it ever was by a packet
    has something missing; what a jitter buffer or a late wheel does is taken to be over before ``_WINDOW`` packets.
    """

    def __init__(self, rate: int, *, counted: bool = False) -> None:
        self._rate = rate
        self._counted = counted
        self._origin: float | None = None
        self._lags: deque[int] = deque(maxlen=_WINDOW * (4 if counted else 1))
        self._deepest = round(rate * (_SUDDEN_S if counted else 0.02))
        self._packet = 0
        """Samples: of any number of packets that come together, and so of one."""
        self._held = 0
        self._asked = 0
        """Pieces since the last question."""
        self._emptied: int | None = None
        self._offset = 0
        """Samples by which positions are beyond the count of packets."""

    def doubtful(self, now: float, position: int, count: int) -> bool:
        """Whether it is to be asked what has passed before ``gap``: ``count`` samples have come, the last of them at ``position``."""
        packet = math.gcd(self._packet, count)
        if packet != self._packet:
            self._packet, self._emptied = packet, None
        self._asked += 1
        late = self._lag(now, position) >= min(self._lags, default=0) + packet
        return self._counted and (late or self._emptied is None or self._asked >= _WINDOW)

    def _lag(self, now: float, position: int) -> int:
        if self._origin is None:
            self._origin = now - position / self._rate
        lag = round((now - self._origin) * self._rate) - position
        if lag < 0:
            self._origin, lag = now - position / self._rate, 0
        return lag

    def gap(self, now: float, position: int, passed: Passed | None = None) -> int | None:
        """Samples that are missing before what has come now, the last of it at ``position``.

        None: it may be the first of what a stall held back, and is to be given again with what comes next.
        """
        lag = self._lag(now, position)
        missing = self._missing(passed, position, lag) if passed is not None else 0
        rest, silent = lag - missing, 0
        sudden = rest - min(self._lags, default=0)
        if sudden > _SUDDEN_S * self._rate:
            self._held += 1
            if self._held < _HELD:
                return None
            silent = sudden
        self._held = 0
        self._lags.append(rest - silent)
        least = min(self._lags)
        if len(self._lags) == self._lags.maxlen and least >= self._deepest:
            silent += least
            self._lags.clear()
        self._offset += silent
        return missing + silent

    def _missing(self, passed: Passed, position: int, lag: int) -> int:
        """What is missing by count, and no more than is late: keys that are pressed count as packets, their repetitions too."""
        self._asked = 0
        due = passed.packets * self._packet
        if self._emptied != passed.emptied:
            self._emptied, self._offset = passed.emptied, position - due
        missing = max(0, due + self._offset - position)
        most = -(-lag // self._packet) * self._packet
        self._offset -= max(0, missing - most)
        return min(missing, most)
