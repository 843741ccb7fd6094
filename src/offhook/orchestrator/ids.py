"""Ids: a prefix that says what it is, and 26 characters that sort by time."""

from __future__ import annotations

import secrets
from datetime import datetime
from threading import Lock
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""


class _Numbers:
    """48 bits of milliseconds and 80 random ones; of one millisecond each is greater than the one before."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def next(self, milliseconds: int) -> int:
        with self._lock:
            if self._last >> 80 == milliseconds:
                self._last += 1 + secrets.randbits(56)
            else:
                self._last = milliseconds << 80 | secrets.randbits(79)  # half of the range is left for those that follow
            return self._last


_NUMBERS: Final = _Numbers()


def new_id(prefix: str, now: datetime) -> str:
    """``prefix_`` and a monotonic ULID (github.com/ulid/spec): what one process makes in one millisecond sorts as it was made."""
    number = _NUMBERS.next(int(now.timestamp() * 1_000) & (2**48 - 1))
    return f"{prefix}_" + "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
