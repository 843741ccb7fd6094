"""Rate limits: token buckets in this process. Several orchestrators allow that many times the rate together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from offhook.errors import Retry, TooManyRequests

KEPT: Final = 50_000
"""Buckets that a limiter remembers; the longest unused is forgotten first, which only ever errs in favour of who asks."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


@dataclass(slots=True)
class Limiter:
    """``rate`` requests in ``per_s`` seconds for each key, ``burst`` of them at once."""

    clock: Callable[[], datetime]
    rate: float
    per_s: float
    burst: int
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def take(self, key: str) -> float:
        """Count a request: 0 if there was room, else the seconds until there is."""
        now = self.clock()
        bucket = self._buckets.pop(key, None) or _Bucket(float(self.burst), now)
        speed = self.rate / self.per_s
        bucket.tokens = min(float(self.burst), bucket.tokens + max(0.0, (now - bucket.at).total_seconds()) * speed)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1.0:
            return (1.0 - bucket.tokens) / speed
        bucket.tokens -= 1.0
        return 0.0

    def wait(self, key: str) -> float:
        """The seconds until there is room, 0 if there is; nothing is counted."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return 0.0
        speed = self.rate / self.per_s
        tokens = bucket.tokens + max(0.0, (self.clock() - bucket.at).total_seconds()) * speed
        return max(0.0, (1.0 - tokens) / speed)

    def left(self, key: str) -> int:
        """Requests that there is room for now."""
        bucket = self._buckets.get(key)
        return int(bucket.tokens) if bucket else self.burst

    def forget(self, key: str) -> None:
        """Begin anew for this key, as after a success."""
        self._buckets.pop(key, None)

    def check(self, key: str) -> None:
        """Count a request; TooManyRequests if there is no room."""
        if (wait := self.take(key)) > 0:
            raise TooManyRequests("too many requests: wait and try again", retry=Retry(wait))
